// Tables that are not the same on all shards, and tables that are Ashlar's own.
#include "route/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::route;
using ::testing::HasSubstr;

namespace {

table_facts sharded(const std::string& name, std::vector<std::string> columns) {
    table_facts out;
    out.schema = "public";
    out.name = name;
    out.kind = table_kind::sharded;
    out.shard_key = "id";
    for (std::string& each : columns) {
        column_facts& c = out.columns.emplace_back();
        c.name = std::move(each);
        c.type = oid::int8;
        c.collation.kind = collation_kind::bytes;
    }
    return out;
}

// `orders` has a column more on shard_2, `items` is alike everywhere.
catalogue in_a_migration(dialect in = dialect::postgres) {
    catalogue out;
    out.dialect = in;
    std::vector<keyspace::shard_traits> shards(2);
    shards[0].name = "shard_1";
    shards[1].name = "shard_2";
    out.shards =
        keyspace::shard_map::make(keyspace::function_kind::modulo, keyspace::key_type::integer, shards).value();
    out.default_collation.kind = collation_kind::bytes;
    table_facts orders = sharded("orders", {"id", "total"});
    disagreement differs;
    differs.what = "on shard_2 column note is extra";
    differs.on.emplace(keyspace::shard_id{1}, sharded("orders", {"note", "id", "total"}));
    orders.differs = std::make_shared<const disagreement>(std::move(differs));
    out.tables["orders"] = out.tables["public.orders"] = orders;
    out.tables["items"] = out.tables["public.items"] = sharded("items", {"id", "total"});
    return out;
}

}  // namespace

TEST(DifferingTable, IsRefusedInEveryClauseThatNamesIt) {
    const catalogue known = in_a_migration();
    for (const char* sql :
         {"select * from orders", "select total from orders where id = 1",
          "select 1 from items where id in (select id from orders)",
          "with o as (select * from orders) select 1 from items", "insert into orders (id) values (1)",
          "insert into items (id, total) select id, total from orders where id = 1",
          "update orders set total = 1 where id = 1", "delete from orders",
          "select * from items join orders using (id)", "copy orders from stdin",
          "explain select * from orders where id = 1", "select * from items union all select * from orders"}) {
        const auto plan = plan_statement(sql, known);
        ASSERT_FALSE(plan) << sql;
        EXPECT_EQ(plan.error(), errc::shards_disagree) << sql;
        EXPECT_THAT(plan.error().message(), HasSubstr("on shard_2 column note is extra")) << sql;
    }
}

TEST(DifferingTable, LeavesOtherTablesAndDefinitionsAlone) {
    const catalogue known = in_a_migration();
    for (const char* sql : {"select * from items", "with orders as (select 1 as id) select * from orders",
                            "alter table orders add column if not exists note bigint"}) {
        const auto plan = plan_statement(sql, known);
        EXPECT_TRUE(plan) << sql << (plan ? "" : plan.error().to_string());
    }
}

TEST(DifferingTable, IsOnOneShardAsThatShardHasIt) {
    const catalogue known = in_a_migration();
    const auto second =
        plan_statement("insert into orders values (7, 3, 0)", known.seen_by(keyspace::shard_id{1})).value();
    EXPECT_EQ(second->bind({}).value().steps.front().shard,
              keyspace::shard_id{1});  // the key is the second column there
    const auto first = plan_statement("insert into orders values (2, 3)", known.seen_by(keyspace::shard_id{0})).value();
    EXPECT_EQ(first->bind({}).value().steps.front().shard, keyspace::shard_id{0});
}

TEST(OwnTables, AreReadAndNotChanged) {
    const catalogue postgres = in_a_migration();
    const catalogue sqlite = in_a_migration(dialect::sqlite);
    planning_options inside_schema;
    inside_schema.search_path = {"ashlar", "public"};
    EXPECT_FALSE(plan_statement("delete from shard_mark", postgres, inside_schema));
    EXPECT_FALSE(plan_statement("delete from AShlar_Shard_Mark", sqlite));
    EXPECT_FALSE(plan_statement("delete from main.\"ASHLAR_shard_mark\"", sqlite));
    for (const char* sql : {"delete from ashlar.shard_mark", "update ashlar.shard_mark set epoch = 2",
                            "drop table ashlar.shard_mark", "insert into ashlar.shard_mark (name) values ('')",
                            "truncate ashlar.shard_mark", "copy ashlar.shard_mark from stdin",
                            "create table ashlar.other (id int)", "create index on ashlar.shard_mark (name)",
                            "with gone as (delete from ashlar.shard_mark returning 1) select * from gone"}) {
        const auto plan = plan_statement(sql, postgres);
        EXPECT_FALSE(plan) << sql;
    }
    EXPECT_TRUE(plan_statement("select * from ashlar.shard_mark", postgres));
}
