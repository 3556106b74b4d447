#include "pool/share.hpp"

#include "core/io/task_group.hpp"
#include "pool/pool_options.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace ashlar;
using ashlar::pool::fan_out_bound;
using ashlar::pool::pool_options;
using ashlar::pool::share;
using ashlar::pool::share_rules;

TEST(FanOutBound, LeavesRoomForStatementsOfOneDatabase) {
    const auto bound = [](std::uint32_t connections, std::uint32_t given) {
        pool_options o;
        o.max_connections = connections;
        o.fan_out_connections_max = given;
        return fan_out_bound(o);
    };
    EXPECT_EQ(bound(25, 0), 18u);
    EXPECT_EQ(bound(10, 0), 7u);
    EXPECT_EQ(bound(4, 0), 3u);
    EXPECT_EQ(bound(2, 0), 1u);
    EXPECT_EQ(bound(1, 0), 1u);
    EXPECT_EQ(bound(25, 5), 5u);
    EXPECT_EQ(bound(25, 25), 24u);
    EXPECT_EQ(bound(1, 7), 1u);
}

TEST(ShareRules, GrantInTheOrderOfComing) {
    share_rules rules{2};
    EXPECT_TRUE(rules.take_now(1));
    EXPECT_TRUE(rules.take_now(1));
    EXPECT_FALSE(rules.take_now(1));
    const auto first = rules.arrive(1);
    const auto second = rules.arrive(1);
    EXPECT_TRUE(rules.take_grants().empty());
    rules.give_back(1);
    EXPECT_EQ(rules.take_grants(), std::vector{first});
    rules.give_back(1);
    EXPECT_EQ(rules.take_grants(), std::vector{second});
    EXPECT_EQ(rules.used(), 2u);
}

TEST(ShareRules, GiveAllUnitsOfACallerAtOnceAndLetNobodyOvertakeIt) {
    share_rules rules{4};
    EXPECT_TRUE(rules.take_now(3));
    const auto needs_four = rules.arrive(4);
    EXPECT_FALSE(rules.take_now(1));
    const auto needs_one = rules.arrive(1);
    rules.give_back(2);
    EXPECT_TRUE(rules.take_grants().empty());
    rules.give_back(1);
    EXPECT_EQ(rules.take_grants(), std::vector{needs_four});
    rules.give_back(4);
    EXPECT_EQ(rules.take_grants(), std::vector{needs_one});
}

TEST(ShareRules, ACallerForMoreThanThereIsGetsAllOfIt) {
    share_rules rules{3};
    EXPECT_EQ(rules.counted(7), 3u);
    EXPECT_TRUE(rules.take_now(1));
    const auto large = rules.arrive(7);
    rules.give_back(1);
    EXPECT_EQ(rules.take_grants(), std::vector{large});
    EXPECT_EQ(rules.used(), 3u);
}

TEST(ShareRules, ACallerThatLeavesMakesRoomForTheNext) {
    share_rules rules{2};
    EXPECT_TRUE(rules.take_now(1));
    const auto large = rules.arrive(2);
    const auto small = rules.arrive(1);
    EXPECT_TRUE(rules.leave(large));
    EXPECT_EQ(rules.take_grants(), std::vector{small});
    EXPECT_FALSE(rules.leave(small));
}

// Whatever happens: never more in use than there is, nobody overtaken, everybody served.
TEST(ShareRules, KeepTheirBoundAndTheirOrderUnderChaos) {
    std::mt19937 dice{7};
    for (int world = 0; world < 200; ++world) {
        const std::uint32_t most = 1 + dice() % 6;
        share_rules rules{most};
        std::vector<std::uint32_t> held;
        std::map<share_rules::ticket, std::uint32_t> waits;
        const auto take_grants = [&] {
            for (const auto each : rules.take_grants()) {
                EXPECT_EQ(each, waits.begin()->first);
                held.push_back(waits.begin()->second);
                waits.erase(waits.begin());
            }
        };
        for (int step = 0; step < 300; ++step) {
            const std::uint32_t units = rules.counted(1 + dice() % 8);
            switch (dice() % 4) {
                case 0:
                    if (rules.take_now(units)) held.push_back(units);
                    break;
                case 1:
                    waits.emplace(rules.arrive(units), units);
                    break;
                case 2:
                    if (held.empty()) break;
                    std::swap(held[dice() % held.size()], held.back());
                    rules.give_back(held.back());
                    held.pop_back();
                    break;
                default:
                    if (waits.empty()) break;
                    const auto leaver = std::next(waits.begin(), static_cast<std::ptrdiff_t>(dice() % waits.size()));
                    EXPECT_TRUE(rules.leave(leaver->first));
                    waits.erase(leaver);
                    break;
            }
            take_grants();
            std::uint32_t sum = 0;
            for (const std::uint32_t each : held) sum += each;
            ASSERT_EQ(sum, rules.used());
            ASSERT_LE(sum, most);
        }
        while (!held.empty()) {
            rules.give_back(held.back());
            held.pop_back();
            take_grants();
        }
        EXPECT_TRUE(waits.empty());
    }
}

namespace {

task<void> hold_for_a_moment(io::loop& on, share& of, int& at_once, int& most, int& served) {
    auto permit = co_await of.take(on, 1, deadline::never());
    EXPECT_TRUE(permit);
    most = std::max(most, ++at_once);
    (void)co_await on.sleep_until(deadline::in(milliseconds{1}));
    --at_once;
    ++served;
}

task<void> all_at_once(io::loop& on, share& of, int& at_once, int& most, int& served) {
    io::task_group<> callers{on};
    for (int i = 0; i < 20; ++i) callers.start(hold_for_a_moment(on, of, at_once, most, served));
    co_await callers.join();
}

}  // namespace

TEST(Share, ServesAllWhoComeAndNoMoreAtOnceThanItHas) {
    const auto on = io::make_poll_loop();
    const auto of = share::make(3, 100);
    int at_once = 0, most = 0, served = 0;
    on->run(all_at_once(*on, *of, at_once, most, served));
    EXPECT_EQ(served, 20);
    EXPECT_EQ(most, 3);
    EXPECT_EQ(of->used(), 0u);
    EXPECT_EQ(of->waiting(), 0u);
}

TEST(Share, ACallerThatIsLateOrFindsTheQueueFullIsToldAndLeavesNothingBehind) {
    const auto on = io::make_poll_loop();
    const auto of = share::make(1, 0);
    share::permit held = of->take_now(1);
    ASSERT_TRUE(held);
    auto refused = on->run(of->take(*on, 1, deadline::never()));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::pool_queue_full);

    const auto patient = share::make(1, 5);
    share::permit taken = patient->take_now(1);
    auto late = on->run(patient->take(*on, 1, deadline::in(milliseconds{1})));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), errc::deadline_passed);
    EXPECT_EQ(patient->waiting(), 0u);
    taken.give_back(1);
    EXPECT_EQ(patient->used(), 0u);
    EXPECT_TRUE(patient->take_now(1));
}

TEST(Share, ACancelledCallerPassesOnWhatItWasGranted) {
    struct scene {
        static task<void> wait(io::loop& on, share& of, bool& got) {
            auto permit = co_await of.take(on, 1, deadline::never());
            got = permit.has_value();
        }
        static task<void> play(io::loop& on, share& of, bool& first, bool& second) {
            share::permit held = of.take_now(1);
            io::task_group<> doomed{on}, patient{on};
            doomed.start(wait(on, of, first));
            patient.start(wait(on, of, second));
            held.give_back(1);  // granted to the first, which has not run yet
            doomed.cancel();    // and never will
            co_await patient.join();
            co_await doomed.cancel_and_join();
        }
    };
    const auto on = io::make_poll_loop();
    const auto of = share::make(1, 5);
    bool first = false, second = false;
    on->run(scene::play(*on, *of, first, second));
    EXPECT_FALSE(first);
    EXPECT_TRUE(second);
    EXPECT_EQ(of->used(), 0u);
}
