// Transactions, and the commands that they are made of.
#include "core/quoting.hpp"
#include "driver/mysql/connection.hpp"

namespace ashlar::driver::mysql {

// Runs text as it stands, rows dropped. The first error of its statements.
task<status> server_connection::simple(std::string sql, deadline until) {
    begin_query(std::move(sql));
    if (status s = co_await finish_call(until); !s) co_return s;
    if (code_ != 0) co_return failed();
    status rest = co_await drain(until);
    if (!rest && !broken_ && !call_.ended()) co_return co_await late(std::move(rest).error());
    if (!broken_) look_at_session();
    co_return rest;
}

task<status> server_connection::command(std::string sql, deadline until) {
    if (status s = co_await make_ready(until); !s) co_return s;
    stake_.only_reads = true;  // what dies with the session does nobody harm
    co_return co_await simple(std::move(sql), until);
}

task<status> server_connection::run_command(std::string sql, deadline until, fate means) {
    if (status s = co_await make_ready(until); !s) co_return s;
    if (failed_ && means == fate::decided) co_return error{errc::transaction_failed};
    clean_ = false;
    stake_.alone = means == fate::decided;
    stake_.only_reads = means != fate::decided;
    status done = co_await simple(std::move(sql), until);
    if (done && means == fate::undone) failed_ = false;
    co_return done;
}

task<status> server_connection::begin(transaction_options how, deadline until) {
    if (in_transaction()) {
        co_return error{errc::transaction_state, "a transaction is under way already"}.sqlstate("25001");
    }
    std::string_view level;
    switch (how.level) {
        case isolation::server_default:
            break;
        case isolation::read_committed:
            level = "READ COMMITTED";
            break;
        case isolation::repeatable_read:
            level = "REPEATABLE READ";
            break;
        case isolation::serializable:
            level = "SERIALIZABLE";
            break;
    }
    if (!level.empty()) {  // of the next transaction only
        if (status s = co_await command("SET TRANSACTION ISOLATION LEVEL " + std::string{level}, until); !s)
            co_return s;
    }
    status begun = co_await command(how.read_only ? "START TRANSACTION READ ONLY" : "START TRANSACTION", until);
    if (!begun && !level.empty()) clean_ = false;
    co_return begun;
}

task<status> server_connection::commit(deadline until) {
    if (status s = co_await make_ready(until); !s) co_return s;
    if (!in_transaction()) co_return error{errc::transaction_state, "no transaction is under way"}.sqlstate("25P01");
    if (failed_) {
        if (status s = co_await rollback(until); !s) co_return s;
        co_return error{errc::transaction_failed, "the transaction had failed and was rolled back"};
    }
    stake_.alone = true;  // from here on the outcome hangs on the answer
    stake_.only_reads = false;
    status done = co_await simple("COMMIT", until);
    if (done) co_return done;
    if (broken_ && !(done.error() == errc::commit_unknown)) {
        // A server that ended the session while COMMIT was under way may have carried it out.
        error unknown{errc::commit_unknown};
        if (const server_report* said = done.error().server()) unknown.server(*said);
        co_return std::move(unknown.sqlstate("08007").on(described_));
    }
    // A refused COMMIT leaves the transaction open: nothing of it may be committed later.
    if (!broken_ && !(done.error() == errc::commit_unknown) && server_says_in_transaction()) failed_ = true;
    co_return done;
}

task<status> server_connection::rollback(deadline until) {
    if (status s = co_await make_ready(until); !s) co_return s;
    if (!in_transaction()) co_return status{};
    stake_.only_reads = true;
    status done = co_await simple("ROLLBACK", until);
    if (done) failed_ = false;
    co_return done;
}

task<status> server_connection::savepoint(std::string_view name, deadline until) {
    if (!in_transaction()) {
        co_return error{errc::transaction_state, "savepoints exist only inside a transaction"}.sqlstate("25P01");
    }
    if (failed_) co_return error{errc::transaction_failed};
    co_return co_await command("SAVEPOINT " + backquoted_name(name), until);
}

task<status> server_connection::rollback_to(std::string_view name, deadline until) {
    // Where the server has rolled back everything, the savepoint is gone, too, and this fails.
    status done = co_await command("ROLLBACK TO SAVEPOINT " + backquoted_name(name), until);
    if (done) failed_ = false;
    co_return done;
}

task<status> server_connection::release(std::string_view name, deadline until) {
    if (failed_) co_return error{errc::transaction_failed};
    co_return co_await command("RELEASE SAVEPOINT " + backquoted_name(name), until);
}

task<status> server_connection::ping(deadline until) {
    if (status s = co_await make_ready(until); !s) co_return s;
    stake_.only_reads = true;
    phase_ = phase::running;
    MYSQL* m = open_.get();
    call_.begin([&] { return mysql_ping_start(&code_, m); },
                [this, m](int events) { return mysql_ping_cont(&code_, m, events); });
    if (status s = co_await finish_call(until); !s) co_return s;
    if (code_ != 0) co_return failed();
    phase_ = phase::idle;
    co_return status{};
}

// What the statement just run did to the transaction that it ran in.
status server_connection::look_at_transaction(const statement_facts& facts) {
    if (facts.what == verb::commit || facts.what == verb::rollback) {
        failed_ = false;
        return {};
    }
    if (facts.what == verb::savepoint && facts.tag == "ROLLBACK") failed_ = false;
    if (!was_in_transaction_ || server_says_in_transaction() || facts.tag == "XA") return {};
    failed_ = false;
    return error{errc::transaction_state, "the statement has ended the transaction that it ran in"}
        .hint("A procedure committed, or rolled back. What came before it is as that left it.")
        .sqlstate("2D000");
}

}  // namespace ashlar::driver::mysql
