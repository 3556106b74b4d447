// steps.hpp: what follows from each kind of object for the relations that it belongs to or reads. dependence.cpp has the order. Pure.
#pragma once

#include "route/dependence/dependents.hpp"

namespace ashlar::route {

// A partition or an heir of a sharded table is one itself, with the same key.
void add_children(dependents& of);
void look_at_parent(dependents& of, const schema_objects::child& c);
// Rows that are written to the parent may be stored in a child: what forbids writes there forbids them here.
void look_at_writes_to_children(dependents& of);

void add_view(dependents& of, const schema_objects::view& v);
// A view over unsharded tables can be written: what happens then happens to its tables.
void look_at_writes_through_views(dependents& of);

// A view over one sharded or reference table that PostgreSQL writes through. When all is said of its table.
void add_written_views(dependents& of);

void look_at_trigger(dependents& of, const schema_objects::trigger& t);
void look_at_rule(dependents& of, const schema_objects::rule& r);
void look_at_event_trigger(dependents& of, const schema_objects::event_trigger& e);
void look_at_foreign_key(dependents& of, const schema_objects::foreign_key& k);
// The columns of the other table, which a foreign key to its primary key does not name.
std::vector<std::string> referred_columns(const schema_objects::foreign_key& k, const table_facts& to);
// What a foreign key does to the rows that refer to a deleted or changed one: what forbids that, forbids it here.
void look_at_cascades(dependents& of);
void look_at_expression(dependents& of, const schema_objects::expression& e);
// Operators, casts and domains whose functions touch tables.
void look_at_operators(dependents& of);

}  // namespace ashlar::route
