// shard_findings.hpp: what `ashlar check --deep` finds on the shards, as text and as JSON.
#pragma once

#include "topology/survey.hpp"

#include <string>
#include <vector>

namespace ashlar::cli {

struct finding {
    std::string what, hint;
};

struct deep_findings {
    std::string text;            // sections, for people
    std::string json;            // an object: marks, differences, rows
    std::vector<finding> wrong;  // empty: all is well
};
deep_findings describe(const topology::survey& found);

// What is wrong with one shard, apart from its rows, for a column of a table; empty: nothing.
std::string problem_of(const topology::survey& found, std::size_t shard);

}  // namespace ashlar::cli
