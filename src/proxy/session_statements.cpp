// What the session answers by itself: settings, DISCARD, DEALLOCATE, explain (ashlar), and which statements these are.
#include "core/letter_case.hpp"
#include "proxy/our_settings.hpp"
#include "proxy/session.hpp"
#include "proxy/settings_over_sqlite.hpp"
#include "proxy/statement_words.hpp"
#include "proxy/worker.hpp"
#include "topology/pg_catalogue.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

namespace {

using route::statement_kind;

columns one_text_column(std::string name) {
    column c;
    c.name = std::move(name);
    columns out;
    out.push_back(std::move(c));
    return out;
}

bool closes_all(const route::prepared_plan& plan) {
    return plan.session().command == "CLOSE" && plan.session().name.empty();
}

// Each server of the transaction has constraints of its own to set.
bool sets_all_constraints(const route::prepared_plan& plan) {
    return plan.session().command == "SET CONSTRAINTS" && plan.session().name == "ALL";
}

}  // namespace

bool session::is_own(const route::prepared_plan& plan, bool sqlite) noexcept {
    switch (plan.kind()) {
        case statement_kind::begin:
        case statement_kind::commit:
        case statement_kind::rollback:
        case statement_kind::savepoint:
        case statement_kind::release:
        case statement_kind::rollback_to:
        case statement_kind::set:
        case statement_kind::reset:
        case statement_kind::discard:
        case statement_kind::prepare:
        case statement_kind::execute:
        case statement_kind::deallocate:
        case statement_kind::explain_ashlar:
        case statement_kind::empty:
            return true;
        case statement_kind::show:
            return sqlite || is_our_setting(plan.session().name);
        case statement_kind::utility:
            return plan.session().command == "UNLISTEN" || closes_all(plan) || (!sqlite && sets_all_constraints(plan));
        default:
            return false;
    }
}

bool session::has_rows(const route::prepared_plan& plan) noexcept {
    return plan.kind() == statement_kind::explain_ashlar || plan.kind() == statement_kind::show;
}

task<status> session::run_own(std::shared_ptr<known_statement> what, bool describe) {
    ++counted().own;
    const route::prepared_plan& plan = *what->plan;
    switch (plan.kind()) {
        case statement_kind::empty:
            wire::write_empty_query(stream_.out());
            co_return status{};
        case statement_kind::begin:
            if (block_ == block::explicit_ && !failed_) {
                status set = co_await set_modes_of(*what);
                if (!set) co_return set;
            }
            co_return begin_block(*what);
        case statement_kind::commit:
        case statement_kind::rollback: {
            const bool commit = plan.kind() == statement_kind::commit;
            const std::vector<std::string> words = words_of(what->text);
            const bool chained = has(words, "chain") && !has(words, "no");
            if (chained && block_ != block::explicit_) {
                co_return error{
                    errc::transaction_state,
                    fmt::format("{} AND CHAIN can only be used in transaction blocks", commit ? "COMMIT" : "ROLLBACK")}
                    .sqlstate("25P01");
            }
            if (has(words, "prepared")) {
                co_return error{errc::unsupported, "two-phase commit by the client is not supported"};
            }
            if (block_ == block::none) {
                wire::write_notice(stream_.out(), wire::severity::warning, "25P01",
                                   "there is no transaction in progress");
                wire::write_command_complete(stream_.out(), commit ? "COMMIT" : "ROLLBACK");
                co_return status{};
            }
            const bool really = commit && !failed_;
            if (chained && really && changes_modes_of_next()) {
                co_return error{errc::unsupported,
                                "COMMIT AND CHAIN after a change of default_transaction_isolation, "
                                "default_transaction_read_only or default_transaction_deferrable"}
                    .hint("Send COMMIT, and BEGIN with the modes that the next transaction shall have.");
            }
            std::vector<std::string> modes = chained ? modes_set_since_begin() : std::vector<std::string>{};
            const std::optional<bool> read_only = read_only_;
            status over = co_await end_block(really ? execute::ending::commit : execute::ending::rollback);
            if (!over) co_return over;
            if (chained) {
                start_block();
                replay_ = std::move(modes);
                count_block();
                read_only_ = read_only;
                failed_ = false;
            }
            wire::write_command_complete(stream_.out(), really ? "COMMIT" : "ROLLBACK");
            co_return status{};
        }
        case statement_kind::rollback_to:
        case statement_kind::savepoint:
        case statement_kind::release:
            co_return co_await run_savepoint(*what);
        default:
            break;
    }
    if (failed_) {
        co_return error{errc::transaction_failed,
                        "current transaction is aborted, commands ignored until end of transaction block"};
    }
    switch (plan.kind()) {
        case statement_kind::set:
        case statement_kind::reset:
            co_return co_await run_setting(*what);
        case statement_kind::discard:
            co_return run_discard(*what);
        case statement_kind::deallocate:
            co_return run_deallocate(*what);
        case statement_kind::explain_ashlar:
            co_return co_await run_explain(what, describe);
        case statement_kind::show:
            if (is_our_setting(plan.session().name)) co_return co_await show_ours(plan.session().name, describe);
            co_return co_await run_show(what, describe);
        case statement_kind::utility:
            if (sets_all_constraints(plan)) co_return co_await run_setting(*what);
            // Drivers send both when a connection goes back to their pool. Nobody listens, and what is open is open on the
            // servers of the transaction.
            if (closes_all(plan)) {
                cursors_.clear();
                status closed = co_await on_every_participant("CLOSE ALL");
                if (!closed) co_return closed;
                wire::write_command_complete(stream_.out(), "CLOSE CURSOR ALL");
            } else {
                wire::write_command_complete(stream_.out(), "UNLISTEN");
            }
            co_return status{};
        case statement_kind::prepare:
        case statement_kind::execute:
            co_return error{errc::unsupported, "SQL-level PREPARE and EXECUTE are not supported"}.hint(
                "Use your driver's prepared statements, which are shared between clients and servers.");
        default:
            co_return error{errc::internal, "a statement of the session without a handler"};
    }
}

// --- settings ---------------------------------------------------------------------------------------------------

// A server judges each SET, and spells the value; then it is the session's own.
task<status> session::run_setting(const known_statement& what) {
    using verb = setting_command::verb;
    auto read = read_setting_command(what.text);
    if (!read) co_return std::move(read).error();
    const setting_command& command = *read;
    if (is_our_setting(command.name)) co_return run_our_setting(what, command);
    const bool resets = command.what == verb::reset || command.what == verb::reset_all;
    const bool said_reset = what.plan->kind() == statement_kind::reset;
    const std::string_view tag = said_reset ? "RESET" : "SET";
    if (command.name == "client_encoding" && command.what == verb::set) {
        const std::vector<std::string> words = words_of(what.text);
        const std::string& last = words.back();
        const bool utf8 = last == "utf8" || last == "unicode" || last == "8" || last == "sql_ascii";
        if (!utf8) {
            co_return error{errc::unsupported, fmt::format("client_encoding {} is not supported", last)}.hint(
                "Use UTF8.");
        }
    }
    if (shared_.is_sqlite() && command.name != "client_encoding") {
        if (status may = check_over_sqlite(command, user_); !may) co_return may;
    }
    if (command.what == verb::set_local || command.what == verb::transaction) {
        const bool constraints = command.name == "constraints";
        std::string sql = command.statement;
        if (command.what == verb::set_local && what.plan->session().to_default) {
            // The client's own start-up value, which the server does not know as the default.
            if (const std::string* first = defaults_->find(command.name)) sql = as_local(*first);
        }
        if (block_ == block::none) {
            const bool local = command.what == verb::set_local;
            const std::string_view said = local ? "SET LOCAL" : constraints ? "SET CONSTRAINTS" : "SET TRANSACTION";
            wire::write_notice(stream_.out(), wire::severity::warning, "25P01",
                               fmt::format("{} can only be used in transaction blocks", said));
            wire::write_command_complete(stream_.out(), constraints ? "SET CONSTRAINTS" : tag);
            co_return status{};
        }
        if (!shared_.is_sqlite()) {
            if (participants_.empty()) {
                // Somebody has to say whether it is good.
                auto got = co_await acquire(any_place(), false);
                if (!got) co_return std::move(got).error();
            }
            status done = co_await on_every_participant(sql);
            if (!done) co_return done;
        }
        if (command.what == verb::transaction) take_read_only(words_of(what.text), read_only_);
        if (command.what == verb::set_local) note_local(command, what.plan->session().to_default);
        if (status kept = keep_for_newcomers(std::move(sql)); !kept) co_return kept;
        wire::write_command_complete(stream_.out(), constraints ? "SET CONSTRAINTS" : tag);
        if (!participants_.empty() && participants_.front().link != nullptr)
            report_parameters(*participants_.front().link);
        co_return status{};
    }

    settings next = *settings_, shown = *settings_;
    if (command.what == verb::reset_all) {
        for (const auto& [name, statement] : local_.all()) shown.set(name, statement);
        local_.clear();
        // A role and a user are not reset by RESET ALL.
        const std::string* role = settings_->find("role");
        const std::string* user = settings_->find("session_authorization");
        next = *defaults_;
        if (role != nullptr) next.set("role", *role);
        if (user != nullptr) next.set("session_authorization", *user);
    } else if (resets) {
        if (const std::string* local = local_.find(command.name)) shown.set(command.name, *local);
        local_.reset(command.name);
        next.reset(command.name);
        if (const std::string* first = defaults_->find(command.name)) next.set(command.name, *first);
    } else {
        local_.reset(command.name);
        next.set(command.name, command.statement);
        for (const auto& [name, statement] : command.more) next.set(name, statement);
    }
    if (status kept = may_keep(next); !kept) co_return kept;
    if (!shared_.is_sqlite()) {
        if (participants_.empty()) {
            auto got = co_await acquire(any_place(), false);
            if (!got) co_return std::move(got).error();
        }
        std::string sql = resets ? difference(shown, next) : command.statement;
        // RESET of an unknown name is an error also when nothing was set.
        if (command.what == verb::reset && sql.empty()) {
            sql = command.statement;
            if (const std::string* first = next.find(command.name)) sql += ';' + *first;
        }
        for (const auto& [name, statement] : command.more) sql += ';' + statement;
        if (!sql.empty()) {
            status done = co_await on_every_participant(sql);
            if (done && block_ != block::none) done = keep_for_newcomers(std::move(sql));
            if (!done) co_return done;
        }
        auto now = std::make_shared<const settings>(std::move(next));
        for (participant& p : participants_) {
            if (p.link == nullptr) continue;
            note(p, now, p.link->is_dirty());
        }
        use_settings(std::move(now));
        wire::write_command_complete(stream_.out(), tag);
        if (!participants_.empty() && participants_.front().link != nullptr)
            report_parameters(*participants_.front().link);
        co_return status{};
    } else {
        use_settings(std::make_shared<const settings>(std::move(next)));
    }
    wire::write_command_complete(stream_.out(), tag);
    co_return status{};
}

status session::run_discard(const known_statement& what) {
    const std::vector<std::string> words = words_of(what.text);
    const std::string_view which = words.size() < 2 ? std::string_view{"all"} : std::string_view{words[1]};
    if (which == "all") {
        if (block_ != block::none) {
            return error{errc::transaction_state, "DISCARD ALL cannot run inside a transaction block"}.sqlstate(
                "25001");
        }
        statements_.close_all();
        statements_.erase_portals();
        use_settings(defaults_);
        wire::write_command_complete(stream_.out(), "DISCARD ALL");
    } else {
        // No sequence, plan or temporary table of the session's own is kept on any server.
        wire::write_command_complete(stream_.out(), "DISCARD " + uppered(which));
    }
    return {};
}

status session::run_deallocate(const known_statement& what) {
    const std::vector<std::string> words = words_of(what.text);
    const std::string& name = words.back();
    const bool named_all = name == "all" && what.text.find('"') == what.text.npos;
    if (named_all) {
        statements_.close_all();
        wire::write_command_complete(stream_.out(), "DEALLOCATE ALL");
        return {};
    }
    auto found = statements_.find(name);
    if (!found) return std::move(found).error();
    statements_.close(name);
    wire::write_command_complete(stream_.out(), "DEALLOCATE");
    return {};
}

// --- explain, show ----------------------------------------------------------------------------------------------

task<status> session::run_explain(std::shared_ptr<known_statement> what, bool describe) {
    const auto explained = what->plan->explained();
    if (explained == nullptr) co_return error{errc::internal, "nothing to explain"};
    auto lines = execute::explain(*explained, {}, abilities());
    if (what->pinned) {
        auto place = pinned_place(*what, {});
        if (!place) co_return std::move(place).error();
        if (*place) lines = explain_pinned(*what, **place);
    }
    if (!lines) co_return std::move(lines).error();
    if (describe) wire::write_row_description(stream_.out(), one_text_column("QUERY PLAN"));
    for (const std::string& line : *lines) {
        const cell one[] = {cell{line}};
        wire::write_data_row(stream_.out(), one);
    }
    wire::write_command_complete(stream_.out(), fmt::format("EXPLAIN"));
    co_return status{};
}

// For SQLite, which has no settings: what the session was told, or has set.
task<status> session::run_show(std::shared_ptr<known_statement> what, bool describe) {
    std::vector<std::string> words = words_of(what->text);
    std::string name = words.size() > 1 ? words[1] : std::string{};
    for (std::size_t i = 2; i < words.size(); ++i)
        name += (name == "time" || name == "transaction" ? "" : ".") + words[i];
    if (name == "timezone" || name == "timezone ") name = "timezone";
    if (name == "transactionisolation.level" || name == "transaction.isolation.level") name = "transaction_isolation";
    std::optional<std::string> value;
    for (const auto& [each, told] : *reported_) {
        if (equals_ignoring_case(each, name)) value = told;
    }
    if (name == "transaction_isolation" || name == "default_transaction_isolation") value = "serializable";
    if (name == "search_path") value = "public";
    const std::string* made = local_.find(name);
    if (made == nullptr) made = settings_->find(name);
    if (made != nullptr) value = shown_over_sqlite(name, value_of_setting(*made));
    if (!value) {
        const auto& fixed = topology::settings_over_sqlite();
        if (const auto found = fixed.find(name); found != fixed.end()) value = found->second;
    }
    if (!value) value = first_value_over_sqlite(name);
    if (!value) {
        co_return error{errc::invalid_argument, fmt::format("unrecognized configuration parameter \"{}\"", name)}
            .sqlstate("42704");
    }
    if (describe) wire::write_row_description(stream_.out(), one_text_column(name));
    const cell one[] = {cell{*value}};
    wire::write_data_row(stream_.out(), one);
    wire::write_command_complete(stream_.out(), "SHOW");
    co_return status{};
}

}  // namespace ashlar::proxy
