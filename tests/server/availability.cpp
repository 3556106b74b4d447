// One shard is stopped (SIGSTOP: its server takes connections and says nothing) while clients ask all shards: statements for
// the other shards, and those that any shard can answer, do not notice.
#include "support/becomes.hpp"
#include "support/libpq_client.hpp"
#include "support/proxied.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <thread>

namespace ashlar {
namespace {

using namespace std::chrono_literals;
using test::becomes;
using test::postgres_server;
using client = test::libpq_client;
using test::proxied;

class OneStoppedShard : public ::testing::Test {
protected:
    static constexpr const char* schema =
        "create table acc (id int primary key, n int not null); create table rate (id int primary key, v int);"
        "insert into rate values (1, 7)";
    static constexpr int keys = 40;

    OneStoppedShard() {
        // The last shard has a server of its own.
        postgres_server::options roomy;
        roomy.settings["max_connections"] = "200";
        last_ = std::make_unique<postgres_server>(roomy);
        last_->create_database("shard_4");
        (void)last_->run_sql(schema, "shard_4");
        proxied::options how;
        how.shards = 4;
        how.pool = 8;
        how.schema = {schema};
        how.tables = {proxied::sharded("acc", "id"), proxied::reference("rate")};
        how.change = [this](config::description& d) {
            config::endpoint& where = d.shards_->list[3].primary;
            where.host = last_->host();
            where.port = last_->port();
            for (config::database& each : d.shards_->list) each.pool.checkout_timeout = 2s;
        };
        proxy_.emplace(how);
        client c{proxy_->port()};
        for (int key = 1; key <= keys; ++key) {
            const std::string done = c.query(fmt::format("insert into acc values ({}, 0)", key));
            if (done != "INSERT 0 1") throw std::runtime_error{done};
            const std::string where = fmt::format("select count(*) from acc where id = {}", key);
            if (last_->scalar(where, "shard_4") == "0") elsewhere_.push_back(key);
        }
    }
    ~OneStoppedShard() override { last_->resume(); }

    // Clients that ask all shards, over and over, until this is destroyed.
    class crowd {
    public:
        crowd(OneStoppedShard& of, int count, const std::string& sql) : of_(of) {
            for (int i = 0; i < count; ++i) clients_.push_back(std::make_unique<client>(of.proxy_->port()));
            for (auto& each : clients_) {
                threads_.emplace_back([this, c = each.get(), sql] {
                    while (!over_) {
                        if (c->query(sql) == std::to_string(keys)) ++answered;
                    }
                });
            }
        }
        ~crowd() {
            over_ = true;
            of_.last_->resume();
            for (std::thread& each : threads_) each.join();
        }
        std::atomic<int> answered{0};

    private:
        OneStoppedShard& of_;
        std::atomic<bool> over_{false};
        std::vector<std::unique_ptr<client>> clients_;
        std::vector<std::thread> threads_;
    };

    // So many reads by key of the shards that answer: those that failed.
    std::vector<std::string> read_by_key(int times) {
        std::vector<std::string> failed;
        client c{proxy_->port()};
        for (int i = 0; i < times; ++i) {
            const int key = elsewhere_[static_cast<std::size_t>(i) % elsewhere_.size()];
            const std::string sql = fmt::format("select n from acc where id = {}", key);
            const std::string got = i % 2 == 0 ? c.query(sql) : c.bound(sql);
            if (got != "0") failed.push_back(got);
        }
        return failed;
    }

    std::unique_ptr<postgres_server> last_;
    std::optional<proxied> proxy_;
    std::vector<int> elsewhere_;  // keys of the other shards
};

TEST_F(OneStoppedShard, StallsNoReadOfTheOthersHoweverManyAskAllShards) {
    for (const char* all : {"select count(*) from acc", "select count(*) from acc where n = 0"}) {
        crowd busy{*this, 30, all};
        ASSERT_TRUE(becomes([&] { return busy.answered > 60; }));
        last_->pause();
        // So long that every client has met the stopped shard, and some have waited in vain for a connection to it.
        const auto until = std::chrono::steady_clock::now() + 4s;
        int rounds = 0;
        while (std::chrono::steady_clock::now() < until) {
            const std::vector<std::string> failed = read_by_key(50);
            ASSERT_TRUE(failed.empty()) << all << ": " << failed.front();
            ++rounds;
        }
        EXPECT_GT(rounds, 0);
        const int then = busy.answered;
        last_->resume();
        EXPECT_TRUE(becomes([&] { return busy.answered > then + 60; }));
    }
}

TEST_F(OneStoppedShard, StallsNoStatementOverSomeOfTheOthers) {
    std::vector<int> few{elsewhere_.begin(), elsewhere_.begin() + 12};
    crowd busy{*this, 20, "select count(*) from acc"};
    ASSERT_TRUE(becomes([&] { return busy.answered > 40; }));
    last_->pause();
    client c{proxy_->port()};
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(c.query(fmt::format("select count(*) from acc where id in ({})", fmt::join(few, ","))), "12");
    }
}

TEST_F(OneStoppedShard, StallsNothingThatAnyShardCanAnswer) {
    client warm{proxy_->port()};
    for (int i = 0; i < 8; ++i) ASSERT_EQ(warm.query("select v from rate where id = 1"), "7");
    last_->pause();
    // Each may meet the stopped one first; it is asked elsewhere before long.
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            client c{proxy_->port()};
            for (int n = 0; n < 40; ++n) {
                const char* const sql = n % 2 == 0 ? "select 1 + 6" : "select v from rate where id = 1";
                const std::string got = i % 2 == 0 ? c.query(sql) : c.bound(sql);
                if (got != "7") {
                    ++wrong;
                    ADD_FAILURE() << sql << ": " << got;
                }
            }
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_EQ(wrong, 0);
}

TEST_F(OneStoppedShard, StallsNoSingleReadBesideTransactionsOverAllShards) {
    std::vector<std::unique_ptr<client>> all;
    for (int i = 0; i < 20; ++i) all.push_back(std::make_unique<client>(proxy_->port()));
    for (auto& each : all) ASSERT_EQ(each->query("begin"), "BEGIN");
    last_->pause();
    std::vector<std::thread> threads;
    for (auto& each : all) threads.emplace_back([c = each.get()] { (void)c->query("select count(*) from acc"); });
    for (int i = 0; i < 10; ++i) {
        const std::vector<std::string> failed = read_by_key(30);
        EXPECT_TRUE(failed.empty()) << failed.front();
    }
    last_->resume();
    for (std::thread& each : threads) each.join();
}

TEST_F(OneStoppedShard, AClientThatWaitsForItCanCancel) {
    last_->pause();
    client c{proxy_->port()};
    std::atomic<bool> over{false};
    std::string got;
    std::thread asking{[&] {
        got = c.query("select count(*) from acc");
        over = true;
    }};
    EXPECT_TRUE(becomes([&] { return proxy_->databases().scalar("select count(*) from acc", "shard_1") != ""; }));
    // The stopped server cannot be asked to cancel: the client gets its answer once it goes on.
    c.cancel();
    last_->resume();
    asking.join();
    EXPECT_TRUE(over);
    EXPECT_TRUE(got == std::to_string(keys) || got.starts_with("57014")) << got;
    EXPECT_EQ(c.query("select count(*) from acc"), std::to_string(keys));
}

// A bound on the server's connections that is little larger than the number of its shards.
TEST(CappedServer, StatementsOverAllShardsDoNotWaitForEachOther) {
    proxied::options how;
    how.shards = 4;
    how.pool = 8;
    how.schema = {"create table acc (id int primary key, n int not null, t text not null)"};
    how.tables = {proxied::sharded("acc", "id")};
    how.change = [](config::description& d) {
        for (config::database& each : d.shards_->list) each.pool.max_connections_per_server = 5;
        d.databases.at("primary").pool.max_connections_per_server = 5;
    };
    proxied house{how};
    {
        client c{house.port()};
        for (int key = 1; key <= 20; ++key) {
            // Long rows, so that answers cannot be read ahead whole.
            const std::string done =
                c.query(fmt::format("insert into acc values ({}, 0, '{}')", key, std::string(200'000, 'x')));
            ASSERT_EQ(done, "INSERT 0 1");
        }
    }
    std::atomic<int> answered{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            client c{house.port()};
            for (int n = 0; n < 10; ++n) {
                const std::string got = c.query("select id, t from acc order by id");
                if (got == "1")
                    ++answered;
                else
                    ADD_FAILURE() << got.substr(0, 300);
            }
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_EQ(answered, 80);
}

// The same of the library, whose callers block.
TEST(OneStoppedShardOfTheLibrary, StallsNoReadOfTheOthersNorWhatAnyShardCanAnswer) {
    postgres_server good, last;
    std::string toml = fmt::format(
        "[databases.primary]\nurl = \"{}\"\n[shards]\nfunction = \"hash\"\nkey_type = "
        "\"integer\"\n",
        good.url("main"));
    const char* const schema =
        "create table acc (id int primary key, n int not null);"
        "create table rate (id int primary key, v int); insert into rate values (1, 7)";
    good.create_database("main");
    (void)good.run_sql(schema, "main");
    for (int i = 1; i <= 4; ++i) {
        postgres_server& on = i == 4 ? last : good;
        const std::string name = "shard_" + std::to_string(i);
        on.create_database(name);
        (void)on.run_sql(schema, name);
        toml += fmt::format("[shards.{}]\nurl = \"{}\"\n", name, on.url(name));
    }
    toml +=
        "[pool]\nmax_connections = 6\nmin_connections = 0\n[tables]\nacc = { shard_key = \"id\" }\n"
        "rate = { kind = \"reference\" }\n";
    cluster_options options;
    options.timeout = 20s;
    auto opened = cluster::open_text(toml, ".", options);
    ASSERT_TRUE(opened) << opened.error();
    const cluster shop = *opened;
    std::vector<int> elsewhere;
    for (int key = 1; key <= 40; ++key) {
        ASSERT_TRUE(shop.execute("insert into acc values ($1, 0)", key));
        const std::string there = last.scalar(fmt::format("select count(*) from acc where id = {}", key), "shard_4");
        if (there == "0") elsewhere.push_back(key);
    }
    std::atomic<bool> over{false};
    std::atomic<int> answered{0};
    std::vector<std::thread> crowd;
    for (int i = 0; i < 12; ++i) {
        crowd.emplace_back([&] {
            while (!over) answered += shop.scalar<std::int64_t>("select count(*) from acc").has_value();
        });
    }
    EXPECT_TRUE(becomes([&] { return answered > 24; }));
    last.pause();
    for (int round = 0; round < 10; ++round) {
        for (const int key : elsewhere) {
            const auto got = shop.scalar<std::int64_t>("select n from acc where id = $1", key);
            EXPECT_TRUE(got) << got.error();
        }
        const auto any = shop.scalar<std::int64_t>("select v from rate where id = 1");
        EXPECT_TRUE(any) << any.error();
        EXPECT_TRUE(shop.scalar<std::int64_t>("select 1::int8"));
    }
    last.resume();
    over = true;
    for (std::thread& each : crowd) each.join();
}

}  // namespace
}  // namespace ashlar
