// error_map.hpp: what a server said → our codes. One table for all engines, keyed by SQLSTATE; an engine that has none
// (SQLite), or has others (MySQL), is given PostgreSQL's first. Apart, so that a program meets the same code for the same trouble whoever reported it.
#pragma once

#include <ashlar/error.hpp>

#include <string_view>

namespace ashlar::driver {

// The code for an SQLSTATE; by its class where the five characters are not listed; server_error for the rest.
errc code_for(std::string_view sqlstate) noexcept;

// The code's own sentence as the message, the report attached word for word.
error from_report(server_report report);

// SQLite's extended result code and message → SQLSTATE. The message tells apart what the code SQLITE_ERROR does not.
std::string_view sqlstate_for_sqlite(int extended_code, std::string_view message) noexcept;

// MySQL's and MariaDB's number, SQLSTATE and message → PostgreSQL's SQLSTATE for the same trouble. What is not listed
// keeps the server's own, save HY000, which says nothing. The view lives as long as `sqlstate`.
std::string_view sqlstate_for_mysql(int number, std::string_view sqlstate, std::string_view message) noexcept;

}  // namespace ashlar::driver
