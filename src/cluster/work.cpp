#include "cluster/work.hpp"

#include "cluster/observed.hpp"
#include "cluster/rows_inside.hpp"
#include "cluster/silence.hpp"
#include "core/assert.hpp"
#include "execute/engine_words.hpp"
#include "topology/fan_out_room.hpp"

#include <fmt/format.h>

#include <atomic>

namespace ashlar::detail {

namespace {

// The connections of one statement: one for each step, which goes back when the step has ended.
struct leases {
    io::loop& loop;
    const topology::world& world;
    route::target where;
    std::string database;
    const topology::member* only;
    deadline until;
    intent what;
    const view& seen;
    observed note;
    pool::borrower who = pool::borrower::one_database;
    std::uint64_t avoid = 0;  // servers of the only step that failed it
    struct one {
        topology::loan loan;  // its lease is empty once the step has ended
        const topology::member* of = nullptr;
    };
    std::vector<one> held;
    const timestamp began = driver::this_moment();
    topology::fan_out_room room;

    const topology::member& member(const route::step& step) const {
        if (only != nullptr) return *only;
        if (where != route::target::unsharded) return world.shard(step.shard);
        const topology::member* named = world.find(database);
        ASHLAR_ASSERT(named != nullptr);
        return *named;
    }

    topology::reading_terms terms(const topology::member& of) const {
        topology::reading_terms out;
        out.max_staleness = seen.max_staleness;
        out.avoid = avoid;
        if (seen.seen != nullptr) seen.seen->add_to(out, of.number);
        return out;
    }

    bool lend_ready(const topology::member& of, std::size_t server, topology::loan& into) const {
        into.server = server;
        into.lease = of.servers->servers()[server].pool->lend_ready(loop, who);
        return static_cast<bool>(into.lease);
    }

    io::task<status> enter(std::vector<const topology::server_set*> all) {
        auto reserved = co_await topology::fan_out_room::reserve(loop, all, until);
        if (!reserved) co_return std::move(reserved).error();
        room = std::move(*reserved);
        co_return status{};
    }

    io::task<result<driver::connection*>> lend(route::step step) {
        const topology::member& of = member(step);
        result<topology::loan> lent = topology::loan{};
        if (what.reads_replicas && !of.servers->is_alone()) {
            topology::reading_terms demanded = terms(of);
            lent = co_await of.servers->lend_to_read(loop, demanded, until, who);
        } else if (const auto server = of.servers->writer_now(); server && lend_ready(of, *server, *lent)) {
            // as in most calls: nothing to wait for
        } else {
            lent = co_await of.servers->lend_to_write(loop, until, who);
        }
        if (!lent) co_return std::move(lent).error();
        if (lent->from_replica) of.servers->took_replica();
        one& kept = held.emplace_back();
        kept.loan = std::move(*lent);
        kept.of = &of;
        driver::connection* const on = &*kept.loan.lease;
        if (what.in_read_only) {
            driver::transaction_options how;
            how.read_only = true;
            how.moment = began;
            status begun = co_await on->begin(how, until);
            if (!begun) co_return std::move(begun).error();
        }
        note.sent(of, kept.loan, step.sql);
        co_return on;
    }

    // Not within a transaction, whose end is still to come.
    void ended(const driver::connection& which) noexcept {
        for (one& each : held) {
            if (!each.loan.lease || &*each.loan.lease != &which) continue;
            room.ended(*each.of->servers);
            if (what.in_read_only || !which.is_reusable()) return;
            each.of->servers->well(each.loan.server);
            each.loan.lease.give_back();
            each.loan.instead = {};
            return;
        }
    }

    // One that is waited for and from which the monitor got no answer.
    std::string silent() const {
        const instant now = loop.now();
        for (const one& each : held) {
            if (!each.loan.lease || !each.loan.from_replica) continue;
            if (each.of->servers->is_in_doubt(each.loan.server, now) && each.of->servers->is_silent(each.loan.server))
                return each.of->servers->servers()[each.loan.server].name;
        }
        return {};
    }

    // What the servers and the observer learn, and what the session has to remember.
    void conclude(const error* why) {
        note.ended(why);
        const bool by_silence = !silent().empty();  // then the others' connections are not at fault
        for (const one& each : held) {
            if (why != nullptr && each.loan.lease && !each.loan.lease->is_reusable()) {
                if (!by_silence || each.of->servers->is_silent(each.loan.server)) {
                    each.of->servers->failed(each.loan.server, *why);
                    if (each.loan.server < 64) avoid |= std::uint64_t{1} << each.loan.server;
                }
            } else {
                each.of->servers->well(each.loan.server);
            }
            if (what.may_write && seen.seen != nullptr && !each.of->servers->is_alone())
                seen.seen->wrote(each.of->number);
        }
    }
};

class lending final : public execute::lender {
public:
    explicit lending(leases& of) noexcept : of_(of) {}
    task<status> enter(const route::bound_plan& plan, deadline) override {
        std::vector<const topology::server_set*> all;
        for (const route::step& each : plan.steps) all.push_back(of_.member(each).servers.get());
        return of_.enter(std::move(all));
    }
    task<result<driver::connection*>> lend(const route::step& step) override { return of_.lend(step); }
    void ended(driver::connection& which) noexcept override { of_.ended(which); }

private:
    leases& of_;  // which outlives the answer
};

// Nothing of it has been seen by anybody, and another server may do better: each time when the one before went away (it is not
// asked again), once when its recovery was in the statement's way.
bool may_try_again(const error& why, int attempt) {
    return (why == errc::connection_lost && attempt < 8) || (why == errc::serialization_failed && attempt == 0);
}

error too_many_bytes(std::uint64_t max) {
    return error{errc::limit_reached, fmt::format("the answer has more than {} bytes of rows", max)}.hint(
        "Ask for fewer rows, or raise cluster_options.rows_memory_max.");
}

error left_open() {
    return error{errc::transaction_state, "the script ended inside of a transaction, which was rolled back"}.hint(
        "End it with COMMIT.");
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
                               std::unique_ptr<execute::lender> from, const cluster_inside& inside, deadline until) {
    const cluster_options& options = inside.options();
    memory_account account{inside.memory()};
    execute::limits within;
    within.merge_memory_max = options.merge_memory_max;
    within.fan_out_max = options.fan_out_max;
    within.account = &account;
    within.object_ids = inside.world().catalogue()->oids;
    memory_part collected{&account};
    auto begun = co_await execute::run(loop, std::move(plan), std::move(parameters), std::move(from), cell_format::text,
                                       within, until);
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
        status granted = collected.set(all->byte_size);
        if (granted && all->byte_size > options.rows_memory_max) granted = too_many_bytes(options.rows_memory_max);
        if (!granted) {
            co_await answer->abandon();
            co_return std::move(granted).error();
        }
    }
    all->shape = answer->shape();  // SQLite knows the types of expressions once it has rows
    all->completed = answer->completed();
    co_return rows{std::move(all)};
}

namespace {

io::task<result<rows>> run_scattered(io::loop& loop, const cluster_inside& inside, route::bound_plan plan,
                                     std::vector<driver::parameter> parameters, const topology::member* only,
                                     intent what, const view& seen) {
    const deadline until = inside.until();
    leases held{loop,
                inside.world(),
                plan.where,
                plan.database,
                only,
                until,
                what,
                seen,
                observed{inside, seen.reads ? server_role::reading : server_role::writing, false},
                plan.steps.size() > 1 ? pool::borrower::fan_out : pool::borrower::one_database,
                0,
                {},
                {}};
    held.held.reserve(plan.steps.size());
    if (!what.reads_replicas) {
        auto from = std::make_unique<lending>(held);
        auto done = co_await collect(loop, std::move(plan), std::move(parameters), std::move(from), inside, until);
        held.conclude(done ? nullptr : &done.error());
        co_return done;
    }
    silent_server look = [&held] { return held.silent(); };
    for (int attempt = 0;; ++attempt) {
        auto from = std::make_unique<lending>(held);
        io::task<result<rows>> work = collect(loop, plan, parameters, std::move(from), inside, until);
        auto done = co_await unless_silent(loop, std::move(work), look);
        held.conclude(done ? nullptr : &done.error());
        if (!done && may_try_again(done.error(), attempt)) {
            // Also one that is well: its recovery is in this statement's way.
            if (held.held.size() == 1) held.avoid |= std::uint64_t{1} << held.held.front().loan.server;
            held.held.clear();
            continue;
        }
        if (what.in_read_only && done) {
            for (const leases::one& each : held.held) (void)co_await each.loan.lease->commit(until);
        }
        co_return done;
    }
}

// As the executor's messages name a place.
std::string name_of_place(const topology::member& where, std::optional<keyspace::shard_id> shard) {
    (void)shard;
    return where.name;
}

// How long an abandoned statement may take to end before its connection is given up.
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
                                 std::optional<keyspace::shard_id> shard, driver::statement what, bool may_write,
                                 const view& seen) {
    const deadline until = inside.until();
    observed note{inside, server_role::writing, false};
    topology::server_set& servers = *where.servers;
    topology::loan loan;
    if (const auto who = servers.writer_now()) {
        loan.server = *who;
        loan.lease = servers.servers()[*who].pool->lend_ready(loop);
    }
    if (!loan.lease) {
        auto lent = co_await servers.lend_to_write(loop, until);
        if (!lent) co_return std::move(lent).error().on(name_of_place(where, shard));
        loan = std::move(*lent);
    }
    pool::lease& lease = loan.lease;
    note.sent(where, loan, what.sql);
    // What the servers and the observer learn, and what the session has to remember.
    const auto told = [&](error why) {
        if (!lease->is_reusable())
            servers.failed(loan.server, why);
        else
            servers.well(loan.server);
        if (may_write && !servers.is_alone()) seen.seen->wrote(where.number);
        why.on(name_of_place(where, shard));
        note.ended(&why);
        return why;
    };
    memory_account account{inside.memory()};
    memory_part collected{&account};
    if (auto misread = execute::misread_by(*lease, what.sql)) co_return told(std::move(*misread));
    const std::string to_a_file = lease->speaks() == driver::dialect::sqlite ? what.sql : std::string{};
    auto shape = co_await lease->start(std::move(what), until);
    if (!shape) co_return told(execute::in_our_words(std::move(shape).error(), *lease, to_a_file));
    auto all = std::make_shared<rows_inside>();
    all->shape = std::move(*shape);
    while (!lease->at_end()) {
        row_batch part;
        auto got = co_await lease->fetch(part, until);
        if (!got) co_return told(std::move(got).error());
        all->add(std::move(part));
        if (*got == driver::fetched::ended) break;
        status granted = collected.set(all->byte_size);
        if (granted && all->byte_size > inside.options().rows_memory_max) {
            granted = too_many_bytes(inside.options().rows_memory_max);
        }
        if (!granted) {
            if (!lease->at_end()) co_await abandon(*lease);
            if (may_write && !servers.is_alone()) seen.seen->wrote(where.number);
            note.ended(&granted.error());
            co_return std::move(granted).error();
        }
    }
    all->completed = lease->completed();
    servers.well(loan.server);
    if (may_write && !servers.is_alone()) seen.seen->wrote(where.number);
    note.ended(nullptr);
    co_return rows{std::move(all)};
}

namespace {

// The first shard, from the one whose turn it is, that answers as far as is known.
keyspace::shard_id well_shard(const topology::world& world, instant now) {
    static std::atomic<std::uint32_t> turns{0};
    const std::size_t among = world.shards().size(), turn = turns.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < among; ++i) {
        const std::size_t each = (turn + i) % among;
        if (world.shards()[each].servers->seems_well(now)) return static_cast<keyspace::shard_id>(each);
    }
    return static_cast<keyspace::shard_id>(turn % among);
}

// A statement that every shard answers alike: from a shard that answers, and from another one if that proves wrong.
io::task<result<rows>> run_anywhere(io::loop& loop, const cluster_inside& inside, driver::statement what,
                                    const view& seen) {
    const std::size_t among = inside.world().shards().size();
    for (std::size_t attempt = 1;; ++attempt) {
        const keyspace::shard_id shard = well_shard(inside.world(), steady_clock::now());
        const topology::member& where = inside.world().shard(shard);
        silent_server look = [&where, &loop]() -> std::string {
            const auto who = where.servers->writer_now();
            if (!who || !where.servers->is_in_doubt(*who, loop.now()) || !where.servers->is_silent(*who)) return {};
            return where.name;
        };
        io::task<result<rows>> work = run_alone(loop, inside, where, shard, what, false, seen);
        auto done = co_await unless_silent(loop, std::move(work), std::move(look));
        const bool elsewhere =
            !done && (done.error() == errc::connection_lost || done.error() == errc::connect_failed ||
                      done.error() == errc::shard_unavailable || done.error() == errc::pool_timeout);
        if (!elsewhere || attempt >= among) co_return done;
    }
}

io::task<result<rows>> refused(error why) {
    co_return why;
}

error too_few_parameters(std::size_t named, std::size_t came) {
    return error{errc::invalid_argument,
                 fmt::format("the statement names ${}, but only {} parameters came", named, came)}
        .sqlstate("08P01");
}

}  // namespace

io::task<result<rows>> run_on_leases(io::loop& loop, const cluster_inside& inside, route::bound_plan plan,
                                     std::vector<driver::parameter> parameters, const topology::member* only,
                                     intent what, const view& seen) {
    if (plan.merge != nullptr || what.reads_replicas) {
        return run_scattered(loop, inside, std::move(plan), std::move(parameters), only, what, seen);
    }
    if (plan.steps.size() != 1) {
        return refused(error{errc::unsupported, "the statement cannot be run on a database by itself"});
    }
    route::step& step = plan.steps.front();
    driver::statement sent;
    sent.sql = std::move(step.sql);
    if (plan.shows != nullptr) sent.shows = *plan.shows;
    if (plan.types) {
        status typed = execute::type_parameters(*plan.types, true, execute::session_names{}, parameters);
        if (!typed) return refused(std::move(typed).error());
    }
    if (step.all_parameters) {
        sent.parameters = std::move(parameters);
    } else {
        for (const std::size_t index : step.parameters) {
            if (index >= parameters.size()) {
                return refused(too_few_parameters(index + 1, parameters.size()));
            }
            sent.parameters.push_back(parameters[index]);
        }
    }
    if (what.anywhere && only == nullptr) return run_anywhere(loop, inside, std::move(sent), seen);
    const bool sharded = only == nullptr && plan.where != route::target::unsharded;
    const topology::member& where = only != nullptr ? *only : member_of(inside.world(), plan, step);
    return run_alone(loop, inside, where, sharded ? std::optional{step.shard} : std::nullopt, std::move(sent),
                     what.may_write, seen);
}

io::task<status> run_script_on(io::loop& loop, const cluster_inside& inside, const topology::member& where,
                               std::string sql, const view& seen) {
    const deadline until = inside.until();
    observed note{inside, server_role::writing, false};
    auto lent = co_await where.servers->lend_to_write(loop, until);
    if (!lent) co_return std::move(lent).error().on(where.name);
    note.sent(where, *lent, sql);
    status done = co_await lent->lease->run_script(std::move(sql), until);
    if (done && lent->lease->in_transaction()) {
        done = co_await lent->lease->rollback(until);
        if (done) done = left_open();
    }
    note.ended(done ? nullptr : &done.error());
    if (seen.seen != nullptr && !where.servers->is_alone()) seen.seen->wrote(where.number);
    if (!done) {
        where.servers->failed(lent->server, done.error());
        co_return std::move(done).error().on(where.name);
    }
    where.servers->well(lent->server);
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
