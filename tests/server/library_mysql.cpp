// A MariaDB database that the library asks by its name, beside SQLite shards.
#include "support/mariadb_server.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>

using namespace ashlar;
using namespace ashlar::test;

namespace shop {

struct event {
    std::int64_t id = 0;
    std::string what;
    std::optional<double> weight;
};
ASHLAR_MODEL(event, "events", id, what, weight)

}  // namespace shop

namespace {

using shop::event;

mariadb_server& server() {
    static mariadb_server one;
    return one;
}

std::string of_shards_and(const std::string& more) {
    return "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\ncount = 2\nurl = \"sqlite:shard_{shard}.db\"\n"
           "[tables]\nusers = { shard_key = \"id\" }\n" +
           more;
}

}  // namespace

class LibraryWithMysql : public ::testing::Test {
protected:
    void SetUp() override {
        static int databases = 0;
        const std::string name = fmt::format("analytics_{}", ++databases);
        server().create_database(name);
        auto opened = cluster::open_text(
            of_shards_and(fmt::format("[databases.analytics]\nurl = \"{}\"\n", server().url(name))), folder_.path());
        ASSERT_TRUE(opened) << opened.error();
        shop_.emplace(std::move(*opened));
        status made = shop_->all_shards().run_script("create table users (id integer primary key, name text)");
        ASSERT_TRUE(made) << made.error();
        made = analytics().run_script(
            "create table events (id bigint primary key, what varchar(40) not null, weight double) engine=innodb;"
            "insert into events values (1, 'it''s \\ here', null)");
        ASSERT_TRUE(made) << made.error();
    }
    cluster& shop() { return *shop_; }
    scope analytics() { return shop().database("analytics"); }

private:
    temporary_folder folder_;
    std::optional<cluster> shop_;
};

TEST_F(LibraryWithMysql, IsAskedByItsName) {
    rows got = analytics().query("select what, weight, $1 || '!' as said from events where id = $2", "é\\", 1).value();
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].get<std::string>("what").value(), "it's \\ here");
    EXPECT_EQ(got[0].get<std::optional<double>>("weight").value(), std::nullopt);
    EXPECT_EQ(got[0].get<std::string>("said").value(), "é\\!");
    EXPECT_EQ(analytics().execute("update events set weight = $1 where id = 1", 2.5).value(), 1u);
    EXPECT_EQ(analytics().scalar<double>("select weight from events").value(), 2.5);
}

TEST_F(LibraryWithMysql, KeepsModels) {
    analytics().insert(event{2, "sale", 1.25}).value();
    EXPECT_EQ(analytics().find<event>(2).value().what, "sale");
    EXPECT_EQ(analytics().insert(event{2, "again", {}}).error().sqlstate(), "23505");
    EXPECT_EQ(analytics().find<event>(3).error(), errc::row_not_found);
}

TEST_F(LibraryWithMysql, ATransactionIsKeptOrUndone) {
    auto kept = analytics().transaction([](transaction& in) { in.execute("delete from events").value(); });
    ASSERT_TRUE(kept) << kept.error();
    EXPECT_EQ(analytics().scalar<std::int64_t>("select count(*) from events").value(), 0);
    auto undone = analytics().transaction([](transaction& in) -> status {
        in.execute("insert into events (id, what) values (7, 'x')").value();
        auto again = in.execute("insert into events (id, what) values (7, 'x')");
        if (!again) return std::move(again).error();
        return {};
    });
    EXPECT_EQ(undone.error().sqlstate(), "23505");
    EXPECT_EQ(analytics().scalar<std::int64_t>("select count(*) from events").value(), 0);
}

TEST_F(LibraryWithMysql, AFailureSaysWhatTheServerSaid) {
    auto failed = analytics().query("select no_such_column from events");
    EXPECT_EQ(failed.error().sqlstate(), "42703") << failed.error();
    EXPECT_EQ(analytics().query("select 1; select 2").error(), errc::syntax);
}

TEST_F(LibraryWithMysql, ASessionThatWasChangedIsNotHandedOn) {
    EXPECT_EQ(analytics().execute("set time_zone = '+05:00'").error().sqlstate(), "0A000");
    analytics().run_script("set session sql_mode = ''; set time_zone = '+05:00'").value();
    analytics().transaction([](transaction& tx) { tx.execute("set session sql_mode = ''").value(); }).value();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(analytics().scalar<std::string>("select @@time_zone").value(), "+00:00");
        EXPECT_EQ(analytics().scalar<std::string>("select 'a' || 'b'").value(), "ab");
    }
}

TEST_F(LibraryWithMysql, AScriptHasRoutinesAndNoCommandsOfAClient) {
    analytics()
        .run_script("create procedure two() begin select 1; select 2; end; insert into events values (9, 'x', 1)")
        .value();
    EXPECT_EQ(analytics().scalar<int>("select count(*) from events where id = 9").value(), 1);
    const error refused = analytics().run_script("# x\nDELIMITER //\nselect 1//").error();
    EXPECT_EQ(refused, errc::syntax) << refused;
    EXPECT_NE(refused.hint().find("Leave it out"), std::string::npos);
    const std::string long_one = "select '" + std::string(20 << 20, 'x') + "'";
    EXPECT_EQ(analytics().run_script(long_one).error().sqlstate(), "54000");
    EXPECT_EQ(analytics().query(long_one).error().sqlstate(), "54000");
    EXPECT_EQ(analytics().scalar<int>("select 1").value(), 1);
}

TEST_F(LibraryWithMysql, APrimaryWithoutShardsTakesEveryStatementAsItIs) {
    temporary_folder folder;
    cluster shop =
        cluster::open_text("[databases.primary]\nurl = \"" + server().url("test") + "\"\n", folder.path()).value();
    shop.execute("create table carts (id integer auto_increment primary key, note text) engine = innodb").value();
    shop.transaction([](transaction& tx) {
            tx.execute("insert into carts (note) values ($1), ('it''s \\ MySQL''s')", "first").value();
            tx.execute("replace into carts (id, note) values (7, 'replaced')").value();
        })
        .value();
    EXPECT_EQ(shop.scalar<std::string>("select group_concat(note order by id) from carts").value(),
              "first,it's \\ MySQL's,replaced");
    auto undone = shop.transaction([](transaction& tx) -> status {
        tx.execute("delete from carts").value();
        return error{errc::invalid_argument, "on second thoughts"};
    });
    EXPECT_FALSE(undone);
    EXPECT_EQ(shop.scalar<int>("select count(*) from carts").value(), 3);
    EXPECT_EQ(shop.reading().execute("delete from carts").error().code(), errc::read_only);
    EXPECT_EQ(shop.using_database("primary").scalar<int>("select count(*) from carts").value(), 3);

    const auto of_all = shop.all_shards().query("select 1");
    ASSERT_FALSE(of_all);
    EXPECT_EQ(of_all.error(), errc::unsupported) << of_all.error();
    EXPECT_EQ(shop.shard_for(7).query("select 1").error(), errc::unsupported);
}

TEST(LibraryOverMysql, WhatWouldNeedItsStatementsReadIsRefusedByName) {
    temporary_folder folder;
    const std::string mysql = "[databases.primary]\nurl = \"mysql://u@127.0.0.1:1/d\"\n";
    auto primary = cluster::open_text(mysql +
                                          "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\ncount = 2\n"
                                          "url = \"mysql://u@127.0.0.1:1/d{shard}\"\n"
                                          "[tables]\nusers = { shard_key = \"id\" }\n",
                                      folder.path());
    ASSERT_FALSE(primary);
    EXPECT_EQ(primary.error(), errc::config_invalid) << primary.error();
    auto elsewhere = cluster::open_text(mysql +
                                            "[databases.archive]\nurl = \"sqlite:archive.db\"\n"
                                            "[tables]\nold_carts = { database = \"archive\" }\n",
                                        folder.path());
    ASSERT_FALSE(elsewhere);
    EXPECT_EQ(elsewhere.error(), errc::unsupported) << elsewhere.error();
    EXPECT_NE(elsewhere.error().message().find("old_carts"), std::string::npos) << elsewhere.error();
    auto shards = cluster::open_text(
        "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\ncount = 2\nurl = \"mysql://u@127.0.0.1:1/d{shard}\"\n"
        "[tables]\nusers = { shard_key = \"id\" }\n",
        folder.path());
    ASSERT_FALSE(shards);
    EXPECT_EQ(shards.error(), errc::config_invalid) << shards.error();
}
