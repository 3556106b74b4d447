// What a session is set to, what others may have set it to, and how it becomes as new.
#include "core/quoting.hpp"
#include "driver/error_map.hpp"
#include "driver/mysql/connection.hpp"

#include <algorithm>
#include <cstdlib>

namespace ashlar::driver::mysql {

namespace {

// MySQL's words for PostgreSQL's ways: values that do not fit are errors, a group has one value for each column, "x" is a
// name, || joins texts and a backslash is one.
constexpr std::string_view sql_mode =
    "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY,ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES";

// What the server is to tell of when it changes.
constexpr std::string_view tracked =
    "autocommit,character_set_client,character_set_connection,character_set_results,time_zone";

// Literals compare byte by byte with each other, and as the column says with a column.
std::string_view collation(bool mariadb, unsigned long version) {
    if (mariadb) return "utf8mb4_nopad_bin";
    return version >= 80'000 ? "utf8mb4_0900_bin" : "utf8mb4_bin";
}

// A server whose client reads slowly waits so long for it, in seconds, where its own default is one minute.
constexpr std::string_view write_patience = "3600";

}  // namespace

task<status> server_connection::set_session(deadline until) {
    std::string sql = "SET NAMES utf8mb4 COLLATE ";
    sql += collation(is_mariadb(), mysql_get_server_version(open_.get()));
    sql.append(", sql_mode = '").append(sql_mode);
    sql.append("', time_zone = '+00:00', autocommit = 1, net_write_timeout = ").append(write_patience);
    sql.append(", session_track_system_variables = '").append(tracked).append("'");
    stake_.only_reads = true;
    status done = co_await simple(std::move(sql), until);
    other_charset_ = other_zone_ = false;
    co_return done;
}

task<status> server_connection::settle(deadline until) {
    if (status s = co_await set_session(until); !s) co_return s;
    const std::string question =
        "select id, host, @@max_allowed_packet from information_schema.processlist where id = connection_id()";
    auto who = co_await ask(question, until);
    if (!who) co_return std::move(who).error();
    if (who->size() != 3) co_return error{errc::connect_failed, "the server does not show us our own session"};
    number_ = (*who)[0];
    packet_max_ = std::strtoull((*who)[2].c_str(), nullptr, 10);
    stop_ = std::make_shared<canceller>(where_, number_, (*who)[1]);
    co_return status{};
}

// The cells of the one row of a short answer; none when there is no row.
task<result<std::vector<std::string>>> server_connection::ask(std::string sql, deadline until) {
    begin_query(std::move(sql));
    if (status s = co_await finish_call(until); !s) co_return std::move(s).error();
    if (code_ != 0) co_return failed();
    std::vector<std::string> cells;
    text_answer_ = mysql_use_result(open_.get());
    if (text_answer_ != nullptr) {
        begin_fetch();
        if (status s = co_await finish_call(until); !s) co_return std::move(s).error();
        fetching_ = false;
        const unsigned long* lengths = row_ == nullptr ? nullptr : mysql_fetch_lengths(text_answer_);
        for (unsigned i = 0; row_ != nullptr && i < mysql_num_fields(text_answer_); ++i) {
            cells.emplace_back(row_[i] == nullptr ? "" : std::string{row_[i], lengths[i]});
        }
    }
    if (status s = co_await drain(until); !s) {
        if (broken_ || call_.ended()) co_return std::move(s).error();
        co_return co_await late(std::move(s).error());
    }
    co_return cells;
}

// What the last answer tells of the session.
void server_connection::look_at_session() {
    if (mysql_insert_id(open_.get()) != 0) {
        left_insert_id_ = true;
        open_->insert_id = 0;
    }
    if ((open_->server_status & SERVER_SESSION_STATE_CHANGED) == 0) return;
    const char* text = nullptr;
    std::size_t size = 0;
    std::string_view name;
    for (int none = mysql_session_track_get_first(open_.get(), SESSION_TRACK_SYSTEM_VARIABLES, &text, &size); none == 0;
         none = mysql_session_track_get_next(open_.get(), SESSION_TRACK_SYSTEM_VARIABLES, &text, &size)) {
        const std::string_view word{text, size};
        if (name.empty()) {
            name = word;
            continue;
        }
        if (name.starts_with("character_set_")) other_charset_ = word != "utf8mb4";
        if (name == "time_zone") other_zone_ = word != "+00:00";
        name = {};
    }
}

// --- scripts ------------------------------------------------------------------------------------------------------

// A connection takes one statement at a time, so that nobody can smuggle in a second one. A script is cut by the server.
task<status> server_connection::set_multi_statements(bool on, deadline until) {
    MYSQL* m = open_.get();
    const auto option = on ? MYSQL_OPTION_MULTI_STATEMENTS_ON : MYSQL_OPTION_MULTI_STATEMENTS_OFF;
    phase_ = phase::running;
    call_.begin([&] { return mysql_set_server_option_start(&code_, m, option); },
                [this, m](int events) { return mysql_set_server_option_cont(&code_, m, events); });
    if (status s = co_await finish_call(until); !s) co_return s;
    if (code_ != 0) co_return failed();
    phase_ = phase::idle;
    co_return status{};
}

task<status> server_connection::run_script(std::string sql, deadline until) {
    if (status s = fits_a_packet(std::uint64_t{sql.size()} + 1); !s) co_return s;
    const quoting how = quotes();
    bool commits = false, changes_rows_only = true;
    std::size_t count = 0;
    for (const std::string_view each : cut_script(sql, how)) {
        if (tokens{each, how}.next().is("delimiter")) {
            co_return error{errc::syntax, "DELIMITER is a command of the mysql client, not a statement"}.hint(
                "Leave it out: the server finds the end of a routine's body by itself.");
        }
        const statement_facts facts = facts_of(each, how);
        commits = commits || facts.commits_by_the_way || facts.what == verb::begin;
        changes_rows_only = changes_rows_only && (facts.what == verb::select || changes_rows(facts.what));
        ++count;
    }
    if (failed_) co_return error{errc::transaction_failed};
    if (commits && in_transaction()) {
        co_return error{errc::unsupported, "MySQL would commit the open transaction in the middle of the script"}.hint(
            "Run it outside of the transaction.");
    }
    // All or nothing, as PostgreSQL runs several statements in one text, where MySQL can.
    const bool as_one = !in_transaction() && count > 1 && changes_rows_only;
    if (as_one) {
        const transaction_options writing;
        if (status s = co_await begin(writing, until); !s) co_return s;
    }
    if (status s = co_await make_ready(until); !s) co_return s;
    clean_ = false;
    used_database_ = true;  // it may hold a USE
    stake_.only_reads = true;
    if (status s = co_await set_multi_statements(true, until); !s) co_return s;
    stake_.only_reads = false;
    status done = co_await simple(std::move(sql), until);
    if (!broken_) {
        const deadline end = deadline::in(seconds{1});
        stake_.only_reads = true;
        status off = co_await set_multi_statements(false, end);
        if (!off) go_out_of_use();
    }
    if (!as_one || broken_) co_return done;
    if (done) co_return co_await commit(until);
    (void)co_await rollback(deadline::in(seconds{1}));
    co_return done;
}

// --- reset --------------------------------------------------------------------------------------------------------

task<status> server_connection::reset(deadline until) {
    if (status s = co_await rollback(until); !s) co_return s;
    status done;
    stake_.only_reads = true;
    stake_.alone = false;
    if (!clean_) {
        // Drops temporary tables, variables, locks, settings; and prepared statements, ours too.
        MYSQL* m = open_.get();
        phase_ = phase::running;
        call_.begin([&] { return mysql_reset_connection_start(&code_, m); },
                    [this, m](int events) { return mysql_reset_connection_cont(&code_, m, events); });
        done = co_await finish_call(until);
        if (done && code_ != 0) done = failed();
        while (!kept_.empty()) {
            if (MYSQL_STMT* s = kept_.evict()) leftovers_.push_back(s);
        }
        if (done) done = co_await set_session(until);
        // The database that was chosen by USE stays, and with none in the URL there is no way back to none.
        if (done && !where_.database.empty()) done = co_await simple("use " + backquoted_name(where_.database), until);
        if (done && where_.database.empty() && used_database_) done = error{errc::unsupported, "USE cannot be undone"};
    } else if (left_insert_id_) {
        done = co_await simple("do last_insert_id(0)", until);
    }
    if (!done) {
        go_out_of_use();  // a session that cannot be cleaned goes to nobody
        co_return done;
    }
    completed_ = {};
    phase_ = phase::idle;
    clean_ = true;
    left_insert_id_ = false;
    open_->insert_id = 0;
    co_return status{};
}

}  // namespace ashlar::driver::mysql
