// shown_database.hpp: the name that clients know the database by, in place of the one that it has on the server that is asked.
//
// A cluster has one name and many databases, each with a name of its own. What a statement says of its database's name is put
// right in its text, before it is planned:
//
//   current_database(), current_catalog     become the name itself
//   pg_database                             shows the one database that clients can connect to, under that name
//   pg_stat_activity and its like           show it in place of the server's name for it
//   information_schema                      shows it in its columns …_catalog, where the statement looks at them
//   pg_database_size(), has_database_privilege()  take it
//
// Definitions (views, functions) stay as they are: what is stored on a server is the server's. Pure.
#pragma once

#include "route/plan.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::route {

// The statement with the name put right; nothing when it does not ask for it, or cannot be read. PostgreSQL only.
std::optional<std::string> with_shown_database(std::string_view sql, std::string_view name,
                                               const planning_options& options);

}  // namespace ashlar::route
