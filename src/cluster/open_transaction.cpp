#include "cluster/open_transaction.hpp"

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
    return error{
        errc::unsupported,
        fmt::format("writing on {} and {} as one needs two-phase commit, which is not there yet", a.name, b.name)}
        .hint("Keep what a transaction writes on one shard, or write shard by shard and make it safe to repeat.");
}

}  // namespace

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

status open_transaction::may_write(const std::vector<const topology::member*>& where) const {
    const topology::member* writer = writer_ != nullptr ? writer_ : where.front();
    for (const topology::member* each : where) {
        if (each != writer) return two_writers(*writer, *each);
    }
    return {};
}

io::task<result<driver::connection*>> open_transaction::join(io::loop& loop, const topology::member& where,
                                                             deadline until) {
    if (auto found = joined_.find(&where); found != joined_.end()) co_return &*found->second;
    auto lent = co_await where.pool->lend(loop, until);
    if (!lent) co_return std::move(lent).error();
    pool::lease lease = std::move(*lent);
    driver::transaction_options how = to_driver(options_);
    status begun = co_await lease->begin(how, until);
    if (!begun) co_return std::move(begun).error();
    driver::connection* connection = &*lease;
    joined_.emplace(&where, std::move(lease));
    co_return connection;
}

io::task<result<rows>> open_transaction::run(io::loop& loop, route::bound_plan plan,
                                             std::vector<driver::parameter> parameters, bool writes,
                                             const topology::member* only) {
    if (status may = may_run(); !may) co_return std::move(may).error();
    const std::vector<const topology::member*> where = members_of(inside_->world(), plan, only);
    if (writes) {
        if (status may = may_write(where); !may) co_return std::move(may).error();
        writer_ = where.front();
    }
    const deadline until = inside_->until();
    const route::target target = plan.where;
    const std::string database = plan.database;
    execute::connection_source source = [&, only](const route::step& step) {
        if (only != nullptr) return join(loop, *only, until);
        if (target != route::target::unsharded) return join(loop, inside_->world().shard(step.shard), until);
        return join(loop, *inside_->world().find(database), until);
    };
    auto done =
        co_await collect(loop, std::move(plan), std::move(parameters), std::move(source), inside_->options(), until);
    if (!done) state_ = state::failed;
    co_return done;
}

io::task<status> open_transaction::commit(io::loop& loop) {
    if (status may = may_run(); !may) {
        co_await rollback(loop);
        co_return may;
    }
    state_ = state::ended;
    const deadline until = inside_->until();
    status outcome;
    // The one that wrote first: should its commit fail, the others have nothing to lose.
    if (auto writer = joined_.find(writer_); writer != joined_.end()) {
        outcome = co_await writer->second->commit(until);
        if (!outcome) outcome = std::move(outcome).error().on(writer->first->name);
        joined_.erase(writer);
    }
    for (auto& [member, lease] : joined_) {
        status closed = co_await lease->commit(until);
        if (!closed && outcome && writer_ == nullptr) outcome = std::move(closed).error().on(member->name);
    }
    joined_.clear();
    co_return outcome;
}

io::task<void> open_transaction::rollback(io::loop& loop) {
    (void)loop;
    state_ = state::ended;
    const deadline until = inside_->until();
    for (auto& [member, lease] : joined_) {
        status done = co_await lease->rollback(until);
        if (!done) lease.discard();  // the server rolls back what it loses
    }
    joined_.clear();
}

}  // namespace ashlar::detail
