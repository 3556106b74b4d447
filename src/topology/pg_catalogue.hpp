// pg_catalogue.hpp: PostgreSQL's system catalogue, as far as it can be told of SQLite files: what is known of their tables,
// columns, keys and indexes as rows of pg_class and its kin, so that psql's \d and the metadata of drivers are answered. Pure.
#pragma once

#include "driver/sqlite/scratch.hpp"
#include "route/catalogue.hpp"

#include <string>

namespace ashlar::topology {

struct catalogue_reader_names {
    std::string user, database;
    std::int64_t process = 0;
};

driver::sqlite::scratch_catalogue pg_catalogue_of(const route::catalogue& known, const catalogue_reader_names& names);

}  // namespace ashlar::topology
