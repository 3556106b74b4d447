// Servers and the network between them are killed, stopped, silenced, cut and delayed under load, with a ledger: what was
// acknowledged is there, once; nothing was written twice; whoever wrote finds it; each caller is told in time.
//
// A seed says which fault comes when; ASHLAR_SEED plays another, ASHLAR_FAULTS=200 plays longer.
#include "support/becomes.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/relay.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <thread>

using namespace ashlar;
using namespace ashlar::test;
using namespace std::chrono_literals;

namespace {

std::int64_t asked(const char* variable, std::int64_t otherwise) {
    const char* const said = std::getenv(variable);
    return said == nullptr ? otherwise : std::atoll(said);
}

std::string with_port(std::string url, std::uint16_t port) {
    const auto at = url.rfind("127.0.0.1:") + 10;
    return url.replace(at, url.find('/', at) - at, std::to_string(port));
}

// From a replica to its primary, through a relay.
void replicate_through(const postgres_server& replica, std::uint16_t port) {
    replica.run_sql(fmt::format("alter system set primary_conninfo = 'host=127.0.0.1 port={} user=postgres'", port));
    replica.run_sql("alter system set wal_receiver_timeout = '2s'");
    replica.run_sql("alter system set wal_retrieve_retry_interval = '100ms'");
    replica.run_sql("select pg_reload_conf()");
}
void replicate_through(const mariadb_server& replica, std::uint16_t port) {
    replica.run_sql(
        fmt::format("stop slave; change master to master_port = {}, master_connect_retry = 1, "
                    "master_heartbeat_period = 0.5; set global slave_net_timeout = 2; start slave",
                    port));
}

// A primary with two replicas, and a relay on each way between them and to them.
template <class Server>
struct network {
    Server primary;
    Server first{replica_of(primary)}, second{replica_of(primary)};
    relay to_primary{primary.port()}, to_first{first.port()}, to_second{second.port()};
    relay first_from_primary{primary.port()}, second_from_primary{primary.port()};

    network() {
        replicate_through(first, first_from_primary.port());
        replicate_through(second, second_from_primary.port());
    }
    static typename Server::options replica_of(const Server& of) {
        typename Server::options how;
        how.replica_of = &of;
        return how;
    }
    std::string toml(const std::string& database) const {
        return fmt::format(
            "[databases.primary]\nurl = \"{}\"\nreplicas = [\"{}\", \"{}\"]\n"
            "[replicas]\ncheck_interval = \"50ms\"\nmax_lag = \"1s\"\n[breaker]\nfailures = 3\ncool_down = \"300ms\"\n"
            "[pool]\nmin_connections = 0\nconnect_timeout = \"500ms\"\n",
            with_port(primary.url(database), to_primary.port()), with_port(first.url(database), to_first.port()),
            with_port(second.url(database), to_second.port()));
    }
    void heal() {
        for (relay* each : {&to_primary, &to_first, &to_second, &first_from_primary, &second_from_primary})
            each->pass();
        for (Server* each : {&primary, &first, &second}) {
            each->resume();
            each->start();
        }
    }
};

// What became of each row that somebody tried to write.
struct ledger {
    std::mutex guard;
    std::map<std::int64_t, bool> tried;  // by id: acknowledged?
    std::atomic<std::int64_t> written{0}, read{0}, refused{0}, stale{0}, slowest_ms{0};
    std::string worst;

    void note(std::int64_t id, bool acknowledged) {
        const std::lock_guard hold{guard};
        tried[id] = acknowledged;
        ++(acknowledged ? written : refused);
    }
    void took(std::chrono::steady_clock::duration time, const std::string& what) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
        if (ms <= slowest_ms) return;
        const std::lock_guard hold{guard};
        slowest_ms = ms;
        worst = what;
    }
};

template <class Call>
auto timed(ledger& into, const char* what, Call&& call) {
    const auto began = std::chrono::steady_clock::now();
    auto got = call();
    into.took(std::chrono::steady_clock::now() - began,
              fmt::format("{}: {}", what, got ? "done" : got.error().message()));
    return got;
}

constexpr auto patience = 1s;

void write_and_read(const cluster& shop, std::atomic<std::int64_t>& next, const std::atomic<bool>& over, ledger& into) {
    while (!over) {
        const std::int64_t id = ++next;
        const cluster mine = shop.session();
        const bool in_transaction = id % 3 == 0;
        const auto insert = [&](const auto& on) { return on.execute("insert into ledger (id) values ($1)", id); };
        const auto done = timed(into, "write", [&]() -> result<std::uint64_t> {
            if (!in_transaction) return insert(mine);
            return mine.transaction([&](transaction& tx) { return insert(tx); });
        });
        into.note(id, static_cast<bool>(done));
        if (!done) continue;
        // At once from the primary, mostly; later from a replica that has it by then.
        for (int again = 0; again < 5 && !over; ++again, std::this_thread::sleep_for(8ms)) {
            const auto found = timed(into, "read", [&] {
                return mine.reading().template scalar<std::int64_t>("select count(*) from ledger where id = $1", id);
            });
            if (!found) break;
            ++into.read;
            if (*found != 1) ++into.stale;
        }
    }
}

template <class Server>
void play(network<Server>& net, ledger& into, std::int64_t faults, std::uint64_t seed) {
    std::mt19937_64 random{seed};
    const std::vector<std::pair<std::string, std::function<void()>>> all{
        {"the primary is killed",
         [&] {
             net.primary.kill9();
             net.primary.start();
         }},
        {"the primary stops for a while",
         [&] {
             net.primary.pause();
             std::this_thread::sleep_for(1500ms);
         }},
        {"a replica is killed",
         [&] {
             net.first.kill9();
             net.first.start();
         }},
        {"a replica stops for a while",
         [&] {
             net.second.pause();
             std::this_thread::sleep_for(700ms);
         }},
        {"the way to the primary is cut",
         [&] {
             net.to_primary.cut();
             std::this_thread::sleep_for(300ms);
         }},
        {"the way to the primary is silent",
         [&] {
             net.to_primary.silence();
             std::this_thread::sleep_for(1500ms);
         }},
        {"the way to the primary is slow",
         [&] {
             net.to_primary.delay(100ms);
             std::this_thread::sleep_for(500ms);
         }},
        {"the way to a replica is silent",
         [&] {
             net.to_first.silence();
             std::this_thread::sleep_for(700ms);
         }},
        {"the way to a replica is cut",
         [&] {
             net.to_second.cut();
             std::this_thread::sleep_for(300ms);
         }},
        {"a replica hears its primary late",
         [&] {
             net.first_from_primary.delay(300ms);
             std::this_thread::sleep_for(700ms);
         }},
        {"a replica hears nothing of its primary",
         [&] {
             net.second_from_primary.silence();
             std::this_thread::sleep_for(1500ms);
         }},
        {"no replica hears of its primary",
         [&] {
             net.first_from_primary.cut();
             net.second_from_primary.cut();
             std::this_thread::sleep_for(500ms);
         }},
    };
    std::vector<std::size_t> order;
    for (std::int64_t i = 0; i < faults; ++i) {
        if (order.empty()) {
            for (std::size_t n = 0; n < all.size(); ++n) order.push_back(n);
            std::ranges::shuffle(order, random);
        }
        const auto& [name, fault] = all[order.back()];
        order.pop_back();
        fault();
        net.heal();
        const std::int64_t written = into.written, read = into.read;
        ASSERT_TRUE(becomes([&] { return into.written > written + 20 && into.read > read + 20; }))
            << "the load does not go on after: " << name;
    }
}

template <class Server>
void under_load(const std::string& database) {
    network<Server> net;
    net.primary.run_sql("create table ledger (id bigint)", database);  // no key: what came twice is there twice
    net.primary.run_sql("create index ledger_id on ledger (id)", database);
    cluster_options options;
    options.timeout = patience;
    std::atomic<std::int64_t> on_replicas{0};
    options.on_statement = [&](const statement_event& each) { on_replicas += each.on_replica && !each.failure; };
    auto opened = cluster::open_text(net.toml(database), ".", options);
    ASSERT_TRUE(opened) << opened.error();
    const std::uint64_t seed = static_cast<std::uint64_t>(asked("ASHLAR_SEED", 11));
    ledger into;
    std::atomic<std::int64_t> next{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> callers;
    for (int i = 0; i < 6; ++i) callers.emplace_back([&] { write_and_read(*opened, next, over, into); });
    play(net, into, asked("ASHLAR_FAULTS", 12), seed);
    over = true;
    for (std::thread& each : callers) each.join();
    net.heal();

    std::map<std::int64_t, int> there;
    for (const auto& row : net.primary.run_sql("select id, count(*) from ledger group by id", database)) {
        there[std::stoll(*row[0])] = std::stoi(*row[1]);
    }
    std::int64_t lost = 0, twice = 0, unheard = 0;
    for (const auto& [id, acknowledged] : into.tried) lost += acknowledged && there.count(id) == 0 ? 1 : 0;
    for (const auto& [id, times] : there) {
        twice += times > 1 ? 1 : 0;
        unheard += into.tried.count(id) == 0 ? 1 : 0;
    }
    EXPECT_EQ(lost, 0) << "seed " << seed;
    EXPECT_EQ(twice, 0) << "seed " << seed;
    EXPECT_EQ(unheard, 0) << "seed " << seed;
    EXPECT_EQ(into.stale, 0) << "seed " << seed;
    EXPECT_GT(on_replicas, 0) << "no replica was ever read from: that nothing was stale says nothing";
    // Twice: a commit after its statement has a patience of its own. The rest is what a busy machine adds.
    EXPECT_LT(into.slowest_ms, 2 * std::chrono::milliseconds{patience}.count() + 4'000) << into.worst;
    std::printf("written %ld, read %ld (on replicas %ld), refused or not known %ld, slowest %ld ms (%s)\n",
                into.written.load(), into.read.load(), on_replicas.load(), into.refused.load(), into.slowest_ms.load(),
                into.worst.c_str());
}

}  // namespace

TEST(Faults, OfPostgresServersAndTheirNetworkLoseNothingAndWriteNothingTwice) {
    under_load<postgres_server>("postgres");
}

TEST(Faults, OfMariaDbServersAndTheirNetworkLoseNothingAndWriteNothingTwice) {
    under_load<mariadb_server>("test");
}
