// Several pools of one server that share a cap, under chaos. Whatever the seed: the server never has more connections than
// the cap allows, nothing leaks, nobody is forgotten, and no pool starves beside busy ones.
#include "core/io/sim_loop.hpp"
#include "core/io/task_group.hpp"
#include "pool/pool.hpp"
#include "pool/server_cap.hpp"
#include "support/fake_server.hpp"
#include "support/seeds.hpp"

using namespace ashlar;
using ashlar::pool::lease;
using ashlar::pool::pool_options;
using ashlar::pool::server_cap;
using ashlar::test::fake_connection;
using ashlar::test::fake_server;
using std::chrono::seconds;

namespace {

constexpr milliseconds ms(int n) {
    return milliseconds{n};
}

struct tally {
    int served = 0, timed_out = 0, refused = 0, cancelled = 0;
    int total() const { return served + timed_out + refused + cancelled; }
};

struct world {
    io::sim_loop loop;
    std::shared_ptr<fake_server> server = std::make_shared<fake_server>();
    pool_options options;
    std::uint32_t most = 0;
    std::shared_ptr<server_cap> cap;
    std::vector<std::shared_ptr<ashlar::pool::pool>> pools;
    tally sum;

    explicit world(std::uint64_t seed) : loop(seed) {
        most = static_cast<std::uint32_t>(dice(1, 6));
        options.max_connections = static_cast<std::uint32_t>(dice(1, 6));
        options.min_connections = static_cast<std::uint32_t>(dice(0, static_cast<int>(options.max_connections)));
        options.checkout_timeout = ms(500);
        options.waiters_max = 40;
        options.idle_timeout = ms(300);
        options.reap_frequency = ms(100);
        options.max_lifetime = ms(900);
        options.check_after_idle = ms(50);
        options.connect_timeout = ms(200);
    }
    int dice(int from, int to) { return static_cast<int>(loop.between(ms(from), ms(to)).count()); }
    void open_pools(int how_many) {
        cap = std::make_shared<server_cap>("db7b:5432", most);
        for (int i = 0; i < how_many; ++i) {
            pools.push_back(ashlar::pool::pool::make(
                "shard_" + std::to_string(i + 1), server, options, [this] { return loop.now(); }, cap));
        }
    }
};

task<void> keep_house(world& w, std::size_t which) {
    const status ended = co_await w.pools[which]->run(w.loop);
    EXPECT_TRUE(ended);
}

task<void> use(world& w, lease held) {
    auto& connection = static_cast<fake_connection&>(*held);
    ++w.sum.served;
    EXPECT_TRUE(connection.is_clean()) << "state of another borrower leaked";
    (void)co_await connection.work_for(w.loop.between(ms(0), ms(30)));
    if (w.loop.chance(0.3)) connection.make_dirty(w.loop.chance(0.5));
    if (w.loop.chance(0.05)) held.discard();
}

task<void> call(world& w) {
    bool served = false;
    try {
        const auto which = static_cast<std::size_t>(w.dice(0, static_cast<int>(w.pools.size()) - 1));
        auto got = co_await w.pools[which]->lend(w.loop, deadline{w.loop.now() + w.loop.between(ms(0), ms(400))});
        if (got) {
            served = true;
            co_await use(w, std::move(*got));
            co_return;
        }
        const errc why = got.error().code();
        if (why == errc::pool_timeout)
            ++w.sum.timed_out;
        else if (why == errc::connect_failed || why == errc::deadline_passed || why == errc::pool_queue_full)
            ++w.sum.refused;
        else
            ADD_FAILURE() << got.error();
    } catch (const io::cancelled_exception&) {
        if (!served) ++w.sum.cancelled;
        throw;
    }
}

void check_counts(world& w) {
    std::uint32_t open = 0, available = 0;
    bool lacks_only_room = false;
    for (const auto& each : w.pools) {
        const auto c = each->counts();
        open += c.open;
        available += c.available;
        lacks_only_room |= c.waiting > 0 && c.open < w.options.max_connections && c.failed_connects == 0;
        EXPECT_LE(c.open, w.options.max_connections);
    }
    EXPECT_LE(open, w.most);
    EXPECT_LE(w.server->most_open.load(), static_cast<int>(w.most));
    EXPECT_FALSE(lacks_only_room && available > 0) << "somebody waits for room beside an idle connection";
    EXPECT_FALSE(lacks_only_room && open < w.most) << "somebody waits for room that is there";
}

task<void> chaos(world& w) {
    io::task_group<> house{w.loop}, patient{w.loop};
    const bool has_house = w.loop.chance(0.8);
    for (std::size_t i = 0; has_house && i < w.pools.size(); ++i) house.start(keep_house(w, i));
    int calls = 0;
    for (int round = 0; round < 60; ++round) {
        io::task_group<> hasty{w.loop};
        const int together = w.dice(0, 12);
        for (int i = 0; i < together; ++i) {
            ++calls;
            (w.loop.chance(0.2) ? hasty : patient).start(call(w));
        }
        if (w.loop.chance(0.05)) w.server->kill_all();
        if (w.loop.chance(0.05)) w.server->refuses_logins = !w.server->refuses_logins;
        (void)co_await w.loop.sleep_until(deadline{w.loop.now() + w.loop.between(ms(0), ms(40))});
        check_counts(w);
        co_await hasty.cancel_and_join();
        patient.drop_ended();
    }
    w.server->refuses_logins = false;
    co_await patient.join();
    EXPECT_EQ(w.sum.total(), calls) << "a caller was forgotten";

    // Healthy again: whoever comes now is served, in each pool.
    w.server->drops_login = w.server->drops_ping = w.server->drops_reset = nullptr;
    (void)co_await w.loop.sleep_until(deadline{w.loop.now() + seconds{3}});
    for (const auto& each : w.pools) {
        auto got = co_await each->lend(w.loop);
        EXPECT_TRUE(got.has_value()) << each->name() << ": " << got.error();
    }
    check_counts(w);
    for (const auto& each : w.pools) each->stop();
    co_await house.join();
    EXPECT_EQ(w.server->open, 0) << "a connection leaked";
    EXPECT_FALSE(w.cap->is_full()) << "room leaked";
}

TEST(PoolCapSim, UnderChaosTheServerNeverHasMoreThanTheCapAndNobodyIsForgotten) {
    tally all;
    ashlar::test::for_each_seed(400, [&](std::uint64_t seed) {
        world w{seed};
        w.server->login_takes = w.loop.between(ms(0), ms(60));
        w.server->ping_takes = w.loop.between(ms(0), ms(5));
        w.server->reset_takes = w.loop.between(ms(0), ms(20));
        w.server->drops_login = [&w] { return w.loop.chance(0.05); };
        w.server->drops_ping = [&w] { return w.loop.chance(0.1); };
        w.server->drops_reset = [&w] { return w.loop.chance(0.1); };
        w.open_pools(w.dice(2, 5));
        w.loop.run(chaos(w));
        all.served += w.sum.served;
        all.timed_out += w.sum.timed_out;
        all.refused += w.sum.refused;
        all.cancelled += w.sum.cancelled;
    });
    if (std::getenv("ASHLAR_SEED") != nullptr) return;
    EXPECT_GT(all.served, 10'000);
    EXPECT_GT(all.timed_out, 100);
    EXPECT_GT(all.refused, 100);
    EXPECT_GT(all.cancelled, 100);
}

// Callers of one pool who come again as soon as they are done.
task<void> keep_busy(world& w, std::size_t which, const bool& over) {
    while (!over) {
        auto got = co_await w.pools[which]->lend(w.loop);
        EXPECT_TRUE(got.has_value());
        if (!got) co_return;
        (void)co_await static_cast<fake_connection&>(**got).work_for(w.loop.between(ms(1), ms(20)));
    }
}

task<void> beside_busy_ones(world& w, milliseconds& longest) {
    bool over = false;
    io::task_group<> busy{w.loop};
    for (std::size_t i = 0; i + 1 < w.pools.size(); ++i) {
        for (int n = 0; n < 4; ++n) busy.start(keep_busy(w, i, over));
    }
    for (int i = 0; i < 20; ++i) {
        (void)co_await w.loop.sleep_until(deadline{w.loop.now() + w.loop.between(ms(0), ms(100))});
        const instant came = w.loop.now();
        auto got = co_await w.pools.back()->lend(w.loop);
        EXPECT_TRUE(got.has_value());
        longest = std::max(longest, std::chrono::duration_cast<milliseconds>(w.loop.now() - came));
        if (got) (void)co_await static_cast<fake_connection&>(**got).work_for(ms(1));
    }
    over = true;
    co_await busy.join();
    for (const auto& each : w.pools) each->stop();
}

TEST(PoolCapSim, APoolBesideBusyOnesHasItsTurn) {
    ashlar::test::for_each_seed(100, [](std::uint64_t seed) {
        world w{seed};
        w.most = 2;
        w.options.max_connections = 4;
        w.options.min_connections = 0;
        w.options.checkout_timeout = seconds{60};
        w.options.max_lifetime = seconds{600};
        w.server->login_takes = ms(5);
        w.open_pools(3);
        milliseconds longest{0};
        w.loop.run(beside_busy_ones(w, longest));
        // Eight others are there, and each works for 20 ms at most.
        EXPECT_LE(longest, ms(1'000));
        EXPECT_EQ(w.server->most_open, 2);
    });
}

// Two pools that are equally busy do not close each other's connections at every turn.
task<void> side_by_side(world& w) {
    bool over = false;
    io::task_group<> busy{w.loop};
    for (std::size_t i = 0; i < w.pools.size(); ++i) {
        for (int n = 0; n < 8; ++n) busy.start(keep_busy(w, i, over));
    }
    (void)co_await w.loop.sleep_until(deadline{w.loop.now() + seconds{10}});
    over = true;
    co_await busy.join();
    for (const auto& each : w.pools) each->stop();
}

TEST(PoolCapSim, PoolsThatAreEquallyBusyKeepTheirConnections) {
    ashlar::test::for_each_seed(20, [](std::uint64_t seed) {
        world w{seed};
        w.most = 5;
        w.options.max_connections = 5;
        w.options.min_connections = 0;
        w.options.checkout_timeout = seconds{60};
        w.options.max_lifetime = seconds{600};
        w.server->login_takes = ms(5);
        w.open_pools(2);
        w.loop.run(side_by_side(w));
        const auto lent = w.pools[0]->counts().lent + w.pools[1]->counts().lent;
        EXPECT_GT(lent, 3'000u);
        EXPECT_LT(static_cast<std::uint64_t>(w.server->logins.load()), lent / 50);
    });
}

}  // namespace
