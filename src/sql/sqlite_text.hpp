// sqlite_text.hpp: PostgreSQL's text as SQLite takes it. SQLite reads some of PostgreSQL's spellings without complaint as
// something else (`$1::int` is one parameter's name there, so is `$$text$$`; a cast to uuid makes a number); these are
// rewritten or refused here. What SQLite refuses by itself is left to it. Pure.
#pragma once

#include "sql/facts.hpp"

#include <ashlar/result.hpp>

#include <string>
#include <string_view>

namespace ashlar::sql {

// The same statement for SQLite; the text itself when nothing needs a change. Fails with unsupported, position and hint.
result<std::string> to_sqlite(std::string_view text, const statement& said);

}  // namespace ashlar::sql
