// The fixtures themselves: what other tests take for granted of them.
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"

#include <filesystem>

using namespace ashlar::test;

TEST(PostgresServer, AnswersStopsStartsAgainAndKeepsItsRows) {
    postgres_server server;
    server.create_database("shop");
    server.run_sql("create table t (a int); insert into t values (7)", "shop");
    server.stop();
    EXPECT_THROW(server.run_sql("select 1"), std::runtime_error);
    server.start();
    EXPECT_EQ(server.scalar("select a from t", "shop"), "7");
    EXPECT_LT(server.port(), 32768);
}

TEST(PostgresServer, ComesBackAfterAPowerCut) {
    postgres_server server;
    server.run_sql("create table t (a int); insert into t values (7)");
    server.kill9();
    server.start();
    EXPECT_EQ(server.scalar("select a from t"), "7");
}

TEST(PostgresServer, LeavesNothingBehind) {
    std::string folder;
    pid_t pid = 0;
    {
        postgres_server server;
        folder = server.socket_folder();
        pid = server.pid();
        server.pause();
    }
    EXPECT_FALSE(std::filesystem::exists(folder));
    EXPECT_NE(::kill(pid, 0), 0);
}

TEST(PostgresServer, StreamsToAReplica) {
    postgres_server primary;
    postgres_server::options as_replica;
    as_replica.replica_of = &primary;
    postgres_server replica{as_replica};
    EXPECT_EQ(replica.scalar("select pg_is_in_recovery()"), "t");
    EXPECT_THROW(replica.run_sql("create table t (a int)"), std::runtime_error);
}

TEST(PostgresServer, AsksForAPasswordOverTcpWhenTold) {
    postgres_server::options how;
    how.auth = "scram-sha-256";
    postgres_server server{how};
    auto ask = [&](const std::string& password) {
        return run({.arguments = {postgres_server::program("psql"), "-h", server.host(), "-p",
                                  std::to_string(server.port()), "-U", "postgres", "-Atc", "select 1"},
                    .environment = {{"PGPASSWORD", password}}});
    };
    EXPECT_EQ(ask("secret").out, "1\n");
    EXPECT_FALSE(ask("wrong").ok());
}

TEST(MariadbServer, AnswersStopsStartsAgainAndKeepsItsRows) {
    mariadb_server server;
    server.create_database("shop");
    server.run_sql("create table t (a int); insert into t values (7)", "shop");
    server.stop();
    EXPECT_THROW(server.run_sql("select 1"), std::runtime_error);
    server.start();
    EXPECT_EQ(server.scalar("select a from t", "shop"), "7");
    EXPECT_LT(server.port(), 32768);
}

TEST(MariadbServer, KeepsWhatItAcknowledgedThroughAPowerCut) {
    mariadb_server server;
    server.run_sql("create table t (a int); insert into t values (7)");
    server.kill9();
    server.start();
    EXPECT_EQ(server.scalar("select a from t"), "7");
}

TEST(MariadbServer, LeavesNothingBehind) {
    std::string folder;
    pid_t pid = 0;
    {
        mariadb_server server;
        folder = server.folder();
        pid = server.pid();
        server.pause();
    }
    EXPECT_FALSE(std::filesystem::exists(folder));
    EXPECT_NE(::kill(pid, 0), 0);
}

TEST(MariadbServer, HasAReplicaThatFollowsByGtid) {
    mariadb_server primary;
    primary.run_sql("create table t (a int); insert into t values (7)");
    mariadb_server::options as_replica;
    as_replica.replica_of = &primary;
    mariadb_server replica{as_replica};
    EXPECT_EQ(replica.scalar("select a from t"), "7");
    primary.run_sql("insert into t values (8)");
    replica.catch_up();
    EXPECT_EQ(replica.scalar("select count(*) from t"), "2");
    EXPECT_EQ(replica.scalar("select @@read_only"), "1");
}

TEST(MariadbServer, AsksForAPasswordOverTcp) {
    mariadb_server server;
    auto ask = [&](const std::string& password) {
        return run({.arguments = {"mariadb", "--no-defaults", "-h", server.host(), "-P", std::to_string(server.port()),
                                  "-u", "ashlar", "-p" + password, "-Ne", "select 1"}});
    };
    EXPECT_EQ(ask("secret").out, "1\n");
    EXPECT_FALSE(ask("wrong").ok());
}
