#include "proxy/console.hpp"

#include "core/text_to_binary.hpp"
#include "proxy/worker.hpp"
#include "sql/lexer.hpp"
#include "wire/error_fields.hpp"
#include "wire/server_messages.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace ashlar::proxy {

namespace {

// Of what does not change, nobody has to be asked.
bool asks_workers(view_kind which) {
    switch (which) {
        case view_kind::help:
        case view_kind::version:
        case view_kind::state:
        case view_kind::config:
        case view_kind::peers:
        case view_kind::peer_pools:
            return false;
        default:
            return true;
    }
}

}  // namespace

cell_format console::portal::format_of(std::size_t column) const noexcept {
    if (formats.empty()) return cell_format::text;
    return formats.size() == 1 ? formats.front() : formats[column];
}

task<status> console::serve() {
    const milliseconds limit = shared_.settings().client_idle_timeout;
    for (;;) {
        wire::frame_header head;
        const bool is_long =
            wire::read_frame_header(stream_.rest(), head) == wire::header_state::good && head.body_size > message_max;
        client_message m;
        const auto found = is_long ? client_stream::found::too_long : stream_.next(m);
        switch (found) {
            case client_stream::found::message: {
                if (m.type == wire::client_says::terminate) co_return co_await stream_.flush();
                stream_.take(m.whole.size());
                status done = co_await take(m);
                if (!done) co_return done;
                break;
            }
            case client_stream::found::part: {
                status sent = co_await stream_.flush();
                if (!sent) co_return sent;
                const deadline until =
                    limit == milliseconds{0} ? deadline::never() : deadline{home_.loop().now() + limit};
                status more = co_await stream_.more(until);
                if (!more) {
                    if (more.error() == errc::deadline_passed) {
                        co_return error{errc::deadline_passed, "terminating connection due to idle-session timeout"}
                            .sqlstate("57P05");
                    }
                    co_return more;
                }
                break;
            }
            case client_stream::found::broken:
                co_return error{errc::protocol_violation, "invalid message length or type"};
            case client_stream::found::too_long:
                co_return error{errc::limit_reached, "a message to the console is too long"};
        }
    }
}

// What fails here ends the session; what a command did wrong is told the client.
task<status> console::take(client_message m) {
    std::string& out = stream_.out();
    status done;
    switch (m.type) {
        case wire::client_says::query: {
            auto text = wire::read_query(m.body);
            if (!text) co_return std::move(text).error();
            std::string copy{*text};
            skipping_ = false;
            portals_.clear();
            co_return co_await on_query(std::move(copy));
        }
        case wire::client_says::sync:
            skipping_ = false;
            if (!in_block_) portals_.clear();
            ready();
            co_return status{};
        case wire::client_says::flush:
            co_return co_await stream_.flush();
        case wire::client_says::parse:
            if (!skipping_) done = on_parse(m.body);
            break;
        case wire::client_says::bind:
            if (!skipping_) done = on_bind(m.body);
            break;
        case wire::client_says::describe:
            if (!skipping_) done = on_describe(m.body);
            break;
        case wire::client_says::close:
            if (!skipping_) done = on_close(m.body);
            break;
        case wire::client_says::execute: {
            if (skipping_) co_return status{};
            auto read = wire::read_execute(m.body);
            if (!read) co_return std::move(read).error();
            std::string name{read->portal};
            const std::uint32_t rows_max = read->rows_max;
            done = co_await on_execute(std::move(name), rows_max);
            break;
        }
        default:
            co_return error{errc::protocol_violation, "the console does not know this kind of message"};
    }
    if (!done) {
        if (done.error() == errc::peer_closed || done.error() == errc::protocol_violation) co_return done;
        wire::write_error(out, done.error());
        skipping_ = true;
        failed_ = in_block_;
    }
    co_return status{};
}

void console::ready() {
    wire::write_ready_for_query(stream_.out(), !in_block_ ? wire::transaction_state::idle
                                               : failed_  ? wire::transaction_state::failed
                                                          : wire::transaction_state::in_transaction);
}

// --- simple queries ---------------------------------------------------------------------------------------------

task<status> console::on_query(std::string text) {
    bool any = false;
    for (const sql::statement_span& each : sql::split(text)) {
        if (each.empty) continue;
        any = true;
        auto command =
            read_console_command(std::string_view{text}.substr(each.begin, each.end - each.begin), is_admin_);
        status done;
        if (command)
            done = co_await run(*command);
        else
            done = std::move(command).error();
        if (done) continue;
        if (done.error() == errc::peer_closed) co_return done;
        wire::write_error(stream_.out(), done.error());
        failed_ = in_block_;
        break;
    }
    if (!any) wire::write_empty_query(stream_.out());
    ready();
    co_return status{};
}

task<status> console::run(console_command what) {
    status may = may_run(what);
    if (!may) co_return may;
    if (!has_rows(what)) co_return co_await carry_out(what);
    auto shown = co_await look(what);
    if (!shown) co_return std::move(shown).error();
    describe(what, nullptr);
    portal here;
    here.command = std::move(what);
    here.shown = std::move(*shown);
    co_return co_await send_rows(here, 0);
}

status console::may_run(const console_command& what) const {
    const bool ends = what.what == console_command::kind::commit || what.what == console_command::kind::rollback;
    if (!failed_ || ends) return {};
    return error{errc::transaction_failed,
                 "current transaction is aborted, commands ignored until end of transaction block"};
}

bool console::has_rows(const console_command& what) noexcept {
    return what.what == console_command::kind::parameter ||
           (what.what == console_command::kind::show && !is_told_by_notice(what.view));
}

task<status> console::carry_out(console_command what) {
    if (what.what != console_command::kind::kill_client) {
        answer(what);
        co_return status{};
    }
    const bool found = co_await home_.end_client(what.number);
    if (!found) {
        co_return error{errc::invalid_argument, fmt::format("there is no client {}", what.number)}.hint(
            "SHOW CLIENTS lists the ids.");
    }
    spdlog::info("client {} is ended by a user of the console", what.number);
    wire::write_command_complete(stream_.out(), "KILL_CLIENT");
    co_return status{};
}

void console::answer(const console_command& what) {
    std::string& out = stream_.out();
    switch (what.what) {
        case console_command::kind::begin:
            in_block_ = true;
            return wire::write_command_complete(out, "BEGIN");
        case console_command::kind::commit:
        case console_command::kind::rollback: {
            const bool commits = what.what == console_command::kind::commit && !failed_;
            in_block_ = failed_ = false;
            return wire::write_command_complete(out, commits ? "COMMIT" : "ROLLBACK");
        }
        case console_command::kind::nothing:
            return wire::write_empty_query(out);
        case console_command::kind::deallocate:
            if (what.name.empty()) {
                statements_.clear();
                return wire::write_command_complete(out, "DEALLOCATE ALL");
            }
            statements_.erase(what.name);
            return wire::write_command_complete(out, "DEALLOCATE");
        case console_command::kind::discard:
            statements_.clear();
            return wire::write_command_complete(out, "DISCARD ALL");
        case console_command::kind::reset:
            return wire::write_command_complete(out, "RESET");
        case console_command::kind::set:
            return wire::write_command_complete(out, "SET");
        case console_command::kind::kill_client:
            return;  // carry_out()
        case console_command::kind::show:
        case console_command::kind::parameter:
            wire::write_notice(out, wire::severity::notice, "00000", "Console usage", help_text());
            return wire::write_command_complete(out, "SHOW");
    }
}

columns console::shape_of(const console_command& what) {
    if (what.what == console_command::kind::show) return proxy::shape_of(what.view);
    columns one(1);
    one.front().name = what.name;
    return one;
}

task<result<view>> console::look(const console_command what) {
    if (what.what == console_command::kind::parameter) {
        view one;
        one.shape = shape_of(what);
        one.rows.add(what.value);
        one.rows.end_row();
        co_return one;
    }
    std::vector<worker_report> reports;
    if (asks_workers(what.view)) {
        const auto asked = census::begin(home_.all(), lists_clients(what.view));
        auto told = co_await asked->wait(home_.loop());
        if (!told) co_return std::move(told).error();
        reports = std::move(*told);
    }
    const snapshot now = make_snapshot(shared_, std::move(reports), lists_connections(what.view));
    co_return make_view(what.view, now);
}

// Up to `rows_max` rows (0: all), and the end or PortalSuspended.
task<status> console::send_rows(portal& from, std::uint32_t rows_max) {
    const row_batch& rows = from.shown->rows;
    std::vector<cell> cells;
    std::vector<std::string> converted;
    for (std::uint32_t sent = 0; from.next < rows.rows(); ++from.next, ++sent) {
        if (rows_max != 0 && sent == rows_max) {
            wire::write_portal_suspended(stream_.out());
            co_return status{};
        }
        cells.assign(from.shown->shape.size(), cell{});
        converted.assign(cells.size(), {});
        for (std::size_t i = 0; i < cells.size(); ++i) {
            cells[i] = rows.at(from.next, i);
            if (!cells[i] || from.format_of(i) == cell_format::text) continue;
            auto binary = codec::text_to_binary(*cells[i], from.shown->shape[i].type);
            if (!binary) co_return std::move(binary).error();
            converted[i] = std::move(*binary);
            cells[i] = converted[i];
        }
        wire::write_data_row(stream_.out(), cells);
        if (stream_.out().size() > buffers::size) {
            status flushed = co_await stream_.flush();
            if (!flushed) co_return flushed;
        }
    }
    if (from.shown->left_out > 0) {
        wire::write_notice(stream_.out(), wire::severity::warning, "01000",
                           fmt::format("{} more rows are not shown", from.shown->left_out),
                           fmt::format("A view of the console has at most {} rows.", view_rows_max));
    }
    wire::write_command_complete(stream_.out(), "SHOW");
    co_return status{};
}

void console::describe(const console_command& what, const portal* bound) {
    if (!has_rows(what)) return wire::write_no_data(stream_.out());
    columns shape = shape_of(what);
    for (std::size_t i = 0; bound != nullptr && i < shape.size(); ++i) shape[i].format = bound->format_of(i);
    wire::write_row_description(stream_.out(), shape);
}

// --- extended queries -------------------------------------------------------------------------------------------

status console::on_parse(std::string_view body) {
    auto parse = wire::read_parse(body);
    if (!parse) return std::move(parse).error();
    std::vector<std::string_view> texts;
    for (const sql::statement_span& each : sql::split(parse->sql)) {
        if (!each.empty) texts.push_back(parse->sql.substr(each.begin, each.end - each.begin));
    }
    if (texts.size() > 1) return error{errc::syntax, "a prepared statement is one console command"};
    auto command = texts.empty() ? result<console_command>{console_command::nothing()}
                                 : read_console_command(texts.front(), is_admin_);
    if (!command) return std::move(command).error();
    const auto old = statements_.find(parse->statement);
    if (old != statements_.end() && !parse->statement.empty()) {
        return error{errc::invalid_argument, fmt::format("prepared statement \"{}\" already exists", parse->statement)}
            .sqlstate("42P05");
    }
    if (old == statements_.end() && statements_.size() >= statements_max) {
        return error{errc::limit_reached, fmt::format("the console keeps {} statements at most", statements_max)};
    }
    statements_.insert_or_assign(std::string{parse->statement}, std::move(*command));
    wire::write_parse_complete(stream_.out());
    return {};
}

status console::on_bind(std::string_view body) {
    auto bind = wire::read_bind(body);
    if (!bind) return std::move(bind).error();
    const auto statement = statements_.find(bind->statement);
    if (statement == statements_.end()) {
        return error{errc::invalid_argument, fmt::format("prepared statement \"{}\" does not exist", bind->statement)}
            .sqlstate("26000");
    }
    if (!bind->parameters.empty()) return error{errc::syntax, "console commands have no parameters"};
    const std::size_t width = has_rows(statement->second) ? shape_of(statement->second).size() : 0;
    if (bind->result_formats.size() > 1 && bind->result_formats.size() != width) {
        return error{errc::invalid_argument, "bind message has the wrong number of result formats"}.sqlstate("08P01");
    }
    if (!bind->portal.empty() && portals_.contains(bind->portal)) {
        return error{errc::invalid_argument, fmt::format("portal \"{}\" already exists", bind->portal)}.sqlstate(
            "42P03");
    }
    if (portals_.size() >= portals_max && !portals_.contains(bind->portal)) {
        return error{errc::limit_reached, fmt::format("the console has {} portals at most", portals_max)};
    }
    portal made;
    made.command = statement->second;
    made.formats = std::move(bind->result_formats);
    portals_.insert_or_assign(std::string{bind->portal}, std::move(made));
    wire::write_bind_complete(stream_.out());
    return {};
}

status console::on_describe(std::string_view body) {
    auto read = wire::read_describe(body);
    if (!read) return std::move(read).error();
    if (read->what == wire::target_message::kind::statement) {
        const auto at = statements_.find(read->name);
        if (at == statements_.end()) {
            return error{errc::invalid_argument, fmt::format("prepared statement \"{}\" does not exist", read->name)}
                .sqlstate("26000");
        }
        wire::write_parameter_description(stream_.out(), {});
        describe(at->second, nullptr);
        return {};
    }
    const auto at = portals_.find(read->name);
    if (at == portals_.end()) {
        return error{errc::invalid_argument, fmt::format("portal \"{}\" does not exist", read->name)}.sqlstate("34000");
    }
    describe(at->second.command, &at->second);
    return {};
}

status console::on_close(std::string_view body) {
    auto read = wire::read_close(body);
    if (!read) return std::move(read).error();
    if (read->what == wire::target_message::kind::statement) {
        if (const auto at = statements_.find(read->name); at != statements_.end()) statements_.erase(at);
    } else if (const auto at = portals_.find(read->name); at != portals_.end()) {
        portals_.erase(at);
    }
    wire::write_close_complete(stream_.out());
    return {};
}

task<status> console::on_execute(std::string name, std::uint32_t rows_max) {
    const auto at = portals_.find(name);
    if (at == portals_.end()) {
        co_return error{errc::invalid_argument, fmt::format("portal \"{}\" does not exist", name)}.sqlstate("34000");
    }
    portal& here = at->second;  // nobody else touches portals_ meanwhile: messages are taken one by one
    status may = may_run(here.command);
    if (!may) co_return may;
    if (!has_rows(here.command)) {
        console_command what = here.command;
        co_return co_await carry_out(std::move(what));
    }
    if (!here.shown) {
        auto shown = co_await look(here.command);
        if (!shown) co_return std::move(shown).error();
        here.shown = std::move(*shown);
    }
    co_return co_await send_rows(here, rows_max);
}

}  // namespace ashlar::proxy
