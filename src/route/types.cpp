#include "route/types.hpp"

#include <algorithm>
#include <array>
#include <string_view>
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

bool is_builtin_type(const sql::type_name& type) {
    // without those that hold oids, and pseudo-types
    static constexpr auto names = std::to_array<std::string_view>({
        "aclitem",
        "bit",
        "bool",
        "box",
        "bpchar",
        "bytea",
        "char",
        "cid",
        "cidr",
        "circle",
        "date",
        "datemultirange",
        "daterange",
        "float4",
        "float8",
        "inet",
        "int2",
        "int2vector",
        "int4",
        "int4multirange",
        "int4range",
        "int8",
        "int8multirange",
        "int8range",
        "interval",
        "json",
        "jsonb",
        "jsonpath",
        "line",
        "lseg",
        "macaddr",
        "macaddr8",
        "money",
        "name",
        "numeric",
        "nummultirange",
        "numrange",
        "oid",
        "oidvector",
        "path",
        "pg_lsn",
        "pg_snapshot",
        "point",
        "polygon",
        "refcursor",
        "text",
        "tid",
        "time",
        "timestamp",
        "timestamptz",
        "timetz",
        "tsmultirange",
        "tsquery",
        "tsrange",
        "tstzmultirange",
        "tstzrange",
        "tsvector",
        "txid_snapshot",
        "uuid",
        "varbit",
        "varchar",
        "xid",
        "xid8",
        "xml",
    });
    return (type.schema.empty() || type.schema == "pg_catalog") &&
           std::binary_search(names.begin(), names.end(), std::string_view{type.name});
}

namespace {

struct object_type {
    std::uint32_t type, array;
    std::string_view name;
};
constexpr auto object_types = std::to_array<object_type>({
    {24, 1008, "regproc"},
    {2202, 2207, "regprocedure"},
    {2203, 2208, "regoper"},
    {2204, 2209, "regoperator"},
    {2205, 2210, "regclass"},
    {2206, 2211, "regtype"},
    {3734, 3735, "regconfig"},
    {3769, 3770, "regdictionary"},
    {4089, 4090, "regnamespace"},
    {4096, 4097, "regrole"},
    {4191, 4192, "regcollation"},
});

}  // namespace

std::string_view object_type_name(std::uint32_t type) noexcept {
    for (const object_type& each : object_types) {
        if (type == each.type || type == each.array) return each.name;
    }
    return {};
}

bool is_object_array(std::uint32_t type) noexcept {
    return std::any_of(object_types.begin(), object_types.end(), [&](const auto& each) { return each.array == type; });
}

bool is_object_type(const sql::type_name& type) noexcept {
    return (type.schema.empty() || type.schema == "pg_catalog") &&
           std::any_of(object_types.begin(), object_types.end(),
                       [&](const auto& each) { return each.name == type.name; });
}

bool holds_objects(const column_facts& column) noexcept {
    return column.holds_oids || !object_type_name(column.type).empty();
}

bool is_text_like(std::uint32_t type) noexcept {
    return type == oid::text || type == oid::varchar || type == oid::bpchar || type == oid::name;
}

bool is_collated(std::uint32_t type) noexcept {
    constexpr std::uint32_t text_array = 1009, bpchar_array = 1014, varchar_array = 1015;
    return is_text_like(type) || type == text_array || type == bpchar_array || type == varchar_array;
}

std::uint32_t compared_type(const column_facts& column) noexcept {
    return column.type != 0 ? column.type : column.domain_over;
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
