// types.hpp: SQLite's declared types and values → PostgreSQL's oids and text forms, so that one merge and one encoder
// serve all engines. Pure, save that parameters are bound through SQLite's own call.
//
// A SQLite column holds values of any storage class whatever was declared. So a column's type is what was declared as
// long as its values keep to it, and else what the values are; expressions have no declared type at all.
#pragma once

#include "core/rows.hpp"
#include "driver/connection.hpp"

#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3_stmt;

namespace ashlar::driver::sqlite {

struct declared_type {
    std::uint32_t type = 0;  // 0: nothing declared (an expression, or a word that says nothing)
    std::int32_t modifier = -1;
    int scale = -1;  // of numeric(p, s)
};
// "numeric(10,2)", "VARCHAR(20)", "timestamp with time zone", "" …
declared_type declared(std::string_view decltype_text);

// A set of storage classes.
enum : std::uint8_t { holds_integer = 1, holds_real = 2, holds_text = 4, holds_blob = 8 };
// Which classes a column of this type shows as that type.
std::uint8_t fits(std::uint32_t type) noexcept;
// The type of a column that holds such values: oid::unknown for none, 0 where no type is right (blobs among others).
std::uint32_t type_for(std::uint8_t held) noexcept;

// The shortest digits that read back as the same double, without an exponent and with at least `scale` digits after the
// point: a numeric's text form.
void append_decimal(std::string& to, double v, int scale);
void append_hex(std::string& to, std::string_view blob);  // \x…

// Binds by the parameter's type (else what was meant): SQLITE_OK, or the reason why not.
status bind(sqlite3_stmt* to, int index, const parameter& p);

}  // namespace ashlar::driver::sqlite
