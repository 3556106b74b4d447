// key_text.hpp: the spellings of keys, read as PostgreSQL's input functions read them, and written canonically.
//
// Apart from key.hpp, since only key.cpp needs it. Stricter than PostgreSQL on purpose: a spelling whose meaning
// depends on a session's settings (a day before a month, a time without its offset) or on the server's version is not
// read, since two servers or sessions could read it as two keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::keyspace {

// Blanks around it, a sign, digits; as numeric 7.00 equals 7, and 1e3 equals 1000. nullopt: no integer of 64 bits.
std::optional<std::int64_t> read_integer(std::string_view text);
// "2024-02-29", "0044-03-15 BC", "infinity": days since 2000-01-01; the infinities are PostgreSQL's int32 extremes.
std::optional<std::int64_t> read_date(std::string_view text);
// "2024-02-29 12:30:00.25+01": microseconds since 2000-01-01 UTC; the infinities are int64's extremes. The offset must
// be there unless `none_means_utc`.
std::optional<std::int64_t> read_timestamp(std::string_view text, bool none_means_utc);

std::string date_text(std::int64_t days);
std::string timestamp_text(std::int64_t microseconds);  // always with +00

}  // namespace ashlar::keyspace
