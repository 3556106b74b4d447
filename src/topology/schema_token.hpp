// schema_token.hpp: a short text that is another one as soon as a database's schema has changed: tables, columns, views, rules,
// triggers, foreign keys, functions, policies … Cheap enough to be asked for every second.
//
// PostgreSQL  For each system catalogue, how many rows of objects that do not come with PostgreSQL it has, and the sum of the
//             numbers of the transactions that wrote them (xmin). A change removes rows or writes rows with a number above all that
//             there were, so that one of the two differs. Temporary objects are left out. Roles and their memberships, and what
//             depends on them (row security for this login), are not seen.
// SQLite      Its schema_version, a number in the file's head.
// Others      Empty.
#pragma once

#include "driver/connection.hpp"

#include <string>

namespace ashlar::topology {

task<result<std::string>> read_schema_token(driver::connection& from, deadline until);

// Which transactions a statement sees now: while this is the same, nothing at all has changed. Costs next to nothing. Empty where
// the token itself is as cheap.
task<result<std::string>> read_visible_transactions(driver::connection& from, deadline until);

}  // namespace ashlar::topology
