// pool.max_connections_per_server on real servers: under load, through the library and through the proxy, the server never
// sees more connections than that, and everybody is served.
#include "support/becomes.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/proxied.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>

#include <atomic>
#include <set>
#include <thread>

using namespace ashlar;
using namespace ashlar::test;
using namespace std::chrono_literals;

namespace {

// Counts on a thread of its own until it is told to stop; gives the most that was seen in more than ten looks.
class sampler {
public:
    explicit sampler(std::function<int()> count)
        : thread_([this, count = std::move(count)] {
              while (!over_) {
                  most_ = std::max(most_, count());
                  ++looks_;
              }
          }) {}
    ~sampler() { stop(); }
    int most() {
        EXPECT_TRUE(becomes([&] { return looks_ > 10; }));
        stop();
        return most_;
    }

private:
    void stop() {
        over_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::atomic<bool> over_{false};
    std::atomic<int> looks_{0};
    int most_ = 0;
    std::thread thread_;
};

int clients_of(const postgres_server& on) {
    return std::stoi(
        on.scalar("select count(*) from pg_stat_activity where backend_type = 'client backend' and "
                  "datname <> 'postgres'"));
}

std::string shards_on(const postgres_server& on, int shards, const std::string& pool) {
    for (int i = 1; i <= shards; ++i) on.create_database(fmt::format("shard_{}", i));
    return fmt::format(
        "[shards]\nfunction = \"hash\"\nkey_type = \"integer\"\ncount = {}\nurl = \"{}\"\n"
        "[tables]\nitems = {{ shard_key = \"id\" }}\n[pool]\n{}",
        shards, on.url("shard_{shard}"), pool);
}

cluster open(const std::string& toml) {
    auto opened = cluster::open_text(toml);
    if (!opened) throw std::runtime_error{opened.error().to_string()};
    return std::move(*opened);
}

void in_parallel(int threads, const std::function<void(int)>& work) {
    std::vector<std::thread> all;
    all.reserve(static_cast<std::size_t>(threads));
    for (int t = 0; t < threads; ++t) all.emplace_back(work, t);
    for (auto& each : all) each.join();
}

}  // namespace

TEST(ServerCap, UnderLoadThroughTheLibraryPostgresNeverSeesMoreThanTheCapAndAllAreServed) {
    postgres_server server;
    cluster shop = open(shards_on(server, 6, "max_connections_per_server = 7\nmin_connections = 2\n"));
    shop.all_shards().run_script("create table items (id bigint primary key, n int not null)").value();
    shop.refresh().value();
    sampler counting{[&] { return clients_of(server); }};
    std::atomic<int> served{0};
    in_parallel(12, [&](int t) {
        for (int i = 0; i < 150; ++i) {
            auto put = shop.execute("insert into items values ($1, 0)", t * 1'000 + i);
            EXPECT_TRUE(put) << put.error().to_string();
            if (put) ++served;
        }
    });
    EXPECT_EQ(served, 12 * 150);
    EXPECT_EQ(shop.scalar<std::int64_t>("select count(*) from items").value(), 12 * 150);
    const int most = counting.most();
    EXPECT_LE(most, 7);
    EXPECT_GE(most, 6);
}

TEST(ServerCap, UnderLoadThroughTheProxyPostgresNeverSeesMoreThanTheCapAndAllAreServed) {
    proxied::options how;
    how.shards = 4;
    how.schema = {"create table items (id bigint primary key, n int not null)"};
    how.tables = {proxied::sharded("items", "id")};
    how.pool = 5;
    how.change = [](config::description& d) {
        for (auto& each : d.shards_->list) each.pool.max_connections_per_server = 6;
        d.databases.at("primary").pool.max_connections_per_server = 6;
        d.serve.workers = 3;
    };
    proxied shop{how};
    sampler counting{[&] { return clients_of(shop.databases()); }};
    std::atomic<int> served{0};
    in_parallel(12, [&](int t) {
        raw_client client{shop.login()};
        for (int i = 0; i < 100; ++i) {
            const auto put = client.query(fmt::format("insert into items values ({}, 0)", t * 1'000 + i));
            EXPECT_EQ(put, "C(INSERT 0 1) Z(I)");
            if (put == "C(INSERT 0 1) Z(I)") ++served;
        }
    });
    EXPECT_EQ(served, 12 * 100);
    EXPECT_LE(counting.most(), 6);
}

TEST(ServerCap, UnderLoadMariaDbNeverSeesMoreThanTheCapAndAllAreServed) {
    mariadb_server server;
    temporary_folder folder;
    std::string toml =
        "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\ncount = 2\n"
        "url = \"sqlite:shard_{shard}.db\"\n[pool]\nmax_connections_per_server = 3\n";
    for (const char* name : {"one", "two", "three", "four"}) {
        server.create_database(name);
        toml += fmt::format("[databases.{}]\nurl = \"{}\"\n", name, server.url(name));
    }
    auto opened = cluster::open_text(toml, folder.path());
    ASSERT_TRUE(opened) << opened.error();
    cluster& shop = *opened;
    const char* const names[] = {"one", "two", "three", "four"};
    for (const char* name : names) {
        shop.database(name).run_script("create table t (id int primary key auto_increment, n int)").value();
    }
    // MariaDB closes a socket before it takes the session off its list: one that only stands there is gone a few looks later.
    const auto sessions = [&] {
        std::set<std::string> found;
        for (const auto& row : server.run_sql("select id from information_schema.processlist where db is not null and "
                                              "id <> connection_id() and db <> 'test'")) {
            found.insert(row[0].value());
        }
        return found;
    };
    sampler counting{[&] {
        std::set<std::string> there = sessions();
        for (int look = 0; look < 10 && there.size() > 3; ++look) {
            const std::set<std::string> now = sessions();
            std::erase_if(there, [&](const std::string& id) { return now.count(id) == 0; });
        }
        return static_cast<int>(there.size());
    }};
    std::atomic<int> served{0};
    in_parallel(10, [&](int t) {
        for (int i = 0; i < 100; ++i) {
            auto put = shop.database(names[(t + i / 5) % 4]).execute("insert into t (n) values ($1)", i);
            EXPECT_TRUE(put) << put.error().to_string();
            if (put) ++served;
        }
    });
    EXPECT_EQ(served, 10 * 100);
    EXPECT_LE(counting.most(), 3);
}

TEST(ServerCap, MinConnectionsAndWarmUpBowToIt) {
    postgres_server server;
    const std::string toml = shards_on(server, 4,
                                       "max_connections_per_server = 6\nmin_connections = 5\nwarm_up = [\"select 1\"]\n"
                                       "warm_up_required = true\n");
    sampler counting{[&] { return clients_of(server); }};
    cluster shop = open(toml);
    EXPECT_TRUE(becomes([&] { return clients_of(server) == 6; }));
    shop.all_shards().run_script("create table items (id bigint primary key)").value();
    EXPECT_LE(counting.most(), 6);
}

TEST(ServerCap, WhoWaitsInVainIsToldWhoHasTheConnections) {
    postgres_server server;
    cluster shop = open(shards_on(server, 2,
                                  "max_connections_per_server = 2\nmin_connections = 0\n"
                                  "checkout_timeout = \"10s\"\n"));
    shop.all_shards().run_script("create table items (id bigint primary key)").value();
    auto held = shop.database("shard_1").transaction([&](transaction& first) -> status {
        if (auto begun = first.execute("select 1"); !begun) return begun.error();
        return shop.database("shard_1").transaction([&](transaction& second) -> status {
            if (auto begun = second.execute("select 1"); !begun) return begun.error();
            auto late = shop.database("shard_2").scalar<int>("select 1");
            EXPECT_EQ(late.error(), errc::pool_timeout);
            const std::string said = fmt::format(
                "All 2 connections to 127.0.0.1:{} that pool.max_connections_per_server allows are taken: "
                "shard_1 has 2.",
                server.port());
            EXPECT_NE(late.error().detail().find(said), std::string::npos) << late.error().detail();
            return {};
        });
    });
    EXPECT_TRUE(held) << held.error();
    EXPECT_TRUE(becomes([&] {  // its login counts on the patience
        const auto one = shop.database("shard_2").scalar<int>("select 1");
        return one && *one == 1;
    }));
}

TEST(ServerCap, OneThatIsTooSmallForAStatementOverAllShardsIsAMistake) {
    postgres_server server;
    auto opened = cluster::open_text(shards_on(server, 3, "max_connections_per_server = 2\n"));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), errc::config_invalid);
    EXPECT_EQ(opened.error().message(),
              fmt::format("pool.max_connections_per_server is 2, and 3 shards are on 127.0.0.1:{}", server.port()));
}

TEST(ServerCap, TheRoomIsFilledUpToTheMinimaAsFarAsItGoes) {
    postgres_server server;
    cluster shop = open(shards_on(server, 2, "max_connections_per_server = 3\nmin_connections = 2\n"));
    EXPECT_TRUE(becomes([&] { return clients_of(server) == 3; })) << clients_of(server);
}
