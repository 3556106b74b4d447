// Reads on replicas through the library: real PostgreSQL and MariaDB servers, each with two replicas.
#include "support/becomes.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

using namespace ashlar;
using namespace ashlar::test;
using namespace std::chrono_literals;

namespace {

const server_health& of(const std::vector<server_health>& all, std::string_view server) {
    for (const server_health& each : all) {
        if (each.server == server) return each;
    }
    throw std::runtime_error{"no such server"};
}

// One sample's value; nullopt: there is none.
std::optional<double> measured(const cluster& of, std::string_view family, std::string_view server) {
    for (const metric_family& each : of.metrics()) {
        if (each.name != family) continue;
        for (const metric_sample& sample : each.samples) {
            for (const auto& [name, value] : sample.labels) {
                if (name == (family == "ashlar_failovers_total" ? "database" : "server") && value == server)
                    return sample.value;
            }
        }
    }
    return std::nullopt;
}

// Of writes and reads; ASHLAR_PAIRS=100000 asks for more.
int pairs(int otherwise) {
    const char* const asked = std::getenv("ASHLAR_PAIRS");
    return asked == nullptr ? otherwise : std::atoi(asked);
}

struct postgres_set {
    postgres_server primary;
    postgres_server first{replica()}, second{replica()};
    postgres_server::options replica() {
        postgres_server::options how;
        how.replica_of = &primary;
        return how;
    }
    std::string toml(const std::string& replicas = "") const {
        return fmt::format(
            "[databases.primary]\nurl = \"{}\"\nreplicas = [\"{}\", {{ url = \"{}\", weight = 1 }}]\n"
            "[replicas]\ncheck_interval = \"100ms\"\n{}",
            primary.url(), first.url(), second.url(), replicas);
    }
};

}  // namespace

class Replicas : public ::testing::Test {
protected:
    cluster open(const std::string& replicas = "") {
        auto opened = cluster::open_text(servers_.toml(replicas));
        if (!opened) throw std::runtime_error{opened.error().to_string()};
        return std::move(*opened);
    }
    // Both replicas are fit.
    static void settle(const cluster& shop) {
        ASSERT_TRUE(becomes([&] {
            const auto all = shop.check_all();
            return all.size() == 3 && all[0].healthy && all[1].healthy && all[2].healthy;
        })) << shop.check_all()[1].problem
            << shop.check_all()[2].problem;
    }
    static std::string port_of(const cluster& through) {
        return through.scalar<std::string>("select current_setting('port')").value();
    }
    std::string port(const postgres_server& s) { return std::to_string(s.port()); }

    postgres_set servers_;
};

TEST_F(Replicas, ReadingGoesToThemAndEverythingElseToThePrimary) {
    cluster shop = open();
    shop.database("primary")
        .run_script("create table t (id int primary key, v int); insert into t values (1, 1)")
        .value();
    settle(shop);
    std::set<std::string> seen;
    ASSERT_TRUE(becomes([&] {
        seen.insert(port_of(shop.reading()));
        return seen.count(port(servers_.first)) + seen.count(port(servers_.second)) == 2;
    }));
    for (int i = 0; i < 10; ++i) EXPECT_NE(port_of(shop.reading()), port(servers_.primary));
    EXPECT_EQ(port_of(shop), port(servers_.primary));
    EXPECT_EQ(port_of(shop.reading().writing()), port(servers_.primary));
}

TEST_F(Replicas, WhatWouldWriteIsRefusedByReading) {
    cluster shop = open();
    shop.database("primary").run_script("create table t (id int primary key, v int)").value();
    shop.refresh().value();
    EXPECT_EQ(shop.reading().execute("insert into t values (1, 1)").error(), errc::read_only);
    EXPECT_EQ(shop.reading().database("primary").run_script("drop table t").error(), errc::read_only);
    EXPECT_EQ(shop.reading().database("primary").execute("insert into t values (1, 1)").error().sqlstate(), "25006");
    EXPECT_EQ(
        shop.reading().transaction([](transaction& tx) { return tx.execute("insert into t values (1, 1)"); }).error(),
        errc::read_only);
    EXPECT_EQ(shop.scalar<std::int64_t>("select count(*) from t").value(), 0);
}

TEST_F(Replicas, AReaderAlwaysFindsWhatItWroteThoughTheReplicasHaveStopped) {
    cluster shop = open();
    shop.database("primary")
        .run_script("create table t (id int primary key, v int); insert into t values (1, 0)")
        .value();
    shop.refresh().value();
    settle(shop);
    servers_.first.run_sql("select pg_wal_replay_pause()");
    int stale = 0, elsewhere = 0;
    for (int i = 1; i <= pairs(500); ++i) {
        cluster mine = shop.session();
        mine.execute("update t set v = $1 where id = 1", i).value();
        if (mine.reading().scalar<int>("select v from t where id = 1").value() < i) ++stale;
        if (i % (pairs(500) / 10) == 0) {
            elsewhere += becomes([&] {
                return mine.reading().scalar<std::string>("select current_setting('port')").value() ==
                       port(servers_.second);
            });
            if (mine.reading().scalar<int>("select v from t where id = 1").value() < i) ++stale;
        }
    }
    EXPECT_EQ(stale, 0);
    EXPECT_EQ(elsewhere, 10);  // the replica that goes on serves the reader as soon as it has got so far
}

TEST_F(Replicas, ATokenCarriesASessionToAnotherProcess) {
    cluster one = open(), other = open();
    one.database("primary")
        .run_script("create table t (id int primary key, v int); insert into t values (1, 0)")
        .value();
    one.refresh().value();
    other.refresh().value();
    settle(one);
    settle(other);
    servers_.first.run_sql("select pg_wal_replay_pause()");
    int stale = 0;
    for (int i = 1; i <= pairs(200); ++i) {
        cluster mine = one.session();
        mine.execute("update t set v = $1 where id = 1", i).value();
        const std::string token = mine.causal_token().value();
        cluster next = other.session(token).value();
        if (next.reading().scalar<int>("select v from t where id = 1").value() < i) ++stale;
        EXPECT_EQ(next.causal_token().value(), token);
    }
    EXPECT_EQ(stale, 0);
    EXPECT_EQ(other.session("v1!primary!p1-zz").error(), errc::bad_value);
    EXPECT_EQ(other.session("v1!nobody!p1-0000000003000148").error(), errc::database_unknown);
    EXPECT_TRUE(other.session("").has_value());
}

TEST_F(Replicas, APausedOneIsUnfitAndNotAtLagZero) {
    cluster shop = open();
    settle(shop);
    servers_.first.run_sql("select pg_wal_replay_pause()");
    ASSERT_TRUE(becomes([&] { return !of(shop.check_all(), "primary/replica_1").healthy; }));
    EXPECT_EQ(of(shop.check_all(), "primary/replica_1").problem, "its replay is paused");
    for (int i = 0; i < 20; ++i) EXPECT_EQ(port_of(shop.reading()), port(servers_.second));
    servers_.first.run_sql("select pg_wal_replay_resume()");
    settle(shop);
}

TEST_F(Replicas, MetricsTellOfThemWithoutAskingThem) {
    cluster shop = open();
    shop.database("primary").run_script("create table t (id int primary key)").value();
    shop.refresh().value();
    settle(shop);
    EXPECT_EQ(measured(shop, "ashlar_replica_fit", "primary/replica_1"), 1.0);
    EXPECT_EQ(measured(shop, "ashlar_replica_fit", "primary"), std::nullopt);
    EXPECT_EQ(measured(shop, "ashlar_replica_lag_transactions", "primary/replica_1"), std::nullopt);
    const double lends = measured(shop, "ashlar_pool_lends_total", "primary").value();
    servers_.first.run_sql("select pg_wal_replay_pause()");
    for (int i = 0; i < 10; ++i) shop.execute("insert into t values ($1)", i).value();
    EXPECT_EQ(measured(shop, "ashlar_pool_lends_total", "primary"), lends + 10);
    ASSERT_TRUE(becomes([&] {
        return measured(shop, "ashlar_replica_lag_seconds", "primary/replica_1").value_or(0) > 0.2 &&
               measured(shop, "ashlar_replica_lag_bytes", "primary/replica_1").value_or(0) > 100;
    }));
    EXPECT_EQ(measured(shop, "ashlar_replica_fit", "primary/replica_1"), 0.0);
    EXPECT_EQ(measured(shop, "ashlar_replica_fit", "primary/replica_2"), 1.0);
    EXPECT_EQ(measured(shop, "ashlar_breaker_state", "primary/replica_1"), 0.0);
    EXPECT_EQ(measured(shop, "ashlar_failovers_total", "primary"), 0.0);
    servers_.first.run_sql("select pg_wal_replay_resume()");
    servers_.first.kill9();
    ASSERT_TRUE(becomes([&] { return !measured(shop, "ashlar_replica_lag_seconds", "primary/replica_1"); }));
}

TEST_F(Replicas, AnIdlePrimaryHasNoLag) {
    cluster shop = open();
    settle(shop);
    for (const std::string moment : {"select 1", "select pg_switch_wal()", "checkpoint"}) {
        servers_.primary.run_sql(moment);
        ASSERT_TRUE(becomes([&] {
            const auto all = shop.check_all();
            return all[1].healthy && all[1].lag == 0ms && all[1].behind == 0 && all[2].lag == 0ms;
        })) << moment;
        for (int i = 0; i < 20; ++i) {
            const auto all = shop.check_all();
            EXPECT_EQ(all[1].lag, 0ms) << moment;
            EXPECT_EQ(all[1].behind, 0u) << moment;
        }
    }
}

TEST_F(Replicas, WithoutAFitOneThePrimaryServesOrTheReadIsRefused) {
    cluster shop = open(), strict = open("no_replica = \"refuse\"\n");
    settle(shop);
    settle(strict);
    servers_.first.kill9();
    servers_.second.kill9();
    ASSERT_TRUE(becomes([&] { return port_of(shop.reading()) == port(servers_.primary); }));
    ASSERT_TRUE(becomes([&] { return !strict.reading().query("select 1"); }));
    const error why = strict.reading().query("select 1").error();
    EXPECT_EQ(why, errc::shard_unavailable);
    EXPECT_EQ(why.message(), "no replica of primary is fit for this read");
    servers_.first.start();
    ASSERT_TRUE(becomes([&] { return strict.reading().query("select 1").has_value(); }));
}

TEST_F(Replicas, AReadOnOneThatDiesIsAnsweredByAnother) {
    cluster shop = open();
    shop.database("primary").run_script("create table t (id int primary key); insert into t values (1)").value();
    shop.refresh().value();
    settle(shop);
    std::atomic<bool> over{false};
    std::atomic<int> failed{0}, answered{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i) {
        readers.emplace_back([&] {
            while (!over) {
                if (shop.reading().scalar<std::int64_t>("select count(*) from t"))
                    ++answered;
                else
                    ++failed;
            }
        });
    }
    ASSERT_TRUE(becomes([&] { return answered > 200; }));
    servers_.first.kill9();
    const int then = answered;
    ASSERT_TRUE(becomes([&] { return answered > then + 500; }));
    over = true;
    for (std::thread& each : readers) each.join();
    EXPECT_EQ(failed, 0);
}

TEST_F(Replicas, APromotedOneTakesTheWritesAndTheOldPrimaryNone) {
    cluster shop = open();
    shop.database("primary").run_script("create table t (id int primary key)").value();
    shop.refresh().value();
    settle(shop);
    std::atomic<bool> over{false};
    std::vector<int> acknowledged;
    std::atomic<int> count{0};
    std::thread writer{[&] {
        for (int i = 0; !over; ++i) {
            if (shop.execute("insert into t values ($1)", i)) {
                acknowledged.push_back(i);
                ++count;
            }
        }
    }};
    ASSERT_TRUE(becomes([&] { return count > 100; }));
    servers_.primary.kill9();
    const int before = count;
    servers_.first.run_sql("select pg_promote()");
    ASSERT_TRUE(becomes([&] { return count > before + 100; }));
    servers_.primary.start();  // the old one, which takes writes again
    ASSERT_TRUE(becomes([&] { return of(shop.check_all(), "primary").latency.has_value(); }));
    const int then = count;
    const std::string old_count = servers_.primary.scalar("select count(*) from t");
    ASSERT_TRUE(becomes([&] { return count > then + 300; }));
    over = true;
    writer.join();
    EXPECT_EQ(servers_.primary.scalar("select count(*) from t"), old_count);
    const auto all = shop.check_all();
    EXPECT_EQ(of(all, "primary/replica_1").role, server_role::writing);
    EXPECT_FALSE(of(all, "primary").healthy);
    EXPECT_EQ(of(all, "primary").problem, "it takes writes itself");
    EXPECT_EQ(measured(shop, "ashlar_failovers_total", "primary"), 1.0);
    // Streaming is asynchronous here: what was acknowledged after the last row that was streamed went with the primary.
    std::set<int> kept;
    for (const auto& row : servers_.first.run_sql("select id from t")) kept.insert(std::stoi(*row[0]));
    int lost_late = 0;
    for (std::size_t i = static_cast<std::size_t>(before) + 1; i < acknowledged.size(); ++i) {
        lost_late += kept.count(acknowledged[i]) == 0;
    }
    EXPECT_EQ(lost_late, 0);
}

TEST_F(Replicas, TwoWhoTakeWritesAreRefusedUntilOneHasGone) {
    cluster shop = open();
    shop.database("primary").run_script("create table t (id int primary key)").value();
    shop.refresh().value();
    settle(shop);
    servers_.first.run_sql("select pg_promote()");
    int id = 10;
    std::optional<error> refused;
    ASSERT_TRUE(becomes([&] {
        auto done = shop.execute("insert into t values ($1)", ++id);
        if (!done) refused = done.error();
        return refused.has_value();
    }));
    const error& why = *refused;
    EXPECT_EQ(why, errc::shard_unavailable) << why;
    EXPECT_NE(why.message().find("primary (timeline 1) and primary/replica_1 (timeline 2) both take writes"),
              std::string::npos)
        << why.message();
    servers_.primary.stop();
    ASSERT_TRUE(becomes([&] { return shop.execute("insert into t values (3)").has_value(); }));
    EXPECT_EQ(servers_.first.scalar("select count(*) from t where id = 3"), "1");
}

TEST_F(Replicas, MaxStalenessBoundsWhatIsRead) {
    cluster shop = open();
    settle(shop);
    EXPECT_NE(port_of(shop.reading({.max_staleness = 2s})), port(servers_.primary));
    servers_.primary.pause();  // from now on nobody knows what it has
    ASSERT_TRUE(becomes([&] { return shop.reading().query("select 1").has_value(); }));
    auto strict = shop.reading({.max_staleness = 300ms});
    std::thread later{[&] {
        std::this_thread::sleep_for(1s);
        servers_.primary.resume();
    }};
    ASSERT_TRUE(becomes([&] { return port_of(shop.reading()) != port(servers_.primary); }));
    EXPECT_TRUE(strict.query("select 1").has_value());
    later.join();
}

TEST_F(Replicas, PoolsAreWarmedUpOnEveryServerBeforeTheFirstCall) {
    const auto with = [&](const std::string& sql, bool required) {
        return cluster::open_text(servers_.toml(fmt::format(
            "[pool]\nmin_connections = 3\nwarm_up = [\"select 1\", \"{}\"]\nwarm_up_required = {}\n", sql, required)));
    };
    auto warm = with("select 2", true);
    ASSERT_TRUE(warm) << warm.error();
    for (const server_health& each : warm->check_all()) EXPECT_GE(each.connections.open, 3u) << each.server;
    auto failed = with("select * from nowhere", true);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().sqlstate(), "42P01");
    EXPECT_TRUE(with("select * from nowhere", false));
}

// A ledger: what was acknowledged is there, once; who was refused or left waiting was told within a multiple of his patience.
TEST_F(Replicas, APrimaryThatHangsUnderLoadKeepsNobodyLongAndLosesNothing) {
    cluster_options hasty;
    hasty.timeout = 500ms;
    result<cluster> opened = error{errc::internal};
    ASSERT_TRUE(becomes([&] {  // on a busy machine an attempt may take longer than that
        opened = cluster::open_text(servers_.toml("[breaker]\ncool_down = \"1s\"\n"), ".", hasty);
        return opened.has_value();
    })) << opened.error();
    cluster shop = *opened;
    servers_.primary.run_sql("create table t (id bigint primary key)");
    shop.refresh().value();
    settle(shop);
    std::atomic<bool> over{false}, hung{false};
    std::atomic<std::int64_t> next{0}, written{0}, read_while_hung{0}, told{0}, slowest_ms{0};
    std::mutex guard;
    std::set<std::int64_t> acknowledged, unknown;
    const auto timed = [&](auto&& call) {
        const auto began = std::chrono::steady_clock::now();
        auto got = call();
        const auto took =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
        std::int64_t before = slowest_ms;
        while (before < took.count() && !slowest_ms.compare_exchange_weak(before, took.count())) {
        }
        return got;
    };
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i) {
        callers.emplace_back([&] {
            while (!over) {
                const std::int64_t id = ++next;
                auto done = timed([&] { return shop.session().execute("insert into t values ($1)", id); });
                std::lock_guard hold{guard};
                if (done) {
                    acknowledged.insert(id);
                    ++written;
                } else {
                    unknown.insert(id);
                    ++told;
                }
            }
        });
        callers.emplace_back([&] {
            while (!over) {
                if (timed([&] { return shop.session().reading().query("select 1"); }) && hung) ++read_while_hung;
            }
        });
    }
    ASSERT_TRUE(becomes([&] { return written > 50; }));
    servers_.primary.pause();
    hung = true;
    ASSERT_TRUE(becomes([&] { return told > 30 && read_while_hung > 50; }));
    hung = false;
    servers_.primary.resume();
    const std::int64_t then = written;
    ASSERT_TRUE(becomes([&] { return written > then + 50; }));
    over = true;
    for (std::thread& each : callers) each.join();
    EXPECT_LT(slowest_ms, 10'000);
    std::set<std::int64_t> there;
    for (const auto& row : servers_.primary.run_sql("select id from t")) there.insert(std::stoll(*row[0]));
    for (const std::int64_t id : acknowledged) EXPECT_EQ(there.count(id), 1u) << id;
    for (const std::int64_t id : there) EXPECT_EQ(acknowledged.count(id) + unknown.count(id), 1u) << id;
}

TEST_F(Replicas, ABreakerOpensWhileAServerIsAwayAndClosesOnceItIsBack) {
    const auto toml =
        fmt::format("[databases.primary]\nurl = \"{}\"\n[breaker]\nfailures = 3\n", servers_.primary.url());
    cluster shop = cluster::open_text(toml).value();
    ASSERT_TRUE(shop.query("select 1").has_value());
    EXPECT_EQ(shop.query("select 1/0").error().sqlstate(), "22012");
    EXPECT_EQ(shop.check_all()[0].breaker, breaker_state::closed);
    servers_.primary.kill9();
    ASSERT_TRUE(becomes([&] {
        const auto asked = shop.query("select 1");
        return !asked && asked.error() == errc::shard_unavailable;
    }));
    const error refused = shop.query("select 1").error();
    EXPECT_NE(refused.message().find("primary has failed too often, and its breaker is open"), std::string::npos)
        << refused.message();
    EXPECT_EQ(shop.check_all()[0].breaker, breaker_state::open);
    EXPECT_FALSE(shop.check_all()[0].healthy);
    servers_.primary.start();
    ASSERT_TRUE(becomes([&] { return shop.query("select 1").has_value(); }));
    EXPECT_EQ(shop.check_all()[0].breaker, breaker_state::closed);
}

TEST_F(Replicas, AChangeOfHealthIsToldOnceByTheCallbackAndTheCommand) {
    temporary_folder folder;
    std::mutex guard;
    std::vector<server_health> told;
    cluster_options options;
    options.on_health_change = [&](const server_health& about) {
        std::lock_guard hold{guard};
        told.push_back(about);
    };
    const std::string list = folder.file("told");
    auto opened = cluster::open_text(
        servers_.toml(fmt::format("[alerts]\nafter = \"300ms\"\ncommand = [\"sh\", \"-c\", \"echo "
                                  "$ASHLAR_DATABASE $ASHLAR_SERVER $ASHLAR_STATE $ASHLAR_PROBLEM >> {}\"]\n",
                                  list)),
        ".", options);
    ASSERT_TRUE(opened) << opened.error();
    settle(*opened);
    servers_.first.run_sql("select pg_wal_replay_pause()");
    const auto lines = [&] { return read_file(list); };
    ASSERT_TRUE(becomes([&] { return lines().find("unhealthy its replay is paused") != std::string::npos; }))
        << lines();
    servers_.first.run_sql("select pg_wal_replay_resume()");
    ASSERT_TRUE(becomes([&] { return lines().find(" healthy") != std::string::npos; })) << lines();
    EXPECT_EQ(lines(), "primary primary/replica_1 unhealthy its replay is paused\nprimary primary/replica_1 healthy\n");
    std::lock_guard hold{guard};
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0].server, "primary/replica_1");
    EXPECT_FALSE(told[0].healthy);
    EXPECT_EQ(told[0].problem, "its replay is paused");
    EXPECT_TRUE(told[1].healthy);
}

// As docs/guide/replicas.md has it.
TEST_F(Replicas, TheGuidesExampleWorks) {
    cluster shop = open(), other = open();
    shop.database("primary")
        .run_script("create table carts (id int primary key, total int); insert into carts values (1, 0)")
        .value();
    shop.refresh().value();
    other.refresh().value();
    cluster mine = shop.session();                                    // one user's request
    mine.execute("update carts set total = 7 where id = 1").value();  // on the primary
    int total =
        mine.reading().scalar<int>("select total from carts where id = 1").value();  // 7, from a replica that has it
    std::string token = mine.causal_token().value();                                 // for the user's next request …
    cluster next = other.session(token).value();                                     // … in another process
    next.reading({.max_staleness = 2s}).query("select * from carts").value();
    EXPECT_EQ(total, 7);
    EXPECT_EQ(next.reading().scalar<int>("select total from carts where id = 1").value(), 7);
}

TEST_F(Replicas, ATransactionThatReadsStaysOnOne) {
    cluster shop = open();
    settle(shop);
    shop.reading()
        .transaction([&](transaction& tx) {
            const std::string first = tx.scalar<std::string>("select current_setting('port')").value();
            EXPECT_NE(first, port(servers_.primary));
            for (int i = 0; i < 10; ++i) {
                EXPECT_EQ(tx.scalar<std::string>("select current_setting('port')").value(), first);
            }
        })
        .value();
}

class MariaReplicas : public ::testing::Test {
protected:
    MariaReplicas() {
        mariadb_server::options how;
        how.replica_of = &primary_;
        how.settings["read_only"] = "1";
        first_.emplace(how);
        second_.emplace(how);
    }
    cluster open() {
        auto opened = cluster::open_text(
            fmt::format("[databases.primary]\nurl = \"sqlite:{}\"\n[databases.analytics]\nurl = \"{}\"\n"
                        "replicas = [\"{}\", \"{}\"]\n[replicas]\ncheck_interval = \"100ms\"\n",
                        folder_.file("main.db"), primary_.url(), first_->url(), second_->url()));
        if (!opened) throw std::runtime_error{opened.error().to_string()};
        return std::move(*opened);
    }
    static scope analytics(const cluster& through) { return through.database("analytics"); }
    static std::string port_of(const cluster& through) {
        auto got = analytics(through).scalar<std::string>("select cast(@@port as char)");
        return got ? *got : got.error().to_string();
    }
    static bool all_fit(const cluster& shop) {
        const auto all = shop.check_all();
        return of(all, "analytics").healthy && of(all, "analytics/replica_1").healthy &&
               of(all, "analytics/replica_2").healthy;
    }

    temporary_folder folder_;
    mariadb_server primary_;
    std::optional<mariadb_server> first_, second_;
};

TEST_F(MariaReplicas, ReadingGoesToThemAndWritesToThePrimary) {
    cluster shop = open();
    ASSERT_TRUE(becomes([&] { return all_fit(shop); })) << of(shop.check_all(), "analytics/replica_1").problem;
    for (int i = 0; i < 10; ++i) EXPECT_NE(port_of(shop.reading()), std::to_string(primary_.port()));
    EXPECT_EQ(port_of(shop), std::to_string(primary_.port()));
    analytics(shop).run_script("create table t (id int primary key, v int) engine=innodb").value();
    EXPECT_EQ(analytics(shop.reading()).execute("insert into t values (1, 1)").error().sqlstate(), "25006");
}

TEST_F(MariaReplicas, ATransactionThatReadsStaysOnOneAndWritesNothing) {
    cluster shop = open();
    analytics(shop).run_script("create table t (id int primary key) engine=innodb").value();
    // Until one shows the table that was just made, the primary serves.
    ASSERT_TRUE(becomes([&] { return port_of(shop.reading()) != std::to_string(primary_.port()); }));
    const scope there = analytics(shop.reading());
    const status read = there.transaction([&](transaction& tx) {
        const std::string first = tx.scalar<std::string>("select cast(@@port as char)").value();
        EXPECT_NE(first, std::to_string(primary_.port()));
        EXPECT_EQ(tx.scalar<std::string>("select cast(@@port as char)").value(), first);
    });
    EXPECT_TRUE(read) << read.error();
    EXPECT_EQ(
        there.transaction([](transaction& tx) { return tx.execute("insert into t values (1)"); }).error().sqlstate(),
        "25006");
    EXPECT_EQ(analytics(shop).scalar<std::int64_t>("select count(*) from t").value(), 0);
}

TEST_F(MariaReplicas, AReaderAlwaysFindsWhatItWroteThoughOneHasStopped) {
    cluster shop = open(), other = open();
    analytics(shop)
        .run_script("create table t (id int primary key, v int) engine=innodb; insert into t values (1, 0)")
        .value();
    ASSERT_TRUE(becomes([&] { return all_fit(shop) && all_fit(other); }));
    (void)first_->run_sql("stop slave sql_thread");
    int stale = 0;
    for (int i = 1; i <= 200; ++i) {
        cluster mine = shop.session();
        analytics(mine).execute("update t set v = $1 where id = 1", i).value();
        if (analytics(mine.reading()).scalar<int>("select v from t where id = 1").value() < i) ++stale;
        cluster next = other.session(mine.causal_token().value()).value();
        if (analytics(next.reading()).scalar<int>("select v from t where id = 1").value() < i) ++stale;
    }
    EXPECT_EQ(stale, 0);
    EXPECT_EQ(of(shop.check_all(), "analytics/replica_1").problem, "its SQL thread is stopped");
    EXPECT_TRUE(becomes([&] { return port_of(shop.reading()) == std::to_string(second_->port()); }));
    EXPECT_EQ(of(shop.check_all(), "analytics/replica_2").lag, 0ms);
}

TEST_F(MariaReplicas, APromotedOneTakesTheWrites) {
    cluster shop = open();
    analytics(shop).run_script("create table t (id int primary key) engine=innodb").value();
    ASSERT_TRUE(becomes([&] { return all_fit(shop); }));
    first_->catch_up();
    primary_.kill9();
    (void)first_->run_sql("stop slave; reset slave all; set global read_only = 0");
    int key = 0;
    ASSERT_TRUE(becomes([&] { return analytics(shop).execute("insert into t values ($1)", ++key).has_value(); }));
    EXPECT_EQ(first_->scalar("select count(*) from t"), "1");
    primary_.start();
    ASSERT_TRUE(becomes([&] { return !analytics(shop).execute("insert into t values ($1)", ++key); }));
    const error why = analytics(shop).execute("insert into t values (0)").error();
    EXPECT_NE(why.message().find("analytics and analytics/replica_1 both take writes"), std::string::npos)
        << why.message();
    EXPECT_EQ(primary_.scalar("select count(*) from t"), "0");
    (void)primary_.run_sql("set global read_only = 1");
    ASSERT_TRUE(becomes([&] { return analytics(shop).execute("insert into t values ($1)", ++key).has_value(); }));
}
