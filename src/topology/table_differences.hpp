// table_differences.hpp: which of the tables that all shards should have alike differ from shard to shard, and how. Pure.
//
// What most shards have is taken for what is meant, so that in the middle of a migration, or with a new shard that has no
// tables yet, the message names the shards that are not as the others.
#pragma once

#include "route/catalogue.hpp"
#include "topology/catalogue_reader.hpp"

#include <string>
#include <vector>

namespace ashlar::topology {

// What a shard said of its tables; nullptr: it has not been asked.
struct shard_schema {
    std::string shard;
    const schema_snapshot* schema = nullptr;
};

// One table on one shard.
struct table_difference {
    std::string table;  // "public.orders"
    std::string shard;
    std::string what;  // "column note is missing"
};

// How `here` differs from `usual`, nullptr being no such table; empty: a statement means the same on both.
std::string difference_between(const route::table_facts* usual, const route::table_facts* here);

struct table_comparison {
    const route::table_facts* usual = nullptr;  // as most shards have it; nullptr: none has it
    std::vector<table_difference> differences;
    std::shared_ptr<const route::disagreement> differs;  // nullptr: all that were asked have it alike
};
// Views into `shards`.
table_comparison compare_table(const std::string& name, const std::vector<shard_schema>& shards);

}  // namespace ashlar::topology
