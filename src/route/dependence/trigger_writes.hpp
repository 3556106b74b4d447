// trigger_writes.hpp: may a trigger of a sharded table run on the shard of its row? What it writes is followed: a write of
// co-located rows sets off the triggers of their table, and what foreign keys do to the rows that refer to them. Pure.
#pragma once

#include "route/dependence/dependents.hpp"

#include <string>

namespace ashlar::route {

// What is in the way, behind "the trigger calls f(), which": "names audit, which is not on the shards"; "" = nothing.
// Precondition: the hindrances of all tables are known, but for those that triggers make.
std::string why_it_leaves_its_shard(const dependents& of, const schema_objects::trigger& t, const table_facts& table);

// Does a BEFORE ROW trigger perhaps give the row another key?
bool may_change_key(const dependents& of, const schema_objects::trigger& t, const table_facts& table);

verbs fires_on(const schema_objects::trigger& t);

}  // namespace ashlar::route
