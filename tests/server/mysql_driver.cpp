// The MySQL driver against a real MariaDB: values, statements, rows, cancelling, sessions.
#include "core/io/task_group.hpp"
#include "support/becomes.hpp"
#include "support/mysql_connection.hpp"
#include "support/sanitizer.hpp"

#include <fstream>
#include <thread>

namespace ashlar {
namespace {

using test::answered;
using test::driver_calls;

// --- values -------------------------------------------------------------------------------------------------------

TEST_F(Mysql, ValuesOfEveryTypeComeBackAsTheyWereSent) {
    remake(
        "t",
        "i bigint, b boolean, n decimal(20,4), r double, f float, x blob, u uuid, j json, s text, w timestamp(6) null,"
        " p datetime(6), d date, z text");
    query("insert into t values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)",
          {-7, true, decimal::parse("12.5000").value(), 0.1, 0.5, bytes{{0, 0xad}},
           uuid::parse("{D4FF2862-E12E-4702-8EA7-C436B07F700F}").value(), json{R"({"a": 1})"}, "it's \\ ünïcödé 🐘",
           parse_timestamp("2026-11-22 12:30:00.25+02").value(), parse_timestamp("2026-11-22 12:30:00.000001").value(),
           parse_date("2026-11-22").value(), null});
    const answered a = query("select * from t");
    const std::vector<std::optional<std::string>> expected{"-7",
                                                           "1",
                                                           "12.5000",
                                                           "0.1",
                                                           "0.5",
                                                           "\\x00ad",
                                                           "d4ff2862-e12e-4702-8ea7-c436b07f700f",
                                                           R"({"a": 1})",
                                                           "it's \\ ünïcödé 🐘",
                                                           "2026-11-22 10:30:00.25+00",
                                                           "2026-11-22 12:30:00.000001",
                                                           "2026-11-22",
                                                           std::nullopt};
    EXPECT_EQ(a.rows.at(0), expected);
    EXPECT_EQ(a.done.tag, "SELECT 1");
    std::vector<std::uint32_t> types;
    for (const column& each : a.shape) types.push_back(each.type);
    EXPECT_EQ(types, (std::vector<std::uint32_t>{oid::int8, oid::int2, oid::numeric, oid::float8, oid::float4,
                                                 oid::bytea, oid::uuid, oid::json, oid::text, oid::timestamptz,
                                                 oid::timestamp, oid::date, oid::text}));
    EXPECT_EQ(a.shape[2].type_modifier, ((20 << 16) | 4) + 4);
    EXPECT_EQ(a.shape[0].type_size, 8);
}

TEST_F(Mysql, IntegersKeepTheirRangeSignedOrNot) {
    remake("t",
           "ti tinyint, tu tinyint unsigned, si smallint, su smallint unsigned, mi mediumint, mu mediumint unsigned,"
           " i int, iu int unsigned zerofill, bi bigint, bu bigint unsigned, y year");
    query("insert into t values (-128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, $1, $2, 2026)",
          {INT64_MIN, UINT64_MAX});
    const answered a = query("select * from t");
    EXPECT_EQ(a.rows.at(0), (std::vector<std::optional<std::string>>{
                                "-128", "255", "-32768", "65535", "-8388608", "16777215", "-2147483648", "4294967295",
                                "-9223372036854775808", "18446744073709551615", "2026"}));
    std::vector<std::uint32_t> types;
    for (const column& each : a.shape) types.push_back(each.type);
    EXPECT_EQ(types, (std::vector<std::uint32_t>{oid::int2, oid::int2, oid::int2, oid::int4, oid::int4, oid::int4,
                                                 oid::int4, oid::int8, oid::int8, oid::numeric, oid::int2}));
    // a number is found by its value, not by a float near it
    EXPECT_EQ(query("select count(*) from t where bu = $1", {UINT64_MAX}).cell(), "1");
    EXPECT_EQ(query("select count(*) from t where bu = $1", {UINT64_MAX - 1}).cell(), "0");
    EXPECT_EQ(query("select count(*) from t where bi = $1", {INT64_MIN + 1}).cell(), "0");
}

TEST_F(Mysql, OtherTypesHaveTheirPostgresForm) {
    remake("t",
           "tm time(6), b1 bit(1), b9 bit(9), e enum('a','b'), s set('x','y'), i4 inet4, i6 inet6, bn binary(3), ch "
           "char(5),"
           " vc varchar(7), g geometry");
    query(
        "insert into t values ('23:59:59.5', b'1', b'100000001', 'b', 'x,y', '10.0.0.1', '::1', 'ab', 'pad  ', 'v',"
        " point(0, 0))");
    const answered a = query("select * from t");
    EXPECT_EQ(a.rows.at(0), (std::vector<std::optional<std::string>>{
                                "23:59:59.5", "1", "100000001", "b", "x,y", "10.0.0.1", "::1", "\\x616200", "pad", "v",
                                "\\x00000000010100000000000000000000000000000000000000"}));
    std::vector<std::uint32_t> types;
    for (const column& each : a.shape) types.push_back(each.type);
    EXPECT_EQ(types, (std::vector<std::uint32_t>{oid::time, oid::bit, oid::bit, oid::text, oid::text, oid::inet,
                                                 oid::inet, oid::bytea, oid::varchar, oid::varchar, oid::bytea}));
    EXPECT_EQ(a.shape[9].type_modifier, 11);
    EXPECT_EQ(query("select null").shape[0].type, oid::unknown);
}

TEST_F(Mysql, LongValuesComeWhole) {
    const std::string text(3'000'000, 'x');
    EXPECT_EQ(query("select repeat('x', 3000000), 7, repeat('y', 1024), repeat('z', 1025)").rows.at(0),
              (std::vector<std::optional<std::string>>{text, "7", std::string(1024, 'y'), std::string(1025, 'z')}));
    EXPECT_EQ(query("select length($1)", {text}).cell(), "3000000");
}

TEST_F(Mysql, DatesThatAreNoneComeInTheServersWordsAndAreNeverWritten) {
    remake("t", "id int, d date, w datetime, t time");
    server->run_sql(
        "set sql_mode = ''; insert into t values (1, '0000-00-00', '2026-00-01 10:00:00', '25:00:00'),"
        " (2, '2026-01-31', '2026-01-31 10:00:00', '-01:00:00'), (3, '9999-12-31', '1000-01-01', '00:00:00')");
    using row = std::vector<std::optional<std::string>>;
    EXPECT_EQ(query("select d, w, t from t where id = 1").rows.at(0),
              (row{"0000-00-00", "2026-00-01 10:00:00", "25:00:00"}));
    EXPECT_EQ(query("select d, t from t where id = 2").rows.at(0), (row{"2026-01-31", "-01:00:00"}));
    EXPECT_EQ(query("select time '-838:59:59.5', time '838:59:59', time '00:00:00.000001'").rows.at(0),
              (row{"-838:59:59.5", "838:59:59", "00:00:00.000001"}));
    EXPECT_EQ(query("select d, w from t where id = 2").cell(0, 1), "2026-01-31 10:00:00");
    EXPECT_EQ(query("select d from t where id = 3").cell(), "9999-12-31");
    EXPECT_EQ(query("select cast(d as char), time_to_sec(t) from t where id = 1").cell(), "0000-00-00");
    // and none is written
    EXPECT_EQ(failure("insert into t (d) values ('0000-00-00')").sqlstate(), "22P02");
    EXPECT_EQ(failure("insert into t (d) values ($1)", {date::max()}).code(), errc::bad_value);
    EXPECT_EQ(query("select count(*) from t").cell(), "3");
}

TEST_F(Mysql, ParametersInBinaryAreRead) {
    remake("t", "i int, n decimal(10,2), d date, w datetime(6), x varbinary(8), b boolean");
    driver::statement s;
    s.sql = "insert into t values ($1, $2, $3, $4, $5, $6)";
    const auto binary = [](std::string bytes, std::uint32_t type) {
        return driver::parameter{std::move(bytes), type, cell_format::binary};
    };
    s.parameters = {binary(std::string{"\0\0\0\7", 4}, oid::int4),
                    binary(std::string{"\0\2\0\0\0\0\0\2\0\14\23\210", 12}, oid::numeric),  // 12.5
                    binary(std::string{"\0\0\0\1", 4}, oid::date),
                    binary(std::string{"\0\0\0\0\0\0\0\1", 8}, oid::timestamp),
                    binary(std::string{"\0\1", 2}, oid::bytea),
                    binary(std::string{"\1", 1}, oid::boolean)};
    ASSERT_TRUE(calls.run(*c, s));
    EXPECT_EQ(query("select * from t").rows.at(0),
              (std::vector<std::optional<std::string>>{"7", "12.50", "2000-01-02", "2000-01-01 00:00:00.000001",
                                                       "\\x0001", "1"}));
}

TEST_F(Mysql, ParametersMayComeTwiceAndInAnyOrder) {
    EXPECT_EQ(query("select $2 - $1 + $2", {1, 10}).cell(), "19");
    EXPECT_EQ(query("select '$1', \"a\" from (select $1 as \"a\") x -- $9\n # $9\n /* $9 */", {5}).rows.at(0),
              (std::vector<std::optional<std::string>>{"$1", "5"}));
    EXPECT_EQ(failure("select $1, $2", {1}).sqlstate(), "08P01");
    EXPECT_EQ(failure("select ?").code(), errc::syntax);
    EXPECT_EQ(failure("select /*! 1 */ 2").code(), errc::unsupported);
}

TEST_F(Mysql, TextsMeanWhatTheyMeanInPostgres) {
    EXPECT_EQ(query(R"(select 'a\', 'b' || 'c')").rows.at(0), (std::vector<std::optional<std::string>>{"a\\", "bc"}));
    EXPECT_EQ(query("select 'a' = 'A', 'a' = 'a '").rows.at(0), (std::vector<std::optional<std::string>>{"0", "0"}));
    EXPECT_EQ(query("select @@time_zone, @@character_set_results, @@autocommit").rows.at(0),
              (std::vector<std::optional<std::string>>{"+00:00", "utf8mb4", "1"}));
    remake("t", "a int, b varchar(3)");
    EXPECT_EQ(failure("insert into t values (1, 'long')").sqlstate(), "22001");
    EXPECT_EQ(failure("select a, b from t group by a").sqlstate(), "42803");
}

// --- statements ---------------------------------------------------------------------------------------------------

TEST_F(Mysql, CompletionsCountRowsAsPostgresDoes) {
    remake("t", "id int primary key, v int");
    EXPECT_EQ(query("insert into t values (1, 1), (2, 2), (3, 3)").done.tag, "INSERT 0 3");
    EXPECT_EQ(query("update t set v = v").done.tag, "UPDATE 3");  // found, though nothing changed
    EXPECT_EQ(query("delete from t where id > 1").done.tag, "DELETE 2");
    const answered returned = query("insert into t values (7, 7), (8, 8) returning id");
    EXPECT_EQ(returned.done.tag, "INSERT 0 2");
    EXPECT_EQ(returned.rows.size(), 2u);
    EXPECT_EQ(query("create table if not exists t2 (a int)").done.tag, "CREATE TABLE");
    EXPECT_EQ(query("select * from t where false").done.tag, "SELECT 0");
}

TEST_F(Mysql, ErrorsCarryWhatTheServerSaid) {
    remake("child", "a int");
    server->run_sql("drop table child");
    remake("t", "id int primary key, n int not null default 0, u tinyint unsigned, s varchar(3), check (n < 100)");
    server->run_sql("create table child (a int, constraint family foreign key (a) references t (id))");
    query("insert into t (id) values (1)");
    const error twice = failure("insert into t (id) values (1)");
    EXPECT_EQ(twice.code(), errc::constraint_violated);
    EXPECT_EQ(twice.sqlstate(), "23505");
    ASSERT_NE(twice.server(), nullptr);
    EXPECT_EQ(twice.server()->engine_code, 1062);
    EXPECT_EQ(twice.server()->constraint, "PRIMARY");
    EXPECT_EQ(twice.server()->message, "Duplicate entry '1' for key 'PRIMARY'");
    EXPECT_EQ(twice.message().find("Duplicate"), std::string::npos);

    struct line {
        const char *sql, *sqlstate;
        errc code;
    };
    for (const line& each : {
             line{"insert into t (id, n) values (2, null)", "23502", errc::constraint_violated},
             line{"insert into child values (77)", "23503", errc::constraint_violated},
             line{"insert into t (id, n) values (2, 100)", "23514", errc::constraint_violated},
             line{"insert into t (id, s) values (2, 'four')", "22001", errc::server_error},
             line{"insert into t (id, u) values (2, -1)", "22003", errc::server_error},
             line{"insert into t (id, u) values (2, 'x')", "22P02", errc::bad_value},
             line{"insert into t (id, u) values (2, 1/0)", "22012", errc::server_error},
             line{"select * from nowhere", "42P01", errc::table_unknown},
             line{"select nothing from t", "42703", errc::column_unknown},
             line{"selekt 1", "42601", errc::syntax},
             line{"select 1; select 2", "42601", errc::syntax},
             line{"select nofunction(1)", "42883", errc::server_error},
             line{"create table t (a int)", "42P07", errc::server_error},
             line{"use nowhere", "3D000", errc::database_unknown},
             line{"select (select id from t union select 2)", "21000", errc::server_error},
         }) {
        const error e = failure(each.sql);
        EXPECT_EQ(e.sqlstate(), each.sqlstate) << each.sql << ": " << e;
        EXPECT_EQ(e.code(), each.code) << each.sql;
    }
    EXPECT_EQ(failure("insert into child values (77)").server()->constraint, "family");
    EXPECT_EQ(failure("insert into child values (77)").server()->table, "child");
    EXPECT_EQ(failure("insert into t (id, n) values (2, null)").server()->column, "n");
    EXPECT_EQ(query("select 1").cell(), "1");
}

TEST_F(Mysql, AnErrorDoesNotTakeItsNamesFromWhatUsersStored) {
    remake("t", "v varchar(60) primary key");
    query("insert into t values ($1)", {"x' for key 'fake"});
    EXPECT_EQ(failure("insert into t values ($1)", {"x' for key 'fake"}).server()->constraint, "PRIMARY");
}

TEST_F(Mysql, TheOldestPreparedStatementGivesWay) {
    driver::mysql_options o = test::options_of(*server);
    o.prepared_statements_max = 3;
    auto small = driver::make_mysql_driver(o);
    c = calls.connect(*small);
    const auto prepared_on_server = [&] {
        return std::stoi(query("show session status like 'Com_stmt_prepare'").cell(0, 1)) -
               std::stoi(query("show session status like 'Com_stmt_close'").cell(0, 1));
    };
    for (int i = 0; i < 10; ++i) EXPECT_EQ(query("select " + std::to_string(i)).cell(), std::to_string(i));
    EXPECT_EQ(inside().prepared_statements(), 3u);
    EXPECT_LE(prepared_on_server(), 4);
    driver::statement once;
    once.sql = "select 'once'";
    once.prepare = false;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(calls.run(*c, once).value().cell(), "once");
    EXPECT_LE(prepared_on_server(), 4);
}

TEST_F(Mysql, AStatementIsPreparedOnceForAllItsRuns) {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(query("select $1 + 1", {i}).cell(), std::to_string(i + 1));
    EXPECT_EQ(query("show session status like 'Com_stmt_prepare'").cell(0, 1), "2");  // it, and this one
}

TEST_F(Mysql, AStatementWorksAfterItsTableChanged) {
    remake("changing", "a int");
    server->run_sql("insert into changing values (1)");
    for (int i = 0; i < 2; ++i) EXPECT_EQ(query("select * from changing").shape.size(), 1u);
    server->run_sql("alter table changing add b text default 'x'");
    for (int i = 0; i < 3; ++i) {
        const answered a = query("select * from changing");
        ASSERT_EQ(a.shape.size(), 2u);
        EXPECT_EQ(a.cell(0, 1), "x");
    }
    server->run_sql("alter table changing change a z double, drop b, add y int default 9");
    for (int i = 0; i < 3; ++i) {
        const answered a = query("select * from changing");
        EXPECT_EQ(a.shape[0].name, "z");
        EXPECT_EQ(a.shape[1].name, "y");
        EXPECT_EQ(a.shape[0].type, oid::float8);
        EXPECT_EQ(a.cell(0, 1), "9");
    }
    server->run_sql("drop table changing; create table changing (z uuid, y json)");
    for (int i = 0; i < 2; ++i) EXPECT_EQ(query("select * from changing").shape[0].type, oid::uuid);
}

TEST_F(Mysql, TheServersBoundOfPreparedStatementsIsLivedWith) {
    server->run_sql("set global max_prepared_stmt_count = 5");
    for (int i = 0; i < 20; ++i) EXPECT_EQ(query("select " + std::to_string(i) + " + 0").cell(), std::to_string(i));
    server->run_sql("set global max_prepared_stmt_count = 16382");
}

TEST_F(Mysql, StatementsThatCannotBePreparedRunAsText) {
    query("prepare mine from 'select 5 as five, null as nothing, x''4142'' as bytes'");
    const answered a = query("execute mine");
    EXPECT_EQ(a.rows.at(0), (std::vector<std::optional<std::string>>{"5", std::nullopt, "\\x4142"}));
    EXPECT_EQ(failure("execute nobody").sqlstate(), "26000");
    EXPECT_EQ(query("execute mine").cell(), "5");
}

TEST_F(Mysql, NoFileOfOursIsLoaded) {
    remake("t", "a text");
    EXPECT_FALSE(calls.run(*c, "load data local infile '/etc/hostname' into table t"));
    EXPECT_EQ(server->scalar("select count(*) from t"), "0");
    c = connect();
    EXPECT_FALSE(loop->run(c->run_script("load data local infile '/etc/hostname' into table t", driver_calls::soon())));
    EXPECT_EQ(server->scalar("select count(*) from t"), "0");
}

TEST_F(Mysql, AProcedureMayReturnOneSetOfRows) {
    ASSERT_TRUE(
        loop->run(c->run_script("drop procedure if exists one; drop procedure if exists two; drop procedure if "
                                "exists bad;"
                                "create procedure one() begin select 1 as a union select 2; set @x = 1; end;"
                                "create procedure two() begin select 1; select 2; end;"
                                "create procedure bad() begin select 1; select * from nowhere; end",
                                driver_calls::soon())));
    EXPECT_EQ(query("call one()").rows.size(), 2u);
    EXPECT_EQ(query("call one()").rows.size(), 2u);
    EXPECT_EQ(failure("call two()").code(), errc::unsupported);
    EXPECT_EQ(failure("call bad()").code(), errc::table_unknown);
    EXPECT_EQ(query("select 1").cell(), "1");
}

std::size_t resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::size_t all = 0, resident = 0;
    file >> all >> resident;
    return resident * 4096;
}

TEST_F(Mysql, AMillionRowsStreamInBoundedMemory) {
    driver::statement s;
    s.sql = "select seq, repeat('x', 100) from seq_1_to_1000000";
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

TEST_F(Mysql, WhoStopsEarlyLeavesAUsableConnection) {
    for (int i = 0; i < 3; ++i) {
        driver::statement s;
        s.sql = "select seq, repeat('x', 1000) from seq_1_to_100000000";
        ASSERT_TRUE(loop->run(c->start(s, driver_calls::soon())));
        row_batch batch;
        ASSERT_EQ(loop->run(c->fetch(batch, driver_calls::soon())).value(), driver::fetched::rows);
        EXPECT_FALSE(c->is_reusable());
        EXPECT_EQ(query("select 1").cell(), "1");
    }
}

TEST_F(Mysql, WhatIsLongerThanAPacketIsRefusedBeforeItIsSent) {
    const auto most = std::stoull(query("select @@max_allowed_packet").cell());
    for (const std::size_t size : {static_cast<std::size_t>(most), static_cast<std::size_t>(most) * 5}) {
        const error e = failure("select length($1)", {std::string(size, 'x')});
        EXPECT_EQ(e.code(), errc::limit_reached);
        EXPECT_EQ(e.sqlstate(), "54000");
        EXPECT_TRUE(c->is_reusable());
    }
    EXPECT_EQ(failure("select '" + std::string(static_cast<std::size_t>(most), 'x') + "'").sqlstate(), "54000");
    const std::size_t fits = static_cast<std::size_t>(most) - 200;
    EXPECT_EQ(query("select length($1)", {std::string(fits, 'x')}).cell(), std::to_string(fits));
}

TEST_F(Mysql, AConnectionThatWasEndedWhileIdleSaysSoWithoutARoundTrip) {
    EXPECT_FALSE(c->has_ended());
    const auto other = connect();
    server->run_sql("kill connection " + query("select connection_id()").cell());
    EXPECT_TRUE(test::becomes([&] { return c->has_ended(); }));
    EXPECT_FALSE(c->is_reusable());
    EXPECT_FALSE(other->has_ended());
}

// --- deadlines and cancel -----------------------------------------------------------------------------------------

TEST_F(Mysql, ADeadlineKillsOnTheServerAndTheConnectionLivesOn) {
    for (const char* sql : {"select sleep(30)", "select sleep(30) from seq_1_to_10", "do sleep(30)"}) {
        ASSERT_TRUE(test::becomes([&] {  // the kill itself may be late on a busy machine: then another connection
            if (!c->is_reusable()) c = connect();
            EXPECT_EQ(calls.run(*c, sql, {}, deadline::in(milliseconds{100})).error().code(), errc::deadline_passed);
            return c->is_reusable();
        })) << sql;
        EXPECT_EQ(query("select 1").cell(), "1");
    }
    EXPECT_EQ(server->scalar("select count(*) from information_schema.processlist where info like '%sleep(30)%'"
                             " and id <> connection_id()"),
              "0");
}

TEST_F(Mysql, ADeadlineInTheMidstOfRowsKillsToo) {
    driver::statement s;
    s.sql = "select seq, sleep(if(seq > 20000, 30, 0)) from seq_1_to_100000";
    ASSERT_TRUE(loop->run(c->start(s, driver_calls::soon())));
    row_batch batch;
    std::optional<error> why;
    while (!why) {
        batch.clear();
        auto f = loop->run(c->fetch(batch, deadline::in(milliseconds{300})));
        if (!f) why = f.error();
        ASSERT_TRUE(!f || *f == driver::fetched::rows);
    }
    EXPECT_EQ(why->code(), errc::deadline_passed);
    if (!c->is_reusable()) c = connect();  // the kill came late
    EXPECT_EQ(query("select 1").cell(), "1");
}

TEST_F(Mysql, AWriteThatIsKilledInATransactionIsNotDoneAndTheRestIs) {
    remake("t", "id int primary key");
    ASSERT_TRUE(calls.begin(*c));
    query("insert into t values (1)");
    EXPECT_EQ(calls.run(*c, "insert into t select sleep(30)", {}, deadline::in(milliseconds{100})).error().code(),
              errc::deadline_passed);
    EXPECT_TRUE(c->in_transaction());
    query("insert into t values (2)");
    ASSERT_TRUE(calls.commit(*c));
    EXPECT_EQ(server->scalar("select group_concat(id order by id) from t"), "1,2");
}

TEST_F(Mysql, CancelFromAnotherThreadEndsTheStatementAndNoLaterOne) {
    c->cancel();
    EXPECT_EQ(query("select 1").cell(), "1");
    std::jthread other{[&] {
        await_running(busy);
        c->cancel();
    }};
    const error e = failure(busy);
    other.join();
    EXPECT_EQ(e.code(), errc::cancelled);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(query("select sleep(0.001)").cell(), "0");
}

TEST_F(Mysql, CancelsThatRaceWithTheEndHitNoOneElse) {
    std::atomic<bool> stop = false;
    std::jthread other{[&] {
        while (!stop) c->cancel();
    }};
    int cancelled = 0;
    for (int i = 0; i < 200; ++i) {
        // one borrower, whose statement may be hit …
        const auto a = calls.run(*c, "select sleep(0.002)");
        if (!a) {
            EXPECT_EQ(a.error().code(), errc::cancelled);
            ++cancelled;
        } else if (a->cell() == "1") {
            ++cancelled;  // SLEEP itself says so
        }
        ASSERT_TRUE(c->is_reusable());
    }
    stop = true;
    other.join();
    // … and the next one, to whom nothing of it comes.
    ASSERT_TRUE(loop->run(c->reset(driver_calls::soon())));
    for (int i = 0; i < 50; ++i) EXPECT_EQ(query("select sleep(0.001)").cell(), "0");
    EXPECT_GT(cancelled, 0);
}

TEST_F(Mysql, ACancelForASessionThatIsNoMoreHitsNobody) {
    // Our number, as a server that was started anew would give it to somebody else.
    const std::string id = query("select connection_id()").cell();
    auto stranger = connect();
    const std::string other_id = calls.run(*stranger, "select connection_id()").value().cell();
    auto late = std::make_shared<driver::mysql::canceller>(test::options_of(*server), other_id, "127.0.0.1:1");
    std::jthread asks{[&] {
        await_running("select sleep(0.7)");
        late->send();
    }};
    EXPECT_EQ(calls.run(*stranger, "select sleep(0.7)").value().cell(), "0");
    asks.join();
    EXPECT_TRUE(loop->run(late->settled(*loop, driver_calls::soon())));
    EXPECT_NE(id, other_id);
}

// --- the session --------------------------------------------------------------------------------------------------

TEST_F(Mysql, ResetLeavesNothingOfASessionBehind) {
    EXPECT_TRUE(c->is_clean());
    query("select count(*), max(id), @@version from information_schema.processlist where id > $1", {5});
    EXPECT_TRUE(c->is_clean());
    query("set @tenant = 'acme'");
    EXPECT_FALSE(c->is_clean());
    query("set sql_mode = ''");
    query("create temporary table mine (n int)");
    query("select get_lock('ashlar', 1)");
    query("use mysql");
    query("lock tables user read");
    ASSERT_TRUE(loop->run(c->reset(driver_calls::soon())));
    EXPECT_TRUE(c->is_clean());
    EXPECT_EQ(query("select @tenant").cell(), "NULL");
    EXPECT_NE(query("select @@sql_mode").cell().find("NO_BACKSLASH_ESCAPES"), std::string::npos);
    EXPECT_EQ(query("select database()").cell(), "test");
    EXPECT_EQ(failure("select * from mine").code(), errc::table_unknown);
    EXPECT_EQ(query("select is_free_lock('ashlar')").cell(), "1");
    EXPECT_EQ(query("select 'a' = 'A', @@time_zone").rows.at(0),
              (std::vector<std::optional<std::string>>{"0", "+00:00"}));
}

TEST_F(Mysql, TheIdOfALastInsertIsNotTheNextBorrowersToSee) {
    remake("t", "id int primary key auto_increment, v int");
    query("insert into t (v) values (1)");
    EXPECT_EQ(query("select last_insert_id()").cell(), "1");
    ASSERT_TRUE(loop->run(c->reset(driver_calls::soon())));
    query("insert into t (v) values (2)");
    EXPECT_FALSE(c->is_clean());
    ASSERT_TRUE(loop->run(c->reset(driver_calls::soon())));
    EXPECT_TRUE(c->is_clean());
    EXPECT_EQ(query("select last_insert_id()").cell(), "0");
}

TEST_F(Mysql, ASessionWhoseTextsCouldNotBeReadAnswersNothing) {
    query("set time_zone = '+05:00'");
    EXPECT_EQ(failure("select now()").code(), errc::unsupported);
    query("set time_zone = '+00:00'");
    EXPECT_EQ(query("select 1").cell(), "1");
    query("set names latin1");
    EXPECT_EQ(failure("select 'ä'").code(), errc::unsupported);
    ASSERT_TRUE(loop->run(c->reset(driver_calls::soon())));
    EXPECT_EQ(query("select 'ä'").cell(), "ä");
}

TEST_F(Mysql, ParametersAreFoundWhateverTheQuoting) {
    query("set sql_mode = ''");  // a backslash escapes now, and "x" is a string
    EXPECT_EQ(query(R"(select 'it\'s $1', "a\"$1", $1)", {7}).rows.at(0),
              (std::vector<std::optional<std::string>>{"it's $1", "a\"$1", "7"}));
    query("set sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'");
    EXPECT_EQ(query(R"(select 'it\', $1)", {7}).rows.at(0), (std::vector<std::optional<std::string>>{"it\\", "7"}));
}

TEST_F(Mysql, AConnectionMovesBetweenLoops) {
    auto second = io::make_epoll_loop();
    auto blocking = io::make_poll_loop();
    for (io::loop* each : {second.get(), blocking.get(), loop.get(), second.get(), loop.get()}) {
        c->bind(*each);
        driver_calls there{*each};
        EXPECT_EQ(there.run(*c, "select 5").value().cell(), "5");
    }
    EXPECT_TRUE(loop->run(c->ping(driver_calls::soon())));
}

TEST_F(Mysql, ManyConnectionsWaitOnOneThread) {
    std::vector<std::unique_ptr<driver::connection>> all;
    for (int i = 0; i < 20; ++i) all.push_back(connect());
    const auto begun = steady_clock::now();
    const auto at_once = [](io::loop& on, std::vector<std::unique_ptr<driver::connection>>& each) -> task<int> {
        io::task_group<result<answered>> group{on};
        for (auto& one : each) {
            driver::statement s;
            s.sql = "select sleep(5)";
            group.start(driver_calls::query(*one, std::move(s), driver_calls::soon()));
        }
        int done = 0;
        while (auto r = co_await group.next()) done += r->has_value() ? 1 : 0;
        co_return done;
    };
    EXPECT_EQ(loop->run(at_once(*loop, all)), 20);
    EXPECT_LT(steady_clock::now() - begun, seconds{95});  // one after the other would take a hundred
}

TEST_F(Mysql, AnOperationThatIsCancelledByItsOwnerLeavesAUsableConnection) {
    const auto abandoned = [](io::loop& on, driver::connection& with) -> task<void> {
        io::task_group<result<answered>> group{on};
        driver::statement s;
        s.sql = "select sleep(30)";
        group.start(driver_calls::query(with, std::move(s), driver_calls::soon()));
        const deadline soon = deadline::in(milliseconds{50});
        (void)co_await on.sleep_until(soon);
        co_await group.cancel_and_join();
    };
    loop->run(abandoned(*loop, *c));
    EXPECT_EQ(query("select 1").cell(), "1");
}

// --- many rows, and two phases -------------------------------------------------------------------------------------

TEST_F(Mysql, BulkRowsAreAllInOrNone) {
    remake("bulk", "id int primary key, v text, b boolean, w timestamp(6) null, x blob");
    driver::bulk_target target;
    target.table = "bulk";
    target.columns = {"id", "v", "b", "w", "x"};
    auto bulk = c->bulk();
    ASSERT_TRUE(loop->run(bulk->start(target, driver_calls::soon())));
    std::string rows;
    for (int i = 0; i < 20'000; ++i) {
        rows += std::to_string(i) + "\tvalue\\t\\\\" + std::to_string(i) + "\t" + (i % 2 == 0 ? "t" : "f") +
                "\t2026-01-01 00:00:00.5+01\t\\\\x00ff\n";
    }
    ASSERT_TRUE(loop->run(bulk->write(rows.substr(0, 500'001), driver_calls::soon())));
    ASSERT_TRUE(loop->run(bulk->write(rows.substr(500'001) + "20000\t\\N\t\\N\t\\N\t\\N", driver_calls::soon())));
    EXPECT_EQ(loop->run(bulk->finish(driver_calls::soon())).value(), 20'001u);
    EXPECT_EQ(
        query("select * from bulk where id = 7777").rows.at(0),
        (std::vector<std::optional<std::string>>{"7777", "value\t\\7777", "0", "2025-12-31 23:00:00.5+00", "\\x00ff"}));
    EXPECT_EQ(query("select v from bulk where id = 20000").rows.at(0).at(0), std::nullopt);

    struct bad {
        const char* rows;
        errc code;
        const char* line;
    };
    target.columns = {"id", "v"};
    for (const bad& each : {bad{"300000\tx\nseven\ty\n", errc::bad_value, "line 2"},
                            bad{"300000\tx\n300001\ty\n300000\tz\n300002\tz\n", errc::constraint_violated, "line 3"},
                            bad{"300000\tx\n300001\n", errc::bad_value, "line 2"}}) {
        ASSERT_TRUE(loop->run(bulk->start(target, driver_calls::soon())));
        ASSERT_TRUE(loop->run(bulk->write(each.rows, driver_calls::soon())));
        const auto refused = loop->run(bulk->finish(driver_calls::soon()));
        EXPECT_EQ(refused.error().code(), each.code) << each.rows;
        EXPECT_NE(refused.error().detail().find(each.line), std::string::npos) << refused.error();
        EXPECT_FALSE(c->in_transaction());
    }
    ASSERT_TRUE(loop->run(bulk->start(target, driver_calls::soon())));
    ASSERT_TRUE(loop->run(bulk->write("300000\tx\n", driver_calls::soon())));
    loop->run(bulk->abandon());
    EXPECT_EQ(query("select count(*) from bulk").cell(), "20001");
}

TEST_F(Mysql, BulkRowsJoinTheTransactionThatIsOpen) {
    remake("bulk", "id int primary key");
    driver::bulk_target target;
    target.table = "bulk";
    auto bulk = c->bulk();
    ASSERT_TRUE(calls.begin(*c));
    query("insert into bulk values (1)");
    ASSERT_TRUE(loop->run(bulk->start(target, driver_calls::soon())));
    ASSERT_TRUE(loop->run(bulk->write("2\n3\n1\n", driver_calls::soon())));
    EXPECT_EQ(loop->run(bulk->finish(driver_calls::soon())).error().sqlstate(), "23505");
    ASSERT_TRUE(loop->run(bulk->start(target, driver_calls::soon())));
    ASSERT_TRUE(loop->run(bulk->write("4\n5\n", driver_calls::soon())));
    EXPECT_EQ(loop->run(bulk->finish(driver_calls::soon())).value(), 2u);
    ASSERT_TRUE(calls.commit(*c));
    EXPECT_EQ(server->scalar("select group_concat(id order by id) from bulk"), "1,4,5");
}

}  // namespace
}  // namespace ashlar
