// Parse, Bind, Describe, Execute, Close, Flush, Sync.
//
// What goes to one PostgreSQL server is gathered in to_server_ and sent when the client asks for answers; the queue of
// expectations says which answers are the client's. Statements are prepared on each link once, under names shared by all
// clients, the unnamed ones too. A ParseComplete for a text that some server has accepted before is our own; else it is
// owed until a server has parsed it, so that errors come where PostgreSQL reports them.
//
// Everything else (the session's own statements, merged answers) waits until what went before has been answered.
//
// Most messages wait for nothing, and make no coroutine: they return an empty task. One that has to wait for something
// before it can be dealt with does so in after_…(), which then begins with it anew.
#include "proxy/our_settings.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"
#include "wire/writer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

constexpr std::size_t flight_max = 64 * 1024;

constexpr const char* parse_complete = "1";
constexpr const char* bind_complete = "2";
constexpr const char* close_complete = "3";

error transaction_failed() {
    return error{errc::transaction_failed,
                 "current transaction is aborted, commands ignored until end of transaction block"};
}

// What no server looks at has no parameters whose types could be inferred.
status types_declared(const std::vector<std::uint32_t>& types) {
    const auto missing = std::find(types.begin(), types.end(), 0u);
    if (missing == types.end()) return {};
    return error{errc::invalid_argument,
                 fmt::format("could not determine data type of parameter ${}", missing - types.begin() + 1)}
        .sqlstate("42P18");
}

error no_such_portal(std::string_view name) {
    return error{errc::invalid_argument, fmt::format("portal \"{}\" does not exist", name)}.sqlstate("34000");
}

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

// --- what has to be waited for ----------------------------------------------------------------------------------

task<status> session::ended(status how) {
    co_return how;
}

task<status> session::again(client_message m) {
    task<status> rest = handle(m);
    if (rest) co_return co_await rest;
    co_return status{};
}

// A ParseComplete is owed that comes before the answer to this message.
task<status> session::after_claiming(client_message m) {
    status claimed = co_await claim_parse();
    if (!claimed || skipping_) co_return claimed;
    co_return co_await again(m);
}

// The server at `place` is the one to pass the message to.
task<status> session::after_going(client_message m, std::size_t place) {
    status there = co_await go_to(place, false);
    if (!there) {
        error why = std::move(there).error();
        co_return co_await fail_extended(std::move(why));
    }
    if (skipping_) co_return status{};
    co_return co_await again(m);
}

// The portal of that name has rows to give still.
task<status> session::after_settling(client_message m, std::string name) {
    if (m.type == wire::client_says::close) {
        status sent = co_await drain(false);
        if (!sent || skipping_) co_return sent;
    }
    if (portal* what = statements_.find_portal(name)) {
        status settled = co_await settle(*what);
        if (!settled) {
            error why = std::move(settled).error();
            co_return co_await fail_extended(std::move(why));
        }
    }
    co_return co_await again(m);
}

// `answering` ends the session or is told in the place of the message's answer.
task<status> session::told_in_place(task<status> answering) {
    status settled = co_await drain(false);
    if (!settled || skipping_) co_return settled;
    status done = co_await answering;
    if (done || done.error() == errc::peer_closed) co_return done;
    error why = std::move(done).error();
    co_return co_await fail_extended(std::move(why));
}

bool session::answer(const char* type) {
    expected_.push(expectation::of_ours(type));
    if (expected_.size() == 1) write_ours();
    return !expected_.empty();
}

void session::pass(std::string_view message, expectation::kind what) {
    to_server_ += message;
    expected_.push(expectation::of(what));
    unsynced_ = true;
}

bool session::is_at(std::size_t place) const noexcept {
    return current_ != nullptr && current_->place() == place;
}

// --- Parse ------------------------------------------------------------------------------------------------------

task<status> session::on_parse(client_message m) {
    if (skipping_) return {};
    if (parse_owed_ != nullptr) return after_claiming(m);
    if (reading_from_) return after_reading(m, &session::on_parse);
    auto parse = wire::read_parse(m.body);
    if (!parse) return fail_extended(std::move(parse).error());
    ++counted().client_parses;
    const auto known = catalogue();
    std::shared_ptr<known_statement> what = plans().find(parse->sql, parse->types, environment_, *known);
    if (what->plan != nullptr && !what->plan->unknown_names().empty()) return parse_after_looking(m, what);
    return parse_planned(std::move(*parse), std::move(what));
}

// A name that is new to us may be new in the databases.
task<status> session::parse_after_looking(client_message m, std::shared_ptr<known_statement> what) {
    const bool found = co_await look_for_unknown(what);
    auto parse = wire::read_parse(m.body);
    if (!parse) co_return std::move(parse).error();
    if (found) {
        const auto known = catalogue();
        what = plans().find(parse->sql, parse->types, environment_, *known);
    }
    task<status> rest = parse_planned(std::move(*parse), std::move(what));
    if (rest) co_return co_await rest;
    co_return status{};
}

task<bool> session::look_for_unknown(std::shared_ptr<known_statement> what) {
    if (what->plan == nullptr || what->pinned || what->plan->unknown_names().empty()) co_return false;
    std::vector<std::string> names = what->plan->unknown_names();
    const deadline until{steady_clock::now() + seconds{10}};
    co_return co_await shared_.world().look_for(loop_, std::move(names), until);
}

task<status> session::parse_planned(wire::parse_message parse, std::shared_ptr<known_statement> what) {
    if (what->refused) return fail_parse(parse.statement, *what->refused);
    const route::statement_kind kind = what->plan->kind();
    const bool own = is_own(*what->plan, shared_.is_sqlite());
    const bool ends = kind == route::statement_kind::commit || kind == route::statement_kind::rollback ||
                      kind == route::statement_kind::rollback_to;
    if (failed_ && !(own && ends) && kind != route::statement_kind::empty) {
        return fail_parse(parse.statement, transaction_failed());
    }
    if (own) {
        if (status declared = types_declared(parse.types); !declared) {
            return fail_parse(parse.statement, std::move(declared).error());
        }
    }
    // A server keeps what FETCH gives as it was at Parse; the next cursor of that name may give something else.
    if (what->plan->session().command == "FETCH") plans().renew(*what);
    std::shared_ptr<known_statement> before = statements_.peek(parse.statement);
    status added = statements_.add(parse.statement, what);
    if (!added) return fail_parse(parse.statement, std::move(added).error());
    if (expected_.empty()) name_changes_.clear();
    if (what->accepted || own || shared_.is_sqlite()) {
        if (answer(parse_complete))
            name_changes_.statement(expected_.next_number() - 1, parse.statement, std::move(before));
    } else {
        name_changes_.statement(name_changes::not_asked, parse.statement, std::move(before));
        parse_owed_ = std::move(what);
    }
    return {};
}

task<status> session::fail_parse(std::string_view name, error why) {
    if (name.empty()) {
        if (expected_.empty()) name_changes_.clear();
        name_changes_.statement(expected_.next_number(), name, statements_.peek(name));
        statements_.close(name);
    }
    return fail_extended(std::move(why));
}

// --- Bind -------------------------------------------------------------------------------------------------------

task<status> session::on_bind(client_message m) {
    if (skipping_) return {};
    if (reading_from_) return after_reading(m, &session::on_bind);
    status read = wire::read_bind_into(bind_, m.body);
    auto found = statement_named(bind_.statement);
    if (!found) return fail_extended(std::move(found).error());
    if (!read) return fail_extended(std::move(read).error());
    ++counted().binds;
    const std::shared_ptr<known_statement> what = std::move(*found);
    if (what->refused) return fail_extended(*what->refused);
    const bool own = is_own(*what->plan, shared_.is_sqlite());
    if (status counted = right_count(*what); !counted) return fail_extended(std::move(counted).error());
    if (failed_ && !own) return fail_extended(transaction_failed());
    if (!own) {
        if (auto why = against_its_role(*what)) return fail_extended(std::move(*why));
    }
    if (parse_owed_ != nullptr && parse_owed_ != what) return after_claiming(m);
    if (bind_.portal.empty()) {
        const portal* old = statements_.find_portal(bind_.portal);
        if (old != nullptr && old->answer != nullptr) return after_settling(m, std::string{});
    }
    auto fresh = statements_.add_portal(bind_.portal);
    if (!fresh) return fail_extended(std::move(fresh).error());
    portal& made = **fresh;
    made.statement = what;
    if (own) return keep_bound(made);
    auto place = place_of_bound(*what);
    if (!place) return fail_bind(std::move(place).error());
    if (!*place) return keep_bound(made);
    made.relayed = true;
    made.target = **place;
    bool replica = wants_replica(*what) && (block_ != block::none || sync_follows());
    bool writes = what->plan->writes() && !replica;
    if (second_.again && second_.writes) writes = true, replica = false;
    const bool anywhere = block_ == block::none && made.target < shared_.shards() && answers_anywhere(*what);
    if ((replica || anywhere) && block_ == block::none) keep_flight(m);
    if (anywhere && second_.allowed && !replica) second_.anywhere = true;
    if (!go_now(made.target, writes, replica)) return bind_elsewhere(m, what, made.target, writes, replica);
    return bind_here(m, what);
}

// Where the parameters of bind_ send the statement: to one server, or to nobody as it is.
result<std::optional<std::size_t>> session::place_of_bound(const known_statement& what) {
    bound_.resize(bind_.parameters.size());
    for (std::size_t i = 0; i < bound_.size(); ++i) {
        bound_[i].bytes = bind_.parameters[i];
        bound_[i].type = i < what.types.size() ? what.types[i] : 0;
        bound_[i].format = bind_.format_of_parameter(i);
    }
    if (what.plan->may_change_session()) {
        for (const route::bound_parameter& each : bound_) {
            if (!each.bytes || each.bytes->size() > 128) continue;
            const std::string quoted = fmt::format("'{}'", *each.bytes);
            if (auto why = sets_ours_on_a_server(quoted)) return std::move(*why);
            for (std::string& name : custom_settings_named_in(quoted)) {
                if (named_custom_.size() < 100) named_custom_.push_back(std::move(name));
            }
        }
    }
    return relayed_to(what, bound_);
}

// Of the parameters of bind_. Types may be declared for parameters that the text does not use.
status session::right_count(const known_statement& what) const {
    const std::size_t required = std::max(what.plan->parameter_count(), what.types.size());
    const std::size_t given = bind_.parameters.size();
    if (given == required) return {};
    return error{errc::protocol_violation,
                 fmt::format("bind message supplies {} parameters, but prepared statement \"{}\" requires {}", given,
                             bind_.statement, required)};
}

task<status> session::fail_bind(error why) {
    statements_.close_portal(bind_.portal);
    return fail_extended(std::move(why));
}

// What is not relayed is carried out at Execute.
task<status> session::keep_bound(portal& made) {
    made.parameter_formats = bind_.parameter_formats;
    made.results = result_formats{bind_.result_formats};
    if (status kept = statements_.keep_parameters(made, bind_.parameters); !kept) {
        return fail_bind(std::move(kept).error());
    }
    if (parse_owed_ == nullptr) {
        answer(bind_complete);
        return {};
    }
    return [](session& self) -> task<status> {
        status claimed = co_await self.claim_parse();
        if (!claimed || self.skipping_) co_return claimed;
        self.answer(bind_complete);
        co_return status{};
    }(*this);
}

task<status> session::bind_elsewhere(client_message m, std::shared_ptr<known_statement> what, std::size_t place,
                                     bool writes, bool replica) {
    status there = co_await go_to(place, writes, replica);
    const bool anywhere = block_ == block::none && place < shared_.shards() && answers_anywhere(*what);
    for (std::size_t i = 1; !there && anywhere && current_ == nullptr && !cancel_asked_ && i < shared_.shards(); ++i) {
        portal* const made = statements_.find_portal(bind_.portal);
        if (made == nullptr) break;
        made->target = any_place();
        there = co_await go_to(made->target, writes, replica);
    }
    if (!there) {
        error why = std::move(there).error();
        co_return co_await fail_bind(std::move(why));
    }
    if (skipping_) co_return status{};
    task<status> rest = bind_here(m, what);
    if (rest) co_return co_await rest;
    co_return status{};
}

// On the current server.
task<status> session::bind_here(client_message m, const std::shared_ptr<known_statement>& what) {
    if (status allowed = note_reader(*current_, what->plan->writes()); !allowed) {
        return fail_bind(std::move(allowed).error());
    }
    if (lacks_types(*current_, *what)) return learn_and_bind(m, what);
    return bind_known(m, what);
}

task<status> session::learn_and_bind(client_message m, std::shared_ptr<known_statement> what) {
    co_await learn_declared(*current_, what);
    task<status> rest = bind_known(m, what);
    if (rest) co_return co_await rest;
    co_return status{};
}

task<status> session::bind_known(client_message m, const std::shared_ptr<known_statement>& what) {
    if (current_->link->differing_oids() != nullptr) {
        status passes = may_pass_binary(*what, *current_);
        if (!passes) return fail_bind(std::move(passes).error());
        if (bind_.has_binary()) return bind_binary(m, what);
    }
    return pass_bind(m, what);
}

task<status> session::bind_binary(client_message m, std::shared_ptr<known_statement> what) {
    auto good = co_await check_binary(what, bind_);
    if (!good) {
        if (good.error() == errc::peer_closed) co_return std::move(good).error();
        error why = std::move(good).error();
        co_return co_await fail_bind(std::move(why));
    }
    if (skipping_) co_return status{};
    portal* const made = statements_.find_portal(bind_.portal);
    if (*good && made != nullptr) {
        made->relayed = false;
        second_.allowed = false;  // the Bind goes to no server
        task<status> kept = keep_bound(*made);
        if (kept) co_return co_await kept;
        co_return status{};
    }
    task<status> rest = pass_bind(m, what);
    if (rest) co_return co_await rest;
    co_return status{};
}

task<status> session::pass_bind(client_message m, const std::shared_ptr<known_statement>& what) {
    if (to_server_.size() + m.whole.size() > flight_max) {
        if (status granted = may_gather(m.whole.size()); !granted) return fail_bind(std::move(granted).error());
    }
    auto prepared = prepare_on(*current_, what);
    if (!prepared) return fail_bind(std::move(prepared).error());
    const std::size_t before = to_server_.size();
    write_bind_under(to_server_, m.body, *prepared);
    if (bind_.has_binary() && current_->link->differing_oids() != nullptr) {
        if (status done = translate_bound(m.body, *what); !done) {
            to_server_.resize(before);
            return fail_bind(std::move(done).error());
        }
    }
    if (!bind_.portal.empty()) name_changes_.portal(expected_.next_number(), bind_.portal);
    expected_.push(expectation::of(expectation::kind::bind));
    flight_.push_back(what);
    unsynced_ = true;
    if (to_server_.size() > flight_max) return drain(false);
    return {};
}

// --- Describe ---------------------------------------------------------------------------------------------------

task<status> session::on_describe(client_message m) {
    if (skipping_) return {};
    auto read = wire::read_describe(m.body);
    if (!read) return fail_extended(std::move(read).error());
    if (read->what == wire::target_message::kind::statement) {
        auto found = statement_named(read->name);
        if (!found) return fail_extended(std::move(found).error());
        if (failed_ && (*found)->plan != nullptr && (*found)->plan->kind() == route::statement_kind::select) {
            return fail_extended(transaction_failed());
        }
        std::shared_ptr<known_statement> hinted = std::move(*found);
        if (hinted->refused) return fail_extended(*hinted->refused);
        return [](session& self, std::shared_ptr<known_statement> what) -> task<status> {
            status described = co_await self.describe_statement(std::move(what));
            if (described || described.error() == errc::peer_closed) co_return described;
            error why = std::move(described).error();
            co_return co_await self.fail_extended(std::move(why));
        }(*this, std::move(hinted));
    }
    const portal* what = statements_.find_portal(read->name);
    std::optional<std::size_t> place;
    if (what == nullptr) {
        place = place_of_cursor(read->name);
        if (!place) return fail_extended(no_such_portal(read->name));
    } else if (what->relayed) {
        place = what->target;
    } else {
        return told_in_place(describe_portal(std::string{read->name}));
    }
    if (!is_at(*place)) return after_going(m, *place);
    pass(m.whole, expectation::kind::describe_portal);
    return {};
}

// A cursor that was DECLAREd is a portal of its server's.
std::optional<std::size_t> session::place_of_cursor(std::string_view name) const {
    if (cursors_.empty()) return std::nullopt;
    const auto at = cursors_.find(std::string{name});
    if (at == cursors_.end()) return std::nullopt;
    return at->second;
}

// --- Execute ----------------------------------------------------------------------------------------------------

task<status> session::on_execute(client_message m) {
    if (skipping_) return {};
    auto read = wire::read_execute(m.body);
    if (!read) return fail_extended(std::move(read).error());
    const portal* what = statements_.find_portal(read->portal);
    if (what == nullptr) {
        const auto place = place_of_cursor(read->portal);
        if (!place) return fail_extended(no_such_portal(read->portal));
        if (failed_) return fail_extended(transaction_failed());
        if (!is_at(*place)) return after_going(m, *place);
        pass(m.whole, expectation::kind::execute);
        return {};
    }
    watch(what->statement);
    if (!what->relayed) return told_in_place(execute_portal(std::string{read->portal}, read->rows_max));
    if (failed_) return fail_extended(transaction_failed());  // by an error of ours, which the server knows nothing of
    if (!is_at(what->target)) return after_going(m, what->target);
    const route::prepared_plan& plan = *what->statement->plan;
    pass(m.whole, expectation::kind::execute);
    unsynced_executed_ = true;
    if (plan.writes() && !current_->loan.from_replica) unsynced_wrote_ = true;
    if (plan.may_change_session()) touch(*current_, plan, what->statement->text);
    if (block_ != block::none && plan.session().command == "DECLARE CURSOR") {
        cursors_[plan.session().name] = what->target;
    }
    if (plan.may_change_schema()) changed_schema_ = true;
    ++counted().relayed;
    if (to_server_.size() > flight_max || plan.kind() == route::statement_kind::copy) return drain(false);
    return {};
}

task<status> session::execute_portal(std::string name, std::uint32_t rows_max) {
    portal& what = *statements_.find_portal(name);
    const std::shared_ptr<known_statement> statement = what.statement;
    if (is_own(*statement->plan, shared_.is_sqlite())) {
        if (what.done) {
            if (!has_rows(*statement->plan)) {
                co_return error{errc::transaction_state, fmt::format("portal \"{}\" cannot be run", name)}.sqlstate(
                    "55000");
            }
            wire::write_command_complete(stream_.out(), "SELECT 0");
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
        if (kind == route::statement_kind::rollback) {
            status undone = co_await undo_flight();
            if (!undone || skipping_) co_return undone;
        }
        if (ends || current_ != nullptr) {
            status settled = co_await drain(ends || block_ != block::none);
            if (!settled || skipping_) co_return settled;
            if (ends || block_ != block::none) end_flight();
            if (ends && block_ == block::none) {
                const bool back = kind == route::statement_kind::rollback;
                status ended = co_await end_as_one(back ? execute::ending::rollback : execute::ending::commit);
                if (!ended) co_return ended;
                if (!release_now()) co_await release_all();
            }
        }
        co_return co_await run_own(statement, false);
    }
    if (failed_) co_return transaction_failed();
    if (what.answer == nullptr && !what.done) {
        status left = co_await leave_servers_for(statement->plan->writes());
        if (!left || skipping_) co_return left;
        status begun = co_await begin_answer(name);
        if (!begun) co_return begun;
    }
    constexpr int attempts_max = 3;
    for (int attempt = 1;; ++attempt) {
        portal* still = statements_.find_portal(name);
        if (still == nullptr) co_return error{errc::internal};
        const std::size_t mark = stream_.out().size();
        const std::uint64_t sent_before = stream_.sent();
        status sent = co_await send_rows(*still, rows_max);
        if (sent) co_return sent;
        const bool again = attempt < attempts_max && may_ask_again(*still, sent.error(), sent_before);
        note_losses();
        if (!again) co_return sent;
        stream_.out().resize(mark);
        status begun = co_await begin_answer(name);
        if (!begun) co_return begun;
    }
}

// --- Close, Flush, Sync -----------------------------------------------------------------------------------------

task<status> session::on_close(client_message m) {
    if (skipping_) return {};
    auto read = wire::read_close(m.body);
    if (!read) return fail_extended(std::move(read).error());
    if (parse_owed_ != nullptr) return after_claiming(m);
    if (read->what == wire::target_message::kind::statement) {
        std::shared_ptr<known_statement> before = statements_.peek(read->name);
        statements_.close(read->name);
        if (answer(close_complete) && before != nullptr)
            name_changes_.statement(expected_.next_number() - 1, read->name, std::move(before));
        return {};
    }
    const portal* what = statements_.find_portal(read->name);
    std::optional<std::size_t> place;
    if (what == nullptr) {
        place = place_of_cursor(read->name);
        if (place && !is_at(*place)) return after_going(m, *place);
    } else {
        if (what->answer != nullptr) return after_settling(m, std::string{read->name});
        if (what->relayed && is_at(what->target)) place = what->target;
    }
    if (place)
        pass(m.whole, expectation::kind::close);
    else
        answer(close_complete);
    statements_.close_portal(read->name);
    return {};
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
        expected_.push(expectation::of(expectation::kind::sync, false));
        participant& p = *current_;
        const bool wrote = unsynced_wrote_ || p.wrote;
        const bool executed = unsynced_executed_;
        unsynced_ = unsynced_executed_ = unsynced_wrote_ = false;
        status done = co_await exchange(p, std::string_view());
        skipping_ = false;
        if ((p.loan.from_replica || second_.anywhere) && second_.allowed && stream_.sent() == second_.sent &&
            !cancel_asked_ && (done ? second_.conflicted : done.error() == errc::connection_lost)) {
            take_back(p);
            if (!done) drop(&p);
            co_return co_await fly_again();
        }
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
    name_changes_.clear();
    if (second_.allowed || second_.again) end_second_try();
    if (bound_.capacity() > 64) bound_ = {}, bind_ = {};  // of an unusual Bind: not to be kept while idle
    if (block_ == block::none) {
        end_flight();
        if (has_open_portals()) {
            status settled = co_await close_portals();
            if (!settled) fail(settled.error());
        }
        statements_.close_portals();
        if (as_one_ != as_one::nothing) {
            status committed = co_await end_as_one(execute::ending::commit);
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
