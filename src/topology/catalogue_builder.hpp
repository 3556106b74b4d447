// catalogue_builder.hpp: what the databases said of their tables → the catalogue that the planner works with. Pure.
//
// Databases that could not be asked are absent: the catalogue is made of those that answered. A table that is not the same on
// all shards stands in it with the difference, so that statements about it are refused and all others go on.
#pragma once

#include "config/description.hpp"
#include "keyspace/shard_map.hpp"
#include "route/catalogue.hpp"
#include "topology/catalogue_reader.hpp"
#include "topology/table_differences.hpp"

#include <ashlar/result.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ashlar::topology {

// By database.
struct readings {
    std::map<std::string, schema_snapshot, std::less<>> schemas;  // of the shards and of the unsharded database
    std::map<std::string, own_oids, std::less<>> numbers;         // of the other named PostgreSQL databases
    std::set<std::string, std::less<>> silent;                    // of those, who did not answer
    friend bool operator==(const readings&, const readings&) = default;
};

struct built_catalogue {
    std::shared_ptr<route::catalogue> catalogue;
    std::vector<table_difference> differences;
};

// What the description says by itself: kinds and shard keys, no columns. `databases`: the names of all of them.
std::shared_ptr<route::catalogue> bare_catalogue(const config::description& from,
                                                 const std::optional<keyspace::shard_map>& map);
// Fails with config_invalid when a table has no column of its shard key's name.
result<built_catalogue> build_catalogue(const config::description& from, const std::optional<keyspace::shard_map>& map,
                                        const readings& said);

// The database whose own numbers clients see: the first shard, or the unsharded one when it has all tables.
std::string database_shown(const route::catalogue& known, const config::description& from);

}  // namespace ashlar::topology
