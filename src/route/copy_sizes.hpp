// copy_sizes.hpp: sizes and statistics of tables, where the server that is asked has empty copies of sharded and reference tables.
//
//   pg_table_size(), pg_relation_size() …  are NULL for a copy, and refused when the copy is named
//   reltuples, relpages, relallvisible     say of a copy that nothing is known: -1, NULL, NULL
//   pg_stat_user_tables and its like       are refused
//
// What is refused can be asked of one shard. Pure.
#pragma once

#include "route/plan.hpp"

#include <ashlar/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::route {

// The statement as the server is to have it; nothing when it asks for none of this, or cannot be read.
result<std::optional<std::string>> without_sizes_of_copies(std::string_view sql, const catalogue& known,
                                                           const planning_options& options);

}  // namespace ashlar::route
