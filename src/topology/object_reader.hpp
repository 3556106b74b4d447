// object_reader.hpp: asks one database what objects it has beside plain columns: functions, views, triggers, rules, foreign keys,
// inheritance, and the expressions that belong to tables.
#pragma once

#include "driver/connection.hpp"
#include "route/schema_objects.hpp"

namespace ashlar::topology {

task<result<route::schema_objects>> read_objects(driver::connection& from, deadline until);

}  // namespace ashlar::topology
