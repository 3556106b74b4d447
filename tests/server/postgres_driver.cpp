// The PostgreSQL driver against real servers: what comes back, and what happens when the server does not.
#include "driver/postgres/connection.hpp"
#include "support/becomes.hpp"
#include "support/driver_calls.hpp"
#include "support/driver_servers.hpp"
#include "support/sanitizer.hpp"

#include <fstream>
#include <thread>

namespace ashlar {
namespace {

using test::answered;
using test::driver_calls;
using test::postgres_server;

class Postgres : public ::testing::Test {
protected:
    static void SetUpTestSuite() { server = new postgres_server; }
    static void TearDownTestSuite() {
        delete server;
        server = nullptr;
    }
    std::unique_ptr<driver::connection> connect() { return calls.connect(*to_server); }
    answered query(std::string sql, std::vector<value> values = {}) { return calls.run(*c, sql, values).value(); }
    error failure(std::string sql, std::vector<value> values = {}) { return calls.run(*c, sql, values).error(); }
    driver::postgres::server_connection& inside() { return dynamic_cast<driver::postgres::server_connection&>(*c); }

    static inline postgres_server* server = nullptr;
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    driver_calls calls{*loop};
    std::unique_ptr<driver::driver> to_server = test::make_driver(test::options_of(*server));
    std::unique_ptr<driver::connection> c = connect();
};

TEST_F(Postgres, ValuesOfEveryTypeComeBackAsTheyWereSent) {
    query(
        "create temp table t (i bigint, b boolean, n numeric, r float8, x bytea, u uuid, j jsonb, s text,"
        " w timestamptz, d date, z text)");
    query("insert into t values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)",
          {7, true, decimal::parse("12.50").value(), 0.1, bytes{{0, 0xad}},
           uuid::parse("{D4FF2862-E12E-4702-8EA7-C436B07F700F}").value(), json{R"({"a": 1})"}, "it's",
           parse_timestamp("2026-11-22 12:30:00.25+02").value(), parse_date("2026-11-22").value(), null});
    query("set timezone = 'UTC'");
    const answered a = query("select * from t");
    const std::vector<std::optional<std::string>> expected{
        "7",           "t",         "12.50",
        "0.1",         "\\x00ad",   "d4ff2862-e12e-4702-8ea7-c436b07f700f",
        R"({"a": 1})", "it's",      "2026-11-22 10:30:00.25+00",
        "2026-11-22",  std::nullopt};
    EXPECT_EQ(a.rows.at(0), expected);
    EXPECT_EQ(a.done.tag, "SELECT 1");
    EXPECT_EQ(a.shape[2].type, oid::numeric);
    EXPECT_EQ(a.shape[0].type_size, 8);
}

TEST_F(Postgres, BinaryParametersAndResultsPassUntouched) {
    driver::statement s;
    s.sql = "select $1 + 1";
    s.parameters = {driver::parameter{std::string{"\0\0\0\7", 4}, oid::int4, cell_format::binary}};
    s.results = cell_format::binary;
    const answered a = calls.run(*c, s).value();
    EXPECT_EQ(a.cell(), (std::string{"\0\0\0\10", 4}));
    EXPECT_EQ(a.shape[0].format, cell_format::binary);
}

TEST_F(Postgres, ErrorsCarryWhatTheServerSaid) {
    const error e = failure("select missing from pg_class");
    EXPECT_EQ(e.code(), errc::column_unknown);
    EXPECT_EQ(e.sqlstate(), "42703");
    EXPECT_EQ(e.position(), 8);
    EXPECT_NE(e.server()->raw.find("C42703"), std::string::npos);
    query("create temp table u (id int primary key)");
    query("insert into u values (1)");
    const error twice = failure("insert into u values (1)");
    EXPECT_EQ(twice.code(), errc::constraint_violated);
    EXPECT_EQ(twice.server()->constraint, "u_pkey");
    EXPECT_EQ(failure("select 1; select 2").code(), errc::syntax);
    EXPECT_EQ(failure("copy u to stdout").code(), errc::unsupported);
    EXPECT_EQ(query("select 1").cell(), "1");
    const answered noticed = query("do $$ begin raise notice 'look'; end $$");
    ASSERT_EQ(noticed.done.notices.size(), 1u);
    EXPECT_EQ(noticed.done.notices[0].message, "look");
}

std::size_t resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::size_t all = 0, resident = 0;
    file >> all >> resident;
    return resident * 4096;
}

TEST_F(Postgres, AMillionRowsStreamInBoundedMemory) {
    driver::statement s;
    s.sql = "select i, repeat('x', 100) from generate_series(1, 1000000) i";
    ASSERT_TRUE(loop->run(c->start(s, driver_calls::soon())));
    const std::size_t before = resident_bytes();
    std::size_t rows = 0, largest = 0;
    for (row_batch batch;; batch.clear()) {
        if (loop->run(c->fetch(batch, driver_calls::soon())).value() == driver::fetched::ended) break;
        rows += batch.rows();
        largest = std::max(largest, batch.byte_size());
    }
    EXPECT_EQ(rows, 1'000'000u);
    EXPECT_LT(largest, 70'000u);
    if (!test::sanitized) {
        EXPECT_LT(resident_bytes() - std::min(before, resident_bytes()), 8u << 20);
    }
    EXPECT_EQ(c->completed().rows_affected, 1'000'000u);
}

TEST_F(Postgres, AConnectionThatWasEndedWhileIdleSaysSoWithoutARoundTrip) {
    EXPECT_FALSE(c->has_ended());
    server->run_sql("select pg_terminate_backend(" + query("select pg_backend_pid()").cell() + ", 60000)");
    EXPECT_TRUE(test::becomes([&] { return c->has_ended(); }));
    EXPECT_FALSE(c->is_reusable());
}

TEST_F(Postgres, ATextWithAZeroByteIsRefused) {
    const error e = failure("select $1", {std::string("a\0b", 3)});
    EXPECT_EQ(e.sqlstate(), "22021");
    EXPECT_NE(e.message().find("$1"), std::string::npos);
    EXPECT_EQ(failure(std::string("select 1\0", 9)).sqlstate(), "42601");
    EXPECT_EQ(query("select $1::bytea", {bytes{{0x61, 0x00}}}).cell(), "\\x6100");
}

TEST_F(Postgres, ADeadlineCancelsOnTheServerAndTheConnectionLivesOn) {
    ASSERT_TRUE(test::becomes([&] {  // the cancel request may be late on a busy machine: then another connection
        if (!c->is_reusable()) c = connect();
        EXPECT_EQ(calls.run(*c, "select pg_sleep(30)", {}, deadline::in(milliseconds{100})).error().code(),
                  errc::deadline_passed);
        return c->is_reusable();
    }));
    EXPECT_EQ(query("select 1").cell(), "1");
}

TEST_F(Postgres, CancelFromAnotherThreadEndsTheStatementAndNoLaterOne) {
    c->cancel();
    EXPECT_EQ(query("select 1").cell(), "1");
    std::thread other{[&] {
        while (server->scalar("select count(*) from pg_stat_activity where query = 'select pg_sleep(31)'"
                              " and state = 'active'") == "0") {
        }
        c->cancel();
    }};
    const error e = failure("select pg_sleep(31)");
    other.join();
    EXPECT_EQ(e.code(), errc::cancelled);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(query("select pg_sleep(0.001)").rows.size(), 1u);
}

TEST_F(Postgres, TransactionsHaveTheirIsolationAndSavepoints) {
    query("create temp table t (n int)");
    driver::transaction_options how;
    how.level = driver::isolation::serializable;
    ASSERT_TRUE(calls.begin(*c, how));
    EXPECT_TRUE(c->in_transaction());
    EXPECT_EQ(query("show transaction_isolation").cell(), "serializable");
    query("insert into t values (1)");
    ASSERT_TRUE(loop->run(c->savepoint("s \"1\"", {})));
    EXPECT_EQ(failure("insert into t values (1/0)").sqlstate(), "22012");
    EXPECT_EQ(failure("select 1").code(), errc::transaction_failed);
    ASSERT_TRUE(loop->run(c->rollback_to("s \"1\"", {})));
    query("insert into t values (2)");
    ASSERT_TRUE(calls.commit(*c));
    EXPECT_EQ(query("select string_agg(n::text, ',' order by n) from t").cell(), "1,2");
    how.read_only = true;
    ASSERT_TRUE(calls.begin(*c, how));
    EXPECT_EQ(failure("create table never (n int)").code(), errc::read_only);
    EXPECT_EQ(calls.commit(*c).error().code(), errc::transaction_failed);
    EXPECT_FALSE(c->in_transaction());
}

TEST_F(Postgres, TheOldestPreparedStatementGivesWay) {
    driver::postgres_options o = test::options_of(*server);
    o.prepared_statements_max = 3;
    auto small = driver::make_postgres_driver(o);
    c = calls.connect(*small);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(query("select " + std::to_string(i)).cell(), std::to_string(i));
    EXPECT_EQ(inside().prepared_statements(), 3u);
    EXPECT_EQ(query("select count(*) from pg_prepared_statements").cell(), "3");
}

TEST_F(Postgres, AStatementWorksAfterItsTableChangedOrItsPlanWasDropped) {
    server->run_sql("drop table if exists changing; create table changing (a int); insert into changing values (1)");
    EXPECT_EQ(query("select * from changing").shape.size(), 1u);
    server->run_sql("alter table changing add b text default 'x'");
    const answered a = query("select * from changing");
    EXPECT_EQ(a.shape.size(), 2u);
    EXPECT_EQ(a.cell(0, 1), "x");
    query("deallocate all");
    EXPECT_EQ(query("select * from changing").cell(), "1");
}

TEST_F(Postgres, ResetLeavesNothingOfASessionBehind) {
    EXPECT_TRUE(c->is_clean());
    query("select count(*) from pg_class where oid > $1", {5});
    EXPECT_TRUE(c->is_clean());
    query("set search_path = nowhere");
    query("select set_config('ashlar.tenant', 'acme', false)");
    query("create temp table mine (n int)");
    query("listen news");
    query("select pg_advisory_lock(42)");
    EXPECT_FALSE(c->is_clean());
    ASSERT_TRUE(calls.begin(*c));
    ASSERT_TRUE(loop->run(c->reset(driver_calls::soon())));
    EXPECT_TRUE(c->is_clean());
    EXPECT_NE(query("show search_path").cell(), "nowhere");
    EXPECT_EQ(query("select coalesce(current_setting('ashlar.tenant', true), '')").cell(), "");
    EXPECT_EQ(failure("select * from mine").code(), errc::table_unknown);
    EXPECT_EQ(query("select count(*) from pg_listening_channels()").cell(), "0");
    EXPECT_EQ(query("select count(*) from pg_locks where locktype = 'advisory'").cell(), "0");
}

TEST_F(Postgres, AConnectionMovesBetweenLoops) {
    auto second = io::make_epoll_loop();
    auto blocking = io::make_poll_loop();
    for (io::loop* each : {second.get(), blocking.get(), loop.get(), second.get(), loop.get()}) {
        c->bind(*each);
        driver_calls there{*each};
        EXPECT_EQ(there.run(*c, "select 5").value().cell(), "5");
    }
}

TEST_F(Postgres, BulkRowsAreAllInOrNone) {
    server->run_sql("drop table if exists bulk; create table bulk (id int primary key, v text)");
    driver::bulk_target target;
    target.table = "bulk";
    target.columns = {"id", "v"};
    auto bulk = c->bulk();
    ASSERT_TRUE(loop->run(bulk->start(target, driver_calls::soon())));
    std::string rows;
    for (int i = 0; i < 100'000; ++i) rows += std::to_string(i) + "\tvalue\\t" + std::to_string(i) + "\n";
    ASSERT_TRUE(loop->run(bulk->write(rows.substr(0, 1'000'001), driver_calls::soon())));
    ASSERT_TRUE(loop->run(bulk->write(rows.substr(1'000'001), driver_calls::soon())));
    EXPECT_EQ(loop->run(bulk->finish(driver_calls::soon())).value(), 100'000u);
    EXPECT_EQ(query("select v from bulk where id = 77777").cell(), "value\t77777");

    ASSERT_TRUE(loop->run(bulk->start(target, driver_calls::soon())));
    (void)loop->run(bulk->write("200000\tx\nseven\ty\n", driver_calls::soon()));
    const auto refused = loop->run(bulk->finish(driver_calls::soon()));
    EXPECT_EQ(refused.error().code(), errc::bad_value);
    EXPECT_NE(refused.error().detail().find("line 2"), std::string::npos);
    ASSERT_TRUE(loop->run(bulk->start(target, driver_calls::soon())));
    (void)loop->run(bulk->write("300000\tx\n", driver_calls::soon()));
    loop->run(bulk->abandon());
    EXPECT_EQ(query("select count(*) from bulk").cell(), "100000");
}

// --- servers that fail: each has its own ---------------------------------------------------------------------------

struct Failing {
    postgres_server server;
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    driver_calls calls{*loop};
    std::unique_ptr<driver::driver> to_server = test::make_driver(test::options_of(server));
    std::unique_ptr<driver::connection> c = calls.connect(*to_server);
};

TEST(PostgresFailing, AServerThatDiesUnderCommitLeavesItUnknown) {
    Failing f;
    ASSERT_TRUE(f.calls.run(*f.c, "create table t (n int)"));
    // a deferred trigger keeps COMMIT busy
    ASSERT_TRUE(f.loop->run(f.c->run_script(
        "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(33); return null; end $$;"
        "create constraint trigger s after insert on t deferrable initially deferred for each row execute function "
        "slow()",
        driver_calls::soon())));
    ASSERT_TRUE(f.calls.begin(*f.c));
    ASSERT_TRUE(f.calls.run(*f.c, "insert into t values (1)"));
    std::thread killer{[&] {
        test::await_running(f.server, "COMMIT");
        f.server.kill9();
    }};
    const status s = f.calls.commit(*f.c);
    killer.join();
    EXPECT_EQ(s.error().code(), errc::commit_unknown);
    EXPECT_EQ(s.error().sqlstate(), "08007");
}

TEST(PostgresFailing, ATerminatedSessionSaysSo) {
    Failing f;
    const std::string pid = f.calls.run(*f.c, "select pg_backend_pid()").value().cell();
    f.server.run_sql("select pg_terminate_backend(" + pid + ")");
    while (f.server.scalar("select count(*) from pg_stat_activity where pid = " + pid) != "0") {
    }
    const error e = f.calls.run(*f.c, "select 1").error();
    EXPECT_EQ(e.code(), errc::connection_lost) << e;
    EXPECT_FALSE(f.c->is_reusable());
}

TEST(PostgresFailing, AWrongPasswordIsALoginFailureThatDoesNotQuoteIt) {
    postgres_server::options how;
    how.auth = "scram-sha-256";
    postgres_server server{how};
    auto loop = io::make_epoll_loop();
    driver::postgres_options o = test::options_of(server);
    auto right = driver::make_postgres_driver(o);
    EXPECT_TRUE(loop->run(right->connect(*loop, driver_calls::soon())));
    o.password = "hunter2hunter2";
    auto wrong = driver::make_postgres_driver(o);
    const error e = loop->run(wrong->connect(*loop, driver_calls::soon())).error();
    EXPECT_EQ(e.code(), errc::login_failed);
    EXPECT_EQ(e.sqlstate(), "28P01");
    EXPECT_EQ(e.to_string().find("hunter2"), std::string::npos);
    EXPECT_EQ(wrong->describe().find("hunter2"), std::string::npos);
    o.password = server.password();
    o.database = "nowhere";
    auto lost = driver::make_postgres_driver(o);
    EXPECT_EQ(loop->run(lost->connect(*loop, driver_calls::soon())).error().code(), errc::database_unknown);
}

TEST(PostgresFailing, NobodyListeningIsAConnectFailure) {
    auto loop = io::make_epoll_loop();
    driver::postgres_options o;
    o.host = "localhost";
    o.port = 1;
    auto nobody = driver::make_postgres_driver(o);
    const error e = loop->run(nobody->connect(*loop, driver_calls::soon())).error();
    EXPECT_EQ(e.code(), errc::connect_failed);
    o.host = "no-such-host.invalid";
    auto nowhere = driver::make_postgres_driver(o);
    EXPECT_EQ(loop->run(nowhere->connect(*loop, driver_calls::soon())).error().code(), errc::connect_failed);
}

}  // namespace
}  // namespace ashlar
