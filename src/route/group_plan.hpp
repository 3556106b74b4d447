// group_plan.hpp: a SELECT whose groups have rows on several shards: each shard returns partial aggregates, the merge
// finishes them. Pure.
#pragma once

#include "route/select_parts.hpp"
#include "route/select_text.hpp"

namespace ashlar::route {

// What an element of GROUP BY means: a position or an output name stands for the select item.
const sql::expression& group_expression(const select_question& q, const select_parts& parts, const sql::expression& e);

result<several_plan> plan_groups(const select_question& q, const select_parts& parts, select_text text);

}  // namespace ashlar::route
