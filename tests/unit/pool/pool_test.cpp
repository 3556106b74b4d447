#include "pool/pool.hpp"

#include "core/io/task_group.hpp"
#include "pool/server_cap.hpp"
#include "support/fake_server.hpp"

#include <thread>

using namespace ashlar;
using ashlar::pool::lease;
using ashlar::pool::pool_options;
using ashlar::pool::server_cap;
using ashlar::test::fake_connection;
using ashlar::test::fake_server;

namespace {

pool_options with(std::uint32_t most, std::uint32_t least = 0) {
    pool_options o;
    o.max_connections = most;
    o.min_connections = least;
    return o;
}

struct PoolTest : testing::Test {
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    std::shared_ptr<fake_server> server = std::make_shared<fake_server>();
    std::shared_ptr<ashlar::pool::pool> pool;

    ashlar::pool::pool& make(pool_options o) {
        pool = ashlar::pool::pool::make("shard_3", server, o);
        return *pool;
    }
    result<lease> lend(milliseconds within = milliseconds{5'000}) {
        return loop->run(pool->lend(*loop, deadline::in(within)));
    }
    static fake_connection& inside(const lease& l) { return static_cast<fake_connection&>(*l); }
};

}  // namespace

TEST_F(PoolTest, LendsTheConnectionUsedLastAgain) {
    make(with(2));
    lease a = lend().value(), b = lend().value();
    const int last = inside(a).number();
    b.give_back();
    a.give_back();
    EXPECT_EQ(inside(lend().value()).number(), last);
    EXPECT_EQ(server->logins, 2);
}

TEST_F(PoolTest, ACallerWhoGivesUpLeavesTheQueueAndLosesNoConnection) {
    make(with(1));
    lease held = lend().value();
    auto hasty = lend(milliseconds{1});
    EXPECT_EQ(hasty.error(), errc::pool_timeout);
    EXPECT_EQ(pool->counts().waiting, 0u);
    EXPECT_EQ(pool->counts().timeouts, 1u);
    held.give_back();
    EXPECT_TRUE(lend(milliseconds{1}).has_value());
    EXPECT_EQ(pool->counts().open, 1u);
}

TEST_F(PoolTest, ATimeoutSaysWhatStoodInTheWayAndWhatToTry) {
    make(with(1));
    lease held = lend().value();
    auto late = lend(milliseconds{0});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().message().substr(0, 42), "no connection came free on shard_3 within ");
    EXPECT_NE(late.error().detail().find("fake://server has 1 of 1 connections lent"), std::string::npos);
    EXPECT_NE(late.error().hint().find("max_connections"), std::string::npos);
}

TEST_F(PoolTest, WaitersOnTheSameLoopAreServedInTheOrderOfTheirComing) {
    make(with(1));
    struct waiter {
        static task<void> wait(io::loop& l, ashlar::pool::pool& p, std::vector<int>& order, int n) {
            auto got = co_await p.lend(l);
            EXPECT_TRUE(got.has_value());
            order.push_back(n);
        }
        static task<void> all(io::loop& l, ashlar::pool::pool& p, std::vector<int>& order, lease held) {
            io::task_group<> callers{l};
            for (int i = 0; i < 20; ++i) callers.start(wait(l, p, order, i));
            held.give_back();
            co_await callers.join();
        }
    };
    std::vector<int> order;
    loop->run(waiter::all(*loop, *pool, order, lend().value()));
    std::vector<int> expected(20);
    for (int i = 0; i < 20; ++i) expected[static_cast<std::size_t>(i)] = i;
    EXPECT_EQ(order, expected);
    EXPECT_EQ(pool->counts().waits, 20u);
}

TEST_F(PoolTest, AWaiterCancelledAfterItWasPromisedAConnectionPassesItOn) {
    make(with(1));
    struct scene {
        static task<void> wait(io::loop& l, ashlar::pool::pool& p, bool& served) {
            auto got = co_await p.lend(l);
            served = got.has_value();
        }
        static task<void> play(io::loop& l, ashlar::pool::pool& p, lease held, bool& first, bool& second) {
            io::task_group<> doomed{l}, patient{l};
            doomed.start(wait(l, p, first));
            patient.start(wait(l, p, second));
            held.give_back();  // promised to the first, who has not run yet
            doomed.cancel();   // and never will
            co_await patient.join();
            co_await doomed.cancel_and_join();
        }
    };
    bool first = false, second = false;
    loop->run(scene::play(*loop, *pool, lend().value(), first, second));
    EXPECT_FALSE(first);
    EXPECT_TRUE(second);
    EXPECT_EQ(pool->counts().active, 0u);
    EXPECT_EQ(pool->counts().available, 1u);
}

TEST_F(PoolTest, AConnectionLeftInATransactionIsClosedWhenNobodyWouldResetIt) {
    make(with(1));
    lease l = lend().value();
    inside(l).make_dirty(true);
    l.give_back();
    EXPECT_EQ(server->open, 0);
    EXPECT_EQ(server->resets, 0);
}

TEST_F(PoolTest, ADirtyConnectionIsResetByItsNextBorrower) {
    make(with(1));
    lease l = lend().value();
    inside(l).make_dirty();
    l.give_back();
    EXPECT_EQ(server->resets, 0) << "the returning owner does not wait";
    lease again = lend().value();
    EXPECT_EQ(server->resets, 1);
    EXPECT_TRUE(again->is_clean());
}

TEST_F(PoolTest, AResetThatFailsCostsTheConnectionAndNotTheCaller) {
    make(with(1));
    lease l = lend().value();
    inside(l).make_dirty();
    l.give_back();
    server->drops_reset = [] { return true; };
    EXPECT_TRUE(lend().has_value());
    EXPECT_EQ(server->logins, 2);
    EXPECT_EQ(pool->counts().closed, 1u);
}

TEST_F(PoolTest, DeathOfTheServerWhileIdleIsInvisibleAfterTheFirstOneFoundIt) {
    make(with(3));
    lease a = lend().value(), b = lend().value(), c = lend().value();
    b.give_back();
    c.give_back();
    inside(a).break_it();
    server->kill_all();
    a.give_back();
    lease fresh = lend().value();
    EXPECT_TRUE(loop->run(inside(fresh).work_for(milliseconds{0})));
    EXPECT_EQ(server->pings, 2);
}

TEST_F(PoolTest, ARefusedLoginIsToldWordForWordAndNotStormed) {
    make(with(5));
    server->refuses_logins = true;
    auto first = lend();
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error(), errc::connect_failed);
    EXPECT_EQ(first.error().where(), "shard_3");
    for (int i = 0; i < 100; ++i) EXPECT_EQ(lend().error(), errc::connect_failed);
    EXPECT_LT(server->attempts, 4);  // this loop takes far less than 50 ms; a stall may allow a retry or two
}

TEST_F(PoolTest, StopRefusesTheWaitingAndRunEndsOnceTheLastLeaseIsBack) {
    make(with(2, 1));
    struct scene {
        static task<void> wait(io::loop& l, ashlar::pool::pool& p, errc& got) {
            auto r = co_await p.lend(l);
            got = r ? errc::internal : r.error().code();
        }
        static task<void> house(io::loop& l, ashlar::pool::pool& p, bool& ended) {
            const status s = co_await p.run(l);
            ended = s.has_value();
        }
        static task<void> play(io::loop& l, ashlar::pool::pool& p, errc& got) {
            io::task_group<> all{l};
            bool house_ended = false;
            all.start(house(l, p, house_ended));
            auto a = co_await p.lend(l);
            auto b = co_await p.lend(l);
            all.start(wait(l, p, got));
            p.stop();
            p.stop();
            (void)co_await all.next();
            EXPECT_FALSE(house_ended);
            a->give_back();
            b->give_back();
            co_await all.join();
            EXPECT_TRUE(house_ended);
        }
    };
    errc got = errc::internal;
    loop->run(scene::play(*loop, *pool, got));
    EXPECT_EQ(got, errc::pool_stopped);
    EXPECT_EQ(server->open, 0);
    EXPECT_EQ(lend().error(), errc::pool_stopped);
}

TEST_F(PoolTest, TheHousekeeperKeepsTheMinimumOpenAndResetsWhatCameBackDirty) {
    make(with(4, 3));
    struct scene {
        static task<void> house(io::loop& l, ashlar::pool::pool& p) { (void)co_await p.run(l); }
        static task<void> play(io::loop& l, ashlar::pool::pool& p, fake_server& s) {
            io::task_group<> all{l};
            all.start(house(l, p));
            while (p.counts().available < 3) co_await yield(l);
            auto got = co_await p.lend(l);
            static_cast<fake_connection&>(**got).make_dirty(true);
            got->give_back();
            while (s.resets == 0 || p.counts().available < 3) co_await yield(l);
            p.stop();
            co_await all.join();
        }
        static task<void> yield(io::loop& l) {
            io::signal soon;
            l.post([soon]() mutable { soon.set(); });
            (void)co_await l.wait_for(soon);
        }
    };
    loop->run(scene::play(*loop, *pool, *server));
    EXPECT_EQ(server->logins, 3);
    EXPECT_EQ(server->resets, 1);
    EXPECT_EQ(server->open, 0);
}

TEST_F(PoolTest, IdleConnectionsDoNotReferToTheLoopOfACallerWhoBlocked) {
    make(with(1));
    for (int i = 0; i < 3; ++i) {
        auto brief = io::make_poll_loop();
        lease l = brief->run(pool->lend(*brief)).value();
        EXPECT_EQ(inside(l).bound_to(), brief.get());
    }
    EXPECT_EQ(server->logins, 1);
}

TEST_F(PoolTest, CallersOnManyThreadsShareFewConnections) {
    make(with(3));
    std::vector<std::thread> threads;
    std::atomic<int> served{0};
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            auto own = t % 2 == 0 ? io::make_epoll_loop() : io::make_poll_loop();
            for (int i = 0; i < 300; ++i) {
                lease l = own->run(pool->lend(*own)).value();
                if (i % 7 == 0) inside(l).make_dirty();
                EXPECT_EQ(inside(l).bound_to(), own.get());
                ++served;
            }
            // The pool's connections may stay bound to an epoll loop, so it stays until they are closed.
            if (t % 2 == 0) {
                static std::mutex guard;
                static std::vector<std::unique_ptr<io::loop>> kept;
                std::lock_guard hold{guard};
                kept.push_back(std::move(own));
            }
        });
    }
    for (auto& t : threads) t.join();
    EXPECT_EQ(served, 8 * 300);
    EXPECT_LE(server->most_open, 3);
    const auto c = pool->counts();
    EXPECT_EQ(c.lent, 8u * 300u);
    EXPECT_EQ(c.active, 0u);
    EXPECT_EQ(c.waiting, 0u);
}

// --- pools that share a server ---------------------------------------------------------------------------------------

namespace {

struct CappedPools : testing::Test {
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    std::shared_ptr<fake_server> server = std::make_shared<fake_server>();
    std::vector<std::shared_ptr<ashlar::pool::pool>> pools;

    void make(std::uint32_t most, int how_many) {
        auto cap = std::make_shared<server_cap>("db7b:5432", most);
        for (int i = 1; i <= how_many; ++i) {
            pools.push_back(
                ashlar::pool::pool::make("shard_" + std::to_string(i), server, with(3), steady_clock::now, cap));
        }
    }
    result<lease> lend(std::size_t which, milliseconds within = milliseconds{5'000}) {
        return loop->run(pools[which]->lend(*loop, deadline::in(within)));
    }
};

}  // namespace

TEST_F(CappedPools, AnIdleConnectionOfAnotherPoolIsClosedToMakeRoomTheLongestUnusedFirst) {
    make(2, 3);
    lend(1).value().give_back();
    lend(0).value().give_back();
    lease third = lend(2).value();
    EXPECT_EQ(pools[1]->counts().open, 0u);
    EXPECT_EQ(pools[0]->counts().open, 1u);
    EXPECT_EQ(server->most_open, 2);
    EXPECT_EQ(pools[2]->counts().waits, 1u);
}

TEST_F(CappedPools, ATimeoutSaysWhoHoldsTheConnections) {
    make(2, 3);
    lease a = lend(0).value(), b = lend(0).value();
    auto late = lend(2, milliseconds{1});
    ASSERT_EQ(late.error(), errc::pool_timeout);
    EXPECT_EQ(late.error().detail(),
              "pool fake://server has 0 of 3 connections lent; 0 callers wait. All 2 connections to db7b:5432 that "
              "pool.max_connections_per_server allows are taken: shard_1 has 2.");
    EXPECT_NE(late.error().hint().find("pool.max_connections_per_server"), std::string::npos);
}

TEST_F(CappedPools, APoolThatIsFullItselfSaysSo) {
    make(3, 2);
    lease a = lend(0).value(), b = lend(0).value(), c = lend(0).value();
    auto late = lend(0, milliseconds{1});
    EXPECT_EQ(late.error().detail().find("per_server"), std::string::npos) << late.error().detail();
}

TEST_F(CappedPools, ARefusedLoginGivesItsRoomBack) {
    make(1, 2);
    server->refuses_logins = true;
    EXPECT_EQ(lend(0).error(), errc::connect_failed);
    server->refuses_logins = false;
    EXPECT_TRUE(lend(1).has_value());
}

TEST_F(CappedPools, AConnectionThatBreaksGivesItsRoomBack) {
    make(1, 2);
    lease held = lend(0).value();
    static_cast<fake_connection&>(*held).break_it();
    held.give_back();
    EXPECT_TRUE(lend(1, milliseconds{1'000}).has_value());
}

TEST_F(CappedPools, ThePoolsRoomIsFreeOnceItIsNoMore) {
    make(1, 2);
    lend(0).value().give_back();
    pools[0].reset();
    EXPECT_TRUE(lend(1, milliseconds{1'000}).has_value());
}

TEST_F(CappedPools, OnManyThreadsTheServerNeverHasMoreThanTheCap) {
    make(3, 4);
    std::vector<std::thread> threads;
    std::atomic<int> served{0};
    for (std::size_t t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            auto own = io::make_poll_loop();
            for (std::size_t i = 0; i < 200; ++i) {
                lease l = own->run(pools[(t + i / 3) % 4]->lend(*own)).value();
                if (i % 7 == 0) static_cast<fake_connection&>(*l).make_dirty();
                ++served;
            }
        });
    }
    for (auto& t : threads) t.join();
    EXPECT_EQ(served, 8 * 200);
    EXPECT_LE(server->most_open, 3);
    for (const auto& each : pools) EXPECT_EQ(each->counts().waiting, 0u);
}

using ashlar::pool::borrower;

TEST_F(PoolTest, FanOutsHaveAShareAndLeaveTheRestToStatementsOfOneDatabase) {
    pool_options o = with(4);
    o.checkout_timeout = milliseconds{20};
    make(o);
    const auto fan_out = [&] { return loop->run(pool->lend(*loop, deadline::never(), borrower::fan_out)); };
    std::vector<lease> held;
    for (int i = 0; i < 3; ++i) held.push_back(fan_out().value());
    auto late = fan_out();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), errc::pool_timeout);
    EXPECT_NE(late.error().message().find("for a statement over several databases"), std::string::npos);
    EXPECT_NE(late.error().detail().find("may have 3 of the 4 connections"), std::string::npos);
    EXPECT_NE(late.error().hint().find("pool.fan_out_connections_max"), std::string::npos);
    EXPECT_FALSE(pool->lend_ready(*loop, borrower::fan_out));
    EXPECT_TRUE(lend()) << "for one database alone there is room";
    held.pop_back();
    EXPECT_TRUE(pool->lend_ready(*loop, borrower::fan_out));
    EXPECT_EQ(pool->counts().timeouts, 1u);
}

TEST_F(PoolTest, AFanOutThatWaitsIsCountedAndServedWhenAnotherOneEnds) {
    make(with(2));
    struct scene {
        static task<void> wait(io::loop& l, ashlar::pool::pool& p, bool& served) {
            auto got = co_await p.lend(l, deadline::never(), borrower::fan_out);
            served = got.has_value();
        }
        static task<void> play(io::loop& l, ashlar::pool::pool& p, lease held, bool& served) {
            io::task_group<> waiter{l};
            waiter.start(wait(l, p, served));
            EXPECT_EQ(p.counts().waiting, 1u);
            EXPECT_FALSE(served);
            held.give_back();
            co_await waiter.join();
        }
    };
    bool served = false;
    lease first = loop->run(pool->lend(*loop, deadline::never(), borrower::fan_out)).value();
    loop->run(scene::play(*loop, *pool, std::move(first), served));
    EXPECT_TRUE(served);
    EXPECT_EQ(pool->counts().waiting, 0u);
}

TEST_F(PoolTest, TellsSinceWhenAnAnswerIsOwed) {
    instant now{std::chrono::hours{1}};
    pool = ashlar::pool::pool::make("shard_3", server, with(3), [&] { return now; });
    EXPECT_FALSE(pool->unanswered_since());
    lease a = lend().value();
    now += std::chrono::seconds{1};
    lease b = lend().value();
    EXPECT_EQ(pool->unanswered_since(), now) << "a login was answered just now";
    now += std::chrono::seconds{5};
    EXPECT_EQ(pool->unanswered_since(), now - std::chrono::seconds{5});
    b.give_back();
    EXPECT_FALSE(pool->unanswered_since()) << "it answers; the other one is slow by itself";
}
