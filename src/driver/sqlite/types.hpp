// types.hpp: SQLite's values as PostgreSQL's text forms and oids, so that one merge and one encoder serve all engines.
//
// A SQLite column holds values of any storage class whatever was declared. A column that has a type, by its declaration or
// by the statement's text, shows each value exactly in the form of that type, and a value that is none of the type is an
// error. Other columns become what their values are.
#pragma once

#include "core/rows.hpp"
#include "driver/connection.hpp"
#include "driver/declared_type.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3_stmt;

namespace ashlar::driver::sqlite {

// --- columns without a type -----------------------------------------------------------------------------------------

// A set of storage classes.
enum : std::uint8_t { holds_integer = 1, holds_real = 2, holds_text = 4, holds_blob = 8 };
// The type of a column that holds such values: oid::unknown for none, 0 where no type is right (blobs among others).
std::uint32_t type_for(std::uint8_t held) noexcept;
// Which classes a column that became this type shows.
std::uint8_t fits(std::uint32_t type) noexcept;

// --- columns with a type --------------------------------------------------------------------------------------------

// Appends the value of column `index` as a value of this type. False: it is none, and `to` is as it was.
// Precondition: the value is not NULL, the type not 0.
bool append_as(std::string& to, sqlite3_stmt* from, int index, const declared_type& as);
// The same for a text that the file keeps as a date, a time, a timestamp or a uuid; other types as it is.
bool append_text_form(std::string& to, std::string_view text, std::uint32_t type);
// "an integer", "a text" …: what the value is, for messages.
std::string_view class_name(sqlite3_stmt* from, int index);

std::string_view text_at(sqlite3_stmt* from, int index);
std::string_view blob_at(sqlite3_stmt* from, int index);
void append_hex(std::string& to, std::string_view blob);  // \x…

// --- parameters -----------------------------------------------------------------------------------------------------

// Binds by the parameter's type (else what was meant): SQLITE_OK, or the reason why not.
status bind(sqlite3_stmt* to, int index, const parameter& p);

}  // namespace ashlar::driver::sqlite
