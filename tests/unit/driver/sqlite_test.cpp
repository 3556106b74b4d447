#include "driver/drivers.hpp"
#include "support/driver_calls.hpp"
#include "support/temporary_folder.hpp"

#include <thread>

namespace ashlar {
namespace {

using test::answered;
using test::driver_calls;

class Sqlite : public ::testing::Test {
protected:
    driver::sqlite_options options() {
        driver::sqlite_options o;
        o.file = folder.file("one.db");
        o.busy_timeout = milliseconds{300};
        return o;
    }
    answered query(std::string sql, std::vector<value> values = {}) { return calls.run(*c, sql, values).value(); }
    error failure(std::string sql, std::vector<value> values = {}) { return calls.run(*c, sql, values).error(); }

    test::temporary_folder folder;
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    driver_calls calls{*loop};
    std::unique_ptr<driver::driver> files = driver::make_sqlite_driver(options());
    std::unique_ptr<driver::connection> c = calls.connect(*files);
};

TEST_F(Sqlite, RowsAreWrittenAsPostgreSQLWritesTheDeclaredTypes) {
    query(
        "create table t (i integer, b boolean, n numeric(10,2), r double precision, x blob, u uuid, j json, s "
        "varchar(9),"
        " w timestamp)");
    query("insert into t values ($1,$2,$3,$4,$5,$6,$7,$8,$9)",
          {7, true, decimal::parse("12.5").value(), 0.1, bytes{{0xde, 0xad}},
           uuid::parse("{D4FF2862-E12E-4702-8EA7-C436B07F700F}").value(), json{R"({"a":1})"}, "x",
           parse_timestamp("2026-11-22 12:30:00.25+02").value()});
    const answered a = query("select * from t");
    const std::vector<std::optional<std::string>> expected{
        "7",          "t",       "12.50",
        "0.1",        "\\xdead", "d4ff2862-e12e-4702-8ea7-c436b07f700f",
        R"({"a":1})", "x",       "2026-11-22 10:30:00.25"};
    EXPECT_EQ(a.rows.at(0), expected);
    std::vector<std::uint32_t> types;
    for (const column& each : a.shape) types.push_back(each.type);
    EXPECT_EQ(types, (std::vector<std::uint32_t>{20, 16, 1700, 701, 17, 2950, 114, 25, 1114}));
    EXPECT_EQ(a.shape[2].type_modifier, ((10 << 16) | 2) + 4);
    EXPECT_EQ(a.done.tag, "SELECT 1");
}

TEST_F(Sqlite, AnExpressionHasTheTypeOfItsFirstRows) {
    EXPECT_EQ(query("select 1").shape[0].type, oid::int8);
    EXPECT_EQ(query("select count(*), 1.5, 'x', x'00'").shape[1].type, oid::float8);
    EXPECT_EQ(query("select null").shape[0].type, oid::unknown);
    EXPECT_EQ(query("select 1 where false").shape[0].type, oid::unknown);
    EXPECT_EQ(query("values (1), (2.5)").shape[0].type, oid::float8);
    EXPECT_EQ(query("values (1), ('x')").shape[0].type, oid::text);
}

TEST_F(Sqlite, AValueThatDoesNotFitTheAnnouncedTypeIsAnErrorAndNeverAWrongCell) {
    query("create table t (n integer)");
    query("insert into t values ('seven')");
    EXPECT_EQ(failure("select n from t").sqlstate(), "22P02");
    EXPECT_EQ(query("select cast(n as text) from t").cell(), "seven");
    // announced as integers by the first 64 KiB, then a text
    EXPECT_EQ(failure("with recursive r(i) as (select 1 union all select i + 1 from r where i < 50000)"
                      " select case when i < 40000 then i else 'x' end from r")
                  .sqlstate(),
              "42804");
}

TEST_F(Sqlite, ARowThatFailsHalfWayLeavesNothingForTheNextStatement) {
    query("create table t (id integer primary key, v integer, b boolean)");
    query("insert into t values (3, 'abc', 1), (5, 50, 't')");
    EXPECT_EQ(failure("select * from t where id = 3").sqlstate(), "22P02");
    EXPECT_TRUE(c->is_clean());
    const answered after = query("select id, v from t where id = 5");
    ASSERT_EQ(after.rows.size(), 1u);
    EXPECT_EQ(after.rows[0], (std::vector<std::optional<std::string>>{"5", "50"}));
    EXPECT_EQ(failure("select id, v, b from t where id = 5").sqlstate(), "22P02");
    EXPECT_EQ(query("select id from t where id = 3").cell(), "3");
}

TEST_F(Sqlite, AStatementThatFailsAfterItsFirstRowsLeavesTheConnectionAsNew) {
    query("create table t (id integer primary key, doc text)");
    query("insert into t values (1, '{\"a\":1}'), (2, '{\"a\":2}'), (3, '{bad')");
    for (int again = 0; again < 2; ++again) {
        EXPECT_NE(failure("select id, json_extract(doc, '$.a') from t").sqlstate(), "25000");
        EXPECT_TRUE(c->is_clean());
        EXPECT_TRUE(c->is_reusable());
        EXPECT_EQ(query("select count(*) from t").cell(), "3");
    }
    // inside a transaction too
    ASSERT_TRUE(loop->run(c->begin({}, driver_calls::soon())).has_value());
    (void)failure("select id, json_extract(doc, '$.a') from t");
    EXPECT_EQ(query("select count(*) from t").cell(), "3");
    ASSERT_TRUE(loop->run(c->rollback(driver_calls::soon())).has_value());
}

TEST_F(Sqlite, SumsAreTheNearestToTheExactOnesAlsoInWindows) {
    query("create table t (id integer primary key, v numeric)");
    query("insert into t values (1, 0.1), (2, 0.2), (3, 0.3), (4, null)");
    EXPECT_EQ(query("select sum(v), avg(v), total(v) from t").rows.at(0),
              (std::vector<std::optional<std::string>>{"0.6", "0.2", "0.6"}));
    EXPECT_EQ(query("select sum(v) from t where id < 3").cell(), "0.3");
    EXPECT_EQ(query("select sum(v) from t where id > 3").rows.at(0).at(0), std::nullopt);
    EXPECT_EQ(query("select total(v) from t where id > 3").cell(), "0");
    EXPECT_EQ(query("select sum(id) from t").cell(), "10");
    const answered moving = query(
        "select sum(v) over (order by id rows between 1 preceding and current row), avg(id) over (order by id) from t");
    EXPECT_EQ(moving.cell(1, 0), "0.3");
    EXPECT_EQ(moving.cell(2, 0), "0.5");
    EXPECT_EQ(moving.cell(3, 0), "0.3");
    EXPECT_EQ(moving.cell(3, 1), "2.5");
    EXPECT_EQ(query("select sum(x) from (select 9e999 as x union all select 1)").cell(), "Infinity");
    EXPECT_EQ(query("select sum(x) from (select '3 pigs' as x union all select 'none')").cell(), "3");
    EXPECT_EQ(query("select ashlar_sum(v, 2), ashlar_avg(distinct v) from t where id < 3").rows.at(0),
              (std::vector<std::optional<std::string>>{"0.30", "0.15000000000000000000"}));
}

TEST_F(Sqlite, ParametersAreBoundByTheirTypeSoThatExpressionsCompareRight) {
    EXPECT_EQ(query("select count(*) > $1", {5}).cell(), "0");
    driver::statement s;
    s.sql = "select 5 = $1, lower('7') = $2";
    s.parameters = {driver::parameter{"5", oid::int4}, driver::parameter{"7", oid::text}};
    const answered a = calls.run(*c, s).value();
    EXPECT_EQ(a.cell(0, 0), "1");
    EXPECT_EQ(a.cell(0, 1), "1");
}

TEST_F(Sqlite, ACastOfAParameterIsRefusedInsteadOfBoundToNothing) {
    EXPECT_EQ(failure("select $1::int", {5}).code(), errc::unsupported);
    EXPECT_EQ(failure("select $2", {5}).code(), errc::invalid_argument);
}

TEST_F(Sqlite, CommandTagsAndCountsAreLikePostgreSQLs) {
    EXPECT_EQ(query("create table t (n integer)").done.tag, "CREATE TABLE");
    EXPECT_EQ(query("create unique index if not exists i on t (n)").done.tag, "CREATE INDEX");
    EXPECT_EQ(query("insert into t values (1), (2), (3)").done.tag, "INSERT 0 3");
    EXPECT_EQ(query("with x as (select 2 as k) update t set n = n + 10 where n >= (select k from x)").done.tag,
              "UPDATE 2");
    EXPECT_EQ(query("delete from t where n = 99").done.tag, "DELETE 0");
    EXPECT_EQ(query("select n from t").done.tag, "SELECT 3");
    EXPECT_EQ(query(" -- nothing\n").done.tag, "");
    EXPECT_EQ(query("drop table t").done.tag, "DROP TABLE");
}

TEST_F(Sqlite, ErrorsCarryAnSqlstateAndTheServersOwnWords) {
    query("create table t (id integer primary key, v text not null unique check (v <> 'bad'))");
    query("insert into t values (1, 'a')");
    EXPECT_EQ(failure("insert into t values (1, 'b')").sqlstate(), "23505");
    const error unique = failure("insert into t values (2, 'a')");
    EXPECT_EQ(unique.code(), errc::constraint_violated);
    EXPECT_EQ(unique.server()->table, "t");
    EXPECT_EQ(unique.server()->column, "v");
    EXPECT_EQ(failure("insert into t values (2, null)").sqlstate(), "23502");
    EXPECT_EQ(failure("insert into t values (2, 'bad')").sqlstate(), "23514");
    EXPECT_EQ(failure("select * from nowhere").sqlstate(), "42P01");
    const error column = failure("select missing from t");
    EXPECT_EQ(column.sqlstate(), "42703");
    EXPECT_EQ(column.position(), 8);
    EXPECT_EQ(failure("selec 1").sqlstate(), "42601");
    EXPECT_EQ(failure("select sum(9223372036854775807) from (values (1), (2))").sqlstate(), "22003");
    EXPECT_EQ(failure("select \"no such column\" from t").sqlstate(), "42703");
    EXPECT_EQ(failure("select 1; select 2").sqlstate(), "42601");
}

TEST_F(Sqlite, WhatWouldUndoAGuaranteeOrReachOtherFilesIsRefused) {
    for (const char* sql : {"pragma journal_mode=off", "pragma synchronous=off", "pragma foreign_keys=off",
                            "pragma writable_schema=on", "pragma wal_checkpoint", "attach 'x.db' as x", "detach main",
                            "select last_insert_rowid()", "pragma temp_store=file"}) {
        EXPECT_EQ(failure(sql).code(), errc::unsupported) << sql;
    }
    EXPECT_EQ(query("pragma journal_mode").cell(), "truncate");
    EXPECT_EQ(query("pragma foreign_keys").cell(), "1");
    EXPECT_EQ(query("pragma synchronous").cell(), "2");
}

TEST_F(Sqlite, ALargeResultStreamsInBatchesOfBoundedSize) {
    driver::statement s;
    s.sql =
        "with recursive r(i) as (select 1 union all select i + 1 from r where i < 200000) select i, 'some text' from r";
    ASSERT_TRUE(loop->run(c->start(s, driver_calls::soon())).has_value());
    std::size_t rows = 0, largest = 0;
    for (row_batch batch;; batch.clear()) {
        if (loop->run(c->fetch(batch, driver_calls::soon())).value() == driver::fetched::ended) break;
        rows += batch.rows();
        largest = std::max(largest, batch.byte_size());
    }
    EXPECT_EQ(rows, 200'000u);
    EXPECT_LT(largest, 70'000u);
}

TEST_F(Sqlite, ADeadlineEndsALongStatementAndTheConnectionLivesOn) {
    const std::string endless =
        "with recursive r(i) as (select 1 union all select i + 1 from r) select count(*) from r";
    const auto late = calls.run(*c, endless, {}, deadline::in(milliseconds{50}));
    EXPECT_EQ(late.error().code(), errc::deadline_passed);
    EXPECT_TRUE(c->is_reusable());
    EXPECT_EQ(query("select 1").cell(), "1");
}

TEST_F(Sqlite, CancelFromAnotherThreadEndsAStatementAndHarmsNoLaterOne) {
    c->cancel();
    EXPECT_EQ(query("select 1").cell(), "1");
    std::jthread other{[&](const std::stop_token& ended) {  // again and again: the first may come before the statement
        while (!ended.stop_requested()) {
            c->cancel();
            std::this_thread::yield();
        }
    }};
    const error e = failure("with recursive r(i) as (select 1 union all select i + 1 from r) select count(*) from r");
    other.request_stop();
    other.join();
    EXPECT_EQ(e.code(), errc::cancelled);
    EXPECT_EQ(query("select 1").cell(), "1");
}

TEST_F(Sqlite, ATransactionRollsBackToASavepointAndCommits) {
    query("create table t (n integer)");
    ASSERT_TRUE(calls.begin(*c));
    EXPECT_TRUE(c->in_transaction());
    query("insert into t values (1)");
    ASSERT_TRUE(loop->run(c->savepoint("a \"b\"", {})));
    query("insert into t values (2)");
    ASSERT_TRUE(loop->run(c->rollback_to("a \"b\"", {})));
    ASSERT_TRUE(loop->run(c->release("a \"b\"", {})));
    ASSERT_TRUE(calls.commit(*c));
    EXPECT_EQ(query("select group_concat(n) from t").cell(), "1");
    EXPECT_EQ(loop->run(c->savepoint("x", {})).error().sqlstate(), "25P01");
    EXPECT_EQ(calls.commit(*c).error().sqlstate(), "25P01");
}

TEST_F(Sqlite, AReadOnlyTransactionRefusesWritesAndSeesOneState) {
    query("create table t (n integer)");
    auto writer = calls.connect(*files);
    driver::transaction_options how;
    how.read_only = true;
    ASSERT_TRUE(calls.begin(*c, how));
    EXPECT_EQ(failure("insert into t values (1)").code(), errc::read_only);
    // the reader's lock keeps the writer from committing, not from working
    EXPECT_EQ(calls.run(*writer, "insert into t values (2)").error().code(), errc::database_locked);
    ASSERT_TRUE(calls.commit(*c));
    EXPECT_TRUE(calls.run(*writer, "insert into t values (2)").has_value());
    query("insert into t values (3)");
    EXPECT_EQ(query("select count(*) from t").cell(), "2");
}

TEST_F(Sqlite, AWriterWaitsForAnotherAndThenGivesUpAsLocked) {
    query("create table t (n integer)");
    auto other = calls.connect(*files);
    ASSERT_TRUE(calls.begin(*other));
    EXPECT_EQ(failure("insert into t values (1)").code(), errc::database_locked);
    EXPECT_EQ(calls.run(*c, "insert into t values (1)", {}, deadline::in(milliseconds{30})).error().code(),
              errc::deadline_passed);
    ASSERT_TRUE(calls.rollback(*other));
    EXPECT_EQ(query("insert into t values (1)").done.tag, "INSERT 0 1");
}

TEST_F(Sqlite, AfterADeadlineInsideATransactionEverythingIsRefusedUntilRollback) {
    query("create table t (n integer)");
    ASSERT_TRUE(calls.begin(*c));
    query("insert into t values (1)");
    const auto late = calls.run(*c,
                                "insert into t with recursive r(i) as (select 1 union all select i + 1 from r)"
                                " select i from r limit 100000000",
                                {}, deadline::in(milliseconds{50}));
    EXPECT_EQ(late.error().code(), errc::deadline_passed);
    EXPECT_TRUE(c->in_transaction());
    EXPECT_EQ(failure("select 1").code(), errc::transaction_failed);
    EXPECT_EQ(calls.commit(*c).error().code(), errc::transaction_failed);
    EXPECT_EQ(query("select count(*) from t").cell(), "0");
}

TEST_F(Sqlite, ResetDropsTransactionAndTemporaryTables) {
    query("create table t (n integer)");
    EXPECT_TRUE(c->is_clean());
    query("create temp table mine (n integer)");
    EXPECT_FALSE(c->is_clean());
    ASSERT_TRUE(calls.begin(*c));
    query("insert into t values (1)");
    ASSERT_TRUE(loop->run(c->reset(driver_calls::soon())));
    EXPECT_TRUE(c->is_clean());
    EXPECT_FALSE(c->in_transaction());
    EXPECT_EQ(query("select count(*) from t").cell(), "0");
    EXPECT_EQ(failure("select * from mine").sqlstate(), "42P01");
}

TEST_F(Sqlite, AScriptRunsAsOneAndATriggerBodyIsOneStatement) {
    const std::string good =
        "create table t (n integer); -- a comment; with a semicolon\n"
        "create table log (n integer);"
        "create trigger g after insert on t begin insert into log values (new.n); insert into log values (0); end;"
        "insert into t values (';');";
    ASSERT_TRUE(loop->run(c->run_script(good, driver_calls::soon())));
    EXPECT_EQ(query("select count(*) from log").cell(), "2");
    const status bad = loop->run(c->run_script("insert into log values (9); insert into nowhere values (1)", {}));
    EXPECT_FALSE(bad.has_value());
    EXPECT_EQ(query("select count(*) from log").cell(), "2");
}

TEST_F(Sqlite, AStatementWorksAgainAfterItsTableChanged) {
    query("create table t (n integer)");
    query("insert into t values (1)");
    EXPECT_EQ(query("select * from t").shape.size(), 1u);
    auto other = calls.connect(*files);
    ASSERT_TRUE(calls.run(*other, "alter table t add column s text default 'x'").has_value());
    const answered a = query("select * from t");
    ASSERT_EQ(a.shape.size(), 2u);
    EXPECT_EQ(a.cell(0, 1), "x");
}

TEST_F(Sqlite, AFileThatItsOwnerKeepsInWalModeStaysSoAndWorks) {
    driver::sqlite_options o = options();
    o.file = folder.file("wal.db");
    o.journal_mode = "wal";
    auto wal_files = driver::make_sqlite_driver(o);
    auto owner = calls.connect(*wal_files);
    ASSERT_TRUE(calls.run(*owner, "create table t (n integer)").has_value());
    o.journal_mode = "truncate";
    auto guests = driver::make_sqlite_driver(o);
    auto guest = calls.connect(*guests);
    EXPECT_EQ(calls.run(*guest, "insert into t values (1)").value().done.rows_affected, 1u);
    EXPECT_EQ(calls.run(*guest, "pragma journal_mode").value().cell(), "wal");
}

TEST_F(Sqlite, ReturningGivesRowsAndCommits) {
    query("create table t (id integer primary key, v text)");
    const answered a = query("insert into t (v) values ('a'), ('b') returning id, v");
    EXPECT_EQ(a.rows.size(), 2u);
    EXPECT_EQ(a.done.tag, "INSERT 0 2");
    auto other = calls.connect(*files);
    EXPECT_EQ(calls.run(*other, "select count(*) from t").value().cell(), "2");
    EXPECT_TRUE(c->is_clean());
}

TEST_F(Sqlite, DateTruncAndNowMeanWhatTheyMeanInPostgreSQL) {
    EXPECT_EQ(query("select date_trunc('week', '2026-11-22 12:30:00.25')").cell(), "2026-11-16 00:00:00");
    EXPECT_EQ(query("select date_trunc('quarter', '2026-11-22')").cell(), "2026-10-01 00:00:00");
    EXPECT_EQ(query("select date_trunc('century', '2000-11-22')").cell(), "1901-01-01 00:00:00");
    EXPECT_EQ(query("select now() = now()").cell(), "1");
    ASSERT_TRUE(calls.begin(*c));
    const std::string first = query("select now()").cell();
    EXPECT_EQ(query("select now()").cell(), first);
    ASSERT_TRUE(calls.rollback(*c));
}

TEST(SqliteOpen, AFolderThatDoesNotExistIsAConnectFailureWithItsName) {
    auto loop = io::make_poll_loop();
    driver::sqlite_options o;
    o.file = "/nowhere/at/all.db";
    auto files = driver::make_sqlite_driver(o);
    const error e = loop->run(files->connect(*loop, {})).error();
    EXPECT_EQ(e.code(), errc::connect_failed);
    EXPECT_NE(e.message().find("/nowhere/at/all.db"), std::string::npos);
}

}  // namespace
}  // namespace ashlar
