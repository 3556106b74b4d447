// docs/reference/sql_shapes.txt says what becomes of statements: each is run through the proxy and through the library, on
// PostgreSQL and on SQLite. Page and program agree, and so do the faces.
#include "support/postgres_server.hpp"
#include "support/proxied.hpp"
#include "support/text.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>

#include <optional>
#include <sstream>

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;

struct shape {
    std::string sql;
    std::optional<bool> on_postgres, on_sqlite;  // answered? nullopt: not run
    bool only_proxy = false;
};

std::optional<bool> word(std::istringstream& from) {
    std::string one;
    from >> one;
    if (one == "-") return std::nullopt;
    EXPECT_TRUE(one == "yes" || one == "no") << one;
    return one == "yes";
}

std::vector<shape> shapes() {
    std::istringstream in{test::read_file(test::source_path("docs/reference/sql_shapes.txt"))};
    std::vector<shape> all;
    for (std::string line; std::getline(in, line);) {
        const auto bar = line.find("| ");
        if (line.empty() || line[0] == '#' || line[0] == '=' || bar == std::string::npos) continue;
        shape one;
        std::istringstream head{line.substr(0, bar)};
        one.on_postgres = word(head);
        one.on_sqlite = word(head);
        one.sql = line.substr(bar + 2);
        constexpr std::string_view mark = " | proxy";
        one.only_proxy = one.sql.ends_with(mark);
        if (one.only_proxy) one.sql.resize(one.sql.size() - mark.size());
        all.push_back(std::move(one));
    }
    return all;
}

// Each {n} becomes a number of its own, on from one face to the next.
std::string numbered(std::string sql) {
    static int next = 1000;
    for (auto at = sql.find("{n}"); at != std::string::npos; at = sql.find("{n}"))
        sql.replace(at, 3, std::to_string(next++));
    return sql;
}

const std::vector<std::string> schema{
    "create table users (id bigint primary key, name text, country text, born date, score numeric(12,2))",
    "create table orders (id bigint, user_id bigint, status text, total numeric(12,2), primary key (user_id, id))",
    "create table countries (code text primary key, name text)",
    "create table notes (id bigint primary key, body text)"};

proxied::options house(bool sqlite) {
    proxied::options how;
    how.sqlite = sqlite;
    how.schema = schema;
    how.tables = {proxied::sharded("users", "id"), proxied::sharded("orders", "user_id"),
                  proxied::reference("countries")};
    return how;
}

constexpr std::string_view tables =
    "[tables]\nusers = { shard_key = \"id\" }\norders = { shard_key = \"user_id\" }\ncountries = { kind = "
    "\"reference\" }\n";

cluster library(const std::string& primary, const std::string& shard, const std::string& folder) {
    return cluster::open_text(
               fmt::format("[databases.primary]\nurl = \"{}\"\n[shards]\nfunction = \"hash\"\nkey_type = "
                           "\"integer\"\ncount = 4\nurl = \"{}\"\n{}[pool]\nmin_connections = 0\n",
                           primary, shard, tables),
               folder)
        .value();
}

void expect_proxy(proxied& behind, bool sqlite) {
    for (const shape& each : shapes()) {
        const std::optional<bool> answered = sqlite ? each.on_sqlite : each.on_postgres;
        if (!answered) continue;
        raw_client c{behind.login()};
        const std::string got = c.query(numbered(each.sql));
        if (*answered)
            EXPECT_EQ(got.find("E("), std::string::npos) << each.sql << "\n" << got;
        else
            EXPECT_NE(got.find("E(0A000)"), std::string::npos) << each.sql << "\n" << got;
    }
}

void expect_library(const cluster& shop, bool sqlite) {
    for (const shape& each : shapes()) {
        const std::optional<bool> answered = sqlite ? each.on_sqlite : each.on_postgres;
        if (!answered || each.only_proxy) continue;
        const auto got = shop.query(numbered(each.sql));
        if (*answered) {
            EXPECT_TRUE(got) << each.sql << "\n" << got.error();
        } else {
            ASSERT_FALSE(got) << each.sql;
            EXPECT_EQ(got.error().sqlstate(), "0A000") << each.sql << "\n" << got.error();
        }
    }
}

}  // namespace

TEST(SqlShapes, OnPostgresTheProxyDoesWhatThePageSays) {
    proxied behind{house(false)};
    expect_proxy(behind, false);
}

TEST(SqlShapes, OnPostgresTheLibraryDoesWhatThePageSays) {
    proxied behind{house(false)};  // for its databases
    const test::temporary_folder folder;
    expect_library(library(behind.databases().url("main"), behind.databases().url("shard_{shard}"), folder.path()),
                   false);
}

TEST(SqlShapes, OnSqliteTheProxyDoesWhatThePageSays) {
    proxied behind{house(true)};
    expect_proxy(behind, true);
}

TEST(SqlShapes, OnSqliteTheLibraryDoesWhatThePageSays) {
    const test::temporary_folder folder;
    const cluster shop = library("sqlite:main.db", "sqlite:shard_{shard}.db", folder.path());
    for (const std::string& each : schema) {
        shop.database("primary").run_script(each).value();
        shop.all_shards().run_script(each).value();
    }
    expect_library(shop, true);
}

}  // namespace ashlar
