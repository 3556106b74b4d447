#include "route/sqlite/operators.hpp"

namespace ashlar::route::sqlite {

category category_of(std::uint32_t type) noexcept {
    switch (type) {
        case oid::int2:
        case oid::int4:
        case oid::int8:
        case oid::numeric:
        case oid::float4:
        case oid::float8:
        case oid::oid:
            return category::number;
        case oid::text:
        case oid::varchar:
        case oid::bpchar:
        case oid::name:
            return category::text;
        case oid::boolean:
            return category::boolean;
        case oid::date:
        case oid::time:
        case oid::timestamp:
        case oid::timestamptz:
            return category::moment;
        case oid::uuid:
        case oid::bytea:
        case oid::json:
        case oid::jsonb:
            return category::other;
        default:
            return category::none;
    }
}

bool is_integer(std::uint32_t type) noexcept {
    return type == oid::int2 || type == oid::int4 || type == oid::int8;
}
bool is_float(std::uint32_t type) noexcept {
    return type == oid::float4 || type == oid::float8;
}
bool is_text(std::uint32_t type) noexcept {
    return category_of(type) == category::text;
}
bool is_supported(std::uint32_t type) noexcept {
    return category_of(type) != category::none;
}

namespace {

// int2 < int4 < int8 < numeric < float4 < float8: each casts by itself to those after it.
int rank(std::uint32_t type) noexcept {
    switch (type) {
        case oid::int2:
            return 1;
        case oid::int4:
            return 2;
        case oid::int8:
        case oid::oid:
            return 3;
        case oid::numeric:
            return 4;
        case oid::float4:
            return 5;
        case oid::float8:
            return 6;
        case oid::date:
            return 1;
        case oid::timestamp:
            return 2;
        case oid::timestamptz:
            return 3;
        default:
            return 0;
    }
}

}  // namespace

bool casts_by_itself(std::uint32_t from, std::uint32_t to) noexcept {
    if (from == to) return true;
    const category c = category_of(from);
    if (c == category::none || c != category_of(to)) return false;
    if (c == category::text) return true;
    if (c == category::number) return rank(from) <= rank(to);
    if (c == category::moment) return rank(from) != 0 && rank(to) != 0 && rank(from) < rank(to);
    return false;
}

bool casts_on_assignment(std::uint32_t from, std::uint32_t to) noexcept {
    if (casts_by_itself(from, to)) return true;
    const category a = category_of(from), b = category_of(to);
    if (a == category::none || b == category::none) return false;
    if (b == category::text) return true;
    if (a == category::number && b == category::number) return true;
    if (a == category::moment && b == category::moment) {
        if (from == oid::date || from == oid::time) return false;
        return true;  // timestamp and timestamptz to date, time and each other
    }
    return (from == oid::json && to == oid::jsonb) || (from == oid::jsonb && to == oid::json);
}

std::uint32_t common_type(std::uint32_t a, std::uint32_t b) noexcept {
    if (a == b) return a;
    if (category_of(a) == category::text && category_of(b) == category::text) return oid::text;
    if (casts_by_itself(a, b)) return b;
    if (casts_by_itself(b, a)) return a;
    return 0;
}

std::uint32_t comparison_type(std::uint32_t a, std::uint32_t b) noexcept {
    if (a == oid::json || b == oid::json || a == oid::jsonb || b == oid::jsonb) return 0;
    const std::uint32_t both = common_type(a, b);
    if (both == oid::float4) return oid::float8;
    return both;
}

std::uint32_t arithmetic_type(std::uint32_t a, std::uint32_t b) noexcept {
    if (category_of(a) != category::number || category_of(b) != category::number) return 0;
    if (a == oid::float4 && b == oid::float4) return oid::float4;
    if (is_float(a) || is_float(b)) return oid::float8;
    return rank(a) >= rank(b) ? a : b;
}

}  // namespace ashlar::route::sqlite
