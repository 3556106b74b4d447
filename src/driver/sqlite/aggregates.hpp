// aggregates.hpp: aggregates that SQLite lacks or rounds, for the statements that the planner writes.
//
//   ashlar_sum(x, scale)   the sum of decimals, exactly: a numeric's text
//   ashlar_avg(x, scale)   their mean, with as many digits as PostgreSQL's avg(numeric) gives
//
//   ashlar_decimal         a collation: such texts in the order of the numbers
//   ashlar_interval        a collation: intervals by their length
//
// `scale` is that of the argument's type, -1 where it has none; without it (as DISTINCT wants it) it counts as -1.
#pragma once

struct sqlite3;

namespace ashlar::driver::sqlite {

void add_aggregates(sqlite3* to);

}  // namespace ashlar::driver::sqlite
