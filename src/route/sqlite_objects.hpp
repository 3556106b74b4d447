// sqlite_objects.hpp: SQLite keeps of its views and triggers the text that made them; what the planner wants to know is read from
// that. Pure.
#pragma once

#include "route/schema_objects.hpp"

#include <string>

namespace ashlar::route {

// A row of sqlite_master, of type table, view or trigger.
void add_sqlite_object(const std::string& type, const std::string& name, const std::string& table,
                       const std::string& sql, schema_objects& to);

}  // namespace ashlar::route
