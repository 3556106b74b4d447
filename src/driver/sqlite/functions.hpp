// functions.hpp: the few PostgreSQL functions that SQLite lacks and that can mean the same here. Any other SQLite
// refuses by its name.
#pragma once

#include "core/regex.hpp"

#include <ashlar/types.hpp>

struct sqlite3;

namespace ashlar::driver::sqlite {

// Where the clocks stand: the driver sets them when a transaction begins, and for each statement.
struct moments {
    timestamp transaction{}, statement{};  // outside of a transaction the two are one
};

// Adds the functions to an open database.
//   now()                      `at->transaction` in UTC as text, "2026-11-22 12:30:00.25"; `*at` outlives the database
//   pg_today()                 the day of it
//   pg_statement_moment()      `at->statement`, likewise
//   pg_clock()                 the moment of the call
//   gen_random_uuid()          a version 4 UUID as lower-case text
//   pg_…                       see pg_functions.hpp
//   date_trunc(unit, instant)  of an instant in UTC written as text, cut down to microseconds … millennium
// `*stop` is asked while a function computes long; it outlives the database, too.
void add_functions(sqlite3* to, const moments* at, const regex::stop_check* stop);

}  // namespace ashlar::driver::sqlite
