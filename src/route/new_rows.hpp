// new_rows.hpp: the shard keys of an INSERT's rows, and what an INSERT into a sharded table must not be. Private to this room. Pure.
#pragma once

#include "route/planning.hpp"

#include <optional>

namespace ashlar::route {

// A shard key that cannot be read, at its place in the text.
error placed(const question& q, const error& why, int location);

// Whatever its rows are: the key's type, ON CONFLICT, columns that are written in part, defaults that only one server knows.
std::optional<error> refuse_insert(const question& q, const table_facts& table);

// The rows' keys: of VALUES tuple by tuple, of a query the one that it gives to all. `tables`: of the statement when it stands by
// itself; nullptr for one inside WITH, whose columns are not resolved.
std::optional<error> take_new_rows(const question& q, const analysis* tables, const table_facts& table,
                                   prepared_plan::inside& into);

}  // namespace ashlar::route
