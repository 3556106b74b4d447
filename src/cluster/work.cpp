#include "cluster/work.hpp"

#include "cluster/rows_inside.hpp"
#include "core/assert.hpp"

#include <fmt/format.h>

namespace ashlar::detail {

namespace {

// Lends a connection for each step and keeps the leases until the statement is done.
struct lender {
    io::loop& loop;
    const topology::world& world;
    route::target where;
    std::string database;
    deadline until;
    std::vector<pool::lease> held;

    const topology::member& member(const route::step& step) const {
        if (where != route::target::unsharded) return world.shard(step.shard);
        const topology::member* named = world.find(database);
        ASHLAR_ASSERT(named != nullptr);
        return *named;
    }

    io::task<result<driver::connection*>> lend(route::step step) {
        auto lent = co_await member(step).pool->lend(loop, until);
        if (!lent) co_return std::move(lent).error();
        held.push_back(std::move(*lent));
        co_return &*held.back();
    }
};

error too_many_bytes(std::uint64_t max) {
    return error{errc::limit_reached, fmt::format("the answer has more than {} bytes of rows", max)}.hint(
        "Ask for fewer rows, or raise cluster_options.rows_memory_max.");
}

}  // namespace

std::vector<driver::parameter> to_parameters(const std::vector<value>& values) {
    std::vector<driver::parameter> parameters;
    parameters.reserve(values.size());
    for (const value& each : values) parameters.push_back(driver::to_parameter(each));
    return parameters;
}

std::vector<route::bound_parameter> to_bound(const std::vector<driver::parameter>& parameters) {
    std::vector<route::bound_parameter> bound;
    bound.reserve(parameters.size());
    for (const driver::parameter& each : parameters) {
        route::bound_parameter& b = bound.emplace_back();
        if (each.bytes) b.bytes = *each.bytes;
        b.type = each.type;
        b.format = each.format;
    }
    return bound;
}

route::bound_plan plan_for_one(std::string_view sql, const topology::member& where) {
    route::bound_plan plan;
    plan.where = route::target::unsharded;
    plan.because = route::routed_because::unsharded_table;
    plan.database = where.name;
    plan.steps.emplace_back().sql = std::string{sql};
    return plan;
}

const topology::member& member_of(const topology::world& world, const route::bound_plan& plan,
                                  const route::step& step) {
    if (plan.where != route::target::unsharded) return world.shard(step.shard);
    const topology::member* named = world.find(plan.database);
    ASHLAR_ASSERT(named != nullptr);
    return *named;
}

io::task<result<rows>> collect(io::loop& loop, route::bound_plan plan, std::vector<driver::parameter> parameters,
                               execute::connection_source source, const cluster_options& options, deadline until) {
    execute::limits within;
    within.merge_memory_max = options.merge_memory_max;
    within.fan_out_max = options.fan_out_max;
    auto begun = co_await execute::run(loop, std::move(plan), std::move(parameters), std::move(source),
                                       cell_format::text, within, until);
    if (!begun) co_return std::move(begun).error();
    std::unique_ptr<execute::answer> answer = std::move(*begun);
    auto all = std::make_shared<rows_inside>();
    all->shape = answer->shape();
    for (;;) {
        row_batch part;
        auto got = co_await answer->fetch(part, until);
        if (!got) co_return std::move(got).error();
        all->add(std::move(part));
        if (*got == driver::fetched::ended) break;
        if (all->byte_size > options.rows_memory_max) {
            co_await answer->abandon();
            co_return too_many_bytes(options.rows_memory_max);
        }
    }
    all->shape = answer->shape();  // SQLite knows the types of expressions once it has rows
    all->completed = answer->completed();
    co_return rows{std::move(all)};
}

namespace {

io::task<result<rows>> run_scattered(io::loop& loop, const cluster_inside& inside, route::bound_plan plan,
                                     std::vector<driver::parameter> parameters) {
    const deadline until = inside.until();
    lender leases{loop, inside.world(), plan.where, plan.database, until, {}};
    leases.held.reserve(plan.steps.size());
    execute::connection_source source = [&leases](const route::step& step) { return leases.lend(step); };
    co_return co_await collect(loop, std::move(plan), std::move(parameters), std::move(source), inside.options(),
                               until);
}

// As the executor's messages name a place.
std::string spoken(const topology::member& where, std::optional<keyspace::shard_id> shard) {
    return shard.has_value() ? fmt::format("shard {}", keyspace::index_of(*shard) + 1) : where.name;
}

// How long a statement that is of no more use may take to end before its connection is given up.
constexpr seconds drain_time{5};

io::task<void> abandon(driver::connection& on) {
    on.cancel();
    const deadline until = deadline::in(drain_time);
    for (row_batch dropped;; dropped.clear()) {
        auto got = co_await on.fetch(dropped, until);
        if (!got || *got == driver::fetched::ended) co_return;
    }
}

}  // namespace

io::task<result<rows>> run_alone(io::loop& loop, const cluster_inside& inside, const topology::member& where,
                                 std::optional<keyspace::shard_id> shard, driver::statement what) {
    const deadline until = inside.until();
    pool::lease lease = where.pool->lend_ready(loop);
    if (!lease) {
        auto lent = co_await where.pool->lend(loop, until);
        if (!lent) co_return std::move(lent).error().on(spoken(where, shard));
        lease = std::move(*lent);
    }
    auto shape = co_await lease->start(std::move(what), until);
    if (!shape) co_return std::move(shape).error().on(spoken(where, shard));
    auto all = std::make_shared<rows_inside>();
    all->shape = std::move(*shape);
    while (!lease->at_end()) {
        row_batch part;
        auto got = co_await lease->fetch(part, until);
        if (!got) co_return std::move(got).error().on(spoken(where, shard));
        all->add(std::move(part));
        if (*got == driver::fetched::ended) break;
        if (all->byte_size > inside.options().rows_memory_max) {
            if (!lease->at_end()) co_await abandon(*lease);
            co_return too_many_bytes(inside.options().rows_memory_max);
        }
    }
    all->completed = lease->completed();
    co_return rows{std::move(all)};
}

io::task<result<rows>> run_on_leases(io::loop& loop, const cluster_inside& inside, route::bound_plan plan,
                                     std::vector<driver::parameter> parameters) {
    if (plan.merge != nullptr) return run_scattered(loop, inside, std::move(plan), std::move(parameters));
    ASHLAR_ASSERT(plan.steps.size() == 1);
    route::step& step = plan.steps.front();
    driver::statement what;
    what.sql = std::move(step.sql);
    if (step.all_parameters) {
        what.parameters = std::move(parameters);
    } else {
        for (const std::size_t index : step.parameters) what.parameters.push_back(parameters.at(index));
    }
    const bool sharded = plan.where != route::target::unsharded;
    const topology::member& where = member_of(inside.world(), plan, step);
    return run_alone(loop, inside, where, sharded ? std::optional{step.shard} : std::nullopt, std::move(what));
}

io::task<status> run_script_on(io::loop& loop, const cluster_inside& inside, const topology::member& where,
                               std::string sql) {
    const deadline until = inside.until();
    auto lent = co_await where.pool->lend(loop, until);
    if (!lent) co_return std::move(lent).error().on(where.name);
    pool::lease lease = std::move(*lent);
    status done = co_await lease->run_script(std::move(sql), until);
    if (!done) co_return std::move(done).error().on(where.name);
    co_return done;
}

rows rows_of_lines(const std::string& name, const std::vector<std::string>& lines) {
    auto all = std::make_shared<rows_inside>();
    all->shape.emplace_back().name = name;
    row_batch part;
    for (const std::string& line : lines) {
        part.add(std::string_view{line});
        part.end_row();
    }
    all->add(std::move(part));
    all->completed.tag = "EXPLAIN";
    return rows{std::move(all)};
}

}  // namespace ashlar::detail
