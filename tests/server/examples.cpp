// The programs of examples/, compiled as they stand, run on SQLite files and on real PostgreSQL shards.
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/process.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <sstream>

using namespace ashlar::test;

namespace {

constexpr const char* shop_says =
    "one user: 1 of 4 orders pending, lives in France\n"
    "after paying: 0 pending, name \"user 4 (paid)\"\n"
    "paid: 145 orders, 17406.00 in all\n"
    "pending: 95 orders, 11274.00 in all\n"
    "newest: 239.00 238.00 237.00 236.00 235.00\n"
    "users: 120 on 4 shards\n"
    "de 40\n"
    "fr 40\n"
    "jp 40\n";

constexpr const char* photos_say =
    "photo 21: 2 comments, 2 likes\n"
    "photo 22: 2 comments, 2 likes\n"
    "photo 23: 2 comments, 2 likes\n"
    "user 7's friends: user 6, user 8, 2 in all\n"
    "latest: photo 119, photo 118, photo 117,\n"
    "photos: 120 on 4 shards\n"
    "likes: 240\n";

constexpr const char* databases_say =
    "carts: 1, visits of chairs: 1\n"
    "chairs in Europe: 3, pieces everywhere: 8\n"
    "after a sale: 2 chairs; no database is named mars\n";

constexpr const char* replicas_say =
    "total: 7, and again 7\n"
    "carts: 2; writing is refused with 25006\n"
    "in a transaction: 2\n";

constexpr const char* pools_say =
    "beside one report: 42\n"
    "beside two: too late. Raise pool.max_connections, or look for transactions that stay open.\n"
    "in the archive: too many. Raise pool.waiters_max, or pool.max_connections if the server can bear it.\n"
    "afterwards: 42\n"
    "archive: 1 of 1 open, 0 lent\n"
    "primary: 2 of 2 open, 0 lent\n";

command_result run_example(const std::string& name, const std::string& folder, std::vector<std::string> arguments = {},
                           std::map<std::string, std::string> environment = {}) {
    command what;
    what.environment = std::move(environment);
    what.arguments = {binary_path("examples/example_" + name)};
    what.arguments.insert(what.arguments.end(), arguments.begin(), arguments.end());
    what.folder = folder;
    return run(what);
}

// A configuration of four databases on one server, with the tables of the example.
std::string on_postgres(const postgres_server& server, const std::string& name, const std::string& function,
                        const std::string& example_tables) {
    for (int i = 1; i <= 4; ++i) server.create_database(fmt::format("{}_{}", name, i));
    return fmt::format(
        "[shards]\nfunction = \"{}\"\nkey_type = \"uuid\"\ncount = 4\nurl = \"{}\"\n\n[pool]\n"
        "min_connections = 1\n\n[tables]\n{}",
        function, server.url(name + "_{shard}"), example_tables);
}

}  // namespace

TEST(Examples, TheShopOnSqlite) {
    temporary_folder folder;
    for (int times = 0; times < 2; ++times) {  // it starts anew each time
        command_result done = run_example("shop", folder.path());
        EXPECT_EQ(done.exit_code, 0) << done.err;
        EXPECT_EQ(done.out, shop_says);
    }
}

TEST(Examples, ThePhotoSiteOnSqlite) {
    temporary_folder folder;
    command_result done = run_example("photos", folder.path());
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, photos_say);
}

TEST(Examples, ThePoolsOnSqlite) {
    temporary_folder folder;
    command_result done = run_example("pools", folder.path());
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, pools_say);
}

TEST(Examples, BothOnPostgres) {
    postgres_server server;
    temporary_folder folder;
    const std::string shop = folder.write("shop.toml", on_postgres(server, "shop", "modulo",
                                                                   "users = { shard_key = \"id\" }\n"
                                                                   "orders = { shard_key = \"user_id\" }\n"
                                                                   "countries = { kind = \"reference\" }\n"));
    command_result done = run_example("shop", folder.path(), {shop});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, shop_says);

    std::string tables = "users = { shard_key = \"id\" }\n";
    for (const char* each : {"photos", "comments", "likes", "friendships"}) {
        tables += fmt::format("{} = {{ shard_key = \"user_id\" }}\n", each);
    }
    const std::string photos = folder.write("photos.toml", on_postgres(server, "photos", "hash", tables));
    done = run_example("photos", folder.path(), {photos});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, photos_say);
}

TEST(Examples, WhatIsCountedOnFiles) {
    temporary_folder folder;
    const std::string file = folder.write("ashlar.toml", "[databases.primary]\nurl = \"sqlite:primary.db\"\n");
    command_result done = run_example("metrics", folder.path(), {file});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_THAT(done.out, ::testing::HasSubstr("{database=\"primary\""));
}

TEST(Examples, SeveralDatabasesOnFilesAndOnTwoEngines) {
    temporary_folder folder;
    command_result done = run_example("databases", folder.path());
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, databases_say);

    postgres_server postgres;
    mariadb_server mariadb;
    postgres.create_database("eu");
    postgres.create_database("us");
    mariadb.create_database("shop");
    mariadb.create_database("visits");
    const auto section = [](const char* name, const std::string& url) {
        return fmt::format("[databases.{}]\nurl = \"{}\"\n", name, url);
    };
    const std::string file = folder.write(
        "ashlar.toml", section("primary", mariadb.url("shop")) + section("analytics", mariadb.url("visits")) +
                           section("eu-west", postgres.url("eu")) + section("us-east", postgres.url("us")));
    done = run_example("databases", folder.path(), {file});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, databases_say);
}

template <class Server>
void expect_replicas_and_health() {
    Server primary;
    typename Server::options how;
    how.replica_of = &primary;
    Server one{how}, two{how};
    primary.create_database("shop");
    temporary_folder folder;
    const std::string file =
        folder.write("ashlar.toml", fmt::format("[databases.primary]\nurl = \"{}\"\nreplicas = [\"{}\", \"{}\"]\n",
                                                primary.url("shop"), one.url("shop"), two.url("shop")));
    command_result done = run_example("replicas", folder.path(), {file});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, replicas_say);

    done = run_example("health", folder.path(), {file});
    EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
    EXPECT_THAT(done.out, ::testing::HasSubstr("primary writes, healthy"));
    EXPECT_THAT(done.out, ::testing::HasSubstr("primary/replica_2 is read from, healthy"));
    two.stop();
    done = run_example("health", folder.path(), {file});
    EXPECT_EQ(done.exit_code, 1);
    EXPECT_THAT(done.out, ::testing::HasSubstr("primary/replica_1 is read from, healthy"));
    EXPECT_THAT(done.out, ::testing::HasSubstr("primary/replica_2 is read from, unhealthy: "));
}

TEST(Examples, ReplicasAndTheirHealthOnPostgres) {
    expect_replicas_and_health<postgres_server>();
}
TEST(Examples, ReplicasAndTheirHealthOnMariaDb) {
    expect_replicas_and_health<mariadb_server>();
}

TEST(Examples, TestsOfAProgramOnFilesAndOnARealServer) {
    temporary_folder folder;
    for (const char* engine : {"sqlite", "postgres"}) {
        command_result done = run_example("shop_test", folder.path(), {}, {{"TEST_ENGINE", engine}});
        EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
        EXPECT_THAT(done.out, ::testing::HasSubstr("[  PASSED  ] 6 tests."));
    }
}

namespace {

// Lines without what clang-format may change about them: spaces, and what stands after //.
std::vector<std::string> bare_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) {
        if (const auto comment = line.find("//"); comment != std::string::npos) line.erase(comment);
        std::erase_if(line, [](char c) { return c == ' ' || c == '\t'; });
        if (!line.empty()) lines.push_back(line);
    }
    return lines;
}

// Each block of C++ on a page, as one text.
std::vector<std::string> cpp_blocks(const std::string& page) {
    std::vector<std::string> blocks;
    for (auto at = page.find("```cpp\n"); at != std::string::npos; at = page.find("```cpp\n", at + 1)) {
        const auto from = at + 7;
        blocks.push_back(page.substr(from, page.find("```", from) - from));
    }
    return blocks;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& each : lines) all += each;
    return all;
}

}  // namespace

// Long lines may be broken otherwise on the page.
TEST(Examples, HoldAllTheCodeThatStandsOnThePages) {
    std::vector<std::string> examples;
    for (const auto& each : std::filesystem::directory_iterator{source_path("examples")}) {
        examples.push_back(joined(bare_lines(read_file(each.path()))));
    }
    int seen = 0;
    std::vector<std::string> pages{source_path("README.md")};
    for (const auto& each : std::filesystem::recursive_directory_iterator{source_path("docs")}) {
        if (each.path().string().find("/decisions/") == std::string::npos) pages.push_back(each.path());
    }
    for (const std::string& page : pages) {
        for (const std::string& block : cpp_blocks(read_file(page))) {
            ++seen;
            const std::string code = joined(bare_lines(block));
            const bool held = std::ranges::any_of(
                examples, [&](const std::string& each) { return each.find(code) != std::string::npos; });
            EXPECT_TRUE(held) << page << " has code that no example has:\n" << block;
        }
    }
    EXPECT_GT(seen, 3);
}

TEST(Examples, SayWhatIsWrongWithTheirConfiguration) {
    temporary_folder folder;
    const std::string broken = folder.write("broken.toml", "[shards]\nfunction = \"magic\"\n");
    command_result done = run_example("shop", folder.path(), {broken});
    EXPECT_EQ(done.exit_code, 1);
    EXPECT_NE(done.err.find("magic"), std::string::npos) << done.err;
}
