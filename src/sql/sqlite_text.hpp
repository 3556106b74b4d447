// sqlite_text.hpp: rewrites PostgreSQL's SQL for SQLite. SQLite accepts some of PostgreSQL's spellings with another meaning:
// `$1::int` and `$$text$$` are each the name of one parameter, and a cast to uuid makes a number. These are rewritten or refused
// here. What SQLite refuses by itself is passed on unchanged. Pure.
#pragma once

#include "sql/facts.hpp"

#include <ashlar/result.hpp>

#include <string>
#include <string_view>

namespace ashlar::sql {

// The same statement for SQLite; the given text when no change is needed. Fails with unsupported, a position and a hint.
result<std::string> to_sqlite(std::string_view text, const statement& said);

}  // namespace ashlar::sql
