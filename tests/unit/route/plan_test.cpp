#include "route/plan.hpp"

using namespace ashlar;
using namespace ashlar::route;

namespace {

catalogue shop(keyspace::key_type type = keyspace::key_type::integer, std::uint32_t column = oid::int8) {
    catalogue out;
    std::vector<keyspace::shard_traits> shards(4);
    for (std::size_t i = 0; i < shards.size(); ++i) shards[i].name = "shard_" + std::to_string(i + 1);
    out.shards = keyspace::shard_map::make(keyspace::function_kind::hash, type, shards).value();
    out.default_collation.kind = collation_kind::bytes;
    table_facts orders;
    orders.schema = "public";
    orders.name = "orders";
    orders.kind = table_kind::sharded;
    orders.shard_key = "user_id";
    for (const auto& [name, t] : {std::pair{"id", std::uint32_t{oid::int8}}, std::pair{"user_id", column}}) {
        column_facts c;
        c.name = name;
        c.type = t;
        c.collation.kind = collation_kind::bytes;
        orders.columns.push_back(c);
    }
    out.tables["orders"] = out.tables["public.orders"] = orders;
    return out;
}

std::shared_ptr<const prepared_plan> planned(const catalogue& known, std::string_view text,
                                             std::vector<std::uint32_t> types = {}) {
    return plan_statement(text, known, {}, types).value();
}

std::size_t shard_of(const catalogue& known, std::string_view literal) {
    return keyspace::index_of(
        known.shards->shard_of(keyspace::key::from_text(literal, known.shards->key_type()).value()).value());
}

bound_parameter text(std::string_view bytes, std::uint32_t type = 0) {
    return {bytes, type, cell_format::text};
}
bound_parameter binary(std::string_view bytes, std::uint32_t type = 0) {
    return {bytes, type, cell_format::binary};
}

std::size_t bound_shard(const prepared_plan& plan, std::vector<bound_parameter> parameters) {
    return keyspace::index_of(plan.bind_one(parameters).value().value());
}

}  // namespace

TEST(Binding, FindsTheSameShardHoweverTheKeyArrives) {
    const catalogue known = shop();
    const std::size_t home = shard_of(known, "7");
    const auto plan = planned(known, "select * from orders where user_id = $1");
    using namespace std::string_view_literals;
    EXPECT_EQ(bound_shard(*plan, {text("7")}), home);
    EXPECT_EQ(bound_shard(*plan, {text(" 7 ")}), home);
    EXPECT_EQ(bound_shard(*plan, {binary("\0\7"sv, oid::int2)}), home);
    EXPECT_EQ(bound_shard(*plan, {binary("\0\0\0\7"sv, oid::int4)}), home);
    EXPECT_EQ(bound_shard(*plan, {binary("\0\0\0\0\0\0\0\7"sv, oid::int8)}), home);
    EXPECT_EQ(bound_shard(*planned(known, "select * from orders where user_id = 7"), {}), home);
    EXPECT_EQ(bound_shard(*planned(known, "select * from orders where '7' = user_id"), {}), home);
    EXPECT_EQ(bound_shard(*planned(known, "insert into orders (id, user_id) values (1, $1)"), {text("7")}), home);
}

// What a server makes of these hangs on its version and on settings: each shard is asked, and answers or refuses.
TEST(Binding, ReadsEveryShardByAValueThatSpellsNoKey) {
    const catalogue known = shop();
    for (const char* read : {"select * from orders where user_id = $1", "select * from orders where user_id in ($1, 7)",
                             "select count(*) from orders where user_id = $1 and id > 3",
                             "select o.id from orders o join orders p on o.user_id = p.user_id where p.user_id = $1"}) {
        const auto plan = planned(known, read);
        for (const char* value : {"9223372036854775808", "0x10", "1e30", "7.5", "x", "", "NaN"}) {
            const auto bound = plan->bind(std::vector{text(value)});
            ASSERT_TRUE(bound) << read << value;
            EXPECT_EQ(bound->where, target::all_shards) << read << value;
            EXPECT_EQ(bound->steps.size(), 4u);
            EXPECT_NE(bound->merge, nullptr);
            EXPECT_EQ(plan->bind_one(std::vector{text(value)}).value(), std::nullopt);
        }
        EXPECT_EQ(plan->bind(std::vector{text("7")})->where, target::one_shard) << read;
    }
    const auto of_array = planned(known, "select * from orders where user_id = any($1)");
    for (const char* value : {"{7,x}", "7", "{1,9223372036854775808}", "{"}) {
        EXPECT_EQ(of_array->bind(std::vector{text(value)})->where, target::all_shards) << value;
    }
}

TEST(Binding, WritesNoRowByAValueThatSpellsNoKey) {
    const catalogue known = shop();
    for (const char* write : {"update orders set id = 1 where user_id = $1", "delete from orders where user_id = $1",
                              "insert into orders (id, user_id) values (1, $1)"}) {
        const auto plan = planned(known, write);
        const auto refused = plan->bind(std::vector{text("0x10")});
        EXPECT_EQ(refused.error(), errc::key_invalid) << write;
        EXPECT_EQ(refused.error().message(), "'0x10' is not a shard key of type integer");
        EXPECT_EQ(plan->bind_one(std::vector{text("0x10")}).error(), errc::key_invalid) << write;
    }
    const catalogue by_time = shop(keyspace::key_type::timestamp, oid::timestamptz);
    const auto plan = planned(by_time, "insert into orders (id, user_id) values (1, $1)");
    EXPECT_EQ(plan->bind(std::vector{text("2024-02-29 12:00")}).error().sqlstate(), "0A000");
    EXPECT_TRUE(plan->bind(std::vector{text("0044-03-15 12:00+01 BC")}));
    EXPECT_TRUE(plan->bind(std::vector{text("infinity")}));
}

// By the column's own cast, as the server stores it.
TEST(Binding, PlacesANewRowByWhatItsKeyIsStoredAs) {
    const catalogue known = shop();
    const auto stored = [](const catalogue& in, std::string_view sql) {
        return keyspace::index_of(planned(in, sql)->bind_one({}).value().value());
    };
    EXPECT_EQ(stored(known, "insert into orders (id, user_id) values (1, 7.6)"), shard_of(known, "8"));
    EXPECT_EQ(stored(known, "insert into orders (id, user_id) values (1, -2.5)"), shard_of(known, "-3"));
    EXPECT_EQ(stored(known, "insert into orders (id, user_id) values (1, 1e3)"), shard_of(known, "1000"));
    const auto refused = plan_statement("insert into orders (id, user_id) values (1, 'x')", known);
    EXPECT_EQ(refused.error(), errc::key_invalid);
    EXPECT_EQ(refused.error().message(), "'x' is not a shard key of type integer");
    EXPECT_EQ(refused.error().position(), 45);

    catalogue words = shop(keyspace::key_type::text, oid::varchar);
    for (const auto& name : {"orders", "public.orders"}) words.tables[name].columns[1].type_modifier = 3 + 4;
    EXPECT_EQ(stored(words, "insert into orders (id, user_id) values (1, 'abc')"), shard_of(words, "abc"));
    EXPECT_EQ(stored(words, "insert into orders (id, user_id) values (1, 'abc   ')"), shard_of(words, "abc"));
    EXPECT_EQ(stored(words, "insert into orders (id, user_id) values (1, 'ab  ')"), shard_of(words, "ab "));
    EXPECT_EQ(stored(words, "insert into orders (id, user_id) values (1, 'zoë ')"), shard_of(words, "zoë"));
    EXPECT_EQ(stored(words, "insert into orders (id, user_id) values (1, 42)"), shard_of(words, "42"));
    const auto bound = planned(words, "insert into orders (id, user_id) values (1, $1)");
    EXPECT_EQ(bound_shard(*bound, {text("日本語 ")}), shard_of(words, "日本語"));
    EXPECT_EQ(bound_shard(*bound, {text("a")}), shard_of(words, "a"));
    // A comparison cuts nothing off.
    const auto read = planned(words, "select * from orders where user_id = $1");
    EXPECT_EQ(bound_shard(*read, {text("abc ")}), shard_of(words, "abc "));
}

TEST(Binding, NamesATableWhoseKeyIsOfAnotherType) {
    for (const auto& [type, column, what] :
         {std::tuple{keyspace::key_type::integer, std::uint32_t{oid::uuid}, "uuid"},
          std::tuple{keyspace::key_type::integer, std::uint32_t{oid::numeric}, "numeric"},
          std::tuple{keyspace::key_type::integer, std::uint32_t{oid::text}, "text"},
          std::tuple{keyspace::key_type::text, std::uint32_t{oid::bpchar}, "character"},
          std::tuple{keyspace::key_type::text, std::uint32_t{0}, "a type that is not built in"},
          std::tuple{keyspace::key_type::timestamp, std::uint32_t{oid::timestamp}, "timestamp without time zone"}}) {
        const auto made = plan_statement("insert into orders (id, user_id) values (1, $1)", shop(type, column));
        ASSERT_FALSE(made) << what;
        EXPECT_EQ(made.error().message(), std::string{"cannot insert: table orders is sharded by user_id, which is "} +
                                              what + ", while the shards' keys are of type " +
                                              std::string{keyspace::name_of(type)});
    }
}

TEST(Binding, AsksAllShardsByATypeWhoseEqualityIsAnother) {
    const catalogue known = shop();
    const auto plan = planned(known, "select * from orders where user_id = $1");
    EXPECT_EQ(plan->bind(std::vector{text("7.5", oid::numeric)})->where, target::all_shards);
    // declared so from the start, it fixes no key, and every shard is asked
    const auto declared = planned(known, "select * from orders where user_id = $1", {oid::float8});
    EXPECT_EQ(declared->where(), target::all_shards);
}

TEST(Binding, SendsANullKeyNowhereInParticularAndRefusesItForARow) {
    const catalogue known = shop();
    const std::vector<bound_parameter> null{{std::nullopt, 0, cell_format::text}};
    EXPECT_EQ(planned(known, "select * from orders where user_id = $1")->bind(null).value().because,
              routed_because::key_is_null);
    EXPECT_EQ(planned(known, "insert into orders (user_id) values ($1)")->bind(null).error(), errc::shard_key_null);
    EXPECT_EQ(planned(known, "insert into orders (user_id) values ($1)")->bind_one(null).error(), errc::shard_key_null);
}

TEST(Binding, ReadsArraysInTextAndBinary) {
    const catalogue known = shop();
    const auto plan = planned(known, "select * from orders where user_id = any($1)");
    using namespace std::string_view_literals;
    const auto one = "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\7\xff\xff\xff\xff"sv;  // {7, NULL}
    EXPECT_EQ(bound_shard(*plan, {binary(one, 1007)}), shard_of(known, "7"));
    EXPECT_EQ(bound_shard(*plan, {text("{7,NULL}")}), shard_of(known, "7"));
    for (const char* same : {"{{7}}", "[0:1]={7,7}", " [2:2][3:3] = { {\"7\"} } ", "{7,null,NULL}", "{{7,7},{NULL,7}}"})
        EXPECT_EQ(bound_shard(*plan, {text(same)}), shard_of(known, "7")) << same;
    const auto two =
        "\0\0\0\2\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\4\0\0\0\7"sv;  // [0:0][1:1]={{7}}
    EXPECT_EQ(bound_shard(*plan, {binary(two, 1007)}), shard_of(known, "7"));
    EXPECT_EQ(plan->bind(std::vector{binary(one.substr(0, 27), 1007)})->where, target::all_shards);
    EXPECT_EQ(plan->bind(std::vector{text("{}")}).value().because, routed_because::key_is_null);
}

TEST(Binding, TakesTextKeysOnlyWhereEqualityIsOfBytes) {
    catalogue known = shop(keyspace::key_type::text, oid::text);
    EXPECT_EQ(planned(known, "select * from orders where user_id = 'a'")->where(), target::one_shard);
    EXPECT_EQ(planned(known, "select * from orders where user_id = 'a'::varchar(3)")->where(), target::all_shards);
    EXPECT_EQ(planned(known, "select * from orders where user_id = 'a'::bpchar")->where(), target::all_shards);
    EXPECT_EQ(planned(known, "select * from orders where user_id = 'a' collate \"x\"")->where(), target::all_shards);
    for (const auto& name : {"orders", "public.orders"})
        known.tables[name].columns[1].collation.kind = collation_kind::nondeterministic;
    EXPECT_EQ(planned(known, "select * from orders where user_id = 'a'")->where(), target::all_shards);
    EXPECT_FALSE(plan_statement("insert into orders (user_id) values ('a')", known));
}

TEST(Plans, KnowWhatWritesAndWhatChangesTheSession) {
    const catalogue known = shop();
    EXPECT_FALSE(planned(known, "select * from orders where user_id = 1")->writes());
    EXPECT_TRUE(planned(known, "select * from orders where user_id = 1 for update")->writes());
    EXPECT_TRUE(planned(known, "delete from orders where user_id = 1")->writes());
    EXPECT_FALSE(planned(known, "explain delete from orders where user_id = 1")->writes());
    EXPECT_TRUE(planned(known, "explain analyze delete from orders where user_id = 1")->writes());
    EXPECT_TRUE(planned(known, "select set_config('a', 'b', false)")->may_change_session());
    EXPECT_TRUE(planned(known, "select f(1)")->may_change_session());
    EXPECT_FALSE(planned(known, "select lower('A')")->may_change_session());
}

TEST(Plans, RelayTheTextUnchangedForOneShard) {
    const catalogue known = shop();
    EXPECT_TRUE(planned(known, "select * from orders where user_id = $1")->single_step_unchanged());
    EXPECT_TRUE(planned(known, "insert into orders (user_id) values ($1)")->single_step_unchanged());
    EXPECT_FALSE(planned(known, "select * from orders")->single_step_unchanged());
    EXPECT_FALSE(planned(known, "insert into orders (user_id) values ($1), ($2)")->single_step_unchanged());
}

TEST(Plans, FollowTheSearchPath) {
    catalogue known = shop();
    planning_options other;
    other.search_path = {"tenant", "public"};
    table_facts mine;
    mine.schema = "tenant";
    mine.name = "orders";
    known.tables["tenant.orders"] = mine;
    EXPECT_EQ(plan_statement("select * from orders", known, other).value()->where(), target::unsharded);
    EXPECT_EQ(plan_statement("select * from orders", known).value()->where(), target::all_shards);
    EXPECT_EQ(plan_statement("select * from public.orders", known, other).value()->where(), target::all_shards);
}

TEST(Plans, AreCarefulWithTablesWhoseColumnsAreNotKnown) {
    catalogue known = shop();
    for (const auto& name : {"orders", "public.orders"}) known.tables[name].columns.clear();
    EXPECT_EQ(planned(known, "select * from orders where user_id = 1")->where(), target::one_shard);
    EXPECT_FALSE(plan_statement("insert into orders values (1, 2)", known));
    EXPECT_FALSE(plan_statement("select * from orders order by 1", known));
    EXPECT_FALSE(plan_statement("select distinct * from orders", known));
}

TEST(Binding, LooksObjectsUpByNamesOnly) {
    using namespace std::string_view_literals;
    const catalogue known = shop();
    const auto plan = planned(known, "select id from orders where user_id = 7 and tableoid = $1::regclass");
    const auto bound = [&](bound_parameter p) { return plan->bind_one(std::vector{p}); };
    EXPECT_TRUE(bound(text("orders")));
    EXPECT_TRUE(bound(text("\"16403 b\"")));
    EXPECT_TRUE(bound(text("1259"))) << "PostgreSQL's own number";
    EXPECT_TRUE(bound({std::nullopt, 0, cell_format::text}));
    EXPECT_TRUE(bound(binary("orders", oid::text)));
    EXPECT_EQ(bound(text("16403")).error(), errc::unsupported);
    EXPECT_EQ(bound(text(" 16403 ")).error(), errc::unsupported);
    EXPECT_EQ(bound(text("99999999999999999999")).error(), errc::unsupported);
    EXPECT_EQ(bound(binary("16403", oid::text)).error(), errc::unsupported);
    EXPECT_EQ(bound(binary("\0\0\x40\x13"sv)).error(), errc::unsupported) << "of what type is the server's to say";
    EXPECT_EQ(plan->bind(std::vector{text("16403")}).error(), errc::unsupported);
}

TEST(Planning, AdvisoryLocksAreTakenInOnePlace) {
    catalogue known = shop();
    const auto lock = planned(known, "select pg_advisory_xact_lock(1)");
    EXPECT_EQ(lock->where(), target::unsharded);
    EXPECT_TRUE(lock->writes()) << "so that it ends with what it guards";
    known.unsharded_database.clear();
    EXPECT_EQ(planned(known, "select pg_advisory_xact_lock(1)")->where(), target::one_shard);
    EXPECT_EQ(bound_shard(*planned(known, "select pg_try_advisory_xact_lock(1, 2)"), {}), 0U);
}
