// What the session answers by itself, or does on all servers that take part: transactions, savepoints, settings, DISCARD,
// DEALLOCATE, explain (ashlar).
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

namespace {

using route::statement_kind;

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}

// The words and quoted names of a short statement that is known to be grammatical; words in lower case.
std::vector<std::string> words_of(std::string_view sql) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < sql.size();) {
        if (sql.substr(i, 2) == "--") {
            while (i < sql.size() && sql[i] != '\n') ++i;
        } else if (sql.substr(i, 2) == "/*") {
            const std::size_t end = sql.find("*/", i + 2);
            i = end == sql.npos ? sql.size() : end + 2;
        } else if (sql[i] == '"') {
            std::string name;
            for (++i; i < sql.size(); ++i) {
                if (sql[i] == '"') {
                    if (i + 1 >= sql.size() || sql[i + 1] != '"') break;
                    ++i;
                }
                name += sql[i];
            }
            ++i;
            out.push_back(std::move(name));
        } else if (is_word(sql[i])) {
            std::string word;
            while (i < sql.size() && is_word(sql[i])) {
                const char c = sql[i++];
                word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            }
            out.push_back(std::move(word));
        } else {
            ++i;
        }
    }
    return out;
}

std::string quoted_name(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"') out += c;
        out += c;
    }
    return out + "\"";
}

bool has(const std::vector<std::string>& words, std::string_view word) {
    for (const std::string& each : words) {
        if (each == word) return true;
    }
    return false;
}

std::string without_end(std::string_view sql) {
    while (!sql.empty() &&
           (sql.back() == ';' || sql.back() == ' ' || sql.back() == '\n' || sql.back() == '\t' || sql.back() == '\r')) {
        sql.remove_suffix(1);
    }
    return std::string{sql};
}

columns one_text_column(std::string name) {
    column c;
    c.name = std::move(name);
    columns out;
    out.push_back(std::move(c));
    return out;
}

}  // namespace

namespace {

bool closes_all(const route::prepared_plan& plan) {
    return plan.session().command == "CLOSE" && plan.session().name.empty();
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
            return sqlite;
        case statement_kind::utility:
            return plan.session().command == "UNLISTEN" || closes_all(plan);
        default:
            return false;
    }
}

bool session::has_rows(const route::prepared_plan& plan) noexcept {
    return plan.kind() == statement_kind::explain_ashlar || plan.kind() == statement_kind::show;
}

task<status> session::run_own(std::shared_ptr<known_statement> what, bool describe) {
    const route::prepared_plan& plan = *what->plan;
    switch (plan.kind()) {
        case statement_kind::empty:
            wire::write_empty_query(stream_.out());
            co_return status{};
        case statement_kind::begin:
            co_return begin_block(*what);
        case statement_kind::commit:
        case statement_kind::rollback: {
            const bool commit = plan.kind() == statement_kind::commit;
            const std::vector<std::string> words = words_of(what->text);
            if (has(words, "chain") && !has(words, "no")) {
                co_return error{errc::unsupported, "AND CHAIN is not supported"}.hint("Send BEGIN after it.");
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
            status over = co_await end_block(really ? outcome::commit : outcome::rollback);
            if (!over) co_return over;
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
            co_return co_await run_show(what, describe);
        case statement_kind::utility:
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
            co_return error{errc::internal, "a statement that nobody runs"};
    }
}

// --- transactions -----------------------------------------------------------------------------------------------

namespace {

// "… read only", "… read write" among a transaction's modes.
void take_read_only(const std::vector<std::string>& words, std::optional<bool>& into) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] != "read") continue;
        if (words[i + 1] == "only") into = true;
        if (words[i + 1] == "write") into = false;
    }
}

}  // namespace

bool session::is_read_only() const {
    if (read_only_) return *read_only_;
    const std::string* made = settings_->find("default_transaction_read_only");
    if (made == nullptr) return false;
    const std::vector<std::string> words = words_of(*made);
    std::size_t at = 0;
    while (at < words.size() && words[at] != "default_transaction_read_only") ++at;
    if (at + 1 < words.size() && words[at + 1] == "to") ++at;
    if (at + 1 >= words.size()) return false;
    const std::string& value = words[at + 1];
    return value == "on" || value == "true" || value == "yes" || value == "1" || value == "t" || value == "y";
}

status session::begin_block(const known_statement& what) {
    const std::vector<std::string> words = words_of(what.text);
    const bool start = !words.empty() && words.front() == "start";
    if (block_ == block::explicit_) {
        if (failed_) {
            return error{errc::transaction_failed,
                         "current transaction is aborted, commands ignored until end of transaction block"};
        }
        wire::write_notice(stream_.out(), wire::severity::warning, "25001",
                           "there is already a transaction in progress");
    } else {
        const bool plain =
            words.size() == 1 || (words.size() == 2 && (words[1] == "transaction" || words[1] == "work"));
        if (block_ == block::none) {
            settings_at_begin_ = settings_;
            let_go_of_joined();
            participants_.clear();
            begin_ = plain ? "BEGIN" : without_end(what.text);
        } else if (!plain && !participants_.empty()) {
            return error{errc::unsupported, "BEGIN with modes must come first in its query"};
        } else {
            begin_ = plain ? "BEGIN" : without_end(what.text);
        }
        block_ = block::explicit_;
        failed_ = false;
        current_ = nullptr;
        take_read_only(words, read_only_);
    }
    wire::write_command_complete(stream_.out(), start ? "START TRANSACTION" : "BEGIN");
    return {};
}

// Who only read goes first, who wrote last. `committed` becomes false when one could not commit; the reason is returned.
task<std::optional<error>> session::end_on_servers(bool& committed) {
    std::optional<error> why;
    const auto end_one = [](participant& p, bool commit) -> task<status> {
        return commit ? p.lease->commit(deadline::never()) : p.lease->rollback(deadline::never());
    };
    waits_for_ = waits_for::server;
    let_go_of_joined();
    for (const bool writers : {false, true}) {
        for (participant& p : participants_) {
            if (p.wrote != writers || !p.in_block) continue;
            status over = co_await end_one(p, committed);
            if (!over) {
                if (committed || (p.link != nullptr && p.link->is_broken())) {
                    if (committed) why = std::move(over).error();
                    committed = false;
                }
                if (p.lease->in_transaction() || !p.lease->is_reusable()) {
                    p.lease.discard();
                    p.link = nullptr;
                    continue;
                }
            }
            // A rolled back SET is undone at the server too.
            if (p.link != nullptr && !committed && p.at_begin != nullptr) note(p, p.at_begin, p.link->is_dirty());
        }
    }
    participants_.remove_if([](const participant& p) { return !p.lease; });
    co_return why;
}

// Ends the transaction on every server that takes part. The session is outside a transaction afterwards, whatever happened.
task<status> session::end_block(outcome how) {
    bool committed = how == outcome::commit;
    std::optional<error> why = co_await end_on_servers(committed);
    if (!committed && settings_ != settings_at_begin_ && settings_at_begin_ != nullptr) {
        use_settings(settings_at_begin_);
        for (participant& p : participants_) {
            if (p.link != nullptr && p.at_begin != nullptr && *p.at_begin == *settings_) report_parameters(*p.link);
        }
    }
    shared_.counts.transactions.fetch_add(1, std::memory_order_relaxed);
    block_ = block::none;
    failed_ = false;
    replay_.clear();
    savepoints_.clear();
    spread_.clear();
    cursors_.clear();
    read_only_.reset();
    settings_at_begin_ = nullptr;
    current_ = nullptr;
    statements_.portals().clear();
    co_await release_all();
    if (std::exchange(changed_schema_, false) && committed) {
        const deadline until{steady_clock::now() + seconds{10}};
        (void)co_await shared_.world().read_catalogue(loop_, until);
    }
    if (why) co_return *why;
    co_return status{};
}

task<status> session::on_every_participant(std::string sql) {
    for (participant& p : participants_) {
        if (p.joined != nullptr) continue;  // its host's transaction is its own
        if (p.begin_pending) {
            std::string first = "BEGIN";
            p.begin_pending = false;
            p.in_block = true;
            status begun = co_await p.link->run_script(std::move(first), deadline::never());
            if (!begun) co_return begun;
        }
        std::string copy = sql;
        waits_for_ = waits_for::server;
        const bool was_dirty = p.link != nullptr && p.link->is_dirty();
        status done = co_await p.on().run_script(std::move(copy), deadline::never());
        if (!done) co_return done;
        // What ends with the transaction, or is kept account of, leaves nothing behind.
        if (p.link != nullptr && !was_dirty) p.link->account_for(p.link->notes());
    }
    co_return status{};
}

task<status> session::run_savepoint(const known_statement& what) {
    const statement_kind kind = what.plan->kind();
    std::vector<std::string> words = words_of(what.text);
    const std::string name = words.empty() ? std::string{} : words.back();
    const std::string_view verb = kind == statement_kind::savepoint ? "SAVEPOINT"
                                  : kind == statement_kind::release ? "RELEASE SAVEPOINT"
                                                                    : "ROLLBACK TO SAVEPOINT";
    if (block_ != block::explicit_) {
        co_return error{errc::transaction_state, fmt::format("{} can only be used in transaction blocks", verb)}
            .sqlstate("25P01");
    }
    const bool back = kind == statement_kind::rollback_to;
    if (failed_ && !back) {
        co_return error{errc::transaction_failed,
                        "current transaction is aborted, commands ignored until end of transaction block"};
    }
    const std::string sql = fmt::format("{} {}", verb, quoted_name(name));
    if (kind == statement_kind::savepoint) {
        if (touched_session_) {  // what stands before the savepoint stays when it is rolled back to
            status spread = co_await spread_settings();
            if (!spread) co_return spread;
        }
        status set = co_await on_every_participant(sql);
        if (!set) co_return set;
        savepoint made;
        made.name = name;
        made.replayed = replay_.size();
        made.settings_then = settings_;
        savepoints_.push_back(std::move(made));
        replay_.push_back(sql);
        wire::write_command_complete(stream_.out(), "SAVEPOINT");
        co_return status{};
    }
    std::size_t at = savepoints_.size();
    while (at > 0 && savepoints_[at - 1].name != name) --at;
    if (at == 0) {
        co_return error{errc::transaction_state, fmt::format("savepoint \"{}\" does not exist", name)}.sqlstate(
            "3B001");
    }
    --at;
    // A server may have left the transaction for good meanwhile.
    for (participant& p : participants_) {
        if (!p.in_block && !p.begin_pending) co_return error{errc::transaction_failed};
    }
    status done = co_await on_every_participant(sql);
    if (!done) co_return done;
    if (back) {
        const bool settings_changed = settings_ != savepoints_[at].settings_then;
        replay_.resize(savepoints_[at].replayed + 1);
        savepoints_.resize(at + 1);
        failed_ = false;
        spread_.clear();
        for (participant& p : participants_) p.unspread = p.touched;
        if (settings_changed) {
            use_settings(savepoints_[at].settings_then);
            for (participant& p : participants_) {
                p.settings_unsure = true;
                if (p.link != nullptr) report_parameters(*p.link);
            }
        }
        wire::write_command_complete(stream_.out(), "ROLLBACK");
    } else {
        // What was set since stays set; a newcomer must know it all the same.
        replay_.push_back(sql);
        savepoints_.resize(at);
        wire::write_command_complete(stream_.out(), "RELEASE");
    }
    co_return status{};
}

// --- settings ---------------------------------------------------------------------------------------------------

// A server judges each SET, and spells the value; then it is the session's own.
task<status> session::run_setting(const known_statement& what) {
    using verb = setting_command::verb;
    auto read = read_setting_command(what.text);
    if (!read) co_return std::move(read).error();
    const setting_command& command = *read;
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
    if (command.what == verb::set_local || command.what == verb::transaction) {
        if (block_ == block::none) {
            const bool local = command.what == verb::set_local;
            const std::string_view said =
                local ? "SET LOCAL"
                : what.text.find("onstraints") != what.text.npos || what.text.find("ONSTRAINTS") != what.text.npos
                    ? "SET CONSTRAINTS"
                    : "SET TRANSACTION";
            wire::write_notice(stream_.out(), wire::severity::warning, "25P01",
                               fmt::format("{} can only be used in transaction blocks", said));
            wire::write_command_complete(stream_.out(), tag);
            co_return status{};
        }
        if (!shared_.is_sqlite()) {
            if (participants_.empty()) {
                // Somebody has to say whether it is good.
                auto got = co_await acquire(any_place(), false);
                if (!got) co_return std::move(got).error();
            }
            status done = co_await on_every_participant(command.statement);
            if (!done) co_return done;
        }
        if (command.what == verb::transaction) take_read_only(words_of(what.text), read_only_);
        replay_.push_back(command.statement);
        wire::write_command_complete(stream_.out(),
                                     command.what == verb::transaction && what.text.find("onstraints") != what.text.npos
                                         ? "SET CONSTRAINTS"
                                         : tag);
        co_return status{};
    }

    settings next = *settings_;
    if (command.what == verb::reset_all) {
        // A role and a user are not reset by RESET ALL.
        const std::string* role = settings_->find("role");
        const std::string* user = settings_->find("session_authorization");
        next = *defaults_;
        if (role != nullptr) next.set("role", *role);
        if (user != nullptr) next.set("session_authorization", *user);
    } else if (resets) {
        next.reset(command.name);
        if (const std::string* first = defaults_->find(command.name)) next.set(command.name, *first);
    } else {
        next.set(command.name, command.statement);
        for (const auto& [name, statement] : command.more) next.set(name, statement);
    }
    if (!shared_.is_sqlite()) {
        if (participants_.empty()) {
            auto got = co_await acquire(any_place(), false);
            if (!got) co_return std::move(got).error();
        }
        std::string sql = resets ? difference(*settings_, next) : command.statement;
        // RESET of an unknown name is an error also when nothing was set.
        if (command.what == verb::reset && sql.empty()) sql = command.statement;
        for (const auto& [name, statement] : command.more) sql += ';' + statement;
        if (!sql.empty()) {
            status done = co_await on_every_participant(std::move(sql));
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
        statements_.portals().clear();
        use_settings(defaults_);
        wire::write_command_complete(stream_.out(), "DISCARD ALL");
    } else {
        // No sequence, plan or temporary table of the session's own is kept on any server.
        std::string tag = "DISCARD ";
        for (const char c : which) tag += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        wire::write_command_complete(stream_.out(), tag);
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
    auto lines = explained->explain({});
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
    if (name == "transactionisolationlevel" || name == "transaction.isolation.level") name = "transaction_isolation";
    std::optional<std::string> value;
    for (const auto& [each, told] : *reported_) {
        std::string lower = each;
        for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        if (lower == name) value = told;
    }
    if (name == "transaction_isolation" || name == "default_transaction_isolation") value = "serializable";
    if (name == "search_path") value = "public";
    if (const std::string* made = settings_->find(name)) {
        const std::size_t sign = made->find_first_of("=");
        const std::size_t to = made->find(" TO ");
        const std::size_t lower_to = made->find(" to ");
        std::string text = sign != made->npos       ? made->substr(sign + 1)
                           : to != made->npos       ? made->substr(to + 4)
                           : lower_to != made->npos ? made->substr(lower_to + 4)
                                                    : *made;
        while (!text.empty() && (text.front() == ' ' || text.front() == '\'')) text.erase(0, 1);
        while (!text.empty() && (text.back() == ' ' || text.back() == '\'')) text.pop_back();
        if (made->rfind("SELECT", 0) != 0) value = text;
    }
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
