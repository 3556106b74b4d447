#include "execute/transaction.hpp"

#include <fmt/format.h>

namespace ashlar::execute {

bool commits_with_others(const topology::member& m) noexcept {
    return m.pool->server().speaks() == driver::dialect::sqlite;
}

error two_writers(const topology::member& a, const topology::member& b) {
    error why{errc::unsupported, fmt::format("one transaction cannot write on {} and on {} yet", a.name, b.name)};
    if (commits_with_others(a))
        why.hint("Only SQLite files out of WAL mode, and 11 of them at most, are committed as one.");
    else
        why.hint(
            "Write the rows of one shard key in one transaction, or commit in between. An advisory lock counts as a "
            "write.");
    return why;
}

task<result<std::unique_ptr<driver::connection>>> join(io::loop& loop, const topology::member& where,
                                                       driver::connection& host, bool must, deadline until) {
    status passed = co_await where.servers->pass_gate(loop, until);
    if (!passed) co_return std::move(passed).error().on(where.name);
    auto made = co_await where.pool->server().join(host, until);
    if (made) co_return std::move(*made);
    if (must || made.error() != errc::unsupported) co_return std::move(made).error().on(where.name);
    co_return std::unique_ptr<driver::connection>{};
}

// Readers commit before anything that was written does, so that the loss of one leaves no doubt.
error lost_reader(const error& why) {
    error lost{errc::connection_lost, "the connection was lost at COMMIT; the transaction was rolled back"};
    lost.detail(why.message());
    lost.hint("Nothing was written: run the transaction again.");
    return lost;
}

task<outcome> end(std::vector<participant*> all, ending how, ended_hook hook, deadline until) {
    outcome out;
    out.committed = how == ending::commit;
    std::vector<commit_part> parts;
    parts.reserve(all.size());
    for (const participant* each : all) parts.push_back(each->part());
    for (const std::size_t i : commit_order(parts)) {
        participant& p = *all[i];
        if (!p.in_block || !p.loan.lease) continue;
        const ending now = out.committed ? ending::commit : ending::rollback;
        if (now == ending::rollback && !p.loan.lease->is_reusable()) {  // in the middle of something, or lost
            p.loan.lease.discard();
            continue;
        }
        status over;
        if (now == ending::commit)
            over = co_await p.loan.lease->commit(until);
        else
            over = co_await p.loan.lease->rollback(until);
        if (!over && now == ending::commit) {
            out.committed = false;
            const bool in_doubt = over.error() == errc::commit_unknown && commits_changes(parts, i);
            error why = over.error() == errc::commit_unknown && !in_doubt ? lost_reader(over.error()) : over.error();
            why.on(p.where->name);
            out.why = std::move(why);
        }
        if (hook) hook(p, now, over);
        if (!over && (p.loan.lease->in_transaction() || !p.loan.lease->is_reusable())) p.loan.lease.discard();
    }
    co_return out;
}

}  // namespace ashlar::execute
