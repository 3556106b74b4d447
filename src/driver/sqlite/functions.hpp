// functions.hpp: the few PostgreSQL functions that SQLite lacks and that can mean the same here. Any other SQLite
// refuses by its name.
#pragma once

#include "core/regex.hpp"

#include <ashlar/types.hpp>

struct sqlite3;

namespace ashlar::driver::sqlite {

// Adds the functions to an open database.
//   now()                      `*started` in UTC as text, "2026-11-22 12:30:00.25": the driver sets it when a transaction
//                              begins, and for each statement outside of one; it outlives the database
//   gen_random_uuid()          a version 4 UUID as lower-case text
//   pg_…                       see pg_functions.hpp
//   date_trunc(unit, instant)  of an instant in UTC written as text, cut down to microseconds … millennium
// `*stop` is asked while a function computes long; it outlives the database, too.
void add_functions(sqlite3* to, const timestamp* started, const regex::stop_check* stop);

}  // namespace ashlar::driver::sqlite
