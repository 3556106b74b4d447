// The test kit as its users have it: throw-away clusters on each engine, where statements went, faults.
#include "support/becomes.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/testkit.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <atomic>
#include <filesystem>
#include <thread>

using namespace ashlar;
using namespace ashlar::testkit;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

namespace {

throwaway_options orders(testkit::engine on, std::size_t replicas = 0) {
    throwaway_options how;
    how.engine = on;
    how.replicas = replicas;
    how.tables = R"(orders = { shard_key = "user_id" })";
    how.schema = "create table orders (id integer primary key, user_id integer not null, status text)";
    how.settings = "[replicas]\ncheck_interval = \"50ms\"\n[breaker]\nfailures = 3\ncool_down = \"200ms\"\n";
    return how;
}

void insert(const cluster& shop, int user, int id) {
    shop.execute("insert into orders (user_id, id, status) values ($1, $2, 'new')", user, id).value();
}

class AnyEngine : public ::testing::TestWithParam<testkit::engine> {};

std::string name_of(const ::testing::TestParamInfo<testkit::engine>& which) {
    return which.param == testkit::engine::sqlite ? "sqlite" : "postgres";
}

INSTANTIATE_TEST_SUITE_P(Testkit, AnyEngine, ::testing::Values(testkit::engine::sqlite, testkit::engine::postgres),
                         name_of);

}  // namespace

TEST_P(AnyEngine, TellsWhereAStatementWent) {
    throwaway_cluster shop{orders(GetParam())};
    const std::string home = shop->shard_for(7).name();
    shop.statements_of([&] { shop->execute("insert into orders (id, user_id) values (1, 7)").value(); })
        .expect_count(1)
        .expect_shard(home)
        .expect_role(server_role::writing)
        .expect_primary();
    shop.statements_of([&] { shop->query("select count(*) from orders").value(); })
        .expect_shards({"shard_1", "shard_2"})
        .expect_count("shard_1", 1);
    shop.statements_of([&] { shop->reading().query("select * from orders where user_id = 7").value(); })
        .expect_shard(home)
        .expect_role(server_role::reading);
    shop.statements_of([&] {
            shop->transaction([](transaction& tx) {
                    tx.execute("update orders set status = 'paid' where user_id = 7").value();
                    tx.query("select * from orders where user_id = 7").value();
                })
                .value();
        })
        .expect_count(home, 2)
        .expect_transaction();
    shop.statements_of([&] { EXPECT_FALSE(shop->execute("update orders set user_id = 8")); }).expect_none();
}

TEST_P(AnyEngine, ToldOfAFailureAndOfHowLongAStatementTook) {
    throwaway_cluster shop{orders(GetParam())};
    const auto sent = shop.statements_of(
        [&] { EXPECT_FALSE(shop->execute("insert into orders (id, user_id) values (1, 7), (1, 7)")); });
    ASSERT_EQ(sent.count(), 1u);
    ASSERT_TRUE(sent.all()[0].failure);
    EXPECT_EQ(sent.all()[0].failure->code(), errc::constraint_violated) << *sent.all()[0].failure;
    EXPECT_GT(sent.all()[0].duration.count(), 0);
    EXPECT_THAT(sent.describe(), HasSubstr("failed: "));
}

TEST_P(AnyEngine, LostConnectionsAreMadeAnew) {
    throwaway_cluster shop{orders(GetParam())};
    const std::string home = shop->shard_for(7).name();
    shop->query("select * from orders where user_id = 7").value();
    shop.lose_connections(home);
    EXPECT_TRUE(
        test::becomes([&] { return static_cast<bool>(shop->query("select * from orders where user_id = 7")); }));

    auto tx = shop->begin().value();
    tx.execute("insert into orders (id, user_id) values (1, 7)").value();
    shop.lose_connections(home);
    EXPECT_EQ(tx.query("select * from orders where user_id = 7").error().code(), errc::connection_lost);
    tx.rollback();
    EXPECT_TRUE(
        test::becomes([&] { return static_cast<bool>(shop->query("select * from orders where user_id = 7")); }));
    EXPECT_EQ(shop->scalar<int>("select count(*) from orders").value(), 0);
}

TEST_P(AnyEngine, AServerThatIsDownIsRefusedAndComesBack) {
    throwaway_cluster shop{orders(GetParam())};
    const std::string home = shop->shard_for(7).name();
    const std::string other = home == "shard_1" ? "shard_2" : "shard_1";
    shop.take_down(home);
    EXPECT_TRUE(test::becomes([&] { return !shop->query("select * from orders where user_id = 7"); }));
    EXPECT_TRUE(shop->using_database(other).query("select * from orders"));
    EXPECT_FALSE(shop->query("select * from orders"));  // half of the rows would be no answer
    shop.bring_back(home);
    EXPECT_TRUE(test::becomes([&] { return static_cast<bool>(shop->query("select * from orders")); }));
}

TEST_P(AnyEngine, AStatementFailsAsAskedAndIsNotRun) {
    throwaway_cluster shop{orders(GetParam())};
    shop.fail_next(shop->shard_for(7).name(), errc::serialization_failed);
    const auto refused = shop->execute("insert into orders (id, user_id) values (1, 7)");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), errc::serialization_failed);
    EXPECT_EQ(refused.error().may_retry(), again::now);
    shop->execute("insert into orders (id, user_id) values (1, 7)").value();
    EXPECT_EQ(shop->scalar<int>("select count(*) from orders").value(), 1);
}

TEST_P(AnyEngine, ACommitWhoseAnswerIsLostHasHappenedOrNot) {
    throwaway_cluster shop{orders(GetParam())};
    const std::string home = shop->shard_for(7).name();
    for (const bool happens : {true, false}) {
        shop.lose_next_commit(home, happens);
        const auto done = shop->transaction([&](transaction& tx) {
            tx.execute("insert into orders (id, user_id) values ($1, 7)", happens ? 1 : 2).value();
        });
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code(), errc::commit_unknown);
        EXPECT_EQ(done.error().outcome(), known::no);
    }
    EXPECT_EQ(shop->scalar<int>("select sum(id) from orders").value(), 1);
}

TEST_P(AnyEngine, ADelayedServerMeetsTheDeadline) {
    throwaway_options how = orders(GetParam());
    how.cluster.timeout = 1s;  // what opening the cluster needs, too
    throwaway_cluster shop{how};
    shop.delay(shop->shard_for(7).name(), 10s);
    EXPECT_EQ(shop->query("select * from orders where user_id = 7").error().code(), errc::deadline_passed);
    shop.heal();
    EXPECT_TRUE(shop->query("select * from orders where user_id = 7"));
}

TEST(Testkit, AStatementOverSeveralFilesIsOneTransactionThere) {
    throwaway_cluster shop{orders(testkit::engine::sqlite)};
    for (int user = 0; user < 4; ++user) {
        shop->execute("insert into orders (id, user_id) values ($1, $1)", user).value();
    }
    shop.statements_of([&] { shop->execute("update orders set status = 'paid'").value(); })
        .expect_shards({"shard_1", "shard_2"})
        .expect_transaction();
    shop.fail_next("shard_2", errc::database_locked);
    EXPECT_FALSE(shop->execute("update orders set status = 'sent'"));
    EXPECT_EQ(shop->scalar<int>("select count(*) from orders where status = 'paid'").value(), 4);
}

TEST(Testkit, TakesTheProgramsOwnConfiguration) {
    const test::temporary_folder folder;
    const std::string file = folder.write("ashlar.toml", R"(
[databases.primary]
url = "${ASHLAR_TEST_NEVER_SET_PRIMARY}"
[databases.archive]
url = "postgres://nobody@nowhere.invalid/archive"
[shards]
function = "hash"
key_type = "integer"
count = 3
url = "postgres://${ASHLAR_TEST_NEVER_SET_USER}:${ASHLAR_TEST_NEVER_SET_PASSWORD}@nowhere.invalid/shop_{shard}"
[tables]
orders = { shard_key = "user_id" }
old_orders = { database = "archive" }
)");
    throwaway_options how;
    how.like = file;
    how.schema = "create table orders (id integer primary key, user_id integer not null)";
    how.schema_of["archive"] = "create table old_orders (id integer primary key)";
    throwaway_cluster shop{how};
    shop.statements_of([&] { shop->query("select * from orders").value(); }).expect_count(3);
    shop.statements_of([&] { shop->query("select * from old_orders").value(); }).expect_shard("archive");
    const std::string at = shop.url("archive");
    EXPECT_TRUE(at.starts_with("sqlite:/")) << at;
    EXPECT_TRUE(std::filesystem::exists(at.substr(7))) << at;
}

TEST(Testkit, TheProgramsOwnDefaultsStandForWhatIsNotSet) {
    const test::temporary_folder folder;
    const std::string file = folder.write("ashlar.toml",
                                          "[databases.primary]\nurl = \"${ASHLAR_TEST_NEVER_SET_URL}\"\n[pool]\n"
                                          "max_connections = \"${ASHLAR_TEST_NEVER_SET_MAXC:-7}\"\n"
                                          "min_connections = \"${ASHLAR_TEST_NEVER_SET_MINC:-3}\"\n"
                                          "checkout_timeout = \"${ASHLAR_TEST_NEVER_SET_WAIT:-9}s\"\n");
    throwaway_options how;
    how.like = file;
    throwaway_cluster shop{how};
    EXPECT_EQ(shop->check_all().at(0).connections.max, 7U);
}

TEST(Testkit, TheProgramsAlertsAreNotSetOffAndItsWarmUpFindsTheTables) {
    const test::temporary_folder folder;
    const std::string rang = folder.file("rang");
    const std::string file = folder.write("ashlar.toml",
                                          "[databases.primary]\nurl = \"sqlite:x\"\n[pool]\n"
                                          "warm_up = [\"select count(*) from orders\"]\nwarm_up_required = true\n"
                                          "[replicas]\ncheck_interval = \"20ms\"\n[alerts]\nafter = \"20ms\"\n"
                                          "command = [\"/usr/bin/touch\", \"" +
                                              rang + "\"]\n");
    throwaway_options how;
    how.like = file;
    how.schema = "create table orders (id integer primary key)";
    std::atomic<bool> told = false;
    how.cluster.on_health_change = [&](const server_health&) { told = true; };
    throwaway_cluster shop{how};
    shop.take_down("primary");
    EXPECT_TRUE(test::becomes([&] { return told.load(); }));
    shop.bring_back("primary");
    told = false;
    EXPECT_TRUE(test::becomes([&] { return told.load(); }));
    EXPECT_FALSE(std::filesystem::exists(rang));
}

TEST(Testkit, GoesWithItsFiles) {
    std::string file;
    {
        throwaway_cluster shop{orders(testkit::engine::sqlite)};
        file = shop.url("shard_1").substr(7);
        EXPECT_TRUE(std::filesystem::exists(file));
    }
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Testkit, SaysWhatIsWrongWithWhatIsAskedOfIt) {
    const auto why = [](const std::function<void()>& call) -> std::string {
        try {
            call();
        } catch (const std::exception& thrown) {
            return thrown.what();
        }
        return "nothing was thrown";
    };
    EXPECT_THAT(why([] { throwaway_cluster{orders(testkit::engine::sqlite, 1)}; }), HasSubstr("no replicas"));
    throwaway_options bad = orders(testkit::engine::sqlite);
    bad.schema = "create tabel orders (id integer)";
    EXPECT_THAT(why([&] { throwaway_cluster{bad}; }), HasSubstr("tabel"));
    bad = orders(testkit::engine::sqlite);
    bad.settings = "[pool]\nmax_conections = 3";
    EXPECT_THAT(why([&] { throwaway_cluster{bad}; }), HasSubstr("max_conections"));
    throwaway_cluster shop{orders(testkit::engine::sqlite)};
    EXPECT_THAT(why([&] { shop.take_down("shard_9"); }), HasSubstr("no server is named shard_9; there are primary"));
    EXPECT_THAT(why([&] { shop.hold("shard_1"); }), HasSubstr("no replicas"));
}

TEST(Testkit, PostgresReplicasServeReadsLagAndAreHeld) {
    throwaway_cluster shop{orders(testkit::engine::postgres, 2)};
    const std::string home = shop->shard_for(7).name();
    const auto read = [&] { (void)shop->reading().query("select * from orders where user_id = 7").value(); };
    shop.statements_of(read).expect_replica().expect_shard(home);
    EXPECT_TRUE(shop.statements_of(read).all()[0].server.starts_with(home + "/replica_"));

    shop.hold(home + "/replica_1");
    shop.hold(home + "/replica_2");
    insert(*shop, 7, 1);
    shop.statements_of(read).expect_primary().expect_role(server_role::reading);  // sees its own write
    shop.heal();
    EXPECT_TRUE(test::becomes([&] { return shop.statements_of(read).all()[0].on_replica; }));

    shop.lag(home + "/replica_1", 30s);
    insert(*shop, 7, 2);
    EXPECT_TRUE(test::becomes([&] { return shop.statements_of(read).all()[0].server == home + "/replica_2"; }));
    shop.take_down(home + "/replica_2");
    EXPECT_TRUE(test::becomes([&] { return !shop.statements_of(read).all().back().on_replica; }));
    EXPECT_EQ(shop->reading().scalar<int>("select count(*) from orders where user_id = 7").value(), 2);
}

TEST(Testkit, MariaDbReplicasServeReadsAndAreHeld) {
    throwaway_options how;
    how.engine = testkit::engine::mariadb;
    how.shards = 0;
    how.replicas = 1;
    how.schema = "create table carts (id integer primary key, total integer)";
    how.settings = "[replicas]\ncheck_interval = \"50ms\"";
    throwaway_cluster shop{how};
    const auto read = [&] { (void)shop->reading().query("select * from carts where id = 1").value(); };
    shop.statements_of(read).expect_replica();
    shop.hold("primary/replica_1");
    shop->execute("insert into carts values (1, 7)").value();
    shop.statements_of(read).expect_primary();
    shop.heal();
    EXPECT_TRUE(test::becomes([&] { return shop.statements_of(read).all()[0].on_replica; }));
}
