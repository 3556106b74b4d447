#include "cluster/open_transaction.hpp"

#include "cluster/observed.hpp"
#include "cluster/silence.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::detail {

namespace {

driver::transaction_options to_driver(const transaction_options& options) {
    driver::transaction_options to;
    switch (options.isolation) {
        case isolation::server_default:
            to.level = driver::isolation::server_default;
            break;
        case isolation::read_committed:
            to.level = driver::isolation::read_committed;
            break;
        case isolation::repeatable_read:
            to.level = driver::isolation::repeatable_read;
            break;
        case isolation::serializable:
            to.level = driver::isolation::serializable;
            break;
    }
    to.read_only = options.read_only;
    return to;
}

std::vector<const topology::member*> members_of(const topology::world& world, const route::bound_plan& plan,
                                                const topology::member* only) {
    if (only != nullptr) return {only};
    std::vector<const topology::member*> all;
    for (const route::step& each : plan.steps) all.push_back(&member_of(world, plan, each));
    return all;
}

}  // namespace

error only_reads() {
    return error{errc::read_only, "what reading() gives takes only statements that read"}.hint(
        "Ask the cluster itself, or writing(), for what changes rows.");
}

open_transaction::open_transaction(std::shared_ptr<cluster_inside> inside, transaction_options options,
                                   view_pointer seen) noexcept
    : inside_(std::move(inside)), options_(options), view_(std::move(seen)) {
    if (view_->reads) options_.read_only = true;
}

status open_transaction::may_run() const {
    switch (state_) {
        case state::open:
            return {};
        case state::failed:
            return error{errc::transaction_failed};
        case state::ended:
            return error{errc::transaction_state, "the transaction has ended"};
    }
    return {};
}

execute::participant* open_transaction::find(const topology::member& where) noexcept {
    const auto at = std::ranges::find(participants_, &where, &execute::participant::where);
    return at == participants_.end() ? nullptr : &*at;
}

// The connection on which a database takes part. A second one that cannot join the host's transaction still may, with a
// transaction of its own, as long as only one of the two writes.
io::task<result<driver::connection*>> open_transaction::take_in(io::loop& loop, const topology::member& where,
                                                                bool writes, deadline until, pool::borrower who) {
    if (execute::participant* known = find(where)) {
        if (writes && !known->wrote) {
            if (status may = execute::may_write(participants_, where, known->part().with_host()); !may) {
                co_return std::move(may).error();
            }
            known->wrote = true;
        }
        co_return &known->on();
    }
    execute::participant fresh;
    fresh.where = &where;
    fresh.in_block = true;
    fresh.wrote = writes;
    execute::participant* const host = execute::host_of(participants_);
    if (host != nullptr && execute::commits_with_others(where)) {
        if (writes) {
            if (status may = execute::may_write(participants_, where, true); !may) co_return std::move(may).error();
        }
        const bool must = writes && !execute::may_write(participants_, where, false);
        auto made = co_await execute::join(loop, where, host->on(), must, until);
        if (!made) co_return std::move(made).error();
        if (*made != nullptr) {
            fresh.joined = std::move(*made);
            participants_.push_back(std::move(fresh));
            co_return &participants_.back().on();
        }
    }
    if (writes) {
        if (status may = execute::may_write(participants_, where, false); !may) co_return std::move(may).error();
    }
    auto lent = co_await lend(loop, where, until, who);
    if (!lent) co_return std::move(lent).error();
    if (lent->from_replica) where.servers->took_replica();
    fresh.loan = std::move(*lent);
    driver::transaction_options how = to_driver(options_);
    how.moment = began_;
    status begun = co_await fresh.loan.lease->begin(how, until);
    if (!begun) {
        told(fresh, begun);
        co_return std::move(begun).error();
    }
    fresh.is_host = host == nullptr && execute::commits_with_others(where);
    participants_.push_back(std::move(fresh));
    co_return &participants_.back().on();
}

io::task<result<topology::loan>> open_transaction::lend(io::loop& loop, const topology::member& where, deadline until,
                                                        pool::borrower who) {
    if (!view_->reads || where.servers->is_alone()) return where.servers->lend_to_write(loop, until, who);
    topology::reading_terms terms;
    terms.max_staleness = view_->max_staleness;
    view_->seen->add_to(terms, where.number);
    return where.servers->lend_to_read(loop, terms, until, who);
}

// A replica that takes part, and from which the monitor got no answer.
std::string open_transaction::silent_replica(instant now) const {
    for (const execute::participant& each : participants_) {
        if (!each.loan.lease || !each.loan.from_replica) continue;
        topology::server_set& servers = *each.where->servers;
        if (servers.is_in_doubt(each.loan.server, now) && servers.is_silent(each.loan.server))
            return servers.servers()[each.loan.server].name;
    }
    return {};
}

void open_transaction::told(const execute::participant& p, const status& how) {
    if (p.joined != nullptr) return;
    if (!how && !p.loan.lease->is_reusable())
        p.where->servers->failed(p.loan.server, how.error());
    else
        p.where->servers->well(p.loan.server);
}

io::task<result<rows>> open_transaction::run(io::loop& loop, route::bound_plan plan,
                                             std::vector<driver::parameter> parameters, bool writes,
                                             const topology::member* only) {
    if (status may = may_run(); !may) co_return std::move(may).error();
    if (writes && view_->reads) co_return detail::only_reads();
    const std::vector<const topology::member*> where = members_of(inside_->world(), plan, only);
    for (const topology::member* each : where) {
        if (!writes || execute::commits_with_others(*each)) continue;
        if (each != where.front()) co_return execute::two_writers(*where.front(), *each);
        if (status may = execute::may_write(participants_, *each, false); !may) co_return std::move(may).error();
    }
    const deadline until = inside_->until();
    const route::target target = plan.where;
    const std::string database = plan.database;
    struct sent {
        const topology::member* where;
        std::string sql;
    };
    observed note{*inside_, view_->reads ? server_role::reading : server_role::writing, true};
    std::vector<sent> all_sent;  // for the observer
    const pool::borrower who = plan.steps.size() > 1 ? pool::borrower::fan_out : pool::borrower::one_database;
    execute::connection_source source = [&, only, writes, who](const route::step& step) {
        const topology::member& at = only != nullptr                      ? *only
                                     : target != route::target::unsharded ? inside_->world().shard(step.shard)
                                                                          : *inside_->world().find(database);
        if (note) all_sent.push_back({&at, step.sql});
        return take_in(loop, at, writes, until, who);
    };
    auto from = execute::lender_from(std::move(source));
    io::task<result<rows>> work =
        collect(loop, std::move(plan), std::move(parameters), std::move(from), *inside_, until);
    silent_server look = [this, &loop] { return silent_replica(loop.now()); };
    if (view_->reads) work = unless_silent(loop, std::move(work), std::move(look));
    auto done = co_await work;
    if (!done) {
        state_ = state::failed;
        const status how = done.error();
        for (const execute::participant& each : participants_) told(each, how);
    }
    for (const sent& each : all_sent) {
        if (const execute::participant* at = find(*each.where)) note.sent(*each.where, at->loan, each.sql);
    }
    note.ended(done ? nullptr : &done.error());
    co_return done;
}

// What joined ends before its host may be used for anything else.
void open_transaction::let_go() noexcept {
    execute::credit_host(participants_);
    participants_.remove_if([](const execute::participant& each) { return each.joined != nullptr; });
}

io::task<status> open_transaction::end(execute::ending how) {
    state_ = state::ended;
    let_go();
    execute::ended_hook hook = [this](execute::participant& p, execute::ending was, const status& came) {
        if (p.wrote && was == execute::ending::commit && !p.where->servers->is_alone())
            view_->seen->wrote(p.where->number);
        told(p, came);
    };
    const deadline until = inside_->until();
    execute::outcome out = co_await execute::end(execute::pointers_to(participants_), how, std::move(hook), until);
    participants_.clear();
    if (out.why) co_return std::move(*out.why);
    co_return status{};
}

io::task<status> open_transaction::commit(io::loop& loop) {
    if (status may = may_run(); !may) {
        co_await rollback(loop);
        co_return may;
    }
    co_return co_await end(execute::ending::commit);
}

io::task<void> open_transaction::rollback(io::loop& loop) {
    (void)loop;
    (void)co_await end(execute::ending::rollback);
}

}  // namespace ashlar::detail
