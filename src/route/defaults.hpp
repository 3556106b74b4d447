// defaults.hpp: which columns of a written row are left to their defaults, and when that must not be. Private to this room. Pure.
#pragma once

#include "route/planning.hpp"

#include <optional>
#include <string>
#include <vector>

namespace ashlar::route {

bool is_default(const sql::expression& e);

// The columns that an INSERT fills in, in order; empty when they cannot be told.
std::vector<std::string> columns_of(const sql::statement& s, const table_facts& table);

// Does some row of an INSERT, which fills in `columns`, leave this one to its default?
bool is_left(const sql::statement& s, const std::vector<std::string>& columns, const std::string& name);

// The first column with this property that some row of an INSERT leaves to its default.
const column_facts* left_to_default(const sql::statement& s, const table_facts& table, bool column_facts::*bad);

// A column numbered by a sequence (or by SQLite's rowid) must get its value from the statement: each shard would count for
// itself. Parameters that must not be NULL for this are added to `into`.
std::optional<error> refuse_sequences(const question& q, const table_facts& table, prepared_plan::inside& into);

}  // namespace ashlar::route
