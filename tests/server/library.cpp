// The library against real databases: the same checks on SQLite files and on PostgreSQL shards.
#include "support/postgres_server.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

using namespace ashlar;
using namespace ashlar::test;

namespace shop {

struct user {
    uuid id;
    std::string name;
    std::optional<int> age;
};
ASHLAR_MODEL(user, "users", id, name, age)

struct order {
    uuid id;
    uuid user_id;
    std::string status;
    std::int64_t cents = 0;
};
ASHLAR_MODEL(order, "orders", id, user_id, status, cents)

struct setting {
    std::string name;
    std::string content;
};
ASHLAR_MODEL(setting, "settings", name, content)

}  // namespace shop

namespace {

using shop::order;
using shop::user;

enum class engine { sqlite, postgres };

postgres_server& server() {
    static postgres_server one;
    return one;
}

constexpr const char* shard_tables =
    "create table users (id uuid primary key, name text not null, age integer);"
    "create table orders (id uuid primary key, user_id uuid not null, status text not null, cents bigint not null);"
    "create table countries (code text primary key, name text not null);"
    "insert into countries values ('de', 'Germany'), ('fr', 'France');";

}  // namespace

class Library : public ::testing::TestWithParam<engine> {
protected:
    void SetUp() override {
        auto opened = cluster::open_text(configuration(), folder_.path());
        ASSERT_TRUE(opened) << opened.error();
        shop_.emplace(std::move(*opened));
        status made = shop_->all_shards().run_script(shard_tables);
        ASSERT_TRUE(made) << made.error();
        made = shop_->database("primary").run_script(
            "create table settings (name text primary key, content text not null)");
        ASSERT_TRUE(made) << made.error();
    }

    std::string configuration() {
        static int databases = 0;
        const int number = ++databases;
        auto url = [&](const std::string& name) {
            if (GetParam() == engine::sqlite) return "sqlite:" + name + ".db";
            return server().url(fmt::format("t{}_{}", number, name));
        };
        if (GetParam() == engine::postgres) {
            for (const char* name : {"shard_1", "shard_2", "shard_3", "shard_4", "primary"}) {
                server().create_database(fmt::format("t{}_{}", number, name));
            }
        }
        return fmt::format(R"(
[databases.primary]
url = "{}"
[shards]
function = "modulo"
key_type = "uuid"
count = 4
url = "{}"
[pool]
min_connections = 0
[tables]
users = {{ shard_key = "id" }}
orders = {{ shard_key = "user_id" }}
countries = {{ kind = "reference" }}
settings = {{ kind = "unsharded" }}
)",
                           url("primary"), url("shard_{shard}"));
    }

    // A key that lives on the shard of this number, from 1.
    static uuid key_on(int shard) {
        for (;;) {
            uuid id = uuid::random();
            if (id.bytes()[15] % 4 == shard - 1) return id;
        }
    }

    user add_user(uuid id, const std::string& name, std::optional<int> age = {}) {
        user someone{id, name, age};
        status added = shop_->insert(someone);
        EXPECT_TRUE(added) << added.error();
        return someone;
    }

    order add_order(const user& of, std::int64_t cents, const std::string& state = "pending") {
        order one{uuid::random(), of.id, state, cents};
        status added = shop_->insert(one);
        EXPECT_TRUE(added) << added.error();
        return one;
    }

    const cluster& shop() const { return *shop_; }
    std::int64_t count_on(int shard, const std::string& table) const {
        return shop()
            .database(fmt::format("shard_{}", shard))
            .scalar<std::int64_t>("select count(*) from " + table)
            .value();
    }

    temporary_folder folder_;
    std::optional<cluster> shop_;
};

TEST_P(Library, ARowGoesWhereItsKeySays) {
    for (int shard = 1; shard <= 4; ++shard) {
        user someone = add_user(key_on(shard), "a");
        add_order(someone, 100);
        EXPECT_EQ(shop().shard_for(someone.id).name(), fmt::format("shard_{}", shard));
    }
    for (int shard = 1; shard <= 4; ++shard) {
        EXPECT_EQ(count_on(shard, "users"), 1);
        EXPECT_EQ(count_on(shard, "orders"), 1);
    }
}

TEST_P(Library, ModelsAreFoundUpdatedAndRemoved) {
    user someone = add_user(key_on(2), "anna", 30);
    order first = add_order(someone, 100);

    EXPECT_EQ(shop().find<user>(someone.id).value().name, "anna");
    EXPECT_EQ(shop().find<order>(first.id).value().cents, 100);  // not the shard key: all shards are asked
    EXPECT_EQ(shop().shard_for(someone.id).find<order>(first.id).value().cents, 100);

    someone.name = "Änne \"O'Neil\" \\";
    someone.age = std::nullopt;
    shop().update(someone).value();
    EXPECT_EQ(shop().find<user>(someone.id).value().name, someone.name);
    EXPECT_EQ(shop().find<user>(someone.id).value().age, std::nullopt);

    first.status = "paid";
    shop().update(first).value();
    EXPECT_EQ(shop().find<order>(first.id).value().status, "paid");

    shop().remove(first).value();
    EXPECT_EQ(shop().find<order>(first.id).error(), errc::row_not_found);
    EXPECT_EQ(shop().remove(first).error(), errc::row_not_found);
    EXPECT_EQ(shop().update(first).error(), errc::row_not_found);
}

TEST_P(Library, SelectionsRunOnOneShardOrOnAll) {
    user anna = add_user(key_on(1), "anna"), bert = add_user(key_on(3), "bert");
    for (int i = 1; i <= 5; ++i) add_order(anna, i, i % 2 ? "pending" : "paid");
    for (int i = 6; i <= 9; ++i) add_order(bert, i, i % 2 ? "pending" : "paid");

    EXPECT_EQ(shop().shard_for(anna.id).where<order>("status = $1", "pending").all().value().size(), 3u);
    EXPECT_EQ(shop().where<order>("status = $1", "pending").count().value(), 5);
    auto top = shop().all_shards().from<order>().order_by("cents desc").limit(3).all().value();
    ASSERT_EQ(top.size(), 3u);
    EXPECT_EQ(top[0].cents, 9);
    EXPECT_EQ(top[2].cents, 7);
    auto next = shop().from<order>().order_by("cents desc").limit(3).offset(3).all().value();
    ASSERT_EQ(next.size(), 3u);
    EXPECT_EQ(next[0].cents, 6);
    EXPECT_EQ(shop().from<order>().order_by("cents").first().value()->cents, 1);
    EXPECT_EQ(shop().where<order>("cents > $1", 100).first().value(), std::nullopt);
    EXPECT_EQ(shop().from<order>().limit(1).count().error(), errc::invalid_argument);
}

TEST_P(Library, PlainSqlIsRoutedAndMerged) {
    user anna = add_user(key_on(1), "anna"), bert = add_user(key_on(4), "bert");
    add_order(anna, 10);
    add_order(bert, 20, "paid");
    add_order(bert, 30, "paid");

    EXPECT_EQ(
        shop().query<order>("select id, user_id, status, cents from orders where user_id = $1", bert.id).value().size(),
        2u);
    rows groups =
        shop().query("select status, count(*), sum(cents) from orders group by status order by status").value();
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_EQ(groups[0].get<std::string>(0).value(), "paid");
    EXPECT_EQ(groups[0].get<int>(1).value(), 2);
    EXPECT_EQ(groups[0].get<int>(2).value(), 50);
    EXPECT_EQ(shop().scalar<std::int64_t>("select count(*) from orders").value(), 3);
    EXPECT_EQ(shop().scalar<std::string>("select name from countries where code = $1", "fr").value(), "France");
    EXPECT_EQ(shop().execute("update orders set status = 'sent' where user_id = $1", bert.id).value(), 2u);
    EXPECT_EQ(shop().query("select id from orders where user_id in ($1, $2)", anna.id, bert.id).value().size(), 3u);
}

TEST_P(Library, AScalarIsOneRowOfOneColumn) {
    EXPECT_EQ(shop().scalar<int>("select cents from orders").error(), errc::row_not_found);
    EXPECT_EQ(shop().scalar<int>("select code, name from countries where code = 'de'").error(), errc::several_rows);
    EXPECT_EQ(shop().scalar<int>("select name from countries where code = 'de'").error(), errc::bad_value);
    user anna = add_user(key_on(1), "anna");
    EXPECT_EQ(shop().scalar<std::optional<int>>("select age from users where id = $1", anna.id).value(), std::nullopt);
}

TEST_P(Library, UnshardedTablesLiveOnThePrimary) {
    shop().insert(shop::setting{"theme", "dark"}).value();
    EXPECT_EQ(shop().find<shop::setting>("theme").value().content, "dark");
    EXPECT_EQ(shop().using_database("primary").scalar<std::int64_t>("select count(*) from settings").value(), 1);
}

TEST_P(Library, WhatCannotBeAnsweredIsRefusedBeforeAnyEffect) {
    user anna = add_user(key_on(1), "anna");
    order one = add_order(anna, 10);
    auto refused = shop().execute("update orders set user_id = $1 where id = $2", key_on(2), one.id);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sqlstate(), "0A000");
    EXPECT_EQ(shop().query("begin").error().sqlstate(), "0A000");
    EXPECT_EQ(shop().query("select from where").error(), errc::syntax);
    EXPECT_EQ(shop().query("select id from orders where user_id = $1").error(), errc::invalid_argument);
    // No key is spelt so, and the databases say what it means: PostgreSQL refuses it, in SQLite no row has it.
    const auto found = shop().query("select id from orders where user_id = $1", "no uuid");
    EXPECT_TRUE(found ? found->empty() : found.error().sqlstate() == "22P02");
}

TEST_P(Library, AShardTakesNoRowOfAnother) {
    const uuid elsewhere = key_on(2);
    const scope one = shop().database("shard_1");
    EXPECT_EQ(one.insert(user{elsewhere, "bert", {}}).error().sqlstate(), "0A000");
    EXPECT_EQ(one.execute("insert into users (id, name) values ($1, 'bert')", elsewhere).error().sqlstate(), "0A000");
    EXPECT_EQ(one.execute("insert into countries values ('jp', 'Japan')").error().sqlstate(), "0A000");
    EXPECT_EQ(one.execute("delete from countries").error().sqlstate(), "0A000");
    EXPECT_EQ(count_on(1, "users"), 0);
    one.insert(user{key_on(1), "anna", {}}).value();
    EXPECT_EQ(count_on(1, "users"), 1);
}

TEST_P(Library, AScopeWithoutADatabaseGivesItsError) {
    EXPECT_EQ(shop().database("nobody").query("select 1").error(), errc::database_unknown);
    EXPECT_EQ(shop().shard_for("no uuid").query("select 1").error(), errc::key_invalid);
    EXPECT_EQ(shop().shard_for(null).insert(user{}).error(), errc::shard_key_null);
    EXPECT_EQ(shop().database("nobody").transaction([](transaction&) {}).error(), errc::database_unknown);
}

TEST_P(Library, MapAsksEveryShard) {
    for (int shard = 1; shard <= 4; ++shard) {
        for (int i = 0; i < shard; ++i) add_user(key_on(shard), "u");
    }
    auto counts =
        shop().all_shards().map([](scope& s) { return s.scalar<std::int64_t>("select count(*) from users"); }).value();
    EXPECT_EQ(counts, (std::vector<std::int64_t>{1, 2, 3, 4}));
    auto names = shop().all_shards().map([](scope& s) { return s.name(); }).value();
    EXPECT_EQ(names, (std::vector<std::string>{"shard_1", "shard_2", "shard_3", "shard_4"}));
    auto total = shop().all_shards().map_reduce(
        "select count(*) from users where name = $1",
        [](std::vector<rows> parts) {
            std::int64_t sum = 0;
            for (const rows& each : parts) sum += each[0].get<std::int64_t>(0).value();
            return sum;
        },
        "u");
    EXPECT_EQ(total.value(), 10);
}

TEST_P(Library, MapGivesTheFirstErrorAndThrowsOnExceptions) {
    auto failed = shop().all_shards().map([](scope& s) { return s.scalar<int>("select no_such_column from users"); });
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().where().find("shard_1"), std::string::npos) << failed.error();
    EXPECT_THROW((void)shop().all_shards().map([](scope& s) {
        if (s.name() == "shard_3") throw std::runtime_error("no");
        return s.scalar<int>("select 1").value();
    }),
                 std::runtime_error);
    EXPECT_EQ(shop().all_shards().map([](scope&) {}).has_value(), true);
}

TEST_P(Library, MapMayAskTheClusterAndTransactInside) {
    auto done = shop().all_shards().map([&](scope& s) -> status {
        return s.transaction([&](transaction& tx) -> status {
            const int number = s.name().back() - '0';
            if (status added = tx.insert(user{key_on(number), s.name(), number}); !added) return added;
            return tx.query("select 1").has_value() ? status{} : error{errc::internal};
        });
    });
    ASSERT_TRUE(done) << done.error();
    EXPECT_EQ(shop().scalar<std::int64_t>("select count(*) from users").value(), 4);
}

TEST_P(Library, ATransactionCommitsWhatItDidOnItsShard) {
    user anna = add_user(key_on(3), "anna");
    auto made = shop().transaction([&](transaction& tx) {
        tx.insert(order{uuid::random(), anna.id, "pending", 5}).value();
        EXPECT_EQ(tx.where<order>("user_id = $1", anna.id).count().value(), 1);
        EXPECT_EQ(tx.shard_for(anna.id).scalar<std::int64_t>("select count(*) from orders").value(), 1);
        return tx.scalar<std::int64_t>("select sum(cents) from orders where user_id = $1", anna.id);
    });
    EXPECT_EQ(made.value(), 5);
    EXPECT_EQ(count_on(3, "orders"), 1);
}

TEST_P(Library, ATransactionRollsBackOnExceptionErrorAndOverlookedFailure) {
    user anna = add_user(key_on(3), "anna");
    const order one{uuid::random(), anna.id, "pending", 5};

    EXPECT_THROW((void)shop().transaction([&](transaction& tx) {
        tx.insert(one).value();
        throw std::runtime_error("changed my mind");
    }),
                 std::runtime_error);
    EXPECT_EQ(count_on(3, "orders"), 0);

    status refused = shop().transaction([&](transaction& tx) -> status {
        tx.insert(one).value();
        return error{errc::invalid_argument};
    });
    EXPECT_EQ(refused.error(), errc::invalid_argument);
    EXPECT_EQ(count_on(3, "orders"), 0);

    const status met = shop().transaction([&](transaction& tx) {
        tx.insert(one).value();
        tx.insert(one).value();  // throws what becomes the result
        ADD_FAILURE() << "the second insert did not throw";
    });
    EXPECT_EQ(met.error(), errc::constraint_violated);
    EXPECT_EQ(count_on(3, "orders"), 0);

    status overlooked = shop().transaction([&](transaction& tx) {
        tx.insert(one).value();
        EXPECT_EQ(tx.insert(one).error(), errc::constraint_violated);  // the same primary key again
        EXPECT_EQ(tx.query("select 1").error(), errc::transaction_failed);
    });
    EXPECT_EQ(overlooked.error(), errc::transaction_failed);
    EXPECT_EQ(count_on(3, "orders"), 0);

    {
        transaction left = shop().begin().value();
        left.insert(one).value();
    }
    EXPECT_EQ(count_on(3, "orders"), 0);
}

TEST_P(Library, ATransactionOfOneShardStaysThere) {
    user anna = add_user(key_on(1), "anna");
    status done = shop().shard_for(anna.id).transaction([&](transaction& tx) {
        EXPECT_EQ(tx.shard_for(key_on(2)).query("select 1").error().sqlstate(), "0A000");
        EXPECT_EQ(tx.insert(user{key_on(2), "bert", {}}).error().sqlstate(), "0A000");
        tx.insert(order{uuid::random(), anna.id, "paid", 1}).value();
    });
    EXPECT_TRUE(done) << done.error();
    EXPECT_EQ(count_on(1, "orders"), 1);
}

TEST_P(Library, WritingOnTwoShardsIsAtomicOrRefused) {
    user anna = add_user(key_on(1), "anna"), bert = add_user(key_on(2), "bert");
    order from = add_order(anna, 100), to = add_order(bert, 0);
    status moved = shop().transaction([&](transaction& tx) -> status {
        from.cents -= 30;
        if (status s = tx.update(from); !s) return s;
        to.cents += 30;
        return tx.update(to);
    });
    const auto sum = shop().scalar<std::int64_t>("select sum(cents) from orders").value();
    EXPECT_EQ(sum, 100);
    if (moved) {
        EXPECT_EQ(shop().find<order>(to.id).value().cents, 30);
    } else {
        EXPECT_EQ(moved.error().sqlstate(), "0A000");
        EXPECT_FALSE(moved.error().hint().empty());
        EXPECT_EQ(shop().find<order>(from.id).value().cents, 100);
    }
    EXPECT_EQ(moved.has_value(), GetParam() == engine::sqlite) << "when that changes, README.md does, too";
}

TEST_P(Library, AStatementThatWritesOnSeveralShardsIsAtomicOrRefused) {
    user anna = add_user(key_on(1), "anna"), bert = add_user(key_on(2), "bert");
    add_order(anna, 100), add_order(bert, 100);
    auto done = shop().execute("update orders set cents = cents + 1");
    const auto sum = shop().scalar<std::int64_t>("select sum(cents) from orders").value();
    EXPECT_EQ(done.has_value(), GetParam() == engine::sqlite);
    if (done) {
        EXPECT_EQ(*done, 2u);
        EXPECT_EQ(sum, 202);
    } else {
        EXPECT_EQ(done.error().sqlstate(), "0A000");
        EXPECT_EQ(sum, 200);
    }
}

TEST_P(Library, ManyThreadsShareOneCluster) {
    std::vector<std::thread> threads;
    std::atomic<int> failures = 0;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 10; ++i) {
                user someone{uuid::random(), "u", i};
                if (!shop().insert(someone) || !shop().find<user>(someone.id)) ++failures;
            }
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(shop().scalar<std::int64_t>("select count(*) from users").value(), 40);
}

TEST_P(Library, AnAnswerHasABound) {
    cluster_options small;
    small.rows_memory_max = 100'000;
    auto narrow = cluster::open_text(configuration(), folder_.path(), small);
    ASSERT_TRUE(narrow) << narrow.error();
    if (GetParam() == engine::postgres) {
        auto many = narrow->database("shard_1").query("select repeat('x', 1000) from generate_series(1, 1000)");
        EXPECT_EQ(many.error(), errc::limit_reached);
    } else {
        auto many = narrow->database("shard_1").query(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) select hex(zeroblob(500)) "
            "from n");
        EXPECT_EQ(many.error(), errc::limit_reached);
    }
    EXPECT_EQ(narrow->database("shard_1").scalar<int>("select 1").value(), 1);
}

TEST_P(Library, ExplainSaysWhereAndWhy) {
    rows lines = shop().query("explain (ashlar) select * from orders where user_id = $1", key_on(3)).value();
    std::string all;
    for (row each : lines) all += each.get<std::string>(0).value() + "\n";
    EXPECT_NE(all.find("shard"), std::string::npos) << all;
}

TEST_P(Library, SaysWhereItFailed) {
    auto failed = shop().query("select no_such_column from orders");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().sqlstate(), "42703") << failed.error();
}

INSTANTIATE_TEST_SUITE_P(Engines, Library, ::testing::Values(engine::sqlite, engine::postgres),
                         [](const auto& param_info) {
                             return param_info.param == engine::sqlite ? "Sqlite" : "Postgres";
                         });
