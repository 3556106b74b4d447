#include "route/types.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ashlar::route {

std::uint32_t type_named(const sql::type_name& type) {
    static constexpr auto names = std::to_array<std::pair<std::string_view, std::uint32_t>>({
        {"bool", oid::boolean},  {"boolean", oid::boolean},     {"bpchar", oid::bpchar},
        {"bytea", oid::bytea},   {"date", oid::date},           {"float4", oid::float4},
        {"float8", oid::float8}, {"int2", oid::int2},           {"int4", oid::int4},
        {"int8", oid::int8},     {"interval", oid::interval},   {"json", oid::json},
        {"jsonb", oid::jsonb},   {"numeric", oid::numeric},     {"text", oid::text},
        {"time", oid::time},     {"timestamp", oid::timestamp}, {"timestamptz", oid::timestamptz},
        {"timetz", oid::timetz}, {"uuid", oid::uuid},           {"varchar", oid::varchar},
        {"name", oid::name},
    });
    if (!type.schema.empty() || type.is_array || type.is_set) return 0;
    const auto at = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.first == type.name; });
    return at == names.end() ? 0 : at->second;
}

bool is_text_like(std::uint32_t type) noexcept {
    return type == oid::text || type == oid::varchar || type == oid::bpchar || type == oid::name;
}

bool is_number(std::uint32_t type) noexcept {
    return type == oid::int2 || type == oid::int4 || type == oid::int8 || type == oid::numeric || type == oid::float4 ||
           type == oid::float8;
}

bool carries_key(std::uint32_t column_type, const collation& text, keyspace::key_type key) noexcept {
    switch (key) {
        case keyspace::key_type::integer:
            return column_type == oid::int2 || column_type == oid::int4 || column_type == oid::int8;
        case keyspace::key_type::uuid:
            return column_type == oid::uuid;
        case keyspace::key_type::text:
            return (column_type == oid::text || column_type == oid::varchar) &&
                   text.kind != collation_kind::nondeterministic;
        case keyspace::key_type::timestamp:
            return column_type == oid::timestamptz;
        case keyspace::key_type::date:
            return column_type == oid::date;
    }
    return false;
}

}  // namespace ashlar::route
