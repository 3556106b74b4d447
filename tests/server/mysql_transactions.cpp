// The MySQL driver's transactions against a real MariaDB: isolation, locks, texts that begin or end one, XA.
#include "core/io/task_group.hpp"
#include "driver/mysql/xa.hpp"
#include "support/mysql_connection.hpp"

#include <thread>

namespace ashlar {
namespace {

using test::answered;
using test::driver_calls;
using test::mariadb_server;

// --- transactions -------------------------------------------------------------------------------------------------

TEST_F(Mysql, TransactionsHaveTheirIsolationAndSavepoints) {
    remake("t", "n int");
    driver::transaction_options how;
    how.level = driver::isolation::serializable;
    ASSERT_TRUE(calls.begin(*c, how));
    EXPECT_TRUE(c->in_transaction());
    EXPECT_EQ(calls.begin(*c).error().sqlstate(), "25001");
    query("insert into t values (1)");
    EXPECT_EQ(query("select trx_isolation_level from information_schema.innodb_trx where trx_mysql_thread_id ="
                    " connection_id()")
                  .cell(),
              "SERIALIZABLE");
    ASSERT_TRUE(loop->run(c->savepoint("s `1`", {})));
    query("insert into t values (2)");
    ASSERT_TRUE(loop->run(c->rollback_to("s `1`", {})));
    ASSERT_TRUE(loop->run(c->release("s `1`", {})));
    EXPECT_EQ(loop->run(c->rollback_to("s `1`", {})).error().sqlstate(), "3B001");
    query("insert into t values (3)");
    ASSERT_TRUE(calls.commit(*c));
    EXPECT_FALSE(c->in_transaction());
    EXPECT_EQ(query("select group_concat(n order by n) from t").cell(), "1,3");
    EXPECT_EQ(calls.commit(*c).error().sqlstate(), "25P01");
    EXPECT_EQ(failure("savepoint alone").sqlstate(), "25P01");

    how.level = driver::isolation::read_committed;
    how.read_only = true;
    ASSERT_TRUE(calls.begin(*c, how));
    EXPECT_EQ(failure("insert into t values (4)").code(), errc::read_only);
    EXPECT_EQ(query("select count(*) from t").cell(), "2");
    ASSERT_TRUE(calls.rollback(*c));
    ASSERT_TRUE(calls.begin(*c));  // the level was of that one only
    EXPECT_EQ(query("select @@tx_isolation").cell(), "REPEATABLE-READ");
    ASSERT_TRUE(calls.rollback(*c));
}

TEST_F(Mysql, AnErrorOfOneStatementLeavesTheTransactionAsItWas) {
    remake("t", "id int primary key");
    ASSERT_TRUE(calls.begin(*c));
    query("insert into t values (1)");
    EXPECT_EQ(failure("insert into t values (2), (1)").sqlstate(), "23505");
    query("insert into t values (3)");
    ASSERT_TRUE(calls.commit(*c));
    EXPECT_EQ(server->scalar("select group_concat(id order by id) from t"), "1,3");
}

// Both statements at once, the second once the first waits for a lock: what each gave.
task<std::pair<result<answered>, result<answered>>> run_against(io::loop& loop, mariadb_server& server,
                                                                driver::connection& first, std::string sql,
                                                                driver::connection& second, std::string then) {
    driver::statement one, two;
    one.sql = std::move(sql);
    two.sql = std::move(then);
    io::task_group<result<answered>> waits{loop};
    waits.start(driver_calls::query(first, std::move(one), driver_calls::soon()));
    while (server.run_sql("show global status like 'Innodb_row_lock_current_waits'")[0][1] == "0") {
        const deadline soon = deadline::in(milliseconds{1});
        (void)co_await loop.sleep_until(soon);
    }
    auto b = co_await driver_calls::query(second, std::move(two), driver_calls::soon());
    auto a = co_await waits.next();
    std::pair<result<answered>, result<answered>> both{std::move(*a), std::move(b)};
    co_return both;
}

TEST_F(Mysql, AfterADeadlockNothingGoesOnUntilTheRollback) {
    remake("t", "id int primary key, v int");
    server->run_sql("insert into t values (1, 0), (2, 0)");
    auto other = connect();
    ASSERT_TRUE(calls.begin(*c));
    ASSERT_TRUE(calls.begin(*other));
    query("update t set v = 1 where id = 1");
    // InnoDB ends the lighter one: not this
    ASSERT_TRUE(calls.run(*other, "insert into t values (10, 2), (11, 2), (12, 2)"));
    ASSERT_TRUE(calls.run(*other, "update t set v = 2 where id = 2"));
    const auto [theirs, ours] = loop->run(
        run_against(*loop, *server, *other, "update t set v = 2 where id = 1", *c, "update t set v = 1 where id = 2"));
    EXPECT_TRUE(theirs);
    ASSERT_FALSE(ours);
    EXPECT_EQ(ours.error().code(), errc::deadlock);
    EXPECT_EQ(ours.error().sqlstate(), "40P01");
    EXPECT_EQ(ours.error().may_retry(), again::now);
    // MySQL would now go on in a transaction that has lost its beginning
    EXPECT_TRUE(c->in_transaction());
    EXPECT_EQ(failure("insert into t values (20, 1)").code(), errc::transaction_failed);
    EXPECT_EQ(failure("select 1").code(), errc::transaction_failed);
    EXPECT_EQ(calls.commit(*c).error().code(), errc::transaction_failed);
    EXPECT_FALSE(c->in_transaction());
    ASSERT_TRUE(calls.commit(*other));
    EXPECT_EQ(server->scalar("select group_concat(id, '=', v order by id) from t"), "1=2,2=2,10=2,11=2,12=2");
    // COMMIT as a text ends it as PostgreSQL's does
    EXPECT_EQ(query("select 1").cell(), "1");
}

TEST_F(Mysql, ALockThatDoesNotComeFreeIsToldAsSuch) {
    remake("t", "id int primary key, v int");
    server->run_sql("insert into t values (1, 0)");
    auto other = connect();
    ASSERT_TRUE(calls.begin(*other));
    ASSERT_TRUE(calls.run(*other, "update t set v = 2 where id = 1"));
    ASSERT_TRUE(calls.begin(*c));
    ASSERT_TRUE(loop->run(c->savepoint("before", {})));
    query("set innodb_lock_wait_timeout = 1");
    const error e = failure("update t set v = 1 where id = 1");
    EXPECT_EQ(e.code(), errc::database_locked);
    EXPECT_EQ(e.sqlstate(), "55P03");
    // the server may be set up to roll back everything then: only a savepoint that is still there proves that it did not
    EXPECT_EQ(failure("select 1").code(), errc::transaction_failed);
    ASSERT_TRUE(loop->run(c->rollback_to("before", {})));
    EXPECT_EQ(query("select 1").cell(), "1");
    ASSERT_TRUE(calls.rollback(*c));
    ASSERT_TRUE(calls.rollback(*other));
}

TEST_F(Mysql, WhatWouldCommitByTheWayIsRefusedInATransaction) {
    remake("t", "id int primary key");
    ASSERT_TRUE(calls.begin(*c));
    query("insert into t values (1)");
    for (const char* sql :
         {"create table other (a int)", "drop table t", "alter table t add x int", "truncate t", "lock tables t read",
          "rename table t to u", "create index i on t (id)", "grant select on t to x"}) {
        EXPECT_EQ(failure(sql).code(), errc::unsupported) << sql;
    }
    EXPECT_EQ(failure("begin").sqlstate(), "25001");
    EXPECT_EQ(loop->run(c->run_script("insert into t values (2); create table other (a int)", driver_calls::soon()))
                  .error()
                  .code(),
              errc::unsupported);
    query("create temporary table mine (a int)");
    ASSERT_TRUE(calls.rollback(*c));
    EXPECT_EQ(query("select count(*) from t").cell(), "0");
    // a procedure does it out of sight
    ASSERT_TRUE(loop->run(
        c->run_script("drop procedure if exists sly; create procedure sly() begin commit; end", driver_calls::soon())));
    ASSERT_TRUE(calls.begin(*c));
    query("insert into t values (3)");
    EXPECT_EQ(failure("call sly()").code(), errc::transaction_state);
    EXPECT_FALSE(c->in_transaction());
}

TEST_F(Mysql, TransactionsWrittenAsTextsAreSeen) {
    remake("t", "id int primary key");
    EXPECT_EQ(query("begin").done.tag, "BEGIN");
    EXPECT_TRUE(c->in_transaction());
    query("insert into t values (1)");
    query("savepoint a");
    EXPECT_EQ(query("commit").done.tag, "COMMIT");
    EXPECT_FALSE(c->in_transaction());
    query("set autocommit = 0");
    query("insert into t values (2)");
    EXPECT_TRUE(c->in_transaction());
    ASSERT_TRUE(loop->run(c->reset(driver_calls::soon())));
    EXPECT_EQ(query("select count(*) from t").cell(), "1");
    EXPECT_EQ(query("select @@autocommit").cell(), "1");
}

TEST_F(Mysql, AScriptIsCutByTheServerAndIsAllOrNothingWhereItCan) {
    remake("t", "id int primary key");
    EXPECT_EQ(loop->run(c->run_script("insert into t values (1); insert into t values (';'); insert into t values (1)",
                                      driver_calls::soon()))
                  .error()
                  .code(),
              errc::bad_value);
    EXPECT_EQ(query("select count(*) from t").cell(), "0");
    ASSERT_TRUE(loop->run(
        c->run_script("insert into t values (1); select * from t; insert into t values (2)", driver_calls::soon())));
    EXPECT_EQ(query("select count(*) from t").cell(), "2");
    EXPECT_EQ(failure("select 1; select 2").code(), errc::syntax);  // one at a time again
}

TEST_F(Mysql, ABranchIsCommittedInTwoPhases) {
    remake("t", "id int primary key");
    driver::mysql::xa branch{inside()};
    const driver::mysql::xid id{"ashlar:1:\n'x", "shard_7", 9};
    const auto until = driver_calls::soon;
    ASSERT_TRUE(loop->run(branch.start(id, until())));
    EXPECT_TRUE(c->in_transaction());
    EXPECT_EQ(calls.begin(*c).error().code(), errc::transaction_state);
    query("insert into t values (1)");
    EXPECT_EQ(loop->run(branch.prepare(id, until())).error().code(), errc::transaction_state);  // before its end
    ASSERT_TRUE(loop->run(branch.end(id, until())));
    ASSERT_TRUE(loop->run(branch.prepare(id, until())));
    auto other = connect();
    driver::mysql::xa looks{dynamic_cast<driver::mysql::server_connection&>(*other)};
    EXPECT_EQ(loop->run(looks.recover(until())).value(), (std::vector<driver::mysql::xid>{id}));
    ASSERT_TRUE(loop->run(branch.commit(id, until())));
    EXPECT_EQ(query("select count(*) from t").cell(), "1");
    EXPECT_TRUE(loop->run(looks.recover(until())).value().empty());

    ASSERT_TRUE(loop->run(branch.start(id, until())));
    query("insert into t values (2)");
    ASSERT_TRUE(loop->run(branch.end(id, until())));
    ASSERT_TRUE(loop->run(branch.rollback(id, until())));
    ASSERT_TRUE(loop->run(branch.start(id, until())));
    query("insert into t values (3)");
    ASSERT_TRUE(loop->run(branch.end(id, until())));
    ASSERT_TRUE(loop->run(branch.commit_in_one_phase(id, until())));
    EXPECT_EQ(query("select group_concat(id order by id) from t").cell(), "1,3");
    EXPECT_EQ(loop->run(branch.commit(id, until())).error().sqlstate(), "42704");
    const driver::mysql::xid long_name{std::string(65, 'x'), ""};
    EXPECT_EQ(loop->run(branch.start(long_name, until())).error().code(), errc::invalid_argument);
}

}  // namespace
}  // namespace ashlar
