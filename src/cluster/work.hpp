// work.hpp: the coroutines under the public API: one bound plan, on connections lent for it, to whole rows.
#pragma once

#include "cluster/cluster_inside.hpp"
#include "cluster/view.hpp"
#include "driver/connection.hpp"
#include "execute/executor.hpp"
#include "route/plan.hpp"

#include <ashlar/row.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace ashlar::detail {

std::vector<driver::parameter> to_parameters(const std::vector<value>& values);
// Views into the parameters, for the planner.
std::vector<route::bound_parameter> to_bound(const std::vector<driver::parameter>& parameters);

// A plan of one step that sends the text as it is to one database.
route::bound_plan plan_for_one(std::string_view sql, const topology::member& where);
// The database of a step. Precondition: the plan is of this world.
const topology::member& member_of(const topology::world& world, const route::bound_plan& plan, const route::step& step);

// Runs the plan on connections that `from` hands out, and collects its rows.
io::task<result<rows>> collect(io::loop& loop, route::bound_plan plan, std::vector<driver::parameter> parameters,
                               std::unique_ptr<execute::lender> from, const cluster_inside& inside, deadline until);

// What a statement does with its databases.
struct intent {
    bool reads_replicas = false;  // proven to read: on replicas, as `view` says
    bool in_read_only = false;    // in a transaction of its own that can write nothing: what it does is not known
    bool may_write = true;        // what `view` has to remember
    bool anywhere = false;        // every shard has the answer: one that answers is asked
};

// The same on connections lent for this plan alone, all of `only` when it is given. A read on a replica that goes away, or
// whose recovery cancels it, is tried elsewhere: nobody has seen its rows.
io::task<result<rows>> run_on_leases(io::loop& loop, const cluster_inside& inside, route::bound_plan plan,
                                     std::vector<driver::parameter> parameters, const topology::member* only,
                                     intent what, const view& seen);

// One statement on one database's writer: what most calls come to, without the executor between. `shard` is for messages.
io::task<result<rows>> run_alone(io::loop& loop, const cluster_inside& inside, const topology::member& where,
                                 std::optional<keyspace::shard_id> shard, driver::statement what, bool may_write,
                                 const view& seen);

// Several statements without rows on one database.
io::task<status> run_script_on(io::loop& loop, const cluster_inside& inside, const topology::member& where,
                               std::string sql, const view& seen);

// Lines as rows of one column, as EXPLAIN gives them.
rows rows_of_lines(const std::string& column, const std::vector<std::string>& lines);

}  // namespace ashlar::detail
