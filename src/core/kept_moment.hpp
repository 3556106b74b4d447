// kept_moment.hpp: the text in which a SQLite file keeps a date or a timestamp, so that the order of its bytes is the order of
// the values, with PostgreSQL's whole range:
//
//   -infinity                the first
//   /9956-03-15              44 BC: 10000 less the year
//   2026-11-30 12:34:56.5    the years 1 to 9999, as they are; instants in UTC, without an offset
//   :0012026-11-30           from the year 10000 on, with seven digits
//   infinity                 the last
//
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace ashlar {

// From PostgreSQL's text form, which has no offset.
std::string kept_moment(std::string_view text);
// The way back. Other texts, as some other program may have stored them, stay as they are.
std::string moment_text(std::string_view kept);

}  // namespace ashlar
