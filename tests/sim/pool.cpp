// The pool under chaos: callers come, wait, give up, are cancelled; logins, pings and resets take their time or fail;
// the server dies and comes back. Whatever the seed: nothing leaks, nobody starves, turns are kept, the counts agree.
#include "pool/pool.hpp"

#include "core/io/sim_loop.hpp"
#include "core/io/task_group.hpp"
#include "support/fake_server.hpp"
#include "support/seeds.hpp"

using namespace ashlar;
using ashlar::pool::lease;
using ashlar::pool::pool_counts;
using ashlar::pool::pool_options;
using ashlar::test::fake_connection;
using ashlar::test::fake_server;
using std::chrono::seconds;

namespace {

constexpr milliseconds ms(int n) {
    return milliseconds{n};
}

struct tally {
    int served = 0, timed_out = 0, refused = 0, cancelled = 0, stopped = 0;
    int in_use = 0, most_in_use = 0;
    int total() const { return served + timed_out + refused + cancelled + stopped; }
};

// One world of a seed: a loop, a server, a pool, and dice.
struct world {
    io::sim_loop loop;
    std::shared_ptr<fake_server> server = std::make_shared<fake_server>();
    pool_options options;
    std::shared_ptr<ashlar::pool::pool> pool;
    tally sum;

    explicit world(std::uint64_t seed) : loop(seed) {
        options.max_connections = static_cast<std::uint32_t>(loop.between(ms(1), ms(6)).count());
        options.min_connections =
            static_cast<std::uint32_t>(loop.between(ms(0), ms(static_cast<int>(options.max_connections))).count());
        options.checkout_timeout = ms(500);
        options.waiters_max = 40;
        options.idle_timeout = ms(300);
        options.reap_frequency = ms(100);
        options.max_lifetime = ms(900);
        options.check_after_idle = ms(50);
        options.connect_timeout = ms(200);
    }
    void open_pool() {
        pool = ashlar::pool::pool::make("shard_1", server, options, [this] { return loop.now(); });
    }
};

task<void> keep_house(world& w) {
    const status ended = co_await w.pool->run(w.loop);
    EXPECT_TRUE(ended);
}

task<void> use(world& w, lease held) {
    auto& connection = static_cast<fake_connection&>(*held);
    ++w.sum.served;
    w.sum.most_in_use = std::max(w.sum.most_in_use, ++w.sum.in_use);
    EXPECT_TRUE(connection.is_clean()) << "state of another borrower leaked";
    EXPECT_EQ(connection.bound_to(), &w.loop);
    struct end {
        world& of;
        explicit end(world& o) : of(o) {}
        ~end() { --of.sum.in_use; }
    } at_end{w};
    const status worked = co_await connection.work_for(w.loop.between(ms(0), ms(30)));
    if (w.loop.chance(0.3)) connection.make_dirty(w.loop.chance(0.5));
    if (w.loop.chance(0.02)) held.discard();
    (void)worked;
}

task<void> call(world& w) {
    bool served = false;
    try {
        auto got = co_await w.pool->lend(w.loop, deadline{w.loop.now() + w.loop.between(ms(0), ms(400))});
        if (got) {
            served = true;
            co_await use(w, std::move(*got));
            co_return;
        }
        const errc why = got.error().code();
        if (why == errc::pool_timeout)
            ++w.sum.timed_out;
        else if (why == errc::pool_stopped)
            ++w.sum.stopped;
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
    const pool_counts c = w.pool->counts();
    EXPECT_LE(c.open, w.options.max_connections);
    EXPECT_EQ(c.open, c.available + c.active + c.opening);
    // Who had a connection that proved dead comes back to its place beside the queue's limit.
    EXPECT_LE(c.waiting, w.options.waiters_max + w.options.max_connections);
    EXPECT_LE(static_cast<std::uint32_t>(w.server->open.load()), w.options.max_connections);
    EXPECT_FALSE(c.waiting > 0 && c.opening == 0 && c.available > 0) << "somebody waits beside a free connection";
}

task<void> chaos(world& w) {
    io::task_group<> house{w.loop}, patient{w.loop};
    house.start(keep_house(w));
    int calls = 0;
    for (int round = 0; round < 60; ++round) {
        io::task_group<> hasty{w.loop};
        const int together = static_cast<int>(w.loop.between(ms(0), ms(12)).count());
        for (int i = 0; i < together; ++i) {
            ++calls;
            if (w.loop.chance(0.2)) {
                hasty.start(call(w));
            } else {
                patient.start(call(w));
            }
        }
        if (w.loop.chance(0.08)) w.server->kill_all();
        if (w.loop.chance(0.08)) w.server->refuses_logins = !w.server->refuses_logins;
        (void)co_await w.loop.sleep_until(deadline{w.loop.now() + w.loop.between(ms(0), ms(40))});
        check_counts(w);
        co_await hasty.cancel_and_join();
        patient.drop_ended();
    }
    w.server->refuses_logins = false;
    co_await patient.join();
    EXPECT_EQ(w.sum.total(), calls) << "a caller was forgotten";
    EXPECT_LE(w.sum.most_in_use, static_cast<int>(w.options.max_connections));
    const pool_counts c = w.pool->counts();
    EXPECT_EQ(c.waiting, 0u);
    EXPECT_EQ(c.lent >= static_cast<std::uint64_t>(w.sum.served), true);

    // Healthy again: whoever comes now is served.
    w.server->drops_login = w.server->drops_ping = w.server->drops_reset = nullptr;
    (void)co_await w.loop.sleep_until(deadline{w.loop.now() + seconds{3}});
    auto got = co_await w.pool->lend(w.loop);
    EXPECT_TRUE(got.has_value());
    if (got) got->give_back();
    (void)co_await w.loop.sleep_until(deadline{w.loop.now() + ms(300)});  // the one given back may have been too old
    EXPECT_GE(w.pool->counts().open, std::min(1u, w.options.min_connections));

    w.pool->stop();
    co_await house.join();
    EXPECT_EQ(w.server->open, 0) << "a connection leaked";
    EXPECT_EQ(w.pool->counts().open, 0u);
    const pool_counts last = w.pool->counts();
    EXPECT_EQ(last.opened, last.closed);
}

TEST(PoolSim, UnderChaosNothingLeaksAndNobodyIsForgotten) {
    tally all;
    ashlar::test::for_each_seed(400, [&](std::uint64_t seed) {
        world w{seed};
        w.server->login_takes = w.loop.between(ms(0), ms(60));
        w.server->ping_takes = w.loop.between(ms(0), ms(5));
        w.server->reset_takes = w.loop.between(ms(0), ms(20));
        w.server->drops_login = [&w] { return w.loop.chance(0.1); };
        w.server->drops_ping = [&w] { return w.loop.chance(0.1); };
        w.server->drops_reset = [&w] { return w.loop.chance(0.1); };
        w.open_pool();
        w.loop.run(chaos(w));
        all.served += w.sum.served;
        all.timed_out += w.sum.timed_out;
        all.refused += w.sum.refused;
        all.cancelled += w.sum.cancelled;
    });
    if (std::getenv("ASHLAR_SEED") != nullptr) return;
    // The chaos reaches every way a call can end.
    EXPECT_GT(all.served, 10'000);
    EXPECT_GT(all.timed_out, 100);
    EXPECT_GT(all.refused, 100);
    EXPECT_GT(all.cancelled, 100);
}

task<void> queue_up(world& w, int number, std::vector<int>& order) {
    auto got = co_await w.pool->lend(w.loop);
    if (!got) co_return;
    order.push_back(number);
    co_await use(w, std::move(*got));
}

// With a healthy server and enough patience the order of coming is the order of being served.
task<void> keep_turns(world& w) {
    std::vector<lease> all;
    for (std::uint32_t i = 0; i < w.options.max_connections; ++i) {
        auto got = co_await w.pool->lend(w.loop);
        EXPECT_TRUE(got.has_value());
        all.push_back(std::move(*got));
    }
    std::vector<int> order;
    io::task_group<> callers{w.loop};
    for (int i = 0; i < 30; ++i) callers.start(queue_up(w, i, order));
    for (lease& held : all) {
        (void)co_await w.loop.sleep_until(deadline{w.loop.now() + w.loop.between(ms(0), ms(5))});
        held.give_back();
    }
    co_await callers.join();
    EXPECT_EQ(order.size(), 30u);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    w.pool->stop();
}

TEST(PoolSim, TurnsAreKept) {
    ashlar::test::for_each_seed(300, [](std::uint64_t seed) {
        world w{seed};
        w.options.checkout_timeout = seconds{60};
        w.options.max_lifetime = seconds{600};
        w.open_pool();
        w.loop.run(keep_turns(w));
    });
}

// A server that refuses for a while sees few attempts, whatever the callers do.
task<void> knock(world& w, int times) {
    for (int i = 0; i < times; ++i) {
        auto got = co_await w.pool->lend(w.loop);
        EXPECT_FALSE(got.has_value());
        (void)co_await w.loop.sleep_until(deadline{w.loop.now() + w.loop.between(ms(1), ms(3))});
    }
}

task<void> storm(world& w) {
    io::task_group<> callers{w.loop};
    for (int i = 0; i < 20; ++i) callers.start(knock(w, 500));
    co_await callers.join();
}

TEST(PoolSim, AServerThatRefusesIsNotStormed) {
    ashlar::test::for_each_seed(20, [](std::uint64_t seed) {
        world w{seed};
        w.server->refuses_logins = true;
        w.open_pool();
        const instant start = w.loop.now();
        w.loop.run(storm(w));
        const auto took = std::chrono::duration_cast<seconds>(w.loop.now() - start).count();
        EXPECT_LE(w.server->attempts, 6 + 5 + took) << "10,000 calls in " << took << " s";
    });
}

// The same seed plays the same scene.
TEST(PoolSim, ASeedRepeatsItself) {
    const auto play = [] {
        world w{81};
        w.server->login_takes = ms(7);
        w.server->drops_login = [&w] { return w.loop.chance(0.2); };
        w.open_pool();
        w.loop.run(chaos(w));
        return std::tuple{w.sum.served,    w.sum.timed_out,           w.sum.refused,
                          w.sum.cancelled, w.server->attempts.load(), w.loop.now()};
    };
    EXPECT_EQ(play(), play());
}

}  // namespace
