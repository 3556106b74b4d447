// The programs of examples/, compiled as they stand, run on SQLite files and on real PostgreSQL shards.
#include "support/postgres_server.hpp"
#include "support/process.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <fmt/format.h>

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

command_result run_example(const std::string& name, const std::string& folder,
                           std::vector<std::string> arguments = {}) {
    command what;
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

TEST(Examples, SayWhatIsWrongWithTheirConfiguration) {
    temporary_folder folder;
    const std::string broken = folder.write("broken.toml", "[shards]\nfunction = \"magic\"\n");
    command_result done = run_example("shop", folder.path(), {broken});
    EXPECT_EQ(done.exit_code, 1);
    EXPECT_NE(done.err.find("magic"), std::string::npos) << done.err;
}
