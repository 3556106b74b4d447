// planning.hpp: the steps that lead from facts to a prepared plan, one for each kind of statement. Private to this room.
#pragma once

#include "route/analysis.hpp"
#include "route/contents.hpp"
#include "route/prepared.hpp"

#include <memory>

namespace ashlar::route {

struct question {
    std::string_view text;
    const sql::statement& said;
    const catalogue& known;
    const planning_options& options;
    std::span<const std::uint32_t> declared;
    const error* one_only = nullptr;         // why the statement must not go to several shards, whatever it is
    const typed_statement* types = nullptr;  // SQLite: of the text
};

using made_plan = result<std::unique_ptr<prepared_plan::inside>>;

made_plan plan_select(const question& q);
made_plan plan_insert(const question& q);
made_plan plan_change(const question& q);  // update, delete
made_plan plan_copy(const question& q);
// A statement over sharded tables with changes inside WITH: on the one shard of all its keys. Its tables have been looked at.
made_plan plan_changes_in_with(const question& q, const analysis& tables, contents& inside);
made_plan plan_definition(const question& q);  // ddl, utility

// Shared steps.
std::unique_ptr<prepared_plan::inside> fresh(const question& q);
// For a statement that touches no sharded and no reference table: where it goes.
made_plan plan_elsewhere(const question& q, const analysis& tables, contents& inside);
// A function that would look at empty copies on the database of unsharded tables.
error refuse_touching(std::string_view text, const contents& inside);
// Oids as values in a statement for the shards.
std::optional<error> refuse_oids_on_shards(const question& q, const analysis& tables, contents& inside);
// Sharded or reference tables beside tables that live elsewhere, or behind an obstacle.
std::optional<error> refuse_mixture(const question& q, const analysis& tables);
// The same, and what else stands in the way of a statement on shards wherever its rows are.
std::optional<error> refuse_on_shards(const question& q, const analysis& tables, contents& inside);
// Fills in pins, drive and the fast path from the occurrences.
void take_pins(const analysis& tables, prepared_plan::inside& into);

}  // namespace ashlar::route
