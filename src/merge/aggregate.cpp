#include "merge/aggregate.hpp"

#include "core/codec.hpp"

#include <cmath>

namespace ashlar::merge {

namespace {

using route::combine;

error out_of_range(std::uint32_t type) {
    return error{errc::bad_value, codec::type_name(type) + " out of range"}.sqlstate("22003");
}

error float_overflow() {
    return error{errc::bad_value, "value out of range: overflow"}.sqlstate("22003");
}

// The finished cell is Ashlar's own: no plain column of a table, no modifier.
column computed(const column& from, std::uint32_t type, cell_format format) {
    column c;
    c.name = from.name;
    c.type = type;
    c.type_size = codec::type_size(type);
    c.format = format;
    return c;
}

bool is_exact(std::uint32_t type) {
    return type == oid::int8 || type == oid::numeric;
}

}  // namespace

std::uint64_t aggregate::state::byte_size() const noexcept {
    const auto outside = [](const std::string& s) { return s.capacity() > 15 ? s.capacity() + 1 : 0; };
    return sizeof *this + outside(bytes) + outside(key) + (exact ? exact->byte_size() : 0);
}

result<aggregate> aggregate::make(const route::output& what, const columns& shape, const value_rules& rules,
                                  cell_format results) {
    if (what.column >= shape.size() || what.count_column >= shape.size()) {
        return error{errc::internal, "an aggregate names a column that the shards do not send"};
    }
    aggregate a;
    a.what_ = what;
    const route::dialect dialect = rules.dialect;
    a.dialect_ = dialect;
    a.partial_ = shape[what.column];
    a.shape_ = a.partial_;
    const bool sqlite = dialect == route::dialect::sqlite;
    const bool untyped = sqlite && what.type == 0;  // by the values' own classes, as SQLite does it
    const cell_format format = sqlite ? cell_format::text : results;
    const auto result_type = [&](std::uint32_t by_default) { return what.type != 0 ? what.type : by_default; };
    status chosen;
    switch (what.how) {
        case combine::first:
            return a;
        case combine::min:
        case combine::max: {
            a.rule_ = rule::extreme;
            std::vector<key_column> key(1);
            key[0].column = what.column;
            key[0].text = what.text;
            auto order = key_order::make(key, shape, rules, purpose::order);
            if (!order) return std::move(order).error();
            a.order_ = std::move(*order);
            return a;
        }
        case combine::count:
        case combine::sum:
            a.shape_ = computed(a.partial_, result_type(a.partial_.type), format);
            if (untyped) {
                a.rule_ = rule::sqlite_sum;
            } else {
                chosen = a.choose_sum();
            }
            break;
        case combine::bool_and:
        case combine::bool_or:
            a.shape_ = computed(a.partial_, oid::boolean, format);
            a.rule_ = rule::boolean;
            if (a.partial_.type != oid::boolean) chosen = a.refuse();
            break;
        case combine::bit_and:
        case combine::bit_or:
            a.shape_ = computed(a.partial_, a.partial_.type, format);
            a.rule_ = rule::bits;
            if (!codec::is_integer(a.partial_.type) || a.partial_.type == oid::oid) chosen = a.refuse();
            break;
        case combine::avg:
            a.shape_ = computed(a.partial_, result_type(oid::numeric), format);
            a.count_format_ = shape[what.count_column].format;
            if (untyped) {
                a.rule_ = rule::sqlite_average;
                a.shape_.type = oid::float8;
                a.shape_.type_size = 8;
            } else {
                chosen = a.choose_average(shape);
            }
            break;
    }
    if (!chosen) return std::move(chosen).error();
    return a;
}

status aggregate::refuse() const {
    return error{errc::unsupported, std::string{name_of(what_.how)} + " over column \"" + partial_.name +
                                        "\" of type " + codec::type_name(partial_.type) +
                                        " cannot be finished across shards"}
        .hint("Give a shard key so that one shard answers, or cast the argument to numeric.");
}

status aggregate::choose_sum() {
    const std::uint32_t from = partial_.type, to = shape_.type;
    if (from == oid::int8 && to == oid::int8) {
        rule_ = rule::integer_sum;
    } else if (is_exact(from) && is_exact(to)) {
        rule_ = rule::numeric_sum;
    } else if (codec::is_float(from) && codec::is_float(to)) {
        rule_ = rule::float_sum;
    } else {
        return refuse();
    }
    return {};
}

status aggregate::choose_average(const columns& shape) {
    rule_ = rule::average;
    if (shape[what_.count_column].type != oid::int8) return refuse();
    const std::uint32_t argument = what_.argument_type != 0 ? what_.argument_type : partial_.type;
    // A float4 sum has lost digits that the server's avg(float4), computed in float8, still has.
    if (partial_.type == oid::float8 && codec::is_float(argument)) {
        shape_.type = oid::float8;
    } else if (is_exact(partial_.type) && !codec::is_float(argument)) {
        shape_.type = oid::numeric;
    } else {
        return refuse();
    }
    shape_.type_size = codec::type_size(shape_.type);
    return {};
}

status aggregate::add(state& s, const row_batch& rows, std::size_t row) const {
    if (rule_ == rule::first) return add_first(s, rows, row);
    const cell value = rows.at(row, what_.column);
    if (!value) return {};  // aggregates pass over NULL
    switch (rule_) {
        case rule::integer_sum:
            return add_integer(s, *value);
        case rule::numeric_sum:
            return add_numeric(s, *value);
        case rule::float_sum:
            return add_float(s, *value);
        case rule::sqlite_sum:
            return add_sqlite(s, *value, rows.kind_at(row, what_.column));
        case rule::extreme:
            return add_extreme(s, rows, row);
        case rule::boolean:
            return add_boolean(s, *value);
        case rule::bits:
            return add_bits(s, *value);
        case rule::average:
            if (auto ok = add_count(s, rows, row); !ok) return ok;
            return is_exact(partial_.type) ? add_numeric(s, *value) : add_float(s, *value);
        case rule::sqlite_average:
            if (auto ok = add_count(s, rows, row); !ok) return ok;
            return add_sqlite(s, *value, rows.kind_at(row, what_.column));
        case rule::first:
            break;
    }
    return {};
}

status aggregate::add_first(state& s, const row_batch& rows, std::size_t row) const {
    if (s.seen) return {};
    s.seen = true;
    const cell value = rows.at(row, what_.column);
    s.kind = rows.kind_at(row, what_.column);
    s.any = value.has_value();
    if (value) s.bytes = *value;
    return {};
}

status aggregate::add_integer(state& s, std::string_view bytes) const {
    const auto v = codec::read_integer(bytes, oid::int8, partial_.format);
    if (!v) return v.error();
    s.any = true;
    if (__builtin_add_overflow(s.integer, *v, &s.integer)) return out_of_range(oid::int8);
    return {};
}

status aggregate::add_numeric(state& s, std::string_view bytes) const {
    result<numeric> v = numeric{};
    if (partial_.type == oid::int8) {
        const auto whole = codec::read_integer(bytes, oid::int8, partial_.format);
        if (!whole) return whole.error();
        v = numeric{*whole};
    } else {
        v = codec::read_numeric(bytes, partial_.format);
        if (!v) return std::move(v).error();
    }
    s.any = true;
    if (s.exact) {
        *s.exact += *v;
    } else {
        s.exact = std::make_unique<numeric>(std::move(*v));
    }
    return {};
}

status aggregate::add_float(state& s, std::string_view bytes) const {
    const auto v = codec::read_float(bytes, partial_.type, partial_.format);
    if (!v) return v.error();
    // The server's sum() begins with the first value, so that one of -0 alone is -0; its avg() begins with 0.
    const double before = s.any || rule_ == rule::average ? s.real : -0.0;
    s.any = true;
    s.real = partial_.type == oid::float4 ? static_cast<double>(static_cast<float>(before) + static_cast<float>(*v))
                                          : before + *v;
    if (std::isinf(s.real) && !std::isinf(before) && !std::isinf(*v)) return float_overflow();
    return {};
}

status aggregate::add_sqlite(state& s, std::string_view bytes, storage kind) const {
    s.any = true;
    if (kind == storage::integer) {
        const auto v = codec::read_integer(bytes, oid::int8, cell_format::text);
        if (!v) return v.error();
        s.real += static_cast<double>(*v);
        if (rule_ == rule::sqlite_sum && !s.inexact && __builtin_add_overflow(s.integer, *v, &s.integer)) {
            return error{errc::bad_value, "integer overflow"}.sqlstate("22003");
        }
        return {};
    }
    const auto v = codec::read_float(bytes, oid::float8, cell_format::text);
    if (!v) return v.error();
    s.inexact = true;
    s.real += *v;
    return {};
}

status aggregate::add_extreme(state& s, const row_batch& rows, std::size_t row) const {
    std::string key;
    if (auto ok = order_.append_key(rows, row, key); !ok) return ok;
    if (s.any) {
        const int c = order_.compare(key, s.key);
        if (what_.how == combine::min ? c >= 0 : c <= 0) return {};
    }
    s.any = true;
    s.key = std::move(key);
    s.bytes = *rows.at(row, what_.column);
    s.kind = rows.kind_at(row, what_.column);
    return {};
}

status aggregate::add_boolean(state& s, std::string_view bytes) const {
    const auto v = codec::read_boolean(bytes, partial_.format);
    if (!v) return v.error();
    if (!s.any) {
        s.integer = *v ? 1 : 0;
    } else if (what_.how == combine::bool_and) {
        s.integer &= *v ? 1 : 0;
    } else {
        s.integer |= *v ? 1 : 0;
    }
    s.any = true;
    return {};
}

status aggregate::add_bits(state& s, std::string_view bytes) const {
    const auto v = codec::read_integer(bytes, partial_.type, partial_.format);
    if (!v) return v.error();
    if (!s.any) {
        s.integer = *v;
    } else if (what_.how == combine::bit_and) {
        s.integer &= *v;
    } else {
        s.integer |= *v;
    }
    s.any = true;
    return {};
}

status aggregate::add_count(state& s, const row_batch& rows, std::size_t row) const {
    const cell value = rows.at(row, what_.count_column);
    if (!value) return {};
    const auto v = codec::read_integer(*value, oid::int8, count_format_);
    if (!v) return v.error();
    if (__builtin_add_overflow(s.count, *v, &s.count)) return out_of_range(oid::int8);
    return {};
}

status aggregate::finish(const state& s, row_batch& into) const {
    if (!s.any) {
        // A count is 0 where there was nothing to count; all others are NULL.
        std::string zero;
        if (what_.how == combine::count) codec::write_integer(zero, 0, oid::int8, shape_.format);
        const bool by_class = rule_ == rule::sqlite_sum && !zero.empty();
        into.add(zero.empty() ? cell{} : cell{zero}, by_class ? storage::integer : s.kind);
        return {};
    }
    std::string cell_bytes;
    switch (rule_) {
        case rule::first:
        case rule::extreme:
            into.add(s.bytes, s.kind);
            return {};
        case rule::boolean:
            codec::write_boolean(cell_bytes, s.integer != 0, shape_.format);
            break;
        case rule::bits:
            codec::write_integer(cell_bytes, s.integer, shape_.type, shape_.format);
            break;
        case rule::average:
        case rule::sqlite_average:
            return finish_average(s, into);
        default:
            return finish_sum(s, into);
    }
    into.add(cell_bytes);
    return {};
}

status aggregate::finish_sum(const state& s, row_batch& into) const {
    std::string bytes;
    storage kind = storage::by_column;
    if (rule_ == rule::integer_sum) {
        codec::write_integer(bytes, s.integer, oid::int8, shape_.format);
    } else if (rule_ == rule::float_sum) {
        codec::write_float(bytes, s.real, shape_.type, shape_.format);
    } else if (rule_ == rule::sqlite_sum) {
        kind = s.inexact ? storage::real : storage::integer;
        if (s.inexact) {
            codec::write_float(bytes, s.real, oid::float8, cell_format::text);
        } else {
            codec::write_integer(bytes, s.integer, oid::int8, cell_format::text);
        }
    } else if (shape_.type == oid::int8) {
        const auto whole = s.exact->to_int64();
        if (!whole) return out_of_range(oid::int8);
        codec::write_integer(bytes, *whole, oid::int8, shape_.format);
    } else {
        codec::write_numeric(bytes, *s.exact, shape_.format);
    }
    into.add(bytes, kind);
    return {};
}

status aggregate::finish_average(const state& s, row_batch& into) const {
    if (s.count == 0) {
        into.add(std::nullopt);
        return {};
    }
    std::string bytes;
    if (rule_ == rule::sqlite_average) {
        codec::write_float(bytes, s.real / static_cast<double>(s.count), oid::float8, cell_format::text);
        into.add(bytes, storage::real);
        return {};
    }
    if (shape_.type == oid::float8) {
        codec::write_float(bytes, s.real / static_cast<double>(s.count), oid::float8, shape_.format);
    } else {
        codec::write_numeric(bytes, divide(*s.exact, numeric{s.count}), shape_.format);
    }
    into.add(bytes);
    return {};
}

}  // namespace ashlar::merge
