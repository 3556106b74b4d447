// survey.hpp: how the shards stand, looked at for people: their marks, how their tables differ, and whether rows lie where they
// belong. On connections of its own; it changes nothing.
#pragma once

#include "config/description.hpp"
#include "topology/mark_table.hpp"
#include "topology/row_sample.hpp"
#include "topology/table_differences.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::topology {

struct shard_survey {
    std::string shard;
    std::optional<error> failed;  // it could not be asked
    schema_snapshot schema;
    mark_reading mark;
    std::vector<table_sample> samples;
};

struct survey {
    std::vector<shard_survey> shards;       // all of the configuration, in order
    std::vector<shard_standing> standings;  // likewise
    mark_verdict marks;                     // likewise
    std::vector<table_difference> differences;
    // Of one shard, in a sentence; empty: its mark is right, or it has none yet.
    const std::string& wrong_mark(std::size_t shard) const { return marks.wrong[shard]; }
};

// `rows`: how many of each table on each shard are sampled; nullopt: none, 0: all. Precondition: there are shards.
task<survey> survey_shards(io::loop& loop, const config::description& described, std::optional<std::uint64_t> rows,
                           deadline until);

}  // namespace ashlar::topology
