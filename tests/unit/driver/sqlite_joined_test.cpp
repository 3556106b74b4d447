// Several SQLite files in one transaction.
#include "driver/drivers.hpp"
#include "driver/sqlite/qualify.hpp"
#include "support/driver_calls.hpp"
#include "support/temporary_folder.hpp"

#include <thread>

namespace ashlar {
namespace {

using driver::sqlite::qualified;
using test::answered;
using test::driver_calls;

TEST(SqliteQualify, TablesGetTheSchemaWhereverTheyStand) {
    const auto in_s = [](std::string_view sql) { return qualified(sql, "s"); };
    EXPECT_EQ(in_s("select * from t"), "select * from s.t");
    EXPECT_EQ(in_s("select t.a from t, \"u v\" as x join [w] using (a), y where a in (select b from z), c"),
              "select t.a from s.t, s.\"u v\" as x join s.[w] using (a), s.y where a in (select b from s.z), c");
    EXPECT_EQ(in_s("select a from (t join u on t.a = u.a), (select 1 from v) order by a, b"),
              "select a from (s.t join s.u on t.a = u.a), (select 1 from s.v) order by a, b");
    EXPECT_EQ(in_s("insert into t (a, b) select a, b from u on conflict (a) do update set a = 1, b = 2 returning a, b"),
              "insert into s.t (a, b) select a, b from s.u on conflict (a) do update set a = 1, b = 2 returning a, b");
    EXPECT_EQ(in_s("insert into t(a) values (1), (2)"), "insert into s.t(a) values (1), (2)");
    EXPECT_EQ(in_s("update or ignore t set a = 1, b = 2 from u, v where t.a = u.a"),
              "update or ignore s.t set a = 1, b = 2 from s.u, s.v where t.a = u.a");
    EXPECT_EQ(in_s("delete from t where exists (select 1 from u)"), "delete from s.t where exists (select 1 from s.u)");
    EXPECT_EQ(in_s("with c(a) as materialized (select a from t), d as (select 1) select * from C, d, u"),
              "with c(a) as materialized (select a from s.t), d as (select 1) select * from C, d, s.u");
    EXPECT_EQ(in_s("select a is not distinct from b, 'from t' /* from t */ from t union all select 1, 2 from u, t"),
              "select a is not distinct from b, 'from t' /* from t */ from s.t union all select 1, 2 from s.u, s.t");
    EXPECT_EQ(in_s("select * from main.t, json_each('[1]'), u"), "select * from main.t, json_each('[1]'), s.u");
    EXPECT_EQ(in_s("select count(*) from"), "select count(*) from");
}

class SqliteJoined : public ::testing::Test {
protected:
    driver::sqlite_options options(const std::string& name) {
        driver::sqlite_options o;
        o.file = folder.file(name);
        o.busy_timeout = milliseconds{1'000};
        return o;
    }
    std::unique_ptr<driver::driver> file(const std::string& name) { return driver::make_sqlite_driver(options(name)); }

    void SetUp() override {
        for (driver::driver* each : {a.get(), b.get()}) {
            auto fresh = calls.connect(*each);
            run(*fresh, "create table t (id integer primary key, n integer check (n >= 0))");
            run(*fresh, "insert into t values (1, 100), (2, 100)");
        }
        host = calls.connect(*a);
    }

    result<std::unique_ptr<driver::connection>> join(driver::driver& to) { return join(to, *host); }
    result<std::unique_ptr<driver::connection>> join(driver::driver& to, driver::connection& with) {
        return loop->run(to.join(with, driver_calls::soon()));
    }
    answered run(driver::connection& on, std::string sql) {
        auto done = calls.run(on, sql);
        if (!done) throw std::runtime_error{sql + ": " + done.error().message()};
        return *done;
    }
    error failure(driver::connection& on, std::string sql) { return calls.run(on, std::move(sql)).error(); }
    // As another connection sees it.
    std::string sum(driver::driver& of) { return run(*calls.connect(of), "select sum(n) from t").cell(); }

    test::temporary_folder folder;
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    driver_calls calls{*loop};
    std::unique_ptr<driver::driver> a = file("a.db"), b = file("it's b.db");
    std::unique_ptr<driver::connection> host;
};

TEST_F(SqliteJoined, OneCommitIsTheCommitOfAllAndOneRollbackTheRollbackOfAll) {
    for (const bool commits : {false, true}) {
        ASSERT_TRUE(calls.begin(*host));
        run(*host, "update t set n = n - 30 where id = 1");
        auto guest = join(*b).value();
        EXPECT_TRUE(guest->in_transaction());
        EXPECT_EQ(run(*guest, "update t set n = n + 30").done.tag, "UPDATE 2");
        EXPECT_EQ(run(*guest, "select sum(n) from t").cell(), "260");  // its own writes
        EXPECT_EQ(run(*host, "select sum(n) from t").cell(), "170");
        EXPECT_EQ(run(*guest, "insert into t values (3, 1) returning id").cell(), "3");
        guest.reset();
        ASSERT_TRUE(commits ? calls.commit(*host) : calls.rollback(*host));
        EXPECT_FALSE(host->is_clean());
        ASSERT_TRUE(loop->run(host->reset(driver_calls::soon())));
        EXPECT_TRUE(host->is_clean());
        EXPECT_EQ(sum(*a), commits ? "170" : "200");
        EXPECT_EQ(sum(*b), commits ? "261" : "200");
    }
    EXPECT_EQ(run(*host, "select count(*) from t").cell(), "2");
}

TEST_F(SqliteJoined, AFailedStatementInOneFileLeavesTheOthersToTheSameRollback) {
    ASSERT_TRUE(calls.begin(*host));
    run(*host, "update t set n = n + 1");
    auto guest = join(*b).value();
    EXPECT_EQ(failure(*guest, "update t set n = -1").sqlstate(), "23514");
    EXPECT_TRUE(host->in_transaction());
    guest.reset();
    ASSERT_TRUE(calls.rollback(*host));
    EXPECT_EQ(sum(*a), "200");
}

TEST_F(SqliteJoined, ASavepointFromBeforeAFileJoinedTakesItsWritesBackToo) {
    ASSERT_TRUE(calls.begin(*host));
    run(*host, "update t set n = 1 where id = 1");
    ASSERT_TRUE(loop->run(host->savepoint("before", driver_calls::soon())));
    auto guest = join(*b).value();
    run(*guest, "delete from t");
    run(*host, "delete from t");
    ASSERT_TRUE(loop->run(host->rollback_to("before", driver_calls::soon())));
    EXPECT_EQ(run(*guest, "select sum(n) from t").cell(), "200");
    run(*guest, "update t set n = 2 where id = 1");
    guest.reset();
    ASSERT_TRUE(calls.commit(*host));
    EXPECT_EQ(sum(*a), "101");
    EXPECT_EQ(sum(*b), "102");
}

TEST_F(SqliteJoined, AStatementThatWouldTouchAnotherFileIsRefused) {
    run(*host, "create table only_a (id integer primary key)");
    run(*calls.connect(*b), "create table only_b (id integer primary key)");
    run(*host, "select count(*) from only_a");  // kept prepared
    ASSERT_TRUE(calls.begin(*host));
    auto guest = join(*b).value();
    EXPECT_EQ(failure(*guest, "select count(*) from main.t").sqlstate(), "0A000");
    EXPECT_EQ(failure(*guest, "select count(*) from 't'").sqlstate(), "0A000");  // bare, and counted without a column
    EXPECT_EQ(failure(*guest, "select n from 't'").sqlstate(), "0A000");
    EXPECT_EQ(failure(*guest, "delete from 't'").sqlstate(), "0A000");
    EXPECT_EQ(
        failure(*guest, "select (with t as (select 1) select count(*) from t), (select count(*) from t)").sqlstate(),
        "0A000");
    EXPECT_EQ(failure(*guest, "select count(*) from only_a").sqlstate(), "42P01");
    EXPECT_EQ(failure(*host, "select count(*) from only_b").sqlstate(), "0A000");
    EXPECT_EQ(failure(*host, "insert into only_b values (1)").sqlstate(), "0A000");
    EXPECT_EQ(failure(*host, "select count(*) from joined_2.t").sqlstate(), "0A000");
    EXPECT_EQ(run(*host, "select count(*) from only_a").cell(), "0");
    EXPECT_EQ(run(*guest, "with t as (select 7 as k) select count(*) from t").cell(), "1");
    for (driver::connection* each : {host.get(), guest.get()}) {
        for (const char* sql :
             {"create table x (n)", "drop table t", "pragma table_info(t)", "commit", "attach 'x.db' as x"}) {
            EXPECT_EQ(failure(*each, sql).sqlstate(), "0A000") << sql;
        }
    }
    EXPECT_EQ(sum(*a), "200");
}

TEST_F(SqliteJoined, AFileInWalModeAndOneTooManyAreRefusedAndTheTransactionGoesOn) {
    driver::sqlite_options of_owner = options("wal.db");
    of_owner.journal_mode = "wal";
    run(*calls.connect(*driver::make_sqlite_driver(of_owner)), "create table t (id integer)");
    ASSERT_TRUE(calls.begin(*host));
    run(*host, "update t set n = 7");
    const error wal = join(*file("wal.db")).error();
    EXPECT_EQ(wal.sqlstate(), "0A000");
    EXPECT_FALSE(wal.hint().empty());
    std::vector<std::unique_ptr<driver::connection>> guests;
    for (int i = 0; i < 10; ++i) guests.push_back(join(*file("f" + std::to_string(i) + ".db")).value());
    const error many = join(*b).error();
    EXPECT_EQ(many.sqlstate(), "0A000");
    EXPECT_FALSE(many.hint().empty());
    guests.clear();
    ASSERT_TRUE(calls.commit(*host));
    EXPECT_EQ(sum(*a), "14");

    auto in_wal = calls.connect(*file("wal.db"));
    ASSERT_TRUE(calls.begin(*in_wal));
    EXPECT_EQ(join(*b, *in_wal).error().sqlstate(), "0A000");
}

TEST_F(SqliteJoined, OfTwoWhoTakeFilesInOppositeOrdersOneGivesUpSoonAndTheOtherGoesOn) {
    auto other = calls.connect(*b);
    ASSERT_TRUE(calls.begin(*host));
    ASSERT_TRUE(calls.begin(*other));
    result<std::unique_ptr<driver::connection>> in_order = error{errc::internal};
    std::thread waits{[&] {
        auto own = io::make_epoll_loop();
        host->bind(*own);
        in_order = own->run(b->join(*host, driver_calls::soon()));
        host->bind(*loop);
    }};
    const error against = join(*a, *other).error();
    EXPECT_EQ(against.code(), errc::deadlock);
    EXPECT_EQ(against.sqlstate(), "40P01");
    EXPECT_TRUE(calls.rollback(*other));
    waits.join();
    ASSERT_TRUE(in_order) << in_order.error();
    (*in_order)->bind(*loop);
    run(**in_order, "update t set n = 5");
    in_order->reset();
    EXPECT_TRUE(calls.commit(*host));
    EXPECT_EQ(sum(*b), "10");
}

TEST_F(SqliteJoined, AFileWhoseLockNeverComesFreeIsAnErrorToTryAgain) {
    auto other = calls.connect(*b);
    ASSERT_TRUE(calls.begin(*other));
    ASSERT_TRUE(calls.begin(*host));
    EXPECT_EQ(join(*b).error().sqlstate(), "40001");
    EXPECT_TRUE(calls.commit(*other));
    auto guest = join(*b);  // the transaction is as it was
    ASSERT_TRUE(guest) << guest.error();
    run(**guest, "update t set n = 5");
    guest->reset();
    EXPECT_TRUE(calls.commit(*host));
    EXPECT_EQ(sum(*b), "10");
}

TEST_F(SqliteJoined, WhatWasReadStaysTrueUntilTheCommit) {
    driver::transaction_options reads;
    reads.read_only = true;
    for (const bool read_only : {false, true}) {
        ASSERT_TRUE(read_only ? calls.begin(*host, reads) : calls.begin(*host));
        auto guest = join(*b).value();
        EXPECT_EQ(run(*guest, "select sum(n) from t").cell(), "200");
        driver::sqlite_options hasty = options("it's b.db");
        hasty.busy_timeout = milliseconds{20};
        auto writer = calls.connect(*driver::make_sqlite_driver(hasty));
        EXPECT_EQ(failure(*writer, "update t set n = 0").code(), errc::database_locked);
        if (read_only) {
            EXPECT_EQ(failure(*guest, "update t set n = 0").sqlstate(), "25006");
        }
        guest.reset();
        ASSERT_TRUE(calls.rollback(*host));
    }
    EXPECT_EQ(sum(*b), "200");
}

TEST_F(SqliteJoined, ACommitWaitsForReadersOfAnyFile) {
    auto reader = calls.connect(*b);
    driver::transaction_options reads;
    reads.read_only = true;
    ASSERT_TRUE(calls.begin(*reader, reads));
    ASSERT_TRUE(calls.begin(*host));
    auto guest = join(*b).value();
    run(*guest, "update t set n = 1");
    run(*host, "update t set n = 1");
    EXPECT_EQ(calls.commit(*host).error().code(), errc::database_locked);
    EXPECT_EQ(run(*reader, "select sum(n) from t").cell(), "200");
    ASSERT_TRUE(calls.commit(*reader));
    guest.reset();
    ASSERT_TRUE(calls.commit(*host));
    EXPECT_EQ(sum(*a), "2");
    EXPECT_EQ(sum(*b), "2");
}

TEST_F(SqliteJoined, ADeadlineInOneFilesStatementFailsTheTransactionOfAll) {
    ASSERT_TRUE(calls.begin(*host));
    run(*host, "update t set n = 1");
    auto guest = join(*b).value();
    const std::string endless =
        "insert into t with recursive r(i) as (select 10 union all select i + 1 from r) select i, 1 from r";
    EXPECT_EQ(calls.run(*guest, endless, {}, deadline::in(milliseconds{50})).error().code(), errc::deadline_passed);
    EXPECT_EQ(failure(*host, "select 1").code(), errc::transaction_failed);
    guest.reset();
    EXPECT_FALSE(calls.commit(*host));
    EXPECT_EQ(sum(*a), "200");
    EXPECT_EQ(sum(*b), "200");
}

}  // namespace
}  // namespace ashlar
