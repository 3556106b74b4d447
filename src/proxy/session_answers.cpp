// Answers that are not one PostgreSQL server's bytes: merged over several, or of another engine. The rows come from
// execute, the columns are described by the merge, and each cell is sent in the format that the client asked for.
#include "core/codec.hpp"
#include "core/letter_case.hpp"
#include "core/text_to_binary.hpp"
#include "execute/admission.hpp"
#include "proxy/catalogue_answer.hpp"
#include "proxy/session.hpp"
#include "proxy/session_lending.hpp"
#include "proxy/settings_over_sqlite.hpp"
#include "proxy/worker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

error statement_timed_out() {
    return error{errc::cancelled, "canceling statement due to statement timeout"}.sqlstate("57014");
}

driver::parameter parameter_from(const route::bound_parameter& given) {
    driver::parameter out;
    if (given.bytes) out.bytes = std::string{*given.bytes};
    out.type = given.type;
    out.format = given.format;
    return out;
}

// The columns of an answer, when the planner knows all of them.
std::optional<columns> described_columns(const route::typed_statement& known) {
    columns out;
    for (std::size_t i = 0; i < known.columns.size(); ++i) {
        if (known.columns[i].type == 0) return std::nullopt;
        column& c = out.emplace_back();
        c.name = known.names[i];
        c.type = known.columns[i].type;
        c.type_modifier = known.columns[i].modifier;
        c.type_size = codec::type_size(c.type);
    }
    return out;
}

}  // namespace

result<std::size_t> session::place_of(const route::bound_plan& plan, const route::step& step) const {
    if (plan.where != route::target::unsharded) return keyspace::index_of(step.shard);
    const std::string name = plan.database.empty() ? "primary" : plan.database;
    const std::size_t named = shared_.place_of_database(name);
    if (named == SIZE_MAX) {
        return error{errc::internal, "the statement was planned for " + name + ", which is no database of this proxy"};
    }
    return named;
}

execute::abilities session::abilities() const noexcept {
    execute::abilities can;
    can.commits_as_one = shared_.is_sqlite();
    can.copies = !shared_.is_sqlite();
    return can;
}

task<result<std::unique_ptr<execute::answer>>> session::start_answer(std::shared_ptr<known_statement> what,
                                                                     std::vector<route::bound_parameter> values,
                                                                     result_formats results, as_one unit) {
    const route::prepared_plan& plan = *what->plan;
    if (plan.asks_for_catalogue()) {
        topology::catalogue_reader_names names;
        names.user = user_;
        names.database = shared_.settings().database;
        names.process = key_.process;
        std::vector<driver::parameter> given;
        for (const route::bound_parameter& each : values) {
            driver::parameter p;
            if (each.bytes) p.bytes = std::string{*each.bytes};
            p.type = each.type;
            p.format = each.format;
            given.push_back(std::move(p));
        }
        std::string sql{plan.sql()};
        co_return co_await answer_from_catalogue(loop_, shared_.world().catalogue(), std::move(names), std::move(sql),
                                                 std::move(given));
    }
    auto bound = plan.bind(values);
    if (!bound) co_return std::move(bound).error();
    std::optional<std::size_t> pinned;
    if (what->pinned) {
        auto place = pinned_place(*what, values);
        if (!place) co_return std::move(place).error();
        pinned = *place;
        if (pinned) bound->database = shared_.place(*pinned).name;  // as errors name it
    }
    if (auto why = pinned ? std::nullopt : execute::refuse(plan, *bound, abilities())) co_return std::move(*why);
    const bool writes_several = plan.writes() && bound->steps.size() > 1;
    if (shared_.is_sqlite() && plan.writes() && is_read_only()) {
        co_return error{errc::read_only, "cannot write in a read-only transaction"};
    }
    // A write that is alone in its pipeline, on one shard, is committed by the shard itself.
    const bool alone = !writes_several && (unit == as_one::statement || next_is_sync());
    if (plan.writes() && shared_.is_sqlite() && block_ == block::none && as_one_ == as_one::nothing && !alone) {
        status clear = co_await begin_as_one(unit);
        if (!clear) co_return std::move(clear).error();
    }
    const bool replica = wants_replica(*what) && (block_ != block::none || unit == as_one::statement || next_is_sync());
    ++(bound->merge != nullptr || bound->steps.size() > 1 ? counted().merged : counted().relayed);
    std::vector<driver::parameter> parameters;
    parameters.reserve(values.size());
    for (const route::bound_parameter& each : values) parameters.push_back(parameter_from(each));
    execute::limits within;
    within.merge_memory_max = shared_.settings().merge_memory_max;
    within.names.user = user_;
    within.names.database = shared_.settings().database;
    within.account = &memory_;
    within.text_floats_exact = writes_floats_whole(*settings_, replay_);
    answer_lender::terms how;
    how.what = what;
    how.writes = plan.writes();
    how.replica = replica;
    if (bound->steps.size() > 1) how.who = pool::borrower::fan_out;
    if (pinned) {
        how.place = *pinned;
    } else if (bound->where == route::target::unsharded) {
        auto there = place_of(*bound, bound->steps.front());
        if (!there) co_return std::move(there).error();
        how.place = *there;
    }
    const bool anywhere = !pinned && !shared_.is_sqlite() && shared_.shards() > 0 && answers_anywhere(*what);
    answer_until_ = statement_deadline();
    for (int attempt = 0;; ++attempt) {
        if (anywhere && bound->steps.size() == 1) how.place = any_place();
        waits_for_ = waits_for::server;
        auto from = std::make_unique<answer_lender>(*this, how);
        auto begun = co_await execute::run(loop_, *bound, parameters, std::move(from), results, within, answer_until_);
        if (begun) co_return begun;
        if (is_overdue(begun.error())) co_return statement_timed_out();
        const bool may_repeat = !plan.writes() && block_ == block::none && as_one_ == as_one::nothing &&
                                begun.error() == errc::connection_lost && !cancel_asked_ && attempt < 3;
        note_losses();
        if (!may_repeat) co_return begun;
    }
}

// --- a statement or pipeline that is a transaction by itself --------------------------------------------------------

bool session::next_is_sync() {
    client_message m;
    return stream_.next(m) == client_stream::found::message && m.type == wire::client_says::sync;
}

// From now on who is asked takes part in a transaction.
task<status> session::begin_as_one(as_one what) {
    for (const auto& [name, each] : statements_.portals()) {
        if (each.answer == nullptr) continue;
        error why{errc::unsupported, "a statement that writes cannot begin beside an open portal"};
        why.hint("Fetch all rows of the portal, close it, or send Sync before.");
        co_return why;
    }
    co_await release_all();
    as_one_ = what;
    block_began_ = driver::this_moment();
    co_return status{};
}

task<status> session::end_as_one(execute::ending how) {
    if (as_one_ == as_one::nothing) co_return status{};
    as_one_ = as_one::nothing;
    bool committed = how == execute::ending::commit;
    std::optional<error> why = co_await end_on_servers(committed);
    co_await release_all();
    if (why) co_return std::move(*why);
    co_return status{};
}

// It failed, or the client does not want its end.
task<void> session::undo_as_one() {
    if (as_one_ == as_one::nothing) co_return;
    for (auto& [name, each] : statements_.portals()) {
        if (each.answer == nullptr) continue;
        co_await each.answer->abandon();
        each.answer = nullptr;
    }
    (void)co_await end_as_one(execute::ending::rollback);
}

// The portal's rows are no longer wanted. What its statement writes is done to the end, as PostgreSQL has done it by
// then; a reading one is abandoned.
task<status> session::settle(portal& what) {
    if (what.answer == nullptr) co_return status{};
    if (!what.statement->plan->writes() || skipping_) {
        co_await what.answer->abandon();
        what.answer = nullptr;
        co_return status{};
    }
    row_batch dropped;
    for (bool ended = what.at_end; !ended;) {
        dropped.clear();
        auto more = co_await what.answer->fetch(dropped, deadline::never());
        if (!more) {
            what.answer = nullptr;
            co_await undo_as_one();
            co_return std::move(more).error();
        }
        ended = *more == driver::fetched::ended;
    }
    what.answer = nullptr;
    what.done = true;
    co_return status{};
}

bool session::has_open_portals() noexcept {
    return std::ranges::any_of(statements_.portals(), [](const auto& each) { return each.second.answer != nullptr; });
}

// Those that have rows to give, before their servers go.
task<status> session::close_portals() {
    status first;
    auto& portals = statements_.portals();
    for (auto at = portals.begin(); at != portals.end();) {
        if (at->second.answer == nullptr) {
            ++at;
            continue;
        }
        status settled = co_await settle(at->second);
        if (!settled && first) first = std::move(settled);
        const std::string name = at->first;
        ++at;
        statements_.close_portal(name);
    }
    co_return first;
}

// Nothing of it has reached the client, and it only reads: a server that went away meanwhile is no reason to fail.
bool session::may_ask_again(const portal& what, const error& why, std::uint64_t sent_before) const noexcept {
    return why == errc::connection_lost && what.sent == 0 && stream_.sent() == sent_before &&
           !what.statement->plan->writes() && block_ == block::none && as_one_ == as_one::nothing && !cancel_asked_ &&
           memory_calls_ == 0;
}

task<status> session::run_merged(std::shared_ptr<known_statement> what) {
    constexpr int attempts_max = 3;
    for (int attempt = 1;; ++attempt) {
        bool again = attempt < attempts_max;
        status done = co_await run_merged_once(what, again);
        if (!again) co_return done;
    }
}

task<status> session::run_merged_once(std::shared_ptr<known_statement> what, bool& again) {
    const bool may_again = std::exchange(again, false);
    const std::size_t mark = stream_.out().size();
    const std::uint64_t sent_before = stream_.sent();
    std::vector<route::bound_parameter> none;
    result_formats text;
    auto started = co_await start_answer(what, std::move(none), std::move(text), as_one::statement);
    if (!started) {
        co_await undo_as_one();
        co_return std::move(started).error();
    }
    portal here;
    here.statement = what;
    here.answer = std::move(*started);
    if (!here.answer->shape().empty()) wire::write_row_description(stream_.out(), here.answer->shape());
    std::optional<status> done;
    std::exception_ptr thrown;
    try {
        done.emplace(co_await send_rows(here, 0));
    } catch (...) {
        thrown = std::current_exception();
    }
    if (here.answer != nullptr && (thrown != nullptr || !*done)) {
        // The links may be in the midst of an answer: clean_up() sees that, and closes them.
        if (thrown == nullptr && !(done->error() == errc::peer_closed)) co_await here.answer->abandon();
        here.answer = nullptr;
    }
    if (thrown != nullptr) std::rethrow_exception(thrown);
    if (!*done) {
        again = may_again && may_ask_again(here, done->error(), sent_before);
        if (again) stream_.out().resize(mark);
        note_losses();
        if (again) co_return status{};
    }
    if (!*done && !(done->error() == errc::peer_closed)) co_await undo_as_one();
    if (*done && what->plan->kind() == route::statement_kind::ddl && block_ == block::none) {
        const deadline until{steady_clock::now() + seconds{10}};
        (void)co_await shared_.world().read_catalogue(loop_, until);
    }
    co_return std::move(*done);
}

// Starts a portal's statement; its rows are fetched as Execute asks for them.
task<status> session::begin_answer(std::string name) {
    portal* what = statements_.find_portal(name);
    const std::shared_ptr<known_statement> statement = what->statement;
    std::vector<route::bound_parameter> values = what->bound();
    result_formats wanted = what->results;
    auto started = co_await start_answer(statement, std::move(values), std::move(wanted), as_one::pipeline);
    if (!started) co_return std::move(started).error();
    what = statements_.find_portal(name);
    if (what == nullptr) co_return error{errc::internal};
    what->answer = std::move(*started);
    status known = formats_known(*what);
    if (!known) {
        co_await what->answer->abandon();
        what->answer = nullptr;
    }
    co_return known;
}

// Can every column be sent as the client wants it? PostgreSQL's come so; SQLite's are text, which is written as binary here.
status session::formats_known(const portal& what) const {
    const columns& shape = what.answer->shape();
    if (!shape.empty() && !what.results.fits(shape.size())) {
        return error{errc::protocol_violation,
                     fmt::format("bind message has {} result formats but query has {} columns",
                                 what.results.as_bound().size(), shape.size())};
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const cell_format wanted = what.results.of(i);
        if (wanted == shape[i].format) continue;
        if (wanted == cell_format::binary && codec::has_text_to_binary(shape[i].type)) continue;
        error why{errc::unsupported, fmt::format("column \"{}\" cannot be sent in {} format", shape[i].name,
                                                 wanted == cell_format::binary ? "binary" : "text")};
        why.hint("Ask for text results, or cast the column to a built-in type.");
        return why;
    }
    return {};
}

// A long row as it is: its long cells are sent from where they lie.
task<status> session::send_long_row(const row_batch& rows, std::size_t row) {
    std::size_t size = 2;
    for (std::size_t i = 0; i < rows.width(); ++i) size += 4 + rows.at(row, i).value_or("").size();
    wire::write_data_row_head(stream_.out(), size, rows.width());
    for (std::size_t i = 0; i < rows.width(); ++i) {
        const cell one = rows.at(row, i);
        wire::write_cell_head(stream_.out(), one);
        if (!one) continue;
        if (one->size() <= buffers::size) {
            stream_.out() += *one;
            continue;
        }
        status sent = co_await stream_.flush();
        if (sent) sent = co_await stream_.send(*one);
        if (!sent) co_return sent;
    }
    co_return status{};
}

// PostgreSQL's servers keep to statement_timeout by themselves.
deadline session::statement_deadline() const {
    if (!shared_.is_sqlite()) return deadline::never();
    const milliseconds time = statement_timeout(*settings_, local_);
    return time == milliseconds{0} ? deadline::never() : deadline::in(time);
}

bool session::is_overdue(const error& why) const {
    return (why == errc::deadline_passed || why == errc::cancelled) && answer_until_.passed(steady_clock::now());
}

// Sends up to `rows_max` rows (0: all), and the end or PortalSuspended.
task<status> session::send_rows(portal& from, std::uint32_t rows_max) {
    if (from.sent > 0) answer_until_ = statement_deadline();  // each Execute has its own time
    waits_for_ = waits_for::server;
    struct counted_rows {
        memory_part& of;
        ~counted_rows() { (void)of.set(0); }
    } at_end{answer_memory_};
    if (from.done) {
        wire::write_command_complete(stream_.out(), "SELECT 0");
        co_return status{};
    }
    constexpr std::size_t copied_most = 64 * 1024;
    const columns& shape = from.answer->shape();
    bool as_they_are = true;
    for (std::size_t i = 0; i < shape.size(); ++i) as_they_are = as_they_are && from.results.of(i) == shape[i].format;
    std::uint64_t sent_now = 0;
    std::vector<cell> cells;
    std::vector<std::string> converted;
    for (;;) {
        while (from.next_row < from.rows.rows()) {
            if (rows_max != 0 && sent_now == rows_max) {
                wire::write_portal_suspended(stream_.out());
                co_return status{};
            }
            if (as_they_are) {
                if (from.rows.byte_size() / from.rows.rows() <= copied_most) {
                    wire::write_data_row(stream_.out(), from.rows, from.next_row);
                } else {
                    status passed = co_await send_long_row(from.rows, from.next_row);
                    if (!passed) co_return passed;
                }
            } else {
                cells.assign(shape.size(), cell{});
                converted.assign(shape.size(), {});
                for (std::size_t i = 0; i < shape.size(); ++i) {
                    const cell text = from.rows.at(from.next_row, i);
                    if (!text || from.results.of(i) == shape[i].format) {
                        cells[i] = text;
                        continue;
                    }
                    auto binary = codec::text_to_binary(*text, shape[i].type);
                    if (!binary) co_return std::move(binary).error();
                    converted[i] = std::move(*binary);
                    cells[i] = converted[i];
                }
                wire::write_data_row(stream_.out(), cells);
            }
            ++from.next_row;
            ++from.sent;
            ++sent_now;
            if (stream_.out().size() > buffers::size) {
                status flushed = co_await stream_.flush();
                if (!flushed) co_return flushed;
            }
        }
        if (from.at_end) break;
        from.rows.clear();
        from.next_row = 0;
        auto more = co_await from.answer->fetch(from.rows, answer_until_);
        if (!more) {
            from.answer = nullptr;
            if (is_overdue(more.error())) co_return statement_timed_out();
            co_return std::move(more).error();
        }
        if (*more == driver::fetched::ended) from.at_end = true;
        status counts = answer_memory_.set(from.rows.byte_size());
        if (!counts) co_return counts;
    }
    driver::completion completed = from.answer->completed();
    from.done = true;
    from.answer = nullptr;
    if (as_one_ == as_one::statement) {
        status committed = co_await end_as_one(execute::ending::commit);
        if (!committed) co_return committed;
    }
    // Of a SELECT fetched in parts PostgreSQL counts the last part.
    if (sent_now != from.sent && completed.tag.starts_with("SELECT "))
        completed.tag = fmt::format("SELECT {}", sent_now);
    for (const server_report& notice : completed.notices) wire::write_notice(stream_.out(), notice);
    wire::write_command_complete(stream_.out(), completed.tag);
    co_return status{};
}

// --- describing -------------------------------------------------------------------------------------------------

task<status> session::describe_portal(std::string name) {
    portal* what = statements_.find_portal(name);
    const std::shared_ptr<known_statement> statement = what->statement;
    const route::prepared_plan& plan = *statement->plan;
    if (is_own(plan, shared_.is_sqlite())) {
        describe_own(plan, *statement);
        co_return status{};
    }
    if (failed_) co_return error{errc::transaction_failed};
    // The answer is begun: its columns are the portal's, and Execute goes on from there.
    if (what->answer == nullptr && !what->done) {
        const bool returns = statement->text.find_first_of("rR") != statement->text.npos;
        if (plan.writes() && !(returns && next_is_execute_of(name))) {
            if (plan.kind() == route::statement_kind::select) {
                co_return error{errc::unsupported, "the portal cannot be described before it is executed"};
            }
            wire::write_no_data(stream_.out());
            co_return status{};
        }
        status left = co_await leave_servers_for(plan.writes());
        if (!left || skipping_) co_return left;
        status begun = co_await begin_answer(name);
        if (!begun) co_return begun;
        what = statements_.find_portal(name);
    }
    if (what->answer == nullptr || what->answer->shape().empty()) {
        wire::write_no_data(stream_.out());
        co_return status{};
    }
    columns shape = what->answer->shape();
    for (std::size_t i = 0; i < shape.size(); ++i) shape[i].format = what->results.of(i);
    wire::write_row_description(stream_.out(), shape);
    co_return status{};
}

// Drivers describe and execute in one flight: then beginning the answer for Describe does no more than Execute will.
bool session::next_is_execute_of(std::string_view name) {
    client_message m;
    if (stream_.next(m) != client_stream::found::message || m.type != wire::client_says::execute) return false;
    auto read = wire::read_execute(m.body);
    return read && read->portal == name;
}

void session::describe_own(const route::prepared_plan& plan, const known_statement& what) {
    if (!has_rows(plan)) {
        wire::write_no_data(stream_.out());
        return;
    }
    columns shape(1);
    shape[0].name = plan.kind() == route::statement_kind::explain_ashlar ? "QUERY PLAN" : "setting";
    if (plan.kind() == route::statement_kind::show) {
        const std::size_t blank = what.text.find_last_of(" \t\n");
        if (blank != what.text.npos) shape[0].name = what.text.substr(blank + 1);
    }
    wire::write_row_description(stream_.out(), shape);
}

// What the statement takes and gives. A PostgreSQL server is asked; where answers are merged, the merge says what becomes of
// the shards' columns.
task<status> session::describe_statement(std::shared_ptr<known_statement> what) {
    const route::prepared_plan& plan = *what->plan;
    if (is_own(plan, shared_.is_sqlite())) {
        status settled = co_await drain(false);
        if (!settled || skipping_) co_return settled;
        wire::write_parameter_description(stream_.out(), what->types);
        describe_own(plan, *what);
        co_return status{};
    }
    if (parse_owed_ != nullptr && parse_owed_ != what) {
        status claimed = co_await claim_parse();
        if (!claimed || skipping_) co_return claimed;
    }
    if (!shared_.is_sqlite() &&
        (plan.single_step_unchanged() || plan.kind() == route::statement_kind::show || plan.writes())) {
        if (current_ == nullptr || plan.where() == route::target::unsharded) {
            status there = co_await go_to_any_for(what);
            if (!there || skipping_) co_return there;
        }
        if (lacks_types(*current_, *what)) co_await learn_declared(*current_, what);
        auto prepared = prepare_on(*current_, what);
        if (!prepared) co_return std::move(prepared).error();
        wire::target_message target;
        target.name = *prepared;
        wire::write_describe(to_server_, target);
        expectation described;
        described.what = expectation::kind::describe_statement;
        described.statement = what;
        expected_.push(std::move(described));
        flight_.push_back(what);
        unsynced_ = true;
        co_return status{};
    }
    status settled = co_await drain(false);
    if (!settled || skipping_) co_return settled;
    status left = co_await leave_servers_for(plan.writes());
    if (!left || skipping_) co_return left;

    std::vector<std::uint32_t> types = what->types;
    types.resize(plan.parameter_count(), 0);
    if (const route::typed_statement* known = plan.types()) {
        for (std::size_t i = 0; i < types.size() && i < known->parameters.size(); ++i)
            types[i] = known->parameters[i].type;
        auto shape = described_columns(*known);
        if (shape && plan.merge() == nullptr) {
            wire::write_parameter_description(stream_.out(), types);
            if (shape->empty()) {
                wire::write_no_data(stream_.out());
            } else {
                wire::write_row_description(stream_.out(), *shape);
            }
            co_return status{};
        }
    }
    if (plan.writes()) {
        // SQLite: what it returns is only known by running it.
        if (lowered(what->text).find("returning") != std::string::npos) {
            co_return error{errc::unsupported, "a statement with RETURNING cannot be described before it is executed"}
                .hint("Describe the portal instead, as most drivers do.");
        }
        for (std::uint32_t& each : types) each = each == 0 ? oid::text : each;
        wire::write_parameter_description(stream_.out(), types);
        wire::write_no_data(stream_.out());
        co_return status{};
    }
    // With NULL for each parameter: one shard answers with no rows, or all with none that count.
    std::vector<route::bound_parameter> nulls(plan.parameter_count());
    result_formats text;
    auto started = co_await start_answer(what, std::move(nulls), std::move(text), as_one::pipeline);
    if (!started) co_return std::move(started).error();
    const std::unique_ptr<execute::answer> answer = std::move(*started);
    const columns shape = answer->shape();
    co_await answer->abandon();
    if (!shared_.is_sqlite()) {
        auto asked = co_await ask_parameter_types(what);
        if (!asked) co_return std::move(asked).error();
        types = std::move(*asked);
    }
    for (std::uint32_t& each : types) each = each == 0 ? oid::text : each;
    wire::write_parameter_description(stream_.out(), types);
    if (shape.empty()) {
        wire::write_no_data(stream_.out());
    } else {
        wire::write_row_description(stream_.out(), shape);
    }
    co_return status{};
}

// The types of a statement's parameters, as a server infers them.
task<result<std::vector<std::uint32_t>>> session::ask_parameter_types(std::shared_ptr<known_statement> what) {
    const std::size_t count = what->plan->parameter_count();
    if (count == 0) co_return std::vector<std::uint32_t>{};
    bool declared = what->types.size() >= count;
    for (const std::uint32_t each : what->types) declared = declared && each != 0;
    if (declared) co_return what->types;
    if (what->described && !what->types_unsure) co_return *what->described;
    status there = co_await go_to_any_for(what);
    if (!there) co_return std::move(there).error();
    if (lacks_types(*current_, *what)) co_await learn_declared(*current_, what);
    status asked = ask_to_describe(what);
    if (!asked) co_return std::move(asked).error();
    status done = co_await drain(true);
    if (!done) co_return std::move(done).error();
    if (!what->described) co_return error{errc::protocol_violation, "the server did not describe the statement"};
    co_return *what->described;
}

}  // namespace ashlar::proxy
