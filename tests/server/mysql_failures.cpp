// The MySQL driver while its MariaDB dies, hangs, is full or refuses. What PostgreSQL's does alike is in driver_failures.cpp.
#include "driver/mysql/connection.hpp"
#include "driver/mysql/xa.hpp"
#include "support/driver_calls.hpp"
#include "support/driver_servers.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace ashlar {
namespace {

using test::driver_calls;
using test::mariadb_server;

// Each test has a server of its own.
struct Failing {
    mariadb_server server;
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    driver_calls calls{*loop};
    std::unique_ptr<driver::driver> to_server = test::make_driver(test::options_of(server));
    std::unique_ptr<driver::connection> c = calls.connect(*to_server);
};

TEST(MysqlFailing, AServerThatDiesAmongRowsIsNeverTheirEnd) {
    Failing f;
    driver::statement s;
    s.sql = "select seq, repeat('x', 1000) from seq_1_to_100000000";
    ASSERT_TRUE(f.loop->run(f.c->start(s, driver_calls::soon())));
    row_batch batch;
    ASSERT_EQ(f.loop->run(f.c->fetch(batch, driver_calls::soon())).value(), driver::fetched::rows);
    f.server.kill9();
    std::optional<error> why;
    while (!why) {
        batch.clear();
        auto got = f.loop->run(f.c->fetch(batch, driver_calls::soon()));
        if (!got) why = got.error();
        ASSERT_TRUE(!got || *got == driver::fetched::rows);
    }
    EXPECT_EQ(why->code(), errc::connection_lost);
    EXPECT_FALSE(f.c->is_reusable());
}

TEST(MysqlFailing, AServerThatDiesUnderCommitLeavesItUnknown) {
    Failing f;
    ASSERT_TRUE(f.calls.run(*f.c, "create table t (n int)"));
    ASSERT_TRUE(f.calls.begin(*f.c));
    ASSERT_TRUE(f.calls.run(*f.c, "insert into t values (1)"));
    // a backup's lock keeps COMMIT busy
    auto backup = f.calls.connect(*f.to_server);
    ASSERT_TRUE(f.calls.run(*backup, "flush tables with read lock"));
    std::jthread killer{[&] {
        test::await_running(f.server, "COMMIT");
        f.server.kill9();
    }};
    const status s = f.calls.commit(*f.c);
    killer.join();
    EXPECT_EQ(s.error().code(), errc::commit_unknown) << s.error();
    EXPECT_EQ(s.error().sqlstate(), "08007");
}

TEST(MysqlFailing, APreparedBranchSurvivesItsConnectionAndItsServer) {
    Failing f;
    ASSERT_TRUE(f.calls.run(*f.c, "create table t (id int primary key)"));
    const driver::mysql::xid id{"survivor", ""};
    const auto until = driver_calls::soon;
    {
        driver::mysql::xa branch{dynamic_cast<driver::mysql::server_connection&>(*f.c)};
        ASSERT_TRUE(f.loop->run(branch.start(id, until())));
        ASSERT_TRUE(f.calls.run(*f.c, "insert into t values (1)"));
        ASSERT_TRUE(f.loop->run(branch.end(id, until())));
        ASSERT_TRUE(f.loop->run(branch.prepare(id, until())));
    }
    f.server.kill9();
    f.server.start();
    f.c = f.calls.connect(*f.to_server);
    driver::mysql::xa recovery{dynamic_cast<driver::mysql::server_connection&>(*f.c)};
    EXPECT_EQ(f.loop->run(recovery.recover(until())).value(), (std::vector<driver::mysql::xid>{id}));
    ASSERT_TRUE(f.loop->run(recovery.commit(id, until())));
    EXPECT_EQ(f.calls.run(*f.c, "select count(*) from t").value().cell(), "1");
}

TEST(MysqlFailing, ABranchWhoseCommitIsNotAnsweredIsUnknown) {
    Failing f;
    ASSERT_TRUE(f.calls.run(*f.c, "create table t (id int primary key)"));
    const driver::mysql::xid id{"silent", ""};
    const auto until = driver_calls::soon;
    driver::mysql::xa branch{dynamic_cast<driver::mysql::server_connection&>(*f.c)};
    ASSERT_TRUE(f.loop->run(branch.start(id, until())));
    ASSERT_TRUE(f.calls.run(*f.c, "insert into t values (1)"));
    ASSERT_TRUE(f.loop->run(branch.end(id, until())));
    ASSERT_TRUE(f.loop->run(branch.prepare(id, until())));
    f.server.pause();
    EXPECT_EQ(f.loop->run(branch.commit(id, deadline::in(milliseconds{200}))).error().code(), errc::commit_unknown);
    f.server.resume();
}

TEST(MysqlFailing, AKilledSessionSaysSo) {
    Failing f;
    const std::string id = f.calls.run(*f.c, "select connection_id()").value().cell();
    f.server.run_sql("kill " + id);
    while (f.server.scalar("select count(*) from information_schema.processlist where id = " + id) != "0") {
    }
    const error e = f.calls.run(*f.c, "insert into nowhere values (1)").error();
    EXPECT_EQ(e.code(), errc::connection_lost) << e;  // and not unknown: nothing was sent
    EXPECT_FALSE(f.c->is_reusable());
    f.c = f.calls.connect(*f.to_server);
    std::jthread killer{[&] {
        test::await_running(f.server, "select sleep(33)");
        f.server.run_sql("kill " + f.c->describe().substr(f.c->describe().find('#') + 1));
    }};
    EXPECT_EQ(f.calls.run(*f.c, "select sleep(33)").error().code(), errc::connection_lost);
    killer.join();
}

TEST(MysqlFailing, AWrongPasswordIsALoginFailureThatDoesNotQuoteIt) {
    Failing f;
    driver::mysql_options o = test::options_of(f.server);
    o.password = "hunter2hunter2";
    auto wrong = driver::make_mysql_driver(o);
    const error e = f.loop->run(wrong->connect(*f.loop, driver_calls::soon())).error();
    EXPECT_EQ(e.code(), errc::login_failed) << e;
    EXPECT_EQ(e.sqlstate(), "28P01");
    EXPECT_EQ(e.to_string().find("hunter2"), std::string::npos);
    EXPECT_EQ(wrong->describe().find("hunter2"), std::string::npos);
    o.password = f.server.password();
    o.database = "nowhere";
    auto lost = driver::make_mysql_driver(o);
    EXPECT_EQ(f.loop->run(lost->connect(*f.loop, driver_calls::soon())).error().code(), errc::database_unknown);
    f.server.run_sql("create user poor@'%' identified by 'x'");
    o.user = "poor";
    o.password = "x";
    o.database = "mysql";
    auto barred = driver::make_mysql_driver(o);
    EXPECT_EQ(f.loop->run(barred->connect(*f.loop, driver_calls::soon())).error().code(), errc::login_failed);
}

TEST(MysqlFailing, AFullServerAndAReadOnlyOneSaySo) {
    mariadb_server::options how;
    how.settings["max_connections"] = "10";
    mariadb_server server{how};
    auto loop = io::make_epoll_loop();
    driver_calls calls{*loop};
    auto to_server = driver::make_mysql_driver(test::options_of(server));
    std::vector<std::unique_ptr<driver::connection>> all;
    std::optional<error> full;
    while (!full && all.size() < 20) {
        auto c = loop->run(to_server->connect(*loop, driver_calls::soon()));
        if (c) {
            all.push_back(std::move(*c));
        } else {
            full = c.error();
        }
    }
    ASSERT_TRUE(full);
    EXPECT_EQ(full->sqlstate(), "53300") << *full;
    EXPECT_EQ(full->code(), errc::connect_failed);
    all.resize(2);
    ASSERT_TRUE(calls.run(*all[0], "create table t (a int)"));
    server.run_sql(
        "set global read_only = 1; create user plain@'%' identified by 'x'; grant all on test.* to plain@'%'");
    driver::mysql_options o = test::options_of(server);
    o.user = "plain";
    o.password = "x";
    auto as_plain = driver::make_mysql_driver(o);
    auto c = calls.connect(*as_plain);
    const error e = calls.run(*c, "insert into t values (1)").error();
    EXPECT_EQ(e.code(), errc::read_only) << e;
    EXPECT_EQ(e.sqlstate(), "25006");
}

TEST(MysqlFailing, NobodyListeningIsAConnectFailure) {
    auto loop = io::make_epoll_loop();
    driver::mysql_options o;
    o.host = "localhost";
    o.port = 1;
    o.user = "x";
    auto nobody = driver::make_mysql_driver(o);
    EXPECT_EQ(loop->run(nobody->connect(*loop, driver_calls::soon())).error().code(), errc::connect_failed);
    o.host = "no-such-host.invalid";
    auto nowhere = driver::make_mysql_driver(o);
    EXPECT_EQ(loop->run(nowhere->connect(*loop, driver_calls::soon())).error().code(), errc::connect_failed);
    o.extra["ssl_mode"] = "perhaps";
    auto odd = driver::make_mysql_driver(o);
    EXPECT_EQ(loop->run(odd->connect(*loop, driver_calls::soon())).error().code(), errc::invalid_argument);
}

TEST(MysqlFailing, AUnixSocketServesAsWell) {
    Failing f;
    driver::mysql_options o = test::options_of(f.server);
    o.host = "";
    o.socket = f.server.socket();
    o.user = "root";
    o.password = "";
    auto by_socket = driver::make_mysql_driver(o);
    auto c = f.calls.connect(*by_socket);
    EXPECT_EQ(f.calls.run(*c, "select substring_index(user(), '@', 1)").value().cell(), "root");
    EXPECT_EQ(f.calls.run(*c, "select sleep(30)", {}, deadline::in(milliseconds{100})).error().code(),
              errc::deadline_passed);
    EXPECT_EQ(f.calls.run(*c, "select 1").value().cell(), "1");
}

}  // namespace
}  // namespace ashlar
