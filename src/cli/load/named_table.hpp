// named_table.hpp: a table of one database that is asked by its name: what a load must know of it. Such databases are not part of the
// catalogue, which has the tables of the shards and of the primary that is planned.
#pragma once

#include "config/description.hpp"
#include "route/catalogue.hpp"

#include <ashlar/result.hpp>

#include <string>

namespace ashlar::cli::load {

// Connects to the database and ends. `written`: "table" or "schema.table". The result is unsharded, and `database` is its
// database. Fails with table_unknown; with unsupported for a view, and for a table of MySQL whose engine cannot roll back.
result<route::table_facts> find_in_database(const config::database& where, const std::string& written);

}  // namespace ashlar::cli::load
