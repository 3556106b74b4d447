// The flight to the one server that the extended protocol talks to: what is gathered for it, under which names it has the
// statements prepared, and the answers that are owed.
#include "driver/pgwire/own_types.hpp"
#include "proxy/session.hpp"
#include "wire/writer.hpp"

namespace ashlar::proxy {

using driver::pgwire::server_prepared;
using driver::pgwire::types_for_server;

// An error of ours, in its place among the answers.
task<status> session::fail_extended(error why) {
    status settled = co_await drain(false);
    if (!settled) co_return settled;
    if (skipping_) co_return status{};  // the server's error came first
    parse_owed_ = nullptr;
    name_changes_.undo_from(name_changes::not_asked, true, statements_);
    fail(why);
    skipping_ = true;
    if (block_ == block::none) {
        // What writes and is not at its end is undone with the rest.
        for (auto& [name, each] : statements_.portals()) {
            if (each.answer == nullptr) continue;
            co_await each.answer->abandon();
            each.answer = nullptr;
        }
        co_await undo_as_one();
    }
    if (block_ == block::none && current_ != nullptr && unsynced_wrote_) {
        status undone = co_await roll_flight_back();
        if (!undone) drop(current_);
    }
    co_return status{};
}

// What was written since the last Sync must not be committed by the Sync to come.
task<status> session::roll_flight_back() {
    wire::write_query(to_server_, "ROLLBACK");
    current_->link->expect_ready();
    expected_.push(expectation::of(expectation::kind::query, false));
    unsynced_wrote_ = false;
    status undone = co_await exchange(*current_, std::string_view());
    co_return undone;
}

// ROLLBACK outside of a block ends what was done since the last Sync, and undoes it.
task<status> session::undo_flight() {
    if (block_ != block::none) co_return status{};
    status settled = co_await drain(false);
    if (!settled || skipping_) co_return settled;
    co_await undo_as_one();
    if (current_ == nullptr || !unsynced_) co_return status{};
    status undone = co_await roll_flight_back();
    if (undone) {
        unsynced_ = unsynced_executed_ = false;
        co_return status{};
    }
    if (!(undone.error() == errc::connection_lost)) co_return undone;
    drop(current_);  // which undoes it too
    co_return status{};
}

// Sends what was gathered and passes on all that is owed; with a Sync of our own when asked for.
task<status> session::drain(bool sync) {
    second_.allowed = false;
    if (parse_owed_ != nullptr) {
        status claimed = co_await claim_parse();
        if (!claimed) co_return claimed;
    }
    if (current_ == nullptr) {
        write_ours();
        co_return status{};
    }
    if (sync && unsynced_) {
        wire::write_sync(to_server_);
        current_->link->expect_ready();
        expected_.push(expectation::of(expectation::kind::sync, false));
    } else if (!expected_.empty() || !to_server_.empty()) {
        wire::write_flush(to_server_);
    } else {
        co_return status{};
    }
    participant& p = *current_;
    const bool was_skipping = skipping_;
    status done = co_await exchange(p, std::string_view());
    if (sync) unsynced_ = unsynced_executed_ = unsynced_wrote_ = false;
    if (was_skipping || (sync && error_seen_)) skipping_ = true;
    if (done) {
        shared_.place(p.place()).servers->well(p.loan.server);
        co_return status{};
    }
    if (!(done.error() == errc::connection_lost)) co_return done;
    const bool wrote = unsynced_wrote_ || p.wrote;
    status told = co_await after_loss(p, std::move(done).error(), wrote, 99);
    unsynced_ = unsynced_executed_ = unsynced_wrote_ = false;
    skipping_ = true;
    co_return told;
}

// The common case of go_to(), in which nothing has to be waited for; false: something has.
bool session::go_now(std::size_t place, bool writes, bool replica) {
    if (current_ == nullptr) current_ = acquire_now(place, writes, replica);
    return current_ != nullptr && current_->place() == place && (!writes || current_->wrote);
}

// A client may send any number of messages without a Sync, and most of them take no room in to_server_.
bool session::flight_is_long() const noexcept {
    constexpr std::size_t most = 4096;
    return expected_.size() >= most || name_changes_.size() >= most || flight_.size() >= most;
}

// What has been answered well needs no undoing, and its plans were not stale.
task<status> session::after_shortening(client_message m) {
    status settled = co_await drain(false);
    if (!settled) co_return settled;
    if (expected_.empty()) {
        name_changes_.clear();
        flight_.clear();
    }
    if (flight_is_long()) co_return error{errc::internal};
    co_return co_await again(m);
}

// Makes `place` the server that the extended protocol talks to.
task<status> session::go_to(std::size_t place, bool writes, bool replica) {
    if (current_ != nullptr && current_->place() == place) {
        if (writes && !current_->wrote) {
            status allowed = may_write(place, false);
            if (!allowed) co_return allowed;
            current_->wrote = true;
        }
        co_return status{};
    }
    status left = co_await leave_servers_for(writes);
    if (!left) co_return left;
    if (skipping_) co_return status{};
    result<participant*> got = co_await acquire(place, writes, replica);
    if (!got) co_return std::move(got).error();
    current_ = *got;
    if (current_->begin_pending) {
        wire::write_query(to_server_, "BEGIN");
        current_->begin_pending = false;
        current_->in_block = true;
        current_->link->expect_ready();
        expected_.push(expectation::of(expectation::kind::query, false));
        unsynced_ = true;
    }
    co_return status{};
}

// Ends the flight to the current server, so that another may be asked before the client's Sync.
task<status> session::leave_servers_for(bool writes) {
    if (current_ == nullptr) co_return status{};
    if (block_ == block::none && unsynced_executed_ && (unsynced_wrote_ || writes)) {
        error why{errc::unsupported, "statements of one pipeline that write must stay on one shard"};
        why.hint("Send Sync between them, or begin a transaction for the rows of each shard key.");
        co_return why;
    }
    status settled = co_await drain(true);
    if (!settled) co_return settled;
    end_flight();
    if (block_ == block::none && !release_now()) co_await release_all();
    co_return status{};
}

// The name under which the server has the statement prepared; if it has not, a Parse goes ahead.
result<std::string_view> session::prepare_on(participant& p, const std::shared_ptr<known_statement>& what) {
    server_link& link = *p.link;
    const bool owed = parse_owed_ == what;
    std::string_view name = link.prepared().find(what->key);
    if (!name.empty()) {
        if (owed) {
            name_changes_.owed_is(expected_.next_number());
            expected_.push(expectation::of_ours("1"));
        }
    } else {
        std::vector<std::uint32_t> translated;
        std::span<const std::uint32_t> types = what->types;
        if (link.oids() != nullptr && !types.empty()) {
            auto there = types_for_server(types, *link.oids());
            if (!there) return std::move(there).error();
            translated = std::move(*there);
            types = translated;
        }
        const server_prepared::place made = link.prepared().add(what->key);
        if (made.evicted) {
            wire::target_message old;
            old.name = *made.evicted;
            wire::write_close(to_server_, old);
            expected_.push(expectation::of(expectation::kind::close, false));
        }
        name = made.name;
        wire::write_parse(to_server_, name, what->text, types);
        ++counted().server_parses;
        expectation parsed = expectation::of(expectation::kind::parse, owed);
        parsed.statement = what;
        if (owed) name_changes_.owed_is(expected_.next_number());
        expected_.push(std::move(parsed));
        unsynced_ = true;
    }
    if (owed) parse_owed_ = nullptr;
    return name;
}

// Asks the current server, on our own account, what a statement takes and gives: known once its answer is drained.
status session::ask_to_describe(const std::shared_ptr<known_statement>& what) {
    auto prepared = prepare_on(*current_, what);
    if (!prepared) return std::move(prepared).error();
    wire::target_message target;
    target.name = *prepared;
    wire::write_describe(to_server_, target);
    expectation described = expectation::of(expectation::kind::describe_statement, false);
    described.statement = what;
    expected_.push(std::move(described));
    unsynced_ = true;
    return status{};
}

// A statement that no server has parsed yet is parsed by one now.
task<status> session::claim_parse() {
    const std::shared_ptr<known_statement> what = parse_owed_;
    if (what == nullptr) co_return status{};
    if (current_ == nullptr) {
        status there = co_await go_to_any_for(what);
        if (!there) {
            parse_owed_ = nullptr;
            name_changes_.undo_from(name_changes::not_asked, true, statements_);
            fail(there.error());
            skipping_ = true;
            co_return status{};
        }
    }
    if (lacks_types(*current_, *what)) co_await learn_declared(*current_, what);
    auto prepared = prepare_on(*current_, what);
    if (prepared) co_return status{};
    parse_owed_ = nullptr;
    name_changes_.undo_from(name_changes::not_asked, true, statements_);
    error why = std::move(prepared).error();
    co_return co_await fail_extended(std::move(why));
}

// Where a statement can be parsed whose shard is not known.
result<std::size_t> session::any_place_for(const known_statement& what) {
    if (what.pinned) {
        auto pinned = hints_.place(what.hints.where, names_of_places());
        if (pinned && *pinned) return **pinned;
    }
    if (what.plan->where() == route::target::unsharded) {
        auto bound = what.plan->bind(std::vector<route::bound_parameter>(what.plan->parameter_count()));
        if (bound && !bound->steps.empty()) return place_of(*bound, bound->steps.front());
    }
    for (const participant& p : participants_) {
        if (p.place() < shared_.shards()) return p.place();
    }
    return shared_.shards() == 0 ? any_place() : turn_++ % shared_.shards();
}

task<status> session::go_to_any_for(std::shared_ptr<known_statement> what) {
    auto place = any_place_for(*what);
    if (!place) co_return std::move(place).error();
    co_return co_await go_to(*place, false);
}

}  // namespace ashlar::proxy
