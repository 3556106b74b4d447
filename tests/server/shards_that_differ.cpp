// One shard that is not as the others, or not there: what goes on, what is refused, and how it ends by itself.

#include "support/becomes.hpp"
#include "support/free_port.hpp"
#include "support/postgres_server.hpp"
#include "support/process.hpp"
#include "support/relay.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <ashlar/ashlar.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <filesystem>

namespace {

using namespace ashlar;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr const char* schema =
    "create table acc (id bigint primary key, n integer, name text);"
    "create table other (id bigint primary key, v integer);";
constexpr const char* rest =
    "[tables]\nacc = { shard_key = \"id\" }\nother = { shard_key = \"id\" }\n[pool]\nmin_connections = 0\n"
    "connect_timeout = \"2s\"\n";

// Four PostgreSQL shards; the third behind a stretch of network that can be cut.
class four_shards {
public:
    four_shards() {
        for (int i = 1; i <= 4; ++i) {
            server_.create_database(name(i));
            server_.run_sql(schema, name(i));
        }
    }
    std::string name(int i) const { return "part_" + std::to_string(i); }
    std::string config() const {
        std::string text = "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\n";
        for (int i = 1; i <= 4; ++i) {
            std::string url = server_.url(name(i));
            const std::string port = std::to_string(server_.port());
            if (i == 3) url.replace(url.find(port), port.size(), std::to_string(way_.port()));
            text += fmt::format("[shards.shard_{}]\nurl = \"{}\"\n", i, url);
        }
        return text + rest;
    }
    void run(int i, const std::string& sql) { server_.run_sql(sql, name(i)); }
    test::relay& way() { return way_; }

private:
    test::postgres_server server_;
    test::relay way_{server_.port()};
};

// shard_3 has the keys with remainder 2.
constexpr int on_first = 4, on_third = 2;

}  // namespace

TEST(ShardsThatDiffer, OneExtraColumnStopsStatementsAboutThatTableOnly) {
    four_shards parts;
    const auto before = cluster::open_text(parts.config());
    ASSERT_TRUE(before) << before.error().to_string();
    for (int i = 1; i <= 8; ++i) {
        ASSERT_TRUE(before->execute("insert into acc (id, n) values ($1, 1)", i));
        ASSERT_TRUE(before->execute("insert into other values ($1, 1)", i));
    }
    parts.run(3, "alter table acc add column note text");
    const auto shop = cluster::open_text(parts.config());
    ASSERT_TRUE(shop) << shop.error().to_string();
    EXPECT_EQ(shop->scalar<std::int64_t>("select count(*) from other").value(), 8);
    for (const char* sql : {"select count(*) from acc", "select * from acc where id = 4", "delete from acc",
                            "insert into acc (id, n) values (100, 1)", "update acc set n = 2 where id = 4",
                            "select * from other where id in (select id from acc)"}) {
        const auto refused = shop->query(sql);
        ASSERT_FALSE(refused) << sql;
        EXPECT_EQ(refused.error(), errc::shards_disagree) << sql;
        EXPECT_THAT(refused.error().message(), HasSubstr("on shard_3 column note is extra")) << sql;
    }
    // By name a shard is as it is.
    EXPECT_TRUE(shop->database("shard_3").execute("insert into acc (id, note) values (102, 'x')"));
    EXPECT_FALSE(shop->database("shard_3").execute("insert into acc (id, note) values (101, 'x')"));
    EXPECT_EQ(shop->database("shard_1").scalar<std::int64_t>("select count(*) from acc").value(), 2);
    EXPECT_TRUE(shop->database("shard_1").execute("insert into acc values (104, 1, 'x')"));

    for (const int i : {1, 2, 4}) parts.run(i, "alter table acc add column note text");
    EXPECT_TRUE(test::becomes([&] { return shop->query("select note from acc").has_value(); }));
    EXPECT_EQ(shop->scalar<std::int64_t>("select count(*) from acc").value(), 10);
}

TEST(ShardsThatDiffer, ANewShardWithoutTablesIsFilledByTheToolsThatMakeThem) {
    four_shards parts;
    parts.run(4, "drop table acc");
    const auto shop = cluster::open_text(parts.config());
    ASSERT_TRUE(shop) << shop.error().to_string();
    const auto refused = shop->query("select * from acc where id = 4");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(), HasSubstr("on shard_4 the table is missing"));
    ASSERT_TRUE(shop->database("shard_4").execute("create table acc (id bigint primary key, n integer, name text)"));
    EXPECT_TRUE(test::becomes([&] { return shop->query("select * from acc where id = 4").has_value(); }));
}

TEST(ShardsThatDiffer, OneThatIsAwayAtTheStartStopsNobodyElse) {
    four_shards parts;
    {
        const auto before = cluster::open_text(parts.config());
        ASSERT_TRUE(before);
        for (int i = 1; i <= 8; ++i) ASSERT_TRUE(before->execute("insert into acc (id, n) values ($1, 1)", i));
    }
    parts.way().cut();
    const auto shop = cluster::open_text(parts.config());
    ASSERT_TRUE(shop) << shop.error().to_string();
    EXPECT_EQ(shop->scalar<std::int64_t>("select n from acc where id = $1", on_first).value(), 1);
    for (const char* sql : {"select * from acc where id = 2", "select count(*) from acc"}) {
        const auto refused = shop->query(sql);
        ASSERT_FALSE(refused) << sql;
        EXPECT_EQ(refused.error(), errc::shard_unavailable) << sql;
        EXPECT_THAT(refused.error().to_string(), HasSubstr("shard_3")) << sql;
    }
    parts.way().pass();
    EXPECT_TRUE(test::becomes([&] { return shop->query("select n from acc where id = $1", on_third).has_value(); }));
    EXPECT_EQ(shop->scalar<std::int64_t>("select count(*) from acc").value(), 8);
}

TEST(ShardsThatDiffer, OneThatComesBackAsAnotherDatabaseIsNotUsed) {
    four_shards parts;
    ASSERT_TRUE(cluster::open_text(parts.config()));
    parts.way().cut();
    const auto shop = cluster::open_text(parts.config());
    ASSERT_TRUE(shop) << shop.error().to_string();
    parts.run(3, "drop schema ashlar cascade");
    parts.way().pass();
    const auto refused_by_mark = [&] {
        const auto got = shop->execute("insert into acc (id) values (2)");
        return !got && got.error() == errc::config_invalid;
    };
    EXPECT_TRUE(test::becomes(refused_by_mark));
    EXPECT_THAT(shop->query("select count(*) from acc").error().message(), HasSubstr("stands in its place"));
    EXPECT_TRUE(shop->execute("insert into acc (id) values ($1)", on_first));
}

TEST(ShardsThatDiffer, OneThatComesBackWithOtherTablesIsComparedFirst) {
    four_shards parts;
    parts.way().cut();
    const auto shop = cluster::open_text(parts.config());
    ASSERT_TRUE(shop) << shop.error().to_string();
    EXPECT_TRUE(shop->execute("insert into acc (id) values ($1)", on_first));
    parts.run(3, "alter table acc alter column n type text");
    parts.way().pass();
    EXPECT_TRUE(test::becomes([&] { return shop->query("select * from other where id = 2").has_value(); }));
    const auto refused = shop->query("select * from acc where id = 4");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(), HasSubstr("on shard_3 column n is text and not integer"));
}

TEST(ShardsThatDiffer, WithAllAwayNothingOpens) {
    four_shards parts;
    std::string config = parts.config();
    const auto opened = cluster::open_text(
        "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\ncount = 3\n"
        "url = \"postgres://x@127.0.0.1:1/part_{shard}\"\n" +
        std::string{rest});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), errc::connect_failed);
}

TEST(ShardsThatDiffer, AFileThatIsAwayAtTheStartStopsNobodyElse) {
    const test::temporary_folder folder;
    std::string config = "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\n";
    for (int i = 1; i <= 3; ++i) {
        std::filesystem::create_directory(folder.file(std::to_string(i)));
        config += fmt::format("[shards.shard_{0}]\nurl = \"sqlite:{1}/{0}/a.db\"\n", i, folder.path());
    }
    config += rest;
    {
        const auto first = cluster::open_text(config);
        ASSERT_TRUE(first) << first.error().to_string();
        for (int i = 1; i <= 3; ++i)
            ASSERT_TRUE(
                first->database(fmt::format("shard_{}", i)).execute("create table acc (id integer primary key)"));
        ASSERT_TRUE(first->refresh());
        for (int i = 1; i <= 6; ++i) ASSERT_TRUE(first->execute("insert into acc values ($1)", i));
    }
    std::filesystem::rename(folder.file("3"), folder.file("away"));
    const auto shop = cluster::open_text(config);
    ASSERT_TRUE(shop) << shop.error().to_string();
    EXPECT_TRUE(shop->query("select * from acc where id = 3"));
    const auto refused = shop->query("select * from acc where id = 2");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::shard_unavailable);
    std::filesystem::rename(folder.file("away"), folder.file("3"));
    EXPECT_TRUE(test::becomes([&] { return shop->query("select * from acc where id = 2").has_value(); }));
    EXPECT_EQ(shop->scalar<std::int64_t>("select count(*) from acc").value(), 6);
}

namespace {

std::string psql(std::uint16_t port, const std::string& sql) {
    test::command what;
    what.arguments = {test::postgres_server::program("psql"),
                      "-XAtq",
                      "-v",
                      "ON_ERROR_STOP=1",
                      "-c",
                      sql,
                      fmt::format("postgres://demo@127.0.0.1:{}/shop", port)};
    const test::command_result got = test::run(what);
    return got.ok() ? got.out : got.err;
}

}  // namespace

TEST(ShardsThatDiffer, WithTwoServersThatTakeWritesReadsElsewhereAndLoginsGoOn) {
    test::postgres_server primary;
    for (const char* name : {"part_1", "part_2"}) {
        primary.create_database(name);
        primary.run_sql(schema, name);
    }
    primary.run_sql("insert into acc (id, n) values (1, 1), (3, 3)", "part_2");
    test::postgres_server::options how;
    how.replica_of = &primary;
    const test::postgres_server other{how};
    other.run_sql("select pg_promote()");
    const std::uint16_t port = test::free_port();
    const std::string config = fmt::format(
        "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\n[shards.shard_1]\nurl = \"{}\"\nreplicas = [\"{}\"]\n"
        "[shards.shard_2]\nurl = \"{}\"\n{}[serve]\nlisten_port = {}\ndatabase = \"shop\"\nauth_type = \"trust\"\n",
        primary.url("part_1"), other.url("part_1"), primary.url("part_2"), rest, port);
    const auto shop = cluster::open_text(config);
    ASSERT_TRUE(shop) << shop.error().to_string();
    EXPECT_EQ(shop->scalar<int>("select n from acc where id = 3").value(), 3);
    EXPECT_TRUE(shop->execute("insert into acc (id, n) values (5, 5)"));
    const auto refused = shop->execute("insert into acc (id, n) values (4, 4)");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::shard_unavailable);

    const test::temporary_folder folder;
    test::command serve;
    serve.arguments = {test::binary_path("bin/ashlar"), "serve", "-c", folder.write("ashlar.toml", config)};
    serve.output_file = folder.file("log");
    const test::child proxy{serve};
    EXPECT_TRUE(test::becomes([&] { return psql(port, "select n from acc where id = 3") == "3\n"; }))
        << psql(port, "select n from acc where id = 3") << test::read_file(folder.file("log"));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(psql(port, "select n from acc where id = 5"), "5\n");  // logins take turns
    EXPECT_THAT(psql(port, "insert into acc (id, n) values (4, 4)"),
                HasSubstr("no server of shard_1 may be written to"));
}
