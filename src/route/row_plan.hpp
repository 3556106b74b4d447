// row_plan.hpp: a SELECT whose rows come out of the shards as they are: filtered, projected, sorted, made distinct, limited.
// Also one whose groups are whole on a shard, since the shard key is among the group's keys. Pure.
#pragma once

#include "route/select_parts.hpp"
#include "route/select_text.hpp"

namespace ashlar::route {

result<several_plan> plan_rows(const select_question& q, const select_parts& parts, select_text text);

// A sort item's direction and place of NULLs, resolved as the engine has them.
sort_key direction_of(const sql::sort_item& item, dialect engine);
// ORDER BY 2: the position; nullopt for anything but an integer constant.
std::optional<std::size_t> position_in(const sql::expression& e);
// SQLite lets an expression in ORDER BY name output columns; PostgreSQL does not.
std::optional<error> refuse_alias_inside(const select_question& q, const select_parts& parts, const sql::expression& e);

}  // namespace ashlar::route
