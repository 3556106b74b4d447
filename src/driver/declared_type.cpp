#include "driver/declared_type.hpp"

#include "core/rows.hpp"

#include <array>
#include <string>
#include <utility>

namespace ashlar::driver {

std::uint32_t type_of_declaration(std::string_view declared) noexcept {
    constexpr std::array<std::pair<std::string_view, std::uint32_t>, 38> known{{
        {"integer", oid::int8},
        {"int", oid::int8},
        {"bigint", oid::int8},
        {"int8", oid::int8},
        {"int4", oid::int8},
        {"int2", oid::int8},
        {"smallint", oid::int8},
        {"tinyint", oid::int8},
        {"mediumint", oid::int8},
        {"serial", oid::int8},
        {"bigserial", oid::int8},
        {"boolean", oid::boolean},
        {"bool", oid::boolean},
        {"text", oid::text},
        {"clob", oid::text},
        {"string", oid::text},
        {"varchar", oid::varchar},
        {"character varying", oid::varchar},
        {"char", oid::text},
        {"character", oid::text},
        {"nvarchar", oid::varchar},
        {"real", oid::float8},
        {"double", oid::float8},
        {"double precision", oid::float8},
        {"float", oid::float8},
        {"float8", oid::float8},
        {"numeric", oid::numeric},
        {"decimal", oid::numeric},
        {"uuid", oid::uuid},
        {"date", oid::date},
        {"timestamp", oid::timestamp},
        {"datetime", oid::timestamp},
        {"timestamptz", oid::timestamptz},
        {"timestamp with time zone", oid::timestamptz},
        {"json", oid::json},
        {"jsonb", oid::json},
        {"blob", oid::bytea},
        {"bytea", oid::bytea},
    }};
    declared = declared.substr(0, declared.find('('));
    while (!declared.empty() && declared.back() == ' ') declared.remove_suffix(1);
    const auto equal = [&](std::string_view name) {
        if (name.size() != declared.size()) return false;
        for (std::size_t i = 0; i < name.size(); ++i) {
            const char c = declared[i];
            if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != name[i]) return false;
        }
        return true;
    };
    for (const auto& [name, type] : known) {
        if (equal(name)) return type;
    }
    return oid::text;
}

}  // namespace ashlar::driver
