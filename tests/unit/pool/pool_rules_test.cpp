#include "pool/pool_rules.hpp"

#include <set>

using namespace ashlar;
using namespace ashlar::pool;
using std::chrono::seconds;

namespace {

instant at(milliseconds since_start) {
    return instant{} + seconds{1'000} + since_start;
}

pool_options with(std::uint32_t most, std::uint32_t least = 0) {
    pool_options o;
    o.max_connections = most;
    o.min_connections = least;
    return o;
}

// Rules and a few words to speak of them.
struct desk {
    pool_rules rules;
    explicit desk(pool_options o) : rules(o, 81) {}

    grant arrive(milliseconds t = {}, place where = nullptr) { return rules.arrive(where, at(t)); }
    // A caller who opened a connection and has it on loan.
    slot_number open(milliseconds t = {}, place where = nullptr) {
        const grant g = rules.arrive(where, at(t));
        EXPECT_EQ(g.what, grant::kind::open);
        EXPECT_TRUE(rules.opened(g.slot, true, where, at(t)));
        return g.slot;
    }
    void give(slot_number slot, milliseconds t = {}, condition as = condition::clean, place where = nullptr) {
        EXPECT_FALSE(rules.returned(slot, as, where, at(t)).has_value());
    }
    std::optional<grant> granted() {
        auto all = rules.take_grants();
        EXPECT_LE(all.size(), 1u);
        return all.empty() ? std::nullopt : std::optional{all.front()};
    }
};

constexpr milliseconds ms(int n) {
    return milliseconds{n};
}

}  // namespace

TEST(PoolRules, OpenAsDemandAsksUpToTheMaximumAndQueueAfterThat) {
    desk d{with(2)};
    d.open();
    d.open();
    EXPECT_EQ(d.arrive().what, grant::kind::wait);
    EXPECT_EQ(d.rules.counts(at({})).open, 2u);
    EXPECT_EQ(d.rules.counts(at({})).waiting, 1u);
}

TEST(PoolRules, FirstComeFirstServed) {
    desk d{with(1)};
    const slot_number only = d.open();
    const grant first = d.arrive(), second = d.arrive();

    d.give(only);
    auto g = d.granted();
    ASSERT_TRUE(g);
    EXPECT_EQ(g->turn, first.turn);
    EXPECT_EQ(g->what, grant::kind::lend);

    d.give(only);
    EXPECT_EQ(d.granted()->turn, second.turn);
}

TEST(PoolRules, TheConnectionUsedLastIsLentFirst) {
    desk d{with(3)};
    const slot_number a = d.open(), b = d.open(), c = d.open();
    d.give(b, ms(1));
    d.give(a, ms(2));
    d.give(c, ms(3));
    EXPECT_EQ(d.arrive(ms(4)).slot, c);
    EXPECT_EQ(d.arrive(ms(4)).slot, a);
    EXPECT_EQ(d.arrive(ms(4)).slot, b);
}

TEST(PoolRules, AConnectionBoundToTheBorrowersLoopGoesBeforeOneUsedLater) {
    desk d{with(3)};
    int here = 0, there = 0;
    const slot_number a = d.open(), b = d.open();
    d.give(a, ms(1), condition::clean, &here);
    d.give(b, ms(2), condition::clean, &there);
    EXPECT_EQ(d.arrive(ms(3), &here).slot, a);
}

TEST(PoolRules, ADirtyConnectionIsLentAfterTheCleanOnesAndIsToBeReset) {
    desk d{with(2)};
    const slot_number a = d.open(), b = d.open();
    d.give(a, ms(1));
    d.give(b, ms(2), condition::dirty);
    EXPECT_EQ(d.arrive(ms(3)).slot, a);
    const grant g = d.arrive(ms(3));
    EXPECT_EQ(g.slot, b);
    EXPECT_EQ(g.needs, chore::reset);
    EXPECT_TRUE(d.rules.chore_done(b, true, nullptr, at(ms(4))));
    d.give(b, ms(5));
    EXPECT_EQ(d.arrive(ms(6)).needs, chore::none);
}

TEST(PoolRules, TheHousekeeperResetsADirtyConnectionThatNobodyWantsYet) {
    desk d{with(1)};
    const slot_number a = d.open();
    d.give(a, ms(1), condition::dirty);
    EXPECT_TRUE(d.rules.wants_housekeeping());
    const chores todo = d.rules.housekeep(at(ms(2)));
    ASSERT_EQ(todo.reset.size(), 1u);
    const grant waits = d.arrive(ms(3));
    EXPECT_EQ(waits.what, grant::kind::wait);
    EXPECT_TRUE(d.rules.chore_done(a, true, nullptr, at(ms(4))));
    EXPECT_EQ(d.granted()->turn, waits.turn);
}

TEST(PoolRules, OneMoreCallerThanTheQueueTakesIsRefused) {
    pool_options o = with(1);
    o.waiters_max = 1;
    desk d{o};
    d.open();
    EXPECT_EQ(d.arrive().what, grant::kind::wait);
    EXPECT_EQ(d.arrive().what, grant::kind::refuse_full);
    EXPECT_EQ(d.rules.counts(at(ms(0))).refused, 1u);
}

TEST(PoolRules, APromiseThatIsDeclinedGoesToTheNext) {
    desk d{with(1)};
    const slot_number only = d.open();
    d.arrive();
    const grant second = d.arrive();
    d.give(only);
    EXPECT_TRUE(d.granted());
    EXPECT_FALSE(d.rules.declined(only, at(ms(1))));
    EXPECT_EQ(d.granted()->turn, second.turn);
}

TEST(PoolRules, AConnectionThatWasIdleLongIsCheckedFirst) {
    desk d{with(1)};
    const slot_number a = d.open();
    d.give(a, ms(0));
    const grant soon = d.arrive(ms(29'999));
    EXPECT_EQ(soon.needs, chore::none);
    d.give(soon.slot, ms(30'000));
    EXPECT_EQ(d.arrive(ms(60'000)).needs, chore::check);
}

TEST(PoolRules, OnceOneIsFoundDeadAllThatWereIdleThenAreChecked) {
    desk d{with(3)};
    const slot_number a = d.open(), b = d.open(), c = d.open();
    d.give(a, ms(1));
    EXPECT_TRUE(d.rules.returned(b, condition::broken, nullptr, at(ms(2))));
    d.give(c, ms(3));
    EXPECT_EQ(d.arrive(ms(4)).needs, chore::none);  // c was used after b died
    EXPECT_EQ(d.arrive(ms(4)).needs, chore::check);
}

TEST(PoolRules, ACallerWhoseConnectionProvedDeadKeepsItsPlaceInTheQueue) {
    desk d{with(1)};
    const slot_number a = d.open();
    const grant first = d.arrive(ms(1)), second = d.arrive(ms(2));
    d.give(a, ms(3), condition::dirty);
    EXPECT_EQ(d.granted()->turn, first.turn);
    EXPECT_FALSE(d.rules.chore_done(a, false, nullptr, at(ms(4))));
    EXPECT_FALSE(d.granted()) << "the slot is the first one's to open anew";
    EXPECT_EQ(d.rules.come_back(first.turn, nullptr, at(ms(4))).what, grant::kind::open);
    EXPECT_EQ(d.rules.counts(at(ms(4))).waiting, 1u);
    (void)second;
}

TEST(PoolRules, WhileTheServerRefusesAndNothingIsOpenCallersAreRefusedAtOnce) {
    desk d{with(5)};
    const grant g = d.arrive(ms(0));
    d.rules.open_failed(g.slot, at(ms(1)));
    EXPECT_EQ(d.rules.come_back(g.turn, nullptr, at(ms(1))).what, grant::kind::refuse_failing);
    EXPECT_EQ(d.arrive(ms(10)).what, grant::kind::refuse_failing);

    // Once the time for a retry has come one caller tries; the others wait for what it finds.
    const grant probe = d.arrive(ms(51));
    EXPECT_EQ(probe.what, grant::kind::open);
    EXPECT_EQ(d.arrive(ms(51)).what, grant::kind::wait);
    EXPECT_TRUE(d.rules.opened(probe.slot, true, nullptr, at(ms(60))));
    EXPECT_EQ(d.granted()->what, grant::kind::open);
}

TEST(PoolRules, RetriesOfAServerThatStaysAwayComeAtMostOnceASecondAndAtLeast) {
    desk d{with(5)};
    milliseconds t{0};
    std::vector<long> pauses;
    for (int i = 0; i < 8; ++i) {
        const grant g = d.arrive(t);
        ASSERT_EQ(g.what, grant::kind::open);
        d.rules.open_failed(g.slot, at(t));
        const auto pause = std::chrono::duration_cast<milliseconds>(d.rules.retry_at() - at(t));
        pauses.push_back(pause.count());
        t += pause;
    }
    EXPECT_EQ(pauses, (std::vector<long>{50, 100, 200, 400, 800, 1000, 1000, 1000}));
}

TEST(PoolRules, LoginsThatFailTogetherCountOnce) {
    desk d{with(5)};
    std::vector<grant> all;
    for (int i = 0; i < 5; ++i) all.push_back(d.arrive());
    for (const grant& g : all) d.rules.open_failed(g.slot, at(ms(3)));
    EXPECT_EQ(d.rules.retry_at(), at(ms(53)));
}

TEST(PoolRules, WhileSomethingIsOpenACallerWaitsAndTheFirstOneLooksAgain) {
    desk d{with(2)};
    const slot_number lent = d.open();
    const grant g = d.arrive(ms(1));
    d.rules.open_failed(g.slot, at(ms(2)));
    EXPECT_EQ(d.rules.come_back(g.turn, nullptr, at(ms(2))).what, grant::kind::wait);
    const auto told = d.granted();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->what, grant::kind::look_again);
    EXPECT_EQ(told->turn, g.turn);

    const grant later = d.arrive(ms(3));
    EXPECT_FALSE(d.granted()) << "one lookout is enough";
    d.rules.give_up(g.turn, true, at(ms(4)));
    EXPECT_EQ(d.granted()->turn, later.turn) << "the next one takes over";

    d.rules.look(at(ms(52)));
    EXPECT_EQ(d.granted()->what, grant::kind::open);
    (void)lent;
}

TEST(PoolRules, TheIdleAreClosedDownToTheMinimumTheLongestUnusedFirst) {
    pool_options o = with(4, 2);
    desk d{o};
    const slot_number a = d.open(), b = d.open(), c = d.open();
    d.give(a, ms(1));
    d.give(b, ms(2));
    d.give(c, ms(3));
    const chores todo = d.rules.housekeep(at(ms(300'003)));
    EXPECT_EQ(todo.close, (std::vector<slot_number>{a}));
    EXPECT_EQ(d.rules.counts(at({})).open, 2u);
    EXPECT_EQ(todo.look_again, at(ms(330'003)));
}

TEST(PoolRules, EachConnectionHasItsOwnEndBetween90And100PercentOfTheLifetime) {
    pool_options o = with(50);
    o.idle_timeout = milliseconds{100'000'000};
    desk d{o};
    std::vector<slot_number> all;
    for (int i = 0; i < 50; ++i) all.push_back(d.open());
    for (const slot_number s : all) d.give(s);
    EXPECT_TRUE(d.rules.housekeep(at(ms(3'239'999))).close.empty());
    const std::size_t half_way = d.rules.housekeep(at(ms(3'420'000))).close.size();
    EXPECT_GT(half_way, 10u);
    EXPECT_LT(half_way, 40u);
    EXPECT_EQ(d.rules.housekeep(at(ms(3'600'000))).close.size(), 50 - half_way);
}

TEST(PoolRules, AConnectionThatIsTooOldIsClosedWhenItComesBack) {
    desk d{with(1)};
    const slot_number a = d.open();
    d.arrive(ms(1));
    EXPECT_EQ(d.rules.returned(a, condition::clean, nullptr, at(ms(3'600'000))), closed_because::too_old);
    EXPECT_EQ(d.granted()->what, grant::kind::open) << "who waits opens a new one";
}

TEST(PoolRules, TheHousekeeperOpensTheMinimumOneByOne) {
    desk d{with(5, 2)};
    const chores first = d.rules.housekeep(at({}));
    ASSERT_TRUE(first.open);
    EXPECT_FALSE(d.rules.housekeep(at(ms(1))).open);
    EXPECT_TRUE(d.rules.opened(*first.open, false, nullptr, at(ms(2))));
    const chores second = d.rules.housekeep(at(ms(2)));
    ASSERT_TRUE(second.open);
    EXPECT_TRUE(d.rules.opened(*second.open, false, nullptr, at(ms(3))));
    EXPECT_FALSE(d.rules.housekeep(at(ms(3))).open);
    EXPECT_EQ(d.rules.counts(at(ms(3))).available, 2u);
}

TEST(PoolRules, AnOpeningThatItsCallerGaveUpIsRepeatedByTheHousekeeper) {
    desk d{with(5)};
    const grant g = d.arrive();
    d.rules.open_abandoned(g.slot, true, at(ms(250)));
    EXPECT_TRUE(d.rules.wants_housekeeping());
    const chores todo = d.rules.housekeep(at(ms(251)));
    ASSERT_TRUE(todo.open);
    EXPECT_TRUE(d.rules.opened(*todo.open, false, nullptr, at(ms(400))));
    EXPECT_FALSE(d.rules.wants_housekeeping());
}

TEST(PoolRules, StopRefusesWhoWaitsAndClosesWhatIsIdleAndWhatComesBack) {
    desk d{with(2)};
    const slot_number a = d.open(), b = d.open();
    const grant waits = d.arrive(ms(1));
    d.give(a, ms(2));
    EXPECT_EQ(d.granted()->turn, waits.turn);
    d.give(a, ms(3));
    EXPECT_EQ(d.rules.stop(at(ms(4))), (std::vector<slot_number>{a}));
    EXPECT_EQ(d.arrive(ms(5)).what, grant::kind::refuse_stopped);
    EXPECT_EQ(d.rules.returned(b, condition::clean, nullptr, at(ms(6))), closed_because::stopped);
    EXPECT_TRUE(d.rules.is_empty());
}

TEST(PoolRules, CountWaitsTimeoutsAndTheOldestLease) {
    desk d{with(1)};
    const slot_number a = d.open(ms(0));
    const grant late = d.arrive(ms(10));
    const grant patient = d.arrive(ms(20));
    EXPECT_EQ(d.rules.counts(at(ms(50))).oldest_wait, milliseconds{40});
    d.rules.give_up(late.turn, true, at(ms(60)));
    EXPECT_EQ(d.rules.counts(at(ms(70))).oldest_lease, milliseconds{70});
    d.give(a, ms(80));
    const pool_counts c = d.rules.counts(at(ms(90)));
    EXPECT_EQ(c.lent, 2u);
    EXPECT_EQ(c.waits, 2u);
    EXPECT_EQ(c.timeouts, 1u);
    EXPECT_EQ(c.wait_time, milliseconds{50 + 60});
    EXPECT_EQ(c.oldest_lease, milliseconds{10});
    EXPECT_EQ(c.active, 1u);
    (void)patient;
}
