// Hints that send statements to one database as they are, and the name by which clients know the database.
#include "support/process.hpp"
#include "support/proxied.hpp"
#include "testkit/programs.hpp"
#include "wire/client_messages.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

using namespace ashlar;
using namespace ashlar::test;

namespace {

std::string prepared(raw_client& c, const std::string& sql, const std::vector<std::string>& values = {}) {
    std::string out;
    wire::write_parse(out, "", sql, {});
    std::vector<cell> cells{values.begin(), values.end()};
    wire::write_bind(out, "", "", {}, cells, {});
    wire::write_execute(out, "");
    wire::write_sync(out);
    return c.talk(out);
}

bool gives(const std::string& said, const std::string& what) {
    return said.find(what) != std::string::npos;
}

// Eight rows in each run, on four shards by hash.
class ShardHints : public ::testing::Test {
protected:
    ShardHints() {
        proxied::options o;
        static std::shared_ptr<postgres_server> databases;
        o.on = databases;
        o.schema = {"create table t(id bigint primary key, n int)", "create table country(code text primary key)",
                    "create table notes(id int)"};
        o.tables = {proxied::sharded("t", "id"), proxied::reference("country")};
        o.change = [](config::description& d) { d.serve.database = "shop"; };
        if (databases == nullptr) {
            databases = proxied{o}.shared_databases();
            o.on = databases;
            for (int s = 1; s <= 4; ++s) (void)databases->run_sql("insert into country values ('it')", shard(s));
        }
        for (int s = 1; s <= 4; ++s) (void)databases->run_sql("delete from t", shard(s));
        house_.emplace(o);
        client_.emplace(login());
        for (int i = 1; i <= 8; ++i) (void)client_->query(fmt::format("insert into t values ({0}, {0})", i));
        for (int s = 1; s <= 4; ++s) {
            for (const auto& row : databases->run_sql("select id from t", shard(s))) ids_[s].insert(std::stoi(*row[0]));
        }
    }
    static std::string shard(int number) { return fmt::format("shard_{}", number); }
    raw_client::options login(std::map<std::string, std::string> parameters = {}) {
        raw_client::options o = house_->login();
        o.database = "shop";
        o.parameters = std::move(parameters);
        return o;
    }
    std::string count_of(int number) const { return fmt::format("D({})", ids_.at(number).size()); }

    std::map<int, std::set<int>> ids_{{1, {}}, {2, {}}, {3, {}}, {4, {}}};
    std::optional<proxied> house_;
    std::optional<raw_client> client_;
};

}  // namespace

TEST_F(ShardHints, AStatementRunsOnTheNamedDatabaseAsItIs) {
    raw_client& c = *client_;
    EXPECT_TRUE(gives(c.query("select count(*) from t"), "D(8)"));
    for (int s = 1; s <= 4; ++s) {
        ASSERT_EQ(c.query(fmt::format("set ashlar.shard = 'shard_{}'", s)), "C(SET) Z(I)");
        EXPECT_TRUE(gives(c.query("select count(*) from t"), count_of(s)));
        EXPECT_TRUE(gives(prepared(c, "select count(*) from t"), count_of(s)));
        EXPECT_TRUE(gives(c.query("select current_database()"), "D(" + shard(s) + ")"));
        EXPECT_TRUE(gives(c.query("show ashlar.shard"), "D(" + shard(s) + ")"));
        EXPECT_TRUE(gives(c.query("show shard"), "D(" + shard(s) + ")"));
        // What is not answered over several shards, and what maintains one.
        EXPECT_TRUE(gives(c.query("select rank() over (order by id) from t union all select 0"), "C(SELECT"));
        EXPECT_TRUE(gives(c.query("vacuum t"), "C(VACUUM)"));
        EXPECT_TRUE(gives(c.query("begin; lock table t in access share mode; commit"), "C(COMMIT)"));
    }
    EXPECT_EQ(c.query("reset ashlar.shard"), "C(RESET) Z(I)");
    EXPECT_TRUE(gives(c.query("select count(*) from t"), "D(8)"));
    EXPECT_TRUE(gives(c.query("show ashlar.shard"), "D()"));
    ASSERT_EQ(c.query("set ashlar.shard = 'primary'"), "C(SET) Z(I)");
    EXPECT_TRUE(gives(c.query("select count(*) from t"), "D(0)"));
    ASSERT_EQ(c.query("discard all"), "C(DISCARD ALL) Z(I)");
    EXPECT_TRUE(gives(c.query("select count(*) from t"), "D(8)"));
}

TEST_F(ShardHints, OneShardIsDumpedByPgDump) {
    for (int s = 1; s <= 2; ++s) {
        const std::string where = fmt::format(
            "host=127.0.0.1 port={} user=postgres dbname=shop options='-c ashlar.shard={}'", house_->port(), shard(s));
        const command_result dumped =
            run({.arguments = {testkit::postgres_program("pg_dump"), "--no-blobs", "--inserts", where}});
        ASSERT_TRUE(dumped.ok()) << dumped.describe();
        std::set<int> rows;
        for (int id = 1; id <= 8; ++id) {
            if (gives(dumped.out, fmt::format("INSERT INTO public.t VALUES ({0}, {0});", id))) rows.insert(id);
        }
        EXPECT_EQ(rows, ids_.at(s));
        EXPECT_TRUE(gives(dumped.out, "INSERT INTO ashlar.shard_mark VALUES")) << "the mark goes along";
    }
}

TEST_F(ShardHints, TheStrongestHintCounts) {
    raw_client& c = *client_;
    ASSERT_EQ(c.query("set ashlar.shard = 'shard_1'"), "C(SET) Z(I)");
    EXPECT_TRUE(gives(c.query("/* ashlar_shard: shard_2 */ select count(*) from t"), count_of(2)));
    EXPECT_TRUE(gives(prepared(c, "select count(*) from t /* pgdog_shard: 2 */"), count_of(3)));
    EXPECT_TRUE(gives(c.query("select count(*) from t"), count_of(1)));
    ASSERT_TRUE(gives(c.query("begin"), "C(BEGIN)"));
    ASSERT_TRUE(gives(c.query("set local ashlar.shard = 'shard_4'"), "C(SET)"));
    EXPECT_TRUE(gives(c.query("/* ashlar_shard: shard_2 */ select count(*) from t"), count_of(4)));
    ASSERT_TRUE(gives(c.query("savepoint a"), "C(SAVEPOINT)"));
    ASSERT_TRUE(gives(c.query("set local ashlar.shard to default"), "C(SET)"));
    EXPECT_TRUE(gives(c.query("select count(*) from t"), "D(8)"));
    ASSERT_TRUE(gives(c.query("rollback to a"), "C(ROLLBACK)"));
    EXPECT_TRUE(gives(c.query("select count(*) from t"), count_of(4)));
    ASSERT_TRUE(gives(c.query("commit"), "C(COMMIT)"));
    EXPECT_TRUE(gives(c.query("select count(*) from t"), count_of(1)));
    ASSERT_TRUE(gives(c.query("begin; set ashlar.shard = 'shard_3'; rollback"), "C(ROLLBACK)"));
    EXPECT_TRUE(gives(c.query("select count(*) from t"), count_of(1)));
}

TEST_F(ShardHints, WhatIsPreparedFollowsTheHintsThatHoldWhenItRuns) {
    raw_client& c = *client_;
    std::string parse, run;
    wire::write_parse(parse, "counts", "select count(*) from t", {});
    wire::write_sync(parse);
    wire::write_bind(run, "", "counts", {}, {}, {});
    wire::write_execute(run, "");
    wire::write_sync(run);
    EXPECT_EQ(c.talk(parse), "1 Z(I)");
    EXPECT_TRUE(gives(c.talk(run), "D(8)"));
    ASSERT_EQ(c.query("set ashlar.shard = 'shard_2'"), "C(SET) Z(I)");
    EXPECT_TRUE(gives(c.talk(run), count_of(2)));
    ASSERT_EQ(c.query("set ashlar.shard = 'shard_3'"), "C(SET) Z(I)");
    EXPECT_TRUE(gives(c.talk(run), count_of(3)));
    // One that is prepared with a hint, and runs without.
    parse.clear(), run.clear();
    wire::write_parse(parse, "pinned", "select count(*) from t where n > 0", {});
    wire::write_sync(parse);
    wire::write_bind(run, "", "pinned", {}, {}, {});
    wire::write_execute(run, "");
    wire::write_sync(run);
    EXPECT_EQ(c.talk(parse), "1 Z(I)");
    EXPECT_TRUE(gives(c.talk(run), count_of(3)));
    ASSERT_EQ(c.query("reset ashlar.shard"), "C(RESET) Z(I)");
    EXPECT_TRUE(gives(c.talk(run), "D(8)"));
}

TEST_F(ShardHints, OtherProxiesWordsAreKnown) {
    for (const auto& [options, expected] : {std::pair{"-c ashlar.shard=shard_2", 2}, std::pair{"-c pgdog.shard=3", 4},
                                            std::pair{"-c __spqr__execute_on=shard_1", 1}}) {
        raw_client c{login({{"options", options}})};
        EXPECT_TRUE(gives(c.query("select count(*) from t"), count_of(expected))) << options;
        EXPECT_EQ(c.query("set ashlar.shard = 'shard_3'; reset all"), "C(SET) C(RESET) Z(I)");
        EXPECT_TRUE(gives(c.query("select count(*) from t"), count_of(expected))) << options;
    }
    raw_client& c = *client_;
    EXPECT_EQ(c.query("SET SHARD TO '0'"), "C(SET) Z(I)");
    EXPECT_TRUE(gives(c.query("select count(*) from t"), count_of(1)));
    EXPECT_EQ(c.query("SET SHARD TO 'any'"), "C(SET) Z(I)");
    for (int s = 1; s <= 4; ++s) {
        for (const int id : ids_[s]) {
            EXPECT_EQ(c.query(fmt::format("SET SHARDING KEY TO '{}'", id)), "C(SET) Z(I)");
            EXPECT_TRUE(gives(c.query("select count(*) from t"), count_of(s)));
            EXPECT_TRUE(
                gives(c.query(fmt::format("/* ashlar_sharding_key: {} */ select count(*) from t", id)), count_of(s)));
        }
    }
}

TEST_F(ShardHints, RowsAreNotStoredWhereTheyDoNotBelong) {
    raw_client& c = *client_;
    int elsewhere = 100, here = 100;
    const auto owner = [&](int id) {
        return c.query(fmt::format("explain (ashlar) select 1 from t where id = {}", id));
    };
    while (!gives(owner(here), "shard_2 ")) ++here;
    while (gives(owner(elsewhere), "shard_2 ")) ++elsewhere;
    ASSERT_EQ(c.query("set ashlar.shard = 'shard_2'"), "C(SET) Z(I)");
    EXPECT_EQ(c.query(fmt::format("insert into t values ({}, 1)", here)), "C(INSERT 0 1) Z(I)");
    EXPECT_EQ(c.query(fmt::format("insert into t values ({}, 1)", elsewhere)), "E(0A000) Z(I)");
    EXPECT_TRUE(gives(prepared(c, "insert into t values ($1, 1)", {std::to_string(elsewhere)}), "E(0A000)"));
    EXPECT_TRUE(
        gives(prepared(c, "insert into t values ($1, 2) on conflict (id) do update set n = 2", {std::to_string(here)}),
              "C(INSERT 0 1)"));
    for (const char* sql :
         {"insert into t select 5000 + n, 1 from t", "update t set id = id + 1", "insert into country values ('de')",
          "delete from country", "truncate country", "copy t from stdin", "insert into notes values (1)",
          "with w as (insert into t values (1000, 1) returning id) select * from w", "copy country from stdin",
          "merge into t using (select 1000 as id) s on t.id = s.id when not matched then insert values (s.id, 1)"}) {
        EXPECT_TRUE(gives(c.query(sql), "E(0A000)")) << sql;
    }
    EXPECT_TRUE(gives(c.query("update t set n = n + 1"), "C(UPDATE"));
    EXPECT_TRUE(gives(c.query("delete from t"), "C(DELETE"));
    ASSERT_EQ(c.query("set ashlar.shard = 'primary'"), "C(SET) Z(I)");
    EXPECT_EQ(c.query(fmt::format("insert into t values ({}, 1)", here)), "E(0A000) Z(I)");
    EXPECT_EQ(c.query("update t set n = 1"), "E(0A000) Z(I)");
    EXPECT_EQ(c.query("insert into notes values (1)"), "C(INSERT 0 1) Z(I)");
    EXPECT_EQ(house_->databases().scalar("select count(*) from t", "main"), "0");
    EXPECT_EQ(house_->databases().scalar("select count(*) from notes", "shard_2"), "0");
}

TEST_F(ShardHints, WhatNobodyKnowsIsRefused) {
    raw_client& c = *client_;
    for (const char* sql : {"set ashlar.anything = 1", "set ashlar.shrad = 'shard_1'", "show ashlar.anything",
                            "reset pgdog.x", "begin; set local ashlar.x = 1"}) {
        EXPECT_TRUE(gives(c.query(sql), "E(42704)")) << sql;
        (void)c.query("rollback");
    }
    EXPECT_TRUE(gives(c.query("set ashlar.shard = 'shard_9'"), "E(22023)"));
    EXPECT_TRUE(gives(c.query("set __spqr__distribution_key = 'id'"), "E(0A000)"));
    for (const char* sql :
         {"select set_config('ashlar.shard', 'shard_1', false)", "alter role postgres set ashlar.shard = 'shard_1'",
          "alter database main set ashlar.x = '1'", "/* ashlar_anything: 1 */ select 1"}) {
        EXPECT_TRUE(gives(c.query(sql), "E(")) << sql;
    }
    EXPECT_TRUE(gives(prepared(c, "select set_config($1, $2, false)", {"ashlar.shard", "shard_1"}), "E(0A000)"));
    EXPECT_TRUE(gives(c.query("alter system set ashlar.shard = 'shard_1'"), "E("));
    EXPECT_THROW(raw_client{login({{"options", "-c ashlar.x=1"}})}, std::runtime_error);
    EXPECT_THROW(raw_client{login({{"ashlar.shard", "shard_9"}})}, std::runtime_error);
    EXPECT_TRUE(gives(c.query("select count(*) from t"), "D(8)"));
}

TEST_F(ShardHints, ClientsSeeTheNameThatTheyConnectedTo) {
    raw_client& c = *client_;
    for (int i = 0; i < 6; ++i) {
        for (const char* sql :
             {"select current_database()", "select current_catalog", "select current_database()::text",
              "select * from current_database()", "select coalesce(current_catalog, 'x')",
              "select datname from pg_database", "select d.datname from pg_catalog.pg_database d order by 1",
              "select distinct table_catalog from information_schema.tables",
              "select distinct table_catalog from information_schema.columns where table_name = 't'",
              "select catalog_name from information_schema.information_schema_catalog_name",
              "select datname from pg_stat_activity where pid = pg_backend_pid()",
              "select datname from pg_database where datname = current_database()"}) {
            EXPECT_TRUE(gives(c.query(sql), "D(shop)")) << sql << c.query(sql);
            EXPECT_TRUE(gives(prepared(c, sql), "D(shop)")) << sql << prepared(c, sql);
        }
    }
    EXPECT_TRUE(gives(c.query("select current_database()"), "T(current_database:19)"));
    EXPECT_TRUE(gives(c.query("select current_catalog"), "T(current_catalog:19)"));
    EXPECT_TRUE(gives(c.query("select pg_database_size(current_database()) > 0"), "D(t)"));
    EXPECT_TRUE(gives(c.query("select pg_database_size(oid) = pg_database_size(datname) from pg_database"), "D(t)"));
    EXPECT_TRUE(gives(c.query("select has_database_privilege('shop', 'connect')"), "D(t)"));
    EXPECT_TRUE(
        gives(c.query("select count(*) from information_schema.tables where table_catalog = current_database() and "
                      "table_schema = 'public'"),
              "D(3)"));
    for (const int id : {1, 2, 3, 4}) {
        EXPECT_TRUE(gives(c.query(fmt::format("select current_database() from t where id = {}", id)), "D(shop)"));
        EXPECT_TRUE(gives(prepared(c, "select current_catalog from t where id = $1", {std::to_string(id)}), "D(shop)"));
    }
    EXPECT_TRUE(gives(c.query("select current_database(), count(*) from t group by 1"), "D(shop,8)"));
}
