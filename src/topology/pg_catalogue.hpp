// pg_catalogue.hpp: PostgreSQL's system catalogue, as far as it can be told of SQLite files: what is known of their tables,
// columns, keys and indexes as rows of pg_class and its kin, so that psql's \d and the metadata of drivers are answered. Pure.
#pragma once

#include "driver/sqlite/scratch.hpp"
#include "route/catalogue.hpp"

#include <functional>
#include <map>
#include <string>

namespace ashlar::topology {

struct catalogue_reader_names {
    std::string user, database;
    std::int64_t process = 0;
};

// What SHOW and pg_settings say where no server has any: the settings that clients ask for at their start.
const std::map<std::string, std::string, std::less<>>& settings_over_sqlite();

driver::sqlite::scratch_catalogue pg_catalogue_of(const route::catalogue& known, const catalogue_reader_names& names);

}  // namespace ashlar::topology
