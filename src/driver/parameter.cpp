#include "driver/connection.hpp"

namespace ashlar::driver {

namespace {

std::uint32_t type_of(const value& v) {
    struct visitor {
        std::uint32_t operator()(null_t) const { return 0; }
        std::uint32_t operator()(bool) const { return oid::boolean; }
        std::uint32_t operator()(std::int64_t) const { return oid::int8; }
        std::uint32_t operator()(double) const { return oid::float8; }
        std::uint32_t operator()(const decimal&) const { return oid::numeric; }
        std::uint32_t operator()(const std::string&) const { return oid::text; }
        std::uint32_t operator()(const bytes&) const { return oid::bytea; }
        std::uint32_t operator()(const uuid&) const { return oid::uuid; }
        std::uint32_t operator()(timestamp) const { return oid::timestamptz; }
        std::uint32_t operator()(date) const { return oid::date; }
        std::uint32_t operator()(const json&) const { return oid::json; }
    };
    return std::visit(visitor{}, v.get());
}

}  // namespace

parameter to_parameter(const value& v) {
    parameter p;
    p.bytes = v.to_text();
    p.meant = type_of(v);
    return p;
}

}  // namespace ashlar::driver
