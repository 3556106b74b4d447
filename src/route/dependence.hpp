// dependence.hpp: what follows for a catalogue from the objects that depend on its tables: which relations live on the shards
// without being configured, what statements about each are forbidden, what functions may run where. Pure.
#pragma once

#include "route/catalogue.hpp"
#include "route/schema_objects.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::route {

struct dependence_input {
    std::optional<schema_objects> unsharded;  // of the database of unsharded tables; none: there is no such database
    std::vector<schema_objects> shards;
    std::map<std::string, table_facts> on_shards;  // the relations of a shard, by "schema.name"
};

// `into` has all configured tables and the unsharded ones. Adds partitions and views that live on the shards, hindrances,
// functions, operators and types.
void add_dependence(catalogue& into, const dependence_input& read);

}  // namespace ashlar::route
