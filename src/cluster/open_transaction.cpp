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

error two_writers(const topology::member& a, const topology::member& b) {
    if (a.pool->server().speaks() == driver::dialect::sqlite) {
        return error{errc::unsupported, fmt::format("{} and {} cannot be written as one", a.name, b.name)}.hint(
            "Only SQLite files out of WAL mode, and 11 of them at most, are committed as one.");
    }
    return error{
        errc::unsupported,
        fmt::format("writing on {} and {} as one needs two-phase commit, which is not there yet", a.name, b.name)}
        .hint("Keep what a transaction writes on one shard, or write shard by shard and make it safe to repeat.");
}

// Can two databases like this one be written in one transaction?
bool commits_with_others(const topology::member& m) {
    return m.pool->server().speaks() == driver::dialect::sqlite;
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

status open_transaction::may_write(const topology::member& where, bool joins_host) const {
    for (const auto& [member, each] : participants_) {
        if (!each.wrote || member == &where) continue;
        const bool with_host = each.joined != nullptr || member == host_;
        if (!with_host || !joins_host) return two_writers(*member, where);
    }
    return {};
}

// The connection on which a database takes part. A second one that cannot join the host's transaction still may, with a
// transaction of its own, as long as only one of the two writes.
io::task<result<driver::connection*>> open_transaction::take_in(io::loop& loop, const topology::member& where,
                                                                bool writes, deadline until, pool::borrower who) {
    if (auto found = participants_.find(&where); found != participants_.end()) {
        participant& known = found->second;
        if (writes && !known.wrote) {
            if (status may = may_write(where, known.joined != nullptr || &where == host_); !may) {
                co_return std::move(may).error();
            }
            known.wrote = true;
        }
        co_return &known.on();
    }
    bool joined = false;
    if (status tried = co_await join_host(loop, where, writes, until, joined); !tried)
        co_return std::move(tried).error();
    if (joined) co_return &participants_.find(&where)->second.on();
    if (writes) {
        if (status may = may_write(where, false); !may) co_return std::move(may).error();
    }
    auto lent = co_await lend(loop, where, until, who);
    if (!lent) co_return std::move(lent).error();
    participant fresh;
    if (lent->from_replica) where.servers->took_replica();
    fresh.loan = std::move(*lent);
    fresh.wrote = writes;
    driver::transaction_options how = to_driver(options_);
    status begun = co_await fresh.loan.lease->begin(how, until);
    if (!begun) {
        told(where, fresh, begun);
        co_return std::move(begun).error();
    }
    if (host_ == nullptr && commits_with_others(where)) host_ = &where;
    driver::connection* connection = &fresh.on();
    participants_.emplace(&where, std::move(fresh));
    co_return connection;
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
    for (const auto& [member, each] : participants_) {
        if (!each.loan.lease || !each.loan.from_replica) continue;
        topology::server_set& servers = *member->servers;
        if (servers.is_in_doubt(each.loan.server, now) && servers.is_silent(each.loan.server))
            return servers.servers()[each.loan.server].name;
    }
    return {};
}

void open_transaction::told(const topology::member& where, const participant& p, const status& how) {
    if (p.joined != nullptr) return;
    if (!how && !p.loan.lease->is_reusable())
        where.servers->failed(p.loan.server, how.error());
    else
        where.servers->well(p.loan.server);
}

io::task<status> open_transaction::join_host(io::loop& loop, const topology::member& where, bool writes, deadline until,
                                             bool& joined) {
    if (host_ == nullptr || !commits_with_others(where)) co_return status{};
    if (writes) {
        if (status may = may_write(where, true); !may) co_return may;
    }
    status passed = co_await where.servers->pass_gate(loop, until);
    if (!passed) co_return passed;
    auto made = co_await where.pool->server().join(participants_.find(host_)->second.on(), until);
    if (!made) {
        const bool must_join = made.error() != errc::unsupported || (writes && !may_write(where, false));
        if (must_join) co_return std::move(made).error();
        co_return status{};
    }
    participant fresh;
    fresh.joined = std::move(*made);
    fresh.wrote = writes;
    joined = true;
    participants_.emplace(&where, std::move(fresh));
    co_return status{};
}

io::task<result<rows>> open_transaction::run(io::loop& loop, route::bound_plan plan,
                                             std::vector<driver::parameter> parameters, bool writes,
                                             const topology::member* only) {
    if (status may = may_run(); !may) co_return std::move(may).error();
    if (writes && view_->reads) co_return detail::only_reads();
    const std::vector<const topology::member*> where = members_of(inside_->world(), plan, only);
    for (const topology::member* each : where) {
        if (!writes || commits_with_others(*each)) continue;
        if (each != where.front()) co_return two_writers(*where.front(), *each);
        if (status may = may_write(*each, false); !may) co_return std::move(may).error();
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
        for (const auto& [member, each] : participants_) told(*member, each, how);
    }
    for (const sent& each : all_sent) {
        const auto found = participants_.find(each.where);
        if (found != participants_.end()) note.sent(*each.where, found->second.loan, each.sql);
    }
    note.ended(done ? nullptr : &done.error());
    co_return done;
}

// What joined ends before its host may be used for anything else.
void open_transaction::let_go() noexcept {
    std::erase_if(participants_, [](const auto& each) { return each.second.joined != nullptr; });
}

io::task<status> open_transaction::commit(io::loop& loop) {
    if (status may = may_run(); !may) {
        co_await rollback(loop);
        co_return may;
    }
    state_ = state::ended;
    const deadline until = inside_->until();
    status outcome;
    const bool any_wrote = std::ranges::any_of(participants_, [](const auto& each) { return each.second.wrote; });
    if (host_ != nullptr) {
        participants_.find(host_)->second.wrote |=
            std::ranges::any_of(participants_, [](const auto& p) { return p.second.joined && p.second.wrote; });
    }
    let_go();
    // Who wrote goes first: should that commit fail, the others have nothing to lose.
    for (const bool writers : {true, false}) {
        for (auto& [member, each] : participants_) {
            if (each.wrote != writers) continue;
            status closed = co_await each.loan.lease->commit(until);
            if (each.wrote && !member->servers->is_alone()) view_->seen->wrote(member->number);
            told(*member, each, closed);
            if (!closed && outcome && (writers || !any_wrote)) outcome = std::move(closed).error().on(member->name);
        }
    }
    participants_.clear();
    co_return outcome;
}

io::task<void> open_transaction::rollback(io::loop& loop) {
    (void)loop;
    state_ = state::ended;
    const deadline until = inside_->until();
    let_go();
    for (auto& [member, each] : participants_) {
        if (!each.loan.lease->is_reusable()) {  // it is in the midst of something, or lost
            each.loan.lease.discard();
            continue;
        }
        status done = co_await each.loan.lease->rollback(until);
        told(*member, each, done);
        if (!done) each.loan.lease.discard();  // the server rolls back what it loses
    }
    participants_.clear();
}

}  // namespace ashlar::detail
