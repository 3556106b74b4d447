// database_check.hpp: what may be sent to one shard as it is written.
//
// A scope of one shard takes its statements unplanned. Reading there is always what was asked for. A row written there must
// belong there: else no routed query would ever find it.
#pragma once

#include "cluster/cluster_inside.hpp"
#include "keyspace/shard_map.hpp"
#include "route/plan.hpp"

#include <span>
#include <string_view>

namespace ashlar::detail {

struct checked_statement {
    bool writes = true;  // may change data
    bool proven = true;  // the planner could read the statement, so that `writes` is known
    bool changes_tables = false;
    std::shared_ptr<const route::prepared_plan> typed;  // of an engine that types nothing itself: the text that it gets
};

// Fails with unsupported or the planner's own refusal: for a row of another shard, a reference table (which must stay the
// same everywhere), and a write that the planner cannot read.
result<checked_statement> check_for_shard(cluster_inside& inside, keyspace::shard_id shard, std::string_view sql,
                                          std::span<const route::bound_parameter> parameters);

// Can it be said without parsing that the text only reads? Errs to no.
bool plainly_reads(std::string_view sql);

}  // namespace ashlar::detail
