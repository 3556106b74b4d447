// plain_sums.hpp: sum(), avg() and total() of SQLite, the same but for their rounding: the decimals that the values stand
// for are added exactly, and the result is the nearest double. SQLite's own add doubles one after the other, so that the
// sum of 0.1 and 0.2 is 0.30000000000000004. For statements whose types nobody tells: where one of a column is known,
// the planner writes the functions of aggregates.hpp.
#pragma once

struct sqlite3;

namespace ashlar::driver::sqlite {

// In place of SQLite's own, as aggregates and as window functions.
void replace_sums(sqlite3* on);

}  // namespace ashlar::driver::sqlite
