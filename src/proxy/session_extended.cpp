// Parse, Bind, Describe, Execute, Close, Flush, Sync.
//
// What goes to one PostgreSQL server is gathered in to_server_ and sent when the client asks for answers; the queue of
// expectations says which answers are the client's. Statements are prepared on each link once, under names shared by all
// clients, the unnamed ones too. A ParseComplete for a text that some server has accepted before is our own; else it is
// owed until a server has parsed it, so that errors come where PostgreSQL reports them.
//
// Everything else (the session's own statements, merged answers) waits until what went before has been answered.
#include "proxy/own_types.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"
#include "wire/writer.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

namespace {

constexpr std::size_t flight_max = 64 * 1024;

expectation expect(expectation::kind what, bool to_client = true) {
    expectation e;
    e.what = what;
    e.to_client = to_client;
    return e;
}

expectation answer_ours(const char* type) {
    expectation e;
    e.what = expectation::kind::ours;
    e.text = type;
    return e;
}

constexpr const char* parse_complete = "1";
constexpr const char* bind_complete = "2";
constexpr const char* close_complete = "3";

// The client's Bind with another statement name; nothing after the names is looked at.
void write_bind_under(std::string& out, std::string_view body, std::string_view name) {
    const std::size_t portal_end = body.find('\0') + 1;
    const std::size_t statement_end = body.find('\0', portal_end) + 1;
    wire::writer w{out};
    const std::size_t begun = w.begin(wire::client_says::bind);
    w.bytes(body.substr(0, portal_end));
    w.cstring(name);
    w.bytes(body.substr(statement_end));
    w.end(begun);
}

}  // namespace

// An error of ours, in its place among the answers.
task<status> session::fail_extended(error why) {
    status settled = co_await drain(false);
    if (!settled) co_return settled;
    if (skipping_) co_return status{};  // the server's error came first
    parse_owed_ = nullptr;
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
        // What was written since the last Sync must not be committed by the Sync to come.
        wire::write_query(to_server_, "ROLLBACK");
        current_->link->expect_ready();
        expected_.push(expect(expectation::kind::query, false));
        unsynced_wrote_ = false;
        participant& p = *current_;
        status undone = co_await exchange(p, std::string_view());
        if (!undone) drop(&p);
    }
    co_return status{};
}

// Sends what was gathered and passes on all that is owed; with a Sync of our own when asked for.
task<status> session::drain(bool sync) {
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
        expected_.push(expect(expectation::kind::sync, false));
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
    if (done) co_return status{};
    if (!(done.error() == errc::connection_lost)) co_return done;
    const bool wrote = unsynced_wrote_ || p.wrote;
    status told = co_await after_loss(p, std::move(done).error(), wrote, 99);
    unsynced_ = unsynced_executed_ = unsynced_wrote_ = false;
    skipping_ = true;
    co_return told;
}

// Makes `place` the server that the extended protocol talks to.
task<status> session::go_to(std::size_t place, bool writes) {
    if (current_ != nullptr && current_->place == place) {
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
    result<participant*> got = co_await acquire(place, writes);
    if (!got) co_return std::move(got).error();
    current_ = *got;
    if (current_->begin_pending) {
        wire::write_query(to_server_, "BEGIN");
        current_->begin_pending = false;
        current_->in_block = true;
        current_->link->expect_ready();
        expected_.push(expect(expectation::kind::query, false));
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
    current_ = nullptr;
    if (block_ == block::none && !release_now()) co_await release_all();
    co_return status{};
}

// Has the server the statement prepared? Else a Parse goes ahead.
status session::prepare_on(participant& p, const std::shared_ptr<known_statement>& what) {
    server_link& link = *p.link;
    const bool owed = parse_owed_ == what;
    if (!link.prepared().find(what->key).empty()) {
        if (owed) expected_.push(answer_ours(parse_complete));
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
            expected_.push(expect(expectation::kind::close, false));
        }
        wire::write_parse(to_server_, made.name, what->text, types);
        expectation parsed = expect(expectation::kind::parse, owed);
        parsed.statement = what;
        expected_.push(std::move(parsed));
        unsynced_ = true;
    }
    if (owed) parse_owed_ = nullptr;
    return {};
}

// A statement that no server has parsed yet is parsed by one now.
task<status> session::claim_parse() {
    const std::shared_ptr<known_statement> what = parse_owed_;
    if (what == nullptr) co_return status{};
    if (current_ == nullptr) {
        status there = co_await go_to(any_place_for(*what), false);
        if (!there) {
            parse_owed_ = nullptr;
            fail(there.error());
            skipping_ = true;
            co_return status{};
        }
    }
    status prepared = prepare_on(*current_, what);
    if (prepared) co_return status{};
    parse_owed_ = nullptr;
    error why = std::move(prepared).error();
    co_return co_await fail_extended(std::move(why));
}

// Where a statement can be parsed whose shard is not known.
std::size_t session::any_place_for(const known_statement& what) {
    if (what.plan->where() == route::target::unsharded) {
        auto bound = what.plan->bind(std::vector<route::bound_parameter>(what.plan->parameter_count()));
        if (bound && !bound->steps.empty()) return place_of(*bound, bound->steps.front());
    }
    for (const participant& p : participants_) {
        if (p.place < shared_.shards()) return p.place;
    }
    return shared_.shards() == 0 ? any_place() : turn_++ % shared_.shards();
}

task<status> session::on_parse(client_message m) {
    if (skipping_) co_return status{};
    if (parse_owed_ != nullptr) {
        status claimed = co_await claim_parse();
        if (!claimed) co_return claimed;
        if (skipping_) co_return status{};
    }
    auto parse = wire::read_parse(m.body);
    if (!parse) co_return std::move(parse).error();
    const auto known = catalogue();
    std::shared_ptr<known_statement> what = plans().find(parse->sql, parse->types, environment_, *known);
    if (what->refused) {
        error why = *what->refused;
        co_return co_await fail_extended(std::move(why));
    }
    const bool own = is_own(*what->plan, shared_.is_sqlite());
    if (failed_ && !(own && (what->plan->kind() == route::statement_kind::commit ||
                             what->plan->kind() == route::statement_kind::rollback ||
                             what->plan->kind() == route::statement_kind::rollback_to))) {
        error why{errc::transaction_failed,
                  "current transaction is aborted, commands ignored until end of transaction block"};
        co_return co_await fail_extended(std::move(why));
    }
    // A server keeps what FETCH gives as it was at Parse; the next cursor of that name may give something else.
    if (what->plan->session().command == "FETCH") plans().renew(*what);
    status added = statements_.add(parse->statement, what);
    if (!added) {
        error why = std::move(added).error();
        co_return co_await fail_extended(std::move(why));
    }
    if (what->accepted || own || shared_.is_sqlite()) {
        expected_.push(answer_ours(parse_complete));
        if (expected_.size() == 1) write_ours();
    } else {
        parse_owed_ = std::move(what);
    }
    co_return status{};
}

task<status> session::on_bind(client_message m) {
    if (skipping_) co_return status{};
    auto bind = wire::read_bind(m.body);
    if (!bind) co_return std::move(bind).error();
    auto found = statements_.find(bind->statement);
    std::optional<error> refused;
    if (!found) {
        refused = std::move(found).error();
        co_return co_await fail_extended(std::move(*refused));
    }
    const std::shared_ptr<known_statement> what = std::move(*found);
    const route::prepared_plan& plan = *what->plan;
    if (failed_ && !is_own(plan, shared_.is_sqlite())) {
        error why{errc::transaction_failed,
                  "current transaction is aborted, commands ignored until end of transaction block"};
        co_return co_await fail_extended(std::move(why));
    }
    if (parse_owed_ != nullptr && parse_owed_ != what) {
        status claimed = co_await claim_parse();
        if (!claimed) co_return claimed;
        if (skipping_) co_return status{};
    }
    if (portal* old = statements_.find_portal(bind->portal);
        old != nullptr && old->answer != nullptr && bind->portal.empty()) {
        status settled = co_await settle(*old);
        if (!settled) {
            refused = std::move(settled).error();
            co_return co_await fail_extended(std::move(*refused));
        }
    }
    auto fresh = statements_.add_portal(bind->portal);
    if (!fresh) {
        refused = std::move(fresh).error();
        co_return co_await fail_extended(std::move(*refused));
    }
    portal& made = **fresh;
    made.statement = what;
    const std::string portal_name{bind->portal};

    std::optional<std::size_t> place;
    if (!is_own(plan, shared_.is_sqlite())) {
        bound_.resize(bind->parameters.size());
        for (std::size_t i = 0; i < bound_.size(); ++i) {
            bound_[i].bytes = bind->parameters[i];
            bound_[i].type = i < what->types.size() ? what->types[i] : 0;
            bound_[i].format = bind->format_of_parameter(i);
        }
        if (plan.may_change_session()) {
            for (const route::bound_parameter& each : bound_) {
                if (!each.bytes || each.bytes->size() > 128) continue;
                for (std::string& name : custom_settings_named_in(fmt::format("'{}'", *each.bytes))) {
                    if (named_custom_.size() < 100) named_custom_.push_back(std::move(name));
                }
            }
        }
        if (bound_.size() != plan.parameter_count()) {
            statements_.close_portal(portal_name);
            error why{errc::protocol_violation,
                      fmt::format("bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                                  bound_.size(), bind->statement, plan.parameter_count())};
            co_return co_await fail_extended(std::move(why));
        }
        auto to = relayed_to(*what, bound_);
        if (!to) {
            statements_.close_portal(portal_name);
            refused = std::move(to).error();
            co_return co_await fail_extended(std::move(*refused));
        }
        place = *to;
    }
    if (!place) {
        made.parameter_formats = bind->parameter_formats;
        made.result_formats = bind->result_formats;
        made.parameters.reserve(bind->parameters.size());
        for (const cell& each : bind->parameters) {
            if (each)
                made.parameters.emplace_back(std::string{*each});
            else
                made.parameters.emplace_back(std::nullopt);
        }
        if (parse_owed_ != nullptr) {
            status claimed = co_await claim_parse();
            if (!claimed) co_return claimed;
            if (skipping_) co_return status{};
        }
        expected_.push(answer_ours(bind_complete));
        if (expected_.size() == 1) write_ours();
        co_return status{};
    }

    made.relayed = true;
    made.target = *place;
    status there = co_await go_to(*place, plan.writes());
    if (!there) {
        statements_.close_portal(portal_name);
        refused = std::move(there).error();
        co_return co_await fail_extended(std::move(*refused));
    }
    if (skipping_) co_return status{};
    status prepared;
    if (current_->link->oids() != nullptr) {
        prepared = may_pass_binary(*what, *current_);
        if (prepared) prepared = co_await check_binary(what, *bind);
        if (prepared && skipping_) co_return status{};
    }
    if (prepared) prepared = prepare_on(*current_, what);
    if (!prepared) {
        if (prepared.error() == errc::peer_closed) co_return prepared;
        statements_.close_portal(portal_name);
        refused = std::move(prepared).error();
        co_return co_await fail_extended(std::move(*refused));
    }
    write_bind_under(to_server_, m.body, current_->link->prepared().find(what->key));
    expected_.push(expect(expectation::kind::bind));
    flight_.push_back(what);
    unsynced_ = true;
    if (to_server_.size() > flight_max) co_return co_await drain(false);
    co_return status{};
}

// A cursor that was DECLAREd is a portal of its server's.
task<status> session::pass_to_cursor(std::string name, std::string_view message, expectation answer) {
    status there = co_await go_to(cursors_.at(name), false);
    if (!there) {
        error why = std::move(there).error();
        co_return co_await fail_extended(std::move(why));
    }
    if (skipping_) co_return status{};
    to_server_ += message;
    expected_.push(std::move(answer));
    unsynced_ = true;
    co_return status{};
}

task<status> session::on_describe(client_message m) {
    if (skipping_) co_return status{};
    auto read = wire::read_describe(m.body);
    if (!read) co_return std::move(read).error();
    const std::string name{read->name};
    if (read->what == wire::target_message::kind::statement) {
        auto found = statements_.find(name);
        if (!found) {
            error why = std::move(found).error();
            co_return co_await fail_extended(std::move(why));
        }
        std::shared_ptr<known_statement> what = std::move(*found);
        status described = co_await describe_statement(std::move(what));
        if (described || described.error() == errc::peer_closed) co_return described;
        error why = std::move(described).error();
        co_return co_await fail_extended(std::move(why));
    }
    portal* what = statements_.find_portal(name);
    if (what == nullptr && cursors_.contains(name)) {
        const expectation told = expect(expectation::kind::describe_portal);
        co_return co_await pass_to_cursor(name, m.whole, told);
    }
    if (what == nullptr) {
        error why{errc::invalid_argument, fmt::format("portal \"{}\" does not exist", name)};
        why.sqlstate("34000");
        co_return co_await fail_extended(std::move(why));
    }
    if (what->relayed && current_ != nullptr && current_->place == what->target) {
        to_server_ += m.whole;
        expected_.push(expect(expectation::kind::describe_portal));
        unsynced_ = true;
        co_return status{};
    }
    if (what->relayed) {
        const std::size_t target = what->target;
        status there = co_await go_to(target, false);
        if (!there) {
            error why = std::move(there).error();
            co_return co_await fail_extended(std::move(why));
        }
        to_server_ += m.whole;
        expected_.push(expect(expectation::kind::describe_portal));
        unsynced_ = true;
        co_return status{};
    }
    status settled = co_await drain(false);
    if (!settled || skipping_) co_return settled;
    status described = co_await describe_portal(name);
    if (described || described.error() == errc::peer_closed) co_return described;
    error why = std::move(described).error();
    co_return co_await fail_extended(std::move(why));
}

task<status> session::on_execute(client_message m) {
    if (skipping_) co_return status{};
    auto read = wire::read_execute(m.body);
    if (!read) co_return std::move(read).error();
    portal* what = statements_.find_portal(read->portal);
    if (what == nullptr && cursors_.contains(std::string{read->portal})) {
        const expectation told = expect(expectation::kind::execute);
        co_return co_await pass_to_cursor(std::string{read->portal}, m.whole, told);
    }
    if (what == nullptr) {
        error why{errc::invalid_argument, fmt::format("portal \"{}\" does not exist", read->portal)};
        why.sqlstate("34000");
        co_return co_await fail_extended(std::move(why));
    }
    if (what->relayed) {
        if (current_ == nullptr || current_->place != what->target) {
            const std::size_t target = what->target;
            status there = co_await go_to(target, false);
            if (!there) {
                error why = std::move(there).error();
                co_return co_await fail_extended(std::move(why));
            }
            if (skipping_) co_return status{};
        }
        const route::prepared_plan& plan = *what->statement->plan;
        to_server_ += m.whole;
        expected_.push(expect(expectation::kind::execute));
        unsynced_ = unsynced_executed_ = true;
        if (plan.writes()) unsynced_wrote_ = true;
        if (plan.may_change_session()) touch(*current_, what->statement->text);
        if (block_ != block::none && plan.session().command == "DECLARE CURSOR") {
            cursors_[plan.session().name] = what->target;
        }
        if (plan.kind() == route::statement_kind::ddl) changed_schema_ = true;
        shared_.counts.relayed.fetch_add(1, std::memory_order_relaxed);
        if (to_server_.size() > flight_max || plan.kind() == route::statement_kind::copy)
            co_return co_await drain(false);
        co_return status{};
    }
    const std::string name{read->portal};
    const std::uint32_t rows_max = read->rows_max;
    status settled = co_await drain(false);
    if (!settled || skipping_) co_return settled;
    status done = co_await execute_portal(name, rows_max);
    if (done || done.error() == errc::peer_closed) co_return done;
    error why = std::move(done).error();
    co_return co_await fail_extended(std::move(why));
}

task<status> session::execute_portal(std::string name, std::uint32_t rows_max) {
    portal& what = *statements_.find_portal(name);
    const std::shared_ptr<known_statement> statement = what.statement;
    if (is_own(*statement->plan, shared_.is_sqlite())) {
        if (what.done) {
            wire::write_command_complete(stream_.out(), has_rows(*statement->plan) ? "SELECT 0" : "");
            co_return status{};
        }
        what.done = true;
        // Ends what the pipeline has done so far, as it would on one server.
        const auto kind = statement->plan->kind();
        const bool ends = kind == route::statement_kind::begin || kind == route::statement_kind::commit ||
                          kind == route::statement_kind::rollback;
        if (ends && block_ == block::none) {
            status settled = co_await close_portals();
            if (!settled) co_return settled;
        }
        if (ends || current_ != nullptr) {
            status settled = co_await drain(ends || block_ != block::none);
            if (!settled || skipping_) co_return settled;
            if (ends || block_ != block::none) current_ = nullptr;
            if (ends && block_ == block::none) {
                const bool back = kind == route::statement_kind::rollback;
                status ended = co_await end_as_one(back ? outcome::rollback : outcome::commit);
                if (!ended) co_return ended;
                if (!release_now()) co_await release_all();
            }
        }
        co_return co_await run_own(statement, false);
    }
    if (failed_) {
        co_return error{errc::transaction_failed,
                        "current transaction is aborted, commands ignored until end of transaction block"};
    }
    if (what.answer == nullptr && !what.done) {
        status left = co_await leave_servers_for(statement->plan->writes());
        if (!left || skipping_) co_return left;
        status begun = co_await begin_answer(name);
        if (!begun) co_return begun;
    }
    portal* still = statements_.find_portal(name);
    if (still == nullptr) co_return error{errc::internal};
    co_return co_await send_rows(*still, rows_max);
}

task<status> session::on_close(client_message m) {
    if (skipping_) co_return status{};
    auto read = wire::read_close(m.body);
    if (!read) co_return std::move(read).error();
    if (parse_owed_ != nullptr) {
        status claimed = co_await claim_parse();
        if (!claimed) co_return claimed;
        if (skipping_) co_return status{};
    }
    if (read->what == wire::target_message::kind::statement) {
        statements_.close(read->name);
    } else if (cursors_.contains(std::string{read->name}) && statements_.find_portal(read->name) == nullptr) {
        const expectation told = expect(expectation::kind::close);
        co_return co_await pass_to_cursor(std::string{read->name}, m.whole, told);
    } else if (portal* what = statements_.find_portal(read->name); what != nullptr) {
        const std::string name{read->name};
        if (what->answer != nullptr) {
            status settled = co_await drain(false);
            if (!settled || skipping_) co_return settled;
            settled = co_await settle(*what);
            if (!settled) {
                error why = std::move(settled).error();
                co_return co_await fail_extended(std::move(why));
            }
        }
        const bool there = what->relayed && current_ != nullptr && current_->place == what->target;
        if (there) {
            to_server_ += m.whole;
            expected_.push(expect(expectation::kind::close));
            unsynced_ = true;
        }
        statements_.close_portal(name);
        if (there) co_return status{};
    }
    expected_.push(answer_ours(close_complete));
    if (expected_.size() == 1) write_ours();
    co_return status{};
}

task<status> session::on_flush() {
    if (!skipping_) {
        status settled = co_await drain(false);
        if (!settled) co_return settled;
    }
    co_return co_await stream_.flush();
}

task<status> session::on_sync() {
    if (parse_owed_ != nullptr && !skipping_) {
        status claimed = co_await claim_parse();
        if (!claimed) co_return claimed;
    }
    parse_owed_ = nullptr;
    skipping_ = false;
    if (current_ != nullptr && unsynced_) {
        wire::write_sync(to_server_);
        current_->link->expect_ready();
        expected_.push(expect(expectation::kind::sync, false));
        participant& p = *current_;
        const bool wrote = unsynced_wrote_ || p.wrote;
        const bool executed = unsynced_executed_;
        unsynced_ = unsynced_executed_ = unsynced_wrote_ = false;
        status done = co_await exchange(p, std::string_view());
        skipping_ = false;
        if (!done) {
            if (!(done.error() == errc::connection_lost)) co_return done;
            (void)executed;
            status told = co_await after_loss(p, std::move(done).error(), wrote, 99);
            if (!told) co_return told;
        } else if (p.in_block && p.link->transaction() == wire::transaction_state::idle) {
            failed_ = true;
        }
    } else {
        write_ours();
        expected_.clear();
    }
    flight_.clear();
    if (block_ == block::none) {
        current_ = nullptr;
        if (has_open_portals()) {
            status settled = co_await close_portals();
            if (!settled) fail(settled.error());
        }
        statements_.portals().clear();
        if (as_one_ != as_one::nothing) {
            status committed = co_await end_as_one(outcome::commit);
            if (!committed) fail(committed.error());
        }
        co_await release_all();
        if (std::exchange(changed_schema_, false)) {
            const deadline until{steady_clock::now() + seconds{10}};
            (void)co_await shared_.world().read_catalogue(loop_, until);
        }
    }
    ready();
    co_return status{};
}

}  // namespace ashlar::proxy
