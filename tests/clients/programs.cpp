// Real clients through the proxy: psql, pgbench, psycopg 2 and 3, node-postgres. A client that this machine does not have is
// skipped, by name.
#include "support/process.hpp"
#include "support/proxied.hpp"
#include "support/text.hpp"

#include <cstdlib>

namespace ashlar {
namespace {

using test::command;
using test::command_result;
using test::proxied;

proxied& shop() {
    static proxied one{[] {
        proxied::options o;
        o.shards = 4;
        o.pool = 8;
        o.schema = {
            "create table pgbench_branches(bid int primary key, bbalance int, filler char(88))",
            "create table pgbench_tellers(tid int primary key, bid int, tbalance int, filler char(84))",
            "create table pgbench_accounts(aid int primary key, bid int, abalance int, filler char(84))",
            "create table pgbench_history(tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))",
            "insert into pgbench_branches values (1, 0, '')",
            "create table users(id int primary key, name text not null, born date, score numeric(8,2))",
            "create table notes(id serial primary key, body text)",
            "create type mood as enum ('sad', 'ok', 'happy')",
            "create type place as (floor int, feels mood)",
            "create table people(id int primary key, mood mood, moods mood[], place place)"};
        o.tables = {proxied::sharded("pgbench_accounts", "aid"), proxied::reference("pgbench_branches"),
                    proxied::reference("pgbench_tellers"), proxied::sharded("users", "id"),
                    proxied::sharded("people", "id")};
        o.change = [](config::description& d) { d.serve.admin_users = {"postgres"}; };
        return o;
    }()};
    static const bool filled = [] {
        for (int i = 1; i <= 4; ++i) {
            const std::string shard = "shard_" + std::to_string(i);
            const std::string mine = "satisfies_hash_partition('parts'::regclass, 4, " + std::to_string(i - 1) + ", i)";
            (void)one.databases().run_sql("create table parts(k int) partition by hash(k)", shard);
            (void)one.databases().run_sql(
                "insert into pgbench_accounts select i, 1, 0, '' from generate_series(1, 100000) i where " + mine,
                shard);
            (void)one.databases().run_sql(
                "insert into users select i, 'user ' || i, date '2000-01-01' + i, i * 1.25 from generate_series(1, "
                "1000) i where " +
                    mine,
                shard);
        }
        return true;
    }();
    EXPECT_TRUE(filled);
    return one;
}

std::string port() {
    return std::to_string(shop().port());
}

command_result psql(const std::string& script) {
    command c;
    c.arguments = {"psql", "-X", "-A",       "-t", "-h",   "127.0.0.1", "-p",
                   port(), "-U", "postgres", "-d", "main", "-v",        "ON_ERROR_STOP=1"};
    c.input = script;
    return test::run(c);
}

TEST(Psql, AsksOneShardAllShardsAndTheUnshardedDatabase) {
    const command_result r = psql(R"(
select name from users where id = 42;
select count(*), sum(score), min(name), avg(score) from users;
select id from users order by score desc limit 3;
insert into notes(body) values ('hello') returning body;
begin; update users set name = 'changed' where id = 42; select name from users where id = 42; rollback;
select name from users where id = 42;
\echo done
)");
    ASSERT_TRUE(r.ok()) << r.describe();
    EXPECT_EQ(r.out,
              "user 42\n1000|625625.00|user 1|625.6250000000000000\n1000\n999\n998\nhello\nINSERT 0 1\nBEGIN\nUPDATE "
              "1\nchanged\nROLLBACK\nuser "
              "42\ndone\n");
}

TEST(Psql, ExplainsRoutes) {
    const command_result r = psql("explain (ashlar) select * from users where id = 42;");
    ASSERT_TRUE(r.ok()) << r.describe();
    EXPECT_NE(r.out.find("shard"), std::string::npos) << r.out;
}

TEST(Psql, CopiesUnshardedTablesBothWays) {
    const command_result r = psql(
        "copy notes(body) from stdin;\none\ntwo\n\\.\ncopy (select body from notes where body in ('one', 'two') order "
        "by 1) to stdout;\n");
    ASSERT_TRUE(r.ok()) << r.describe();
    EXPECT_EQ(r.out, "COPY 2\none\ntwo\n");
}

TEST(Psql, ARefusalSaysWhatToDo) {
    const command_result r = psql("update users set name = 'all';");
    EXPECT_EQ(r.exit_code, 3) << r.describe();
    EXPECT_NE(r.err.find("HINT"), std::string::npos) << r.err;
}

class Pgbench : public testing::TestWithParam<const char*> {};

TEST_P(Pgbench, RunsWithSixteenClients) {
    command c;
    c.arguments = {"pgbench", "-n",  "-S", "-M",        GetParam(), "-c",   "16", "-j",       "2",
                   "-t",      "200", "-h", "127.0.0.1", "-p",       port(), "-U", "postgres", "main"};
    (void)shop();
    const command_result r = test::run(c);
    ASSERT_TRUE(r.ok()) << r.describe();
    EXPECT_NE(r.out.find("processed: 3200/3200"), std::string::npos) << r.describe();
    EXPECT_EQ(r.err.find("rror"), std::string::npos) << r.err;
}

// One account's transaction stays on its shard.
TEST_P(Pgbench, UpdatesInTransactions) {
    test::temporary_folder folder;
    const std::string script = folder.file("script.sql");
    FILE* f = std::fopen(script.c_str(), "w");
    std::fputs(
        "\\set aid random(1, 100000)\nbegin;\nupdate pgbench_accounts set abalance = abalance + 1 where aid = :aid;\n"
        "select abalance from pgbench_accounts where aid = :aid;\nend;\n",
        f);
    std::fclose(f);
    command c;
    c.arguments = {"pgbench", "-n", "-f", script,      "-M", GetParam(), "-c", "16",       "-j",  "2",
                   "-t",      "50", "-h", "127.0.0.1", "-p", port(),     "-U", "postgres", "main"};
    const auto balance = [] {
        long sum = 0;
        for (int i = 1; i <= 4; ++i)
            sum += std::stol(shop().databases().scalar("select coalesce(sum(abalance), 0) from pgbench_accounts",
                                                       "shard_" + std::to_string(i)));
        return sum;
    };
    const long before = balance();
    const command_result r = test::run(c);
    ASSERT_TRUE(r.ok()) << r.describe();
    EXPECT_EQ(balance() - before, 800);
}

INSTANTIATE_TEST_SUITE_P(Modes, Pgbench, testing::Values("simple", "extended", "prepared"),
                         [](const auto& mode) { return std::string{mode.param}; });

command_result python(const std::string& script) {
    command c;
    c.arguments = {"/usr/bin/python3", test::source_path("tests/clients/" + script), port()};
    (void)shop();
    return test::run(c);
}

TEST(Python, Psycopg3) {
    const command_result r = python("with_psycopg.py");
    if (r.exit_code == 77) GTEST_SKIP() << "psycopg is not installed (python3-psycopg)";
    EXPECT_TRUE(r.ok()) << r.describe();
}

TEST(Python, Psycopg3ReadsTypesOfOnesOwnFromEveryShard) {
    const command_result r = python("own_types_with_psycopg.py");
    if (r.exit_code == 77) GTEST_SKIP() << "psycopg is not installed (python3-psycopg)";
    EXPECT_TRUE(r.ok()) << r.describe();
}

TEST(Python, Psycopg3AndPsycopg2AskTheConsole) {
    const command_result r = python("console_with_psycopg.py");
    if (r.exit_code == 77) GTEST_SKIP() << "psycopg is not installed (python3-psycopg)";
    EXPECT_TRUE(r.ok()) << r.describe();
}

TEST(Python, Psycopg2) {
    const command_result r = python("with_psycopg2.py");
    if (r.exit_code == 77) GTEST_SKIP() << "psycopg2 is not installed (python3-psycopg2)";
    EXPECT_TRUE(r.ok()) << r.describe();
}

TEST(Node, Postgres) {
    command c;
    c.arguments = {"node", test::source_path("tests/clients/with_node_postgres.js"), port()};
    // Where Debian's node-pg is, for a nodejs that is not Debian's.
    const char* own = std::getenv("NODE_PATH");
    c.environment["NODE_PATH"] = std::string{own != nullptr ? own : ""} + ":/usr/share/nodejs";
    (void)shop();
    command_result r;
    try {
        r = test::run(c);
    } catch (const std::exception& e) {
        GTEST_SKIP() << "node cannot be started: " << e.what();
    }
    if (r.exit_code == 77) GTEST_SKIP() << "node-postgres (pg) cannot be loaded; set NODE_PATH to where it is";
    if (r.exit_code == 127) GTEST_SKIP() << "node is not installed";
    EXPECT_TRUE(r.ok()) << r.describe();
}

}  // namespace
}  // namespace ashlar
