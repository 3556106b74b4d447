// stored_form.hpp: the text of a PostgreSQL value → the form in which a SQLite file keeps it, checked as PostgreSQL's input
// functions check it. One place, so that literals, parameters and casts can never store the same value in two forms.
//
//   integers        INTEGER, within the range of the type
//   boolean         INTEGER 0 or 1
//   numeric         INTEGER where it is whole and fits, else REAL; what REAL cannot keep exactly (beyond 15 digits) is refused
//   float4, float8  REAL
//   text and its kin, json, uuid (lower case, with hyphens)   TEXT
//   date, time, timestamp, timestamptz                        TEXT whose order is that of the values (kept_moment.hpp)
//   interval        TEXT in PostgreSQL's style; another order than its bytes' (ashlar_interval)
//   bytea           BLOB
//
// Pure.
#pragma once

#include "core/rows.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar {

struct stored_value {
    storage kind = storage::text;  // integer, real, text, blob
    std::int64_t whole = 0;
    double real = 0;
    std::string text;  // of text and blob: the bytes
};

enum class conversion : std::uint8_t {
    assignment,  // text that is too long for varchar(n) is an error
    cast,        // … is cut
};

// `modifier` as pg_attribute.atttypmod has it, -1 = none. Fails with bad_value and PostgreSQL's SQLSTATE and words, or with
// unsupported for values that SQLite could not keep or order. A type that is not listed above is kept as its text.
result<stored_value> stored_form(std::string_view text, std::uint32_t type, std::int32_t modifier = -1,
                                 conversion how = conversion::assignment);

// As a literal that SQLite and PostgreSQL's grammar both read.
std::string literal_of(const stored_value& value);

// A numeric's text → how SQLite keeps it; nullopt where it cannot exactly.
bool keeps_numeric(std::string_view canonical, stored_value& into);

// The name that messages give a type: "integer", "timestamp with time zone"; its number if it is not among the above.
std::string sql_name_of_type(std::uint32_t type);

constexpr std::int32_t numeric_modifier(int precision, int scale) noexcept {
    return ((precision << 16) | (scale & 0x7ff)) + 4;
}
constexpr int precision_of(std::int32_t modifier) noexcept {
    return modifier < 4 ? -1 : ((modifier - 4) >> 16) & 0xffff;
}
constexpr int scale_of(std::int32_t modifier) noexcept {
    return modifier < 4 ? -1 : (modifier - 4) & 0x7ff;
}

}  // namespace ashlar
