#include "keyspace/kinds.hpp"

#include <array>
#include <utility>

namespace ashlar::keyspace {

namespace {

using function_row = std::pair<std::string_view, function_kind>;
constexpr std::array<function_row, 5> functions{{{"modulo", function_kind::modulo},
                                                 {"ring", function_kind::ring},
                                                 {"hash", function_kind::hash},
                                                 {"range", function_kind::range},
                                                 {"list", function_kind::list}}};

// The first of each is its own name; the others are what PostgreSQL calls the column types it serves.
using type_row = std::pair<std::string_view, key_type>;
constexpr std::array<type_row, 14> types{{{"integer", key_type::integer},
                                          {"uuid", key_type::uuid},
                                          {"text", key_type::text},
                                          {"timestamp", key_type::timestamp},
                                          {"date", key_type::date},
                                          {"bigint", key_type::integer},
                                          {"smallint", key_type::integer},
                                          {"int", key_type::integer},
                                          {"int2", key_type::integer},
                                          {"int4", key_type::integer},
                                          {"int8", key_type::integer},
                                          {"varchar", key_type::text},
                                          {"timestamptz", key_type::timestamp},
                                          {"timestamp with time zone", key_type::timestamp}}};

template <class Rows>
auto value_of(const Rows& rows, std::string_view name) -> std::optional<decltype(rows[0].second)> {
    for (const auto& [known, kind] : rows) {
        if (known == name) return kind;
    }
    return std::nullopt;
}

template <class Rows, class Kind>
std::string_view first_name_of(const Rows& rows, Kind wanted) noexcept {
    for (const auto& [known, kind] : rows) {
        if (kind == wanted) return known;
    }
    return "unknown";
}

}  // namespace

std::string_view name_of(function_kind kind) noexcept {
    return first_name_of(functions, kind);
}
std::string_view name_of(key_type type) noexcept {
    return first_name_of(types, type);
}
std::optional<function_kind> function_named(std::string_view name) noexcept {
    return value_of(functions, name);
}
std::optional<key_type> key_type_named(std::string_view name) noexcept {
    return value_of(types, name);
}

}  // namespace ashlar::keyspace
