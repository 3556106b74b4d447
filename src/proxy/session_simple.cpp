// Query: one text, of one statement mostly. A statement for one PostgreSQL server goes out as the client wrote it.
#include "proxy/session.hpp"
#include "proxy/worker.hpp"
#include "sql/lexer.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

task<status> session::on_query(client_message m) {
    if (skipping_) co_return status{};
    auto sql = wire::read_query(m.body);
    const bool behind = current_ != nullptr || parse_owed_ != nullptr || as_one_ != as_one::nothing;
    if (behind && block_ == block::none && sql) {
        const auto here = catalogue();
        const auto said = plans().find(*sql, {}, environment_, *here);
        if (said->plan != nullptr && said->plan->kind() == route::statement_kind::rollback) {
            status undone = co_await undo_flight();
            if (!undone || skipping_) co_return undone;
        }
    }
    status ended = co_await end_pipeline();
    if (!ended || skipping_) co_return ended;
    if (!sql) {
        fail(sql.error());
        ready();
        co_return status{};
    }
    cancel_asked_ = false;
    statements_.close({});  // as PostgreSQL does
    if (reading_from_) {
        status read = co_await learn_reading();
        if (!read) {
            fail(read.error());
            ready();
            co_return status{};
        }
    }
    const auto known = catalogue();
    auto what = plans().look_up(*sql, {}, environment_, *known);
    std::optional<std::size_t> place;
    if (what == nullptr && !shared_.is_sqlite()) {
        if (auto shortcut = plans().find_by_shape(*sql, environment_, *known)) {
            what = std::move(shortcut->shape);
            place = keyspace::index_of(shortcut->shard);
        }
    }
    if (what == nullptr) {
        std::size_t statements = 0;
        for (const sql::statement_span& each : sql::split(*sql, environment_->standard_conforming_strings)) {
            if (!each.empty) ++statements;
        }
        if (statements == 0) {
            wire::write_empty_query(stream_.out());
            ready();
            co_return status{};
        }
        if (statements > 1) co_return co_await run_several(std::string{*sql});
        what = plans().find(*sql, {}, environment_, *known);
        if (const bool found = co_await look_for_unknown(what); found) {
            const auto newer = catalogue();
            what = plans().find(*sql, {}, environment_, *newer);
        }
    }
    // A shape that is known goes to one server as it is: nothing of run_simple() applies to it but a failed transaction.
    watch(what);
    const bool relayed = place.has_value() && !failed_;
    task<status> answer = relayed ? relay_query(what, *place, m.whole, true) : run_simple(what, place, m.whole, true);
    status done = co_await answer;
    if (!done) co_return done;
    if (block_ == block::none && !release_now()) co_await release_all();
    co_return status{};
}

// What came before in the extended protocol without a Sync ends here, as PostgreSQL has it. When that fails everything up
// to the next Sync is skipped, this message too.
task<status> session::end_pipeline() {
    if (current_ != nullptr || parse_owed_ != nullptr) {
        status settled = co_await drain(true);
        if (!settled || skipping_) co_return settled;
        if (block_ == block::none && !release_now()) co_await release_all();
    }
    if (block_ == block::none && (as_one_ != as_one::nothing || has_open_portals())) {
        status committed = co_await close_portals();
        if (committed) committed = co_await end_as_one(execute::ending::commit);
        if (!committed) {
            fail(committed.error());
            skipping_ = true;
        }
    }
    if (block_ == block::none) statements_.close_portals();
    co_return status{};
}

task<status> session::on_function_call() {
    if (skipping_) co_return status{};
    status ended = co_await end_pipeline();
    if (!ended || skipping_) co_return ended;
    error why{errc::unsupported, "the protocol's function calls are not supported"};
    why.hint("Call the function in a SELECT.");
    fail(why);
    ready();
    co_return status{};
}

// PostgreSQL reads all of a text before it runs any of it: the first statement that is not SQL. Leaves text_offset_ at it.
std::optional<error> session::mistake_in(const std::string& text) {
    const auto known = catalogue();
    for (const sql::statement_span& each : sql::split(text, environment_->standard_conforming_strings)) {
        if (each.empty) continue;
        const auto what =
            plans().find(std::string_view{text}.substr(each.begin, each.end - each.begin), {}, environment_, *known);
        if (!what->refused || *what->refused != errc::syntax) continue;
        text_offset_ = 0;
        for (std::size_t i = 0; i < each.begin; ++i) text_offset_ += (text[i] & 0xc0) != 0x80 ? 1 : 0;
        return what->refused;
    }
    return std::nullopt;
}

// Several statements in one text are one transaction, unless BEGIN and COMMIT among them say otherwise.
task<status> session::run_several(std::string text) {
    if (auto why = mistake_in(text)) {
        fail(*why);
        text_offset_ = 0;
        ready();
        co_return status{};
    }
    const bool implicit = block_ == block::none;
    if (implicit) {
        block_ = block::implicit;
        block_began_ = driver::this_moment();
        settings_at_begin_ = settings_;
    }
    text_offset_ = 0;
    std::size_t counted = 0;
    for (const sql::statement_span& each : sql::split(text, environment_->standard_conforming_strings)) {
        if (each.empty) continue;
        const std::string_view part = std::string_view{text}.substr(each.begin, each.end - each.begin);
        // Positions in errors count in the whole text.
        for (; counted < each.begin; ++counted) text_offset_ += (text[counted] & 0xc0) != 0x80 ? 1 : 0;
        if (reading_from_) {
            status read = co_await learn_reading();
            if (!read) {
                fail(read.error());
                break;
            }
        }
        const auto known = catalogue();
        auto what = plans().find(part, {}, environment_, *known);
        if (const bool found = co_await look_for_unknown(what); found) {
            const auto newer = catalogue();
            what = plans().find(part, {}, environment_, *newer);
        }
        std::string message;
        wire::write_query(message, part);
        error_seen_ = false;
        const bool was_failed = failed_;
        if (block_ == block::none) {  // after a COMMIT within the text
            block_ = block::implicit;
            block_began_ = driver::this_moment();
            settings_at_begin_ = settings_;
        }
        status done = co_await run_simple(what, std::nullopt, message, false);
        if (!done) co_return done;
        if (failed_ && !was_failed) break;
        if (failed_ && block_ == block::implicit) break;
        if (error_seen_) break;
    }
    text_offset_ = 0;
    if (block_ == block::implicit) {
        status over = co_await end_block(failed_ ? execute::ending::rollback : execute::ending::commit);
        if (!over) {
            block_ = block::none;
            if (over.error() == errc::peer_closed) co_return over;
            fail(over.error());
        }
    }
    ready();
    if (block_ == block::none && !release_now()) co_await release_all();
    co_return status{};
}

task<status> session::run_simple(std::shared_ptr<known_statement> what, std::optional<std::size_t> place,
                                 std::string_view message, bool with_ready) {
    const auto refuse = [&](const error& why) {
        error_seen_ = true;
        fail(why);
        if (with_ready) ready();
    };
    if (what->refused) {
        refuse(*what->refused);
        co_return status{};
    }
    const route::prepared_plan& plan = *what->plan;
    if (is_for_pinned_server(*what)) {
        auto pinned = pinned_place(*what, {});
        if (!pinned) {
            refuse(pinned.error());
            co_return status{};
        }
        co_return co_await relay_query(what, pinned->value_or(0), message, with_ready);
    }
    if (is_own(plan, shared_.is_sqlite())) {
        status done = co_await run_own(what, true);
        if (!done) {
            if (done.error() == errc::peer_closed) co_return done;
            refuse(done.error());
        } else if (with_ready) {
            ready();
        }
        co_return status{};
    }
    if (failed_) {
        error why{errc::transaction_failed,
                  "current transaction is aborted, commands ignored until end of transaction block"};
        refuse(why);
        co_return status{};
    }
    if (plan.parameter_count() > 0 && !place) {
        // A shape's literals are its parameters; here none came along.
        error why{errc::invalid_argument, "there is no parameter $1"};
        why.sqlstate("42P02");
        refuse(why);
        co_return status{};
    }
    if (!place) {
        auto found = relayed_to(*what, {});
        if (!found) {
            refuse(found.error());
            co_return status{};
        }
        place = *found;
    }
    if (place) co_return co_await relay_query(what, *place, message, with_ready);
    if (auto why = against_its_role(*what)) {
        refuse(*why);
        co_return status{};
    }
    status merged = co_await run_merged(what);
    if (!merged) {
        if (merged.error() == errc::peer_closed) co_return merged;
        refuse(merged.error());
    } else if (with_ready) {
        ready();
    }
    co_return status{};
}

// The one server whose answer is the client's, when there is one.
result<std::optional<std::size_t>> session::relayed_to(const known_statement& what,
                                                       std::span<const route::bound_parameter> values) {
    const route::prepared_plan& plan = *what.plan;
    if (shared_.is_sqlite()) return std::optional<std::size_t>{};
    if (what.pinned) {
        auto pinned = pinned_place(what, values);
        if (!pinned || *pinned) return pinned;
    }
    if (plan.kind() == route::statement_kind::show) return std::optional<std::size_t>{place_to_show(what)};
    if (plan.kind() == route::statement_kind::utility && !cursors_.empty()) {
        // FETCH, MOVE, CLOSE: where the cursor is.
        const std::string& command = plan.session().command;
        const auto at = cursors_.find(plan.session().name);
        if (at != cursors_.end() && (command == "FETCH" || command == "MOVE" || command == "CLOSE")) {
            return std::optional<std::size_t>{at->second};
        }
    }
    if (!plan.single_step_unchanged()) return std::optional<std::size_t>{};
    if (plan.where() == route::target::one_shard) {
        if (answers_anywhere(what) && shared_.shards() > 0) {
            // Any server has the answer; one that is no shard has no reference tables.
            if (participants_.empty() || participants_.front().place() < shared_.shards()) {
                return std::optional<std::size_t>{any_place()};
            }
        }
        auto shard = plan.bind_one(values);
        if (!shard) return std::move(shard).error();
        if (*shard) return std::optional<std::size_t>{keyspace::index_of(**shard)};
    }
    if (what.place) return what.place;
    auto bound = plan.bind(values);
    if (!bound) return std::move(bound).error();
    if (bound->steps.size() != 1 || bound->merge != nullptr) return std::optional<std::size_t>{};
    auto place = place_of(*bound, bound->steps.front());
    if (!place) return std::move(place).error();
    if (plan.where() == route::target::unsharded) what.place = *place;
    return std::optional<std::size_t>{*place};
}

task<status> session::relay_query(std::shared_ptr<known_statement> what, std::size_t place, std::string_view message,
                                  bool with_ready) {
    const route::prepared_plan& plan = *what->plan;
    bool replica = wants_replica(*what), writes = plan.writes() && !replica;
    const bool anywhere = block_ == block::none && answers_anywhere(*what) && place < shared_.shards();
    if (plan.kind() == route::statement_kind::execute) writes = true;  // perhaps
    end_second_try();
    std::string rewritten;
    if (what->is_rewritten) {
        wire::write_query(rewritten, what->text);
        message = rewritten;
    }
    if (auto why = against_its_role(*what)) {
        error_seen_ = true;
        fail(*why);
        if (with_ready) ready();
        co_return status{};
    }
    for (int attempt = 0;; ++attempt) {
        result<participant*> got = acquire_now(place, writes, replica);
        if (*got == nullptr) got = co_await acquire(place, writes, replica);
        if (!got && anywhere && !cancel_asked_ && static_cast<std::size_t>(attempt) < shared_.shards()) {
            place = any_place();  // what failed is not chosen again, as long as others have not
            continue;
        }
        if (!got) {
            error_seen_ = true;
            fail(got.error());
            if (with_ready) ready();
            co_return status{};
        }
        participant& p = **got;
        if (replica && plan.writes()) {
            status allowed = note_reader(p, true);
            if (!allowed) {
                error_seen_ = true;
                fail(allowed.error());
                if (with_ready) ready();
                co_return status{};
            }
            writes = p.wrote;
        }
        if (p.link->differing_oids() != nullptr) {
            status passes = may_pass_binary(*what, p);
            if (!passes) {
                error_seen_ = true;
                fail(passes.error());
                if (with_ready) ready();
                co_return status{};
            }
        }
        if (p.begin_pending) {
            wire::write_query(to_server_, "BEGIN");
            p.begin_pending = false;
            p.in_block = true;
            p.link->expect_ready();
            expectation begun;
            begun.to_client = false;
            expected_.push(std::move(begun));
        }
        if (plan.may_change_session()) touch(p, plan, what->text);
        p.link->expect_ready();
        expectation all;
        all.with_ready = false;  // said below, when it is known what to say
        expected_.push(std::move(all));
        ++counted().relayed;
        if (p.loan.from_replica && block_ == block::none) allow_second_try();
        if (anywhere && !p.loan.from_replica) {
            allow_second_try();
            second_.anywhere = true;
        }
        status done = co_await exchange(p, message);
        if (p.loan.from_replica && done && second_.conflicted && !cancel_asked_) {
            take_back(p);
            if (!release_now()) co_await release_all();
            if (second_.writes) writes = true, replica = false;
            continue;
        }
        if (done) {
            shared_.place(place).servers->well(p.loan.server);
            if (p.link->transaction() == wire::transaction_state::idle && p.in_block) failed_ = true;
            if (plan.may_change_schema() && !error_seen_) {
                if (block_ == block::none) {
                    if (!release_now()) co_await release_all();  // what is read may need our connection
                    const deadline until{steady_clock::now() + seconds{10}};
                    (void)co_await shared_.world().read_catalogue(loop_, until);
                } else {
                    changed_schema_ = true;
                }
            }
            if (block_ != block::none && !error_seen_ && plan.session().command == "DECLARE CURSOR") {
                cursors_[plan.session().name] = place;
            }
            if (with_ready) ready();
            co_return status{};
        }
        if (!(done.error() == errc::connection_lost)) co_return done;
        status told = co_await after_loss(p, std::move(done).error(), writes, attempt);
        if (!told) co_return told;
        if (error_seen_) {
            if (with_ready) ready();
            co_return status{};
        }
        if (anywhere) place = any_place();
    }
}

// A server went away. Either nobody needs to know (the caller tries again), or the client is told once, or its stream is
// torn and it must go. Success with error_seen_ unset: try again.
task<status> session::after_loss(participant& p, error why, bool writes, int attempt) {
    if (!expected_.empty()) name_changes_.undo_from(expected_.front_number(), false, statements_);
    expected_.clear();
    drop_gathered();
    const bool in_block = block_ != block::none;
    if (second_.allowed && (p.loan.from_replica || second_.anywhere) && stream_.sent() == second_.sent) take_back(p);
    drop(&p);
    error_seen_ = false;
    const bool nothing_passed = passed_on_ == 0;
    if (!nothing_passed && torn_) co_return why;
    if (nothing_passed && !writes && !in_block && attempt < 10 && !cancel_asked_) co_return status{};
    error_seen_ = true;
    if (given_up_ && !writes) {
        why =
            took_too_long().hint(fmt::format("The server did not answer to the cancelling either: {}.", why.message()));
    } else if (in_block) {
        why.detail("The transaction was rolled back.");
    } else if (writes) {
        error unknown{errc::commit_unknown, why.message()};
        unknown.on(why.where());
        unknown.detail("The statement may or may not have been carried out.");
        unknown.hint("Look whether its effects are there before trying again.");
        why = std::move(unknown);
    }
    fail(why);
    co_return status{};
}

}  // namespace ashlar::proxy
