#include "route/dependence.hpp"
#include "route/plan.hpp"

using namespace ashlar;
using namespace ashlar::route;

namespace {

column_facts a_column(std::string name, std::uint32_t type = oid::int8) {
    column_facts c;
    c.name = std::move(name);
    c.type = type;
    c.collation.kind = collation_kind::bytes;
    return c;
}

table_facts a_table(std::string name, std::vector<std::string> columns) {
    table_facts t;
    t.schema = "public";
    t.name = std::move(name);
    for (std::string& each : columns) t.columns.push_back(a_column(std::move(each)));
    return t;
}

// Two shards and a primary, alike: acc by id and orders by acc_id, the reference table countries, and visits.
struct databases {
    catalogue known;
    schema_objects objects;
    dependence_input read;

    databases() {
        std::vector<keyspace::shard_traits> shards(2);
        for (std::size_t i = 0; i < shards.size(); ++i) shards[i].name = "shard_" + std::to_string(i + 1);
        known.shards =
            keyspace::shard_map::make(keyspace::function_kind::modulo, keyspace::key_type::integer, shards).value();
        known.default_collation.kind = collation_kind::bytes;
        add(a_table("acc", {"id", "n"}), table_kind::sharded, "id");
        add(a_table("orders", {"id", "acc_id"}), table_kind::sharded, "acc_id");
        add(a_table("countries", {"id"}), table_kind::reference, "");
        add(a_table("visits", {"id", "acc_id"}), table_kind::unsharded, "");
    }

    void add(table_facts t, table_kind kind, std::string key) {
        read.on_shards["public." + t.name] = t;
        objects.relations.insert("public." + t.name);
        t.kind = kind;
        t.shard_key = std::move(key);
        known.tables[t.name] = known.tables["public." + t.name] = t;
    }
    void view(std::string name, std::string query, std::vector<std::string> columns) {
        read.on_shards["public." + name] = a_table(name, std::move(columns));
        objects.relations.insert("public." + name);
        objects.views.insert({"public", std::move(name), std::move(query), false});
    }
    void function(std::string name, std::string body, std::string language = "sql") {
        schema_objects::function f;
        f.schema = "public";
        f.name = std::move(name);
        f.language = std::move(language);
        f.body = std::move(body);
        objects.functions.insert(std::move(f));
    }

    // For each row; on what, the caller says.
    static schema_objects::trigger row_trigger(std::string table, std::string name, std::string calls) {
        schema_objects::trigger t;
        t.schema = "public";
        t.table = std::move(table);
        t.name = std::move(name);
        t.function = std::move(calls);
        t.of_row = true;
        return t;
    }

    void finish() {
        read.unsharded = objects;
        read.shards = {objects, objects};
        add_dependence(known, read);
    }
    // "" or the refusal's message; then the shards' number.
    std::string refusal_of(std::string_view sql) const {
        const auto made = plan_statement(sql, known);
        return made ? "" : made.error().message();
    }
    target where(std::string_view sql) const { return plan_statement(sql, known).value()->where(); }
};

TEST(Dependence, AViewIsPlannedAsItsQuery) {
    databases d;
    d.view("v", "SELECT acc.id AS key, acc.n FROM public.acc WHERE acc.n > 3", {"key", "n"});
    d.finish();
    EXPECT_EQ(d.where("select * from v"), target::all_shards);
    EXPECT_EQ(d.where("select * from v where key = 3"), target::one_shard);
    EXPECT_EQ(d.where("select v.n, o.id from v join orders o on o.acc_id = v.key"), target::all_shards);
    EXPECT_NE(d.refusal_of("select * from v join orders o on o.id = v.n"), "");
    EXPECT_NE(d.refusal_of("select * from v join visits on true"), "");
}

TEST(Dependence, ASimpleViewIsWrittenAsATableWithItsColumns) {
    databases d;
    d.view("v", "SELECT acc.n, acc.id AS key, acc.n + 1 AS more FROM public.acc WHERE acc.n > 3", {"n", "key", "more"});
    d.view("over_v", "SELECT v.key AS k, v.n AS id FROM public.v", {"k", "id"});
    d.view("all_orders", "SELECT orders.id FROM public.orders", {"id"});
    d.view("counted", "SELECT acc.id, count(*) AS c FROM public.acc GROUP BY acc.id", {"id", "c"});
    d.objects.expressions.insert({"public", "orders", schema_objects::expression::of::default_value, "id", "now()"});
    d.finish();
    EXPECT_EQ(d.where("insert into v (key, n) values (3, 1)"), target::one_shard);
    EXPECT_EQ(d.where("insert into v values (1, 3)"), target::one_shard);
    EXPECT_EQ(d.where("update v set n = 4 where key = 3"), target::one_shard);
    EXPECT_EQ(d.where("update v set n = 4 where n = 3"), target::all_shards);
    EXPECT_EQ(d.where("delete from over_v where k = 3"), target::one_shard);
    EXPECT_EQ(d.where("delete from over_v where id = 3"), target::all_shards);
    EXPECT_EQ(d.where("update v set n = 4 from orders o where o.acc_id = v.key and v.key = 3"), target::one_shard);
    EXPECT_NE(d.refusal_of("insert into v (n) values (3)").find("shard key key"), std::string::npos);
    EXPECT_NE(d.refusal_of("update v set key = 4 where key = 3").find("shard key"), std::string::npos);
    EXPECT_NE(d.refusal_of("insert into all_orders values (3)").find("acc_id"), std::string::npos);
    EXPECT_EQ(d.where("delete from all_orders where id = 3"), target::all_shards);
    EXPECT_NE(d.refusal_of("insert into counted values (3)").find("counted, a view over"), std::string::npos);
    EXPECT_NE(d.refusal_of("copy v from stdin").find("v, a view over"), std::string::npos);
}

TEST(Dependence, TheNamesInsideAViewAreItsOwn) {
    databases d;
    d.view("v", "SELECT acc.id FROM public.acc", {"id"});
    d.finish();
    EXPECT_EQ(d.where("select n from (select 1 as n) x where exists (select from v where id = 3)"), target::one_shard);
    EXPECT_NE(d.refusal_of("with acc as (select 1 as id) select * from v"), "");
}

TEST(Dependence, AViewThatTheShardsHaveDifferentlyIsRefused) {
    databases d;
    d.view("v", "SELECT acc.id FROM public.acc", {"id"});
    d.read.unsharded = d.objects;
    schema_objects other = d.objects;
    other.views = {{"public", "v", "SELECT acc.id FROM public.acc WHERE acc.n = 1", false}};
    d.read.shards = {d.objects, other};
    add_dependence(d.known, d.read);
    EXPECT_NE(d.refusal_of("select * from v").find("v, a view over"), std::string::npos);
}

TEST(Dependence, FunctionsAreFollowedThroughOneAnother) {
    databases d;
    d.function("reads", "select count(*) from acc");
    d.function("calls", "select reads()");
    d.function("loops", "select calls() + loops()");
    d.function("plain", "select 1");
    d.function("makes", "begin execute x; end", "plpgsql");
    d.function("shows", "select count(*) from countries");
    d.finish();
    for (const char* name : {"reads", "calls", "loops", "makes"}) {
        EXPECT_NE(d.refusal_of(std::string{"select "} + name + "()").find(name), std::string::npos) << name;
        EXPECT_NE(d.refusal_of(std::string{"select "} + name + "() from acc where id = 1"), "") << name;
    }
    EXPECT_EQ(d.where("select plain()"), target::unsharded);
    EXPECT_EQ(d.where("select plain() from acc where id = 1"), target::one_shard);
    EXPECT_EQ(d.where("select shows() from acc where id = 1"), target::one_shard);
    EXPECT_EQ(d.where("select shows()"), target::one_shard);
    EXPECT_NE(d.refusal_of("select shows() from visits"), "");
    EXPECT_NE(d.refusal_of("select plain() from acc"), "");
}

TEST(Dependence, WithoutCopiesADynamicFunctionFindsNothingToRead) {
    databases d;
    d.function("makes", "begin execute x; end", "plpgsql");
    schema_objects central = d.objects;
    central.relations = {"public.visits"};
    d.read.unsharded = central;
    d.read.shards = {d.objects, d.objects};
    add_dependence(d.known, d.read);
    EXPECT_EQ(d.where("select makes()"), target::unsharded);
}

TEST(Dependence, ForeignKeysAreRightOnlyWithinAShard) {
    databases d;
    d.objects.foreign_keys.insert({"public", "orders", "ours", "public", "acc", {"acc_id"}, {"id"}});
    d.objects.foreign_keys.insert({"public", "visits", "theirs", "public", "acc", {"acc_id"}, {"id"}});
    d.finish();
    EXPECT_EQ(d.refusal_of("insert into orders values (1, 2)"), "");
    EXPECT_NE(d.refusal_of("insert into visits values (1, 2)").find("theirs"), std::string::npos);
    EXPECT_EQ(d.refusal_of("insert into visits (id) values (1)"), "");
    EXPECT_EQ(d.refusal_of("update visits set id = 1"), "");
    EXPECT_NE(d.refusal_of("update visits set acc_id = 1"), "");
    EXPECT_NE(d.refusal_of("delete from acc where id = 1").find("theirs"), std::string::npos);
    EXPECT_EQ(d.refusal_of("update acc set n = 1 where id = 1"), "");
}

TEST(Dependence, DefinitionsOfForeignKeysBetweenDatabasesAreRefused) {
    databases d;
    d.finish();
    EXPECT_NE(d.refusal_of("create table x (a bigint references acc(id))").find("acc"), std::string::npos);
    EXPECT_NE(d.refusal_of("alter table visits add foreign key (acc_id) references acc(id)").find("acc"),
              std::string::npos);
    EXPECT_EQ(d.refusal_of("create table x (a bigint references visits(id))"), "");
    EXPECT_EQ(d.refusal_of("alter table orders add foreign key (acc_id) references acc(id)"), "");
    EXPECT_NE(d.refusal_of("alter table orders add foreign key (id) references acc(id)"), "");
    EXPECT_EQ(d.refusal_of("alter table orders add foreign key (id) references countries(id)"), "");
}

TEST(Dependence, APolicyOrADefaultThatReadsOtherTablesStandsInTheWay) {
    using of = schema_objects::expression::of;
    databases d;
    d.function("reads", "select count(*) from acc");
    d.objects.expressions.insert(
        {"public", "orders", of::policy, "p", "(acc_id IN ( SELECT visits.id FROM public.visits))"});
    d.objects.expressions.insert({"public", "visits", of::default_value, "acc_id", "public.reads()"});
    d.objects.expressions.insert({"public", "acc", of::default_value, "n", "nextval('public.s'::regclass)"});
    d.finish();
    EXPECT_NE(d.refusal_of("select * from orders").find("policy p"), std::string::npos);
    EXPECT_NE(d.refusal_of("insert into visits (id) values (1)").find("acc_id"), std::string::npos);
    EXPECT_EQ(d.refusal_of("insert into visits (id, acc_id) values (1, 1)"), "");
    EXPECT_NE(d.refusal_of("insert into acc (id) values (1)").find("n of acc"), std::string::npos);
}

TEST(Dependence, PartitionsAreShardedAsTheirTableIs) {
    databases d;
    d.read.on_shards["public.acc_1"] = a_table("acc_1", {"id", "n"});
    d.objects.relations.insert("public.acc_1");
    d.objects.children.insert({"public", "acc_1", "public", "acc", true, "id,n"});
    d.objects.children.insert({"public", "orders", "public", "visits", false, "id,acc_id"});
    d.finish();
    EXPECT_EQ(d.where("select * from acc_1"), target::all_shards);
    EXPECT_EQ(d.where("insert into acc_1 values (1, 2)"), target::one_shard);
    EXPECT_NE(d.refusal_of("select * from visits").find("child orders"), std::string::npos);
}

TEST(Dependence, AnEventTriggerThatTouchesShardedTablesForbidsDefinitions) {
    databases d;
    d.function("note", "begin insert into acc values (1, 1); end", "plpgsql");
    d.objects.event_triggers.insert({"on_ddl", "note"});
    d.finish();
    EXPECT_NE(d.refusal_of("create table x (a int)").find("on_ddl"), std::string::npos);
    EXPECT_EQ(d.refusal_of("select 1"), "");
}

TEST(Dependence, ATriggerThatWritesOnlyWithTheKeyOfItsRowRunsOnTheShard) {
    const auto refusal = [](std::string body, auto&& change) {
        databases d;
        change(d);
        d.add(a_table("items", {"acc_id", "n"}), table_kind::sharded, "acc_id");
        d.objects.foreign_keys.insert({"public", "orders", "ours", "public", "acc", {"acc_id"}, {"id"}});
        d.function("on_item", std::move(body), "plpgsql");
        schema_objects::trigger t = databases::row_trigger("items", "counts", "on_item");
        t.on_insert = true;
        d.objects.triggers.insert(t);
        d.finish();
        return d.refusal_of("insert into items values (3, 1)");
    };
    const auto as_it_is = [](databases&) {};
    const auto stays = [&](std::string statements) {
        return refusal("begin " + statements + " return null; end", as_it_is).empty();
    };
    EXPECT_TRUE(stays("update acc set n = n + 1 where id = new.acc_id;"));
    EXPECT_TRUE(stays("delete from acc where id = new.acc_id;"));
    EXPECT_TRUE(stays("insert into acc (id, n) values (new.acc_id, 1) on conflict (id) do update set n = 2;"));
    EXPECT_FALSE(stays("update acc set n = n + 1 where n = new.n;"));
    EXPECT_FALSE(stays("update acc set n = 1 where id = new.acc_id; insert into visits values (1, 1);"));
    EXPECT_FALSE(stays("new.acc_id := 7; update acc set n = 1 where id = new.acc_id;"));
    EXPECT_FALSE(stays("select 7 into old.acc_id; update acc set n = 1 where id = old.acc_id;"));
    EXPECT_FALSE(stays("update acc as new set n = 1 where id = new.acc_id;"));

    const auto reads_elsewhere = [](databases& d) { d.function("count_all", "select count(*) from acc"); };
    EXPECT_NE(refusal("begin update acc set n = count_all() where id = new.acc_id; return null; end", reads_elsewhere),
              "");
}

// acc has this trigger, and the rows of items are counted in acc.
std::string refusal_with_trigger_of_acc(std::string body, bool before = false, char on_delete = 'a') {
    databases d;
    d.add(a_table("items", {"acc_id", "n"}), table_kind::sharded, "acc_id");
    schema_objects::foreign_key key{"public", "orders", "ours", "public", "acc", {"acc_id"}, {"id"}};
    key.on_delete = on_delete;
    d.objects.foreign_keys.insert(key);
    d.function("on_item",
               "begin update acc set n = n + 1 where id = new.acc_id; delete from acc where id = new.acc_id; return "
               "null; end",
               "plpgsql");
    d.function("on_acc", std::move(body), "plpgsql");
    schema_objects::trigger t = databases::row_trigger("items", "counts", "on_item");
    t.on_insert = true;
    d.objects.triggers.insert(t);
    t = databases::row_trigger(on_delete == 'a' ? "acc" : "orders", "follows", "on_acc");
    t.before = before;
    t.on_update = t.on_delete = true;
    d.objects.triggers.insert(t);
    d.finish();
    return d.refusal_of("insert into items values (3, 1)");
}

TEST(Dependence, WhatATriggersWritesSetOffIsFollowed) {
    EXPECT_EQ(refusal_with_trigger_of_acc("begin new.n = 1; return new; end", true), "");
    EXPECT_EQ(refusal_with_trigger_of_acc("begin insert into orders (id, acc_id) values (1, new.id); return null; end"),
              "");
    // round in a circle
    EXPECT_EQ(refusal_with_trigger_of_acc("begin insert into items (acc_id) values (new.id); return null; end"), "");
    EXPECT_NE(refusal_with_trigger_of_acc("begin insert into visits values (1, 1); return null; end").find("follows"),
              std::string::npos);
    EXPECT_NE(refusal_with_trigger_of_acc("begin new.id = 5; return new; end", true).find("follows"),
              std::string::npos);
    EXPECT_NE(refusal_with_trigger_of_acc("begin perform nextval('s'); return null; end").find("sequence"),
              std::string::npos);
    for (const char act : {'c', 'n'}) {
        EXPECT_NE(refusal_with_trigger_of_acc("begin insert into visits values (1, 1); return null; end", false, act),
                  "");
    }
    EXPECT_EQ(refusal_with_trigger_of_acc("begin new.n = 1; return new; end", true, 'c'), "");
}

TEST(Dependence, WhatAForeignKeyDoesToOtherRowsIsForbiddenAsItIsThere) {
    const auto refusal = [](char on_delete, std::vector<std::string> set_columns, bool logged) {
        databases d;
        schema_objects::foreign_key key{"public", "orders", "ours", "public", "acc", {"acc_id"}, {"id"}};
        key.on_delete = on_delete;
        key.set_columns = std::move(set_columns);
        d.objects.foreign_keys.insert(key);
        if (logged) {
            d.function("log", "begin insert into visits values (1, 1); return null; end", "plpgsql");
            schema_objects::trigger t = databases::row_trigger("orders", "logs", "log");
            t.on_delete = true;
            d.objects.triggers.insert(t);
        }
        d.finish();
        return d.refusal_of("delete from acc where id = 3");
    };
    EXPECT_EQ(refusal('a', {}, true), "");
    EXPECT_EQ(refusal('c', {}, false), "");
    EXPECT_NE(refusal('c', {}, true).find("logs"), std::string::npos);
    EXPECT_NE(refusal('n', {}, false).find("acc_id"), std::string::npos);
    EXPECT_NE(refusal('d', {}, false).find("acc_id"), std::string::npos);
    EXPECT_EQ(refusal('n', {"id"}, false), "");
}

}  // namespace
