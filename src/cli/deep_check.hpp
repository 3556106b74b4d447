// deep_check.hpp: what only the databases themselves can tell of a configuration: `ashlar check --deep`.
#pragma once

#include "cli/shard_findings.hpp"
#include "config/description.hpp"

#include <ashlar/result.hpp>

#include <cstdint>

namespace ashlar::cli {

// Connects to the databases, reads their tables and marks, and samples so many rows of each table on each shard (0: all).
// Nothing is changed. A database that cannot be asked is a finding; without shards, it fails when the primary cannot.
result<deep_findings> look_into_databases(const config::description& described, std::uint64_t rows);

}  // namespace ashlar::cli
