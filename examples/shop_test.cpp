// shop_test.cpp: how a program's own tests use <ashlar/testkit.hpp>; here with GoogleTest.
//
//     shop_test                       on SQLite files, nothing to start
//     TEST_ENGINE=postgres shop_test  the same on a real server that the test starts and ends
#include <ashlar/testkit.hpp>

#include <gtest/gtest.h>
#include <cstdlib>

using namespace ashlar::testkit;
using ashlar::cluster;
using ashlar::server_role;

// --- the program: it is handed a cluster, and knows nothing of tests ---

namespace {

ashlar::status place_order(const cluster& shop, int user, int id) {
    return shop.transaction([&](ashlar::transaction& tx) {
        tx.execute("insert into orders (id, user_id, status) values ($1, $2, 'new')", id, user).value();
        tx.execute("update users set orders = orders + 1 where id = $1", user).value();
    });
}

ashlar::result<int> orders_of(const cluster& shop, int user) {
    return shop.reading().scalar<int>("select count(*) from orders where user_id = $1", user);
}

// --- its tests ---

throwaway_options shop_with_users() {
    throwaway_options how;
    how.tables = R"(
        users  = { shard_key = "id" }
        orders = { shard_key = "user_id" }
    )";
    how.schema =
        "create table users (id integer primary key, orders integer not null);"
        "create table orders (id integer primary key, user_id integer not null, status text)";
    const char* engine_name = std::getenv("TEST_ENGINE");
    if (engine_name != nullptr && std::string{engine_name} == "postgres") how.engine = engine::postgres;
    return how;
}

class Shop : public ::testing::Test {
protected:
    void SetUp() override {
        for (int user = 1; user <= 4; ++user) shop->execute("insert into users values ($1, 0)", user).value();
    }
    throwaway_cluster shop{shop_with_users()};
};

}  // namespace

TEST_F(Shop, AnOrderTouchesItsUsersShardAlone) {
    auto sent = shop.statements_of([&] { place_order(*shop, 3, 1).value(); });
    sent.expect_count(2).expect_shard(shop->shard_for(3).name()).expect_role(server_role::writing).expect_transaction();
}

TEST_F(Shop, OrdersAreReadFromReplicas) {
    auto sent = shop.statements_of([&] { EXPECT_EQ(orders_of(*shop, 3).value(), 0); });
    sent.expect_role(server_role::reading);  // what was asked for; SQLite has no replica that could serve it
}

TEST_F(Shop, AReportAsksEachShardOnce) {
    auto sent =
        shop.statements_of([&] { (void)shop->query("select status, count(*) from orders group by status").value(); });
    EXPECT_EQ(sent.per_database(), (std::map<std::string, std::size_t>{{"shard_1", 1}, {"shard_2", 1}}));
}

TEST_F(Shop, NothingIsHalfDoneWhenTheConnectionGoes) {
    const std::string home = shop->shard_for(3).name();
    shop.fail_next(home, ashlar::errc::connection_lost);
    auto placed = place_order(*shop, 3, 1);
    EXPECT_FALSE(placed);
    EXPECT_EQ(orders_of(*shop, 3).value(), 0);
}

TEST_F(Shop, AnUnknownOutcomeIsNotTakenForAFailure) {
    shop.lose_next_commit(shop->shard_for(3).name(), true);  // it happens, and nobody is told
    auto placed = place_order(*shop, 3, 1);
    ASSERT_FALSE(placed);
    EXPECT_EQ(placed.error().outcome(), ashlar::known::no);  // look before doing it again
    EXPECT_EQ(orders_of(*shop, 3).value(), 1);
}

TEST_F(Shop, AShardThatIsDownStopsItsOwnUsersOnly) {
    const std::string home = shop->shard_for(3).name();
    shop.take_down(home);
    EXPECT_FALSE(place_order(*shop, 3, 1));
    EXPECT_TRUE(place_order(*shop, 4, 2));
    shop.bring_back(home);
    shop.heal();
}
