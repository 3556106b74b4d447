#include "merge/row_counts.hpp"

#include "core/codec.hpp"

namespace ashlar::merge {

namespace {

// The parameter as bigint, to which the server casts it.
result<std::int64_t> as_bigint(const route::bound_parameter& p) {
    const std::uint32_t type = p.type == 0 || p.type == oid::unknown ? oid::int8 : p.type;
    if (codec::is_integer(type)) return codec::read_integer(*p.bytes, type, p.format);
    std::optional<std::int64_t> whole;
    if (type == oid::numeric) {
        const auto v = codec::read_numeric(*p.bytes, p.format);
        if (!v) return v.error();
        whole = v->to_int64();
        if (!whole) return error{errc::bad_value, "bigint out of range"}.sqlstate("22003");
        return *whole;
    }
    return error{errc::unsupported,
                 "LIMIT and OFFSET take a parameter of an integer type, not " + codec::type_name(type)};
}

}  // namespace

result<std::optional<std::uint64_t>> count_of(const route::row_count& what, clause where,
                                              std::span<const route::bound_parameter> parameters) {
    std::optional<std::uint64_t> none;
    if (what.constant) return what.constant;
    if (!what.parameter) return none;
    if (*what.parameter >= parameters.size()) {
        return error{errc::invalid_argument, "there is no parameter $" + std::to_string(*what.parameter + 1)}.sqlstate(
            "08P01");
    }
    const route::bound_parameter& p = parameters[*what.parameter];
    if (!p.bytes) return none;
    const auto v = as_bigint(p);
    if (!v) return v.error();
    if (*v < 0) {
        const bool limit = where == clause::limit;
        return error{errc::invalid_argument, limit ? "LIMIT must not be negative" : "OFFSET must not be negative"}
            .sqlstate(limit ? "2201W" : "2201X");
    }
    return std::optional<std::uint64_t>{static_cast<std::uint64_t>(*v)};
}

}  // namespace ashlar::merge
