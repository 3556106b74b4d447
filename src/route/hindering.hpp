// hindering.hpp: what dependent objects (triggers, foreign keys, views …) forbid: the refusals that the catalogue prepared, applied
// to what a statement does. Pure.
#pragma once

#include "route/catalogue.hpp"
#include "route/effects.hpp"

#include <ashlar/error.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route {

struct question;
class analysis;

// What is in the way of code on one shard, or on the database of unsharded tables: "names the sharded table orders"; "" = nothing.
// On a shard, reference tables can be read; on the other database, nothing sharded or reference may be touched.
std::string in_the_way_on_shards(const catalogue& known, const effects& does);
std::string in_the_way_on_unsharded(const catalogue& known, const effects& does);

// The columns that a statement writes: those that it names, and those that every row has a value for.
struct columns_written {
    std::vector<std::string> named, filled;
};
columns_written columns_written_by(const sql::statement& s, const table_facts& table, verb how);

// The first thing that forbids it. nullptr for the columns: they are not known.
const hindrance* first_hindrance(const table_facts& table, verb how, const columns_written* columns,
                                 bool several = false);
error refuse_hindered(std::string_view text, const table_facts& table, const hindrance& by, verb how, int location);

// Of everything that the statement touches. `several`: it would run on more than one server.
std::optional<error> refuse_hindered(const question& q, const analysis& tables, bool several = false);

}  // namespace ashlar::route
