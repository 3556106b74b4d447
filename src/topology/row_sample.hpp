// row_sample.hpp: do the rows of a shard belong there? Reads keys of its sharded tables and asks the map for each.
#pragma once

#include "config/description.hpp"
#include "driver/connection.hpp"
#include "keyspace/shard_map.hpp"
#include "route/catalogue.hpp"
#include "topology/catalogue_reader.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::topology {

// What the sampled rows of one table said.
struct table_sample {
    std::string table;             // "public.orders"
    std::uint64_t rows = 0;        // that were looked at
    std::uint64_t elsewhere = 0;   // whose key another shard owns, or none
    std::uint64_t unreadable = 0;  // whose key is no key of the map's type
    std::string example;           // of `elsewhere`: "id = 17 belongs to shard_2"
    std::string problem;           // the table could not be read
};

// A table that is sharded, and by which column.
struct sharded_table {
    std::string schema, name, shard_key;
    std::string full_name() const { return schema + "." + name; }
};

std::vector<sharded_table> sharded_tables_of(const config::description& from);

// Up to `rows_max` rows of each table, from its beginning and from all over it; 0: all of them. Tables that the shard does not
// have, and views, are left out. Fails when the connection does.
task<result<std::vector<table_sample>>> sample_rows(driver::connection& from, schema_snapshot has,
                                                    std::vector<sharded_table> tables, keyspace::shard_map map,
                                                    keyspace::shard_id here, std::uint64_t rows_max, deadline until);

// The first table with rows that belong elsewhere, in a sentence; empty: none has.
std::string misfit_of(const std::vector<table_sample>& samples);

// Notes what one key, as text, says. Pure.
void take_key(table_sample& into, std::string_view key_name, std::string_view key, const keyspace::shard_map& map,
              keyspace::shard_id here);

}  // namespace ashlar::topology
