#include "pool/cap_rules.hpp"

using namespace ashlar;
using namespace ashlar::pool;
using kind = cap_rules::order::kind;

namespace {

instant at(int ms) {
    return instant{} + std::chrono::seconds{1'000} + milliseconds{ms};
}

// Three pools of one server.
struct desk {
    cap_rules rules;
    pool_number a, b, c;
    explicit desk(std::uint32_t most) : rules(most), a(rules.enter()), b(rules.enter()), c(rules.enter()) {}
    void fill(pool_number who, int rooms) {
        for (int i = 0; i < rooms; ++i) EXPECT_TRUE(rules.want(who, at(0)));
    }
    // The search that is due finds a connection of `whose`.
    void find(pool_number whose) {
        EXPECT_EQ(rules.next().what, kind::make_room);
        rules.leaving(whose);
        rules.searched();
    }
    void find_nothing() {
        EXPECT_EQ(rules.next().what, kind::make_room);
        rules.searched();
    }
};

}  // namespace

TEST(CapRules, WhileThereIsRoomItIsHadAtOnce) {
    desk d{2};
    EXPECT_TRUE(d.rules.want(d.a, at(0)));
    EXPECT_TRUE(d.rules.take_free(d.b));
    EXPECT_FALSE(d.rules.take_free(d.c));
    EXPECT_FALSE(d.rules.want(d.c, at(1)));
    EXPECT_TRUE(d.rules.is_full());
    EXPECT_EQ(d.rules.held_by(d.a), 1u);
}

TEST(CapRules, WhereThereIsNoneAnIdleConnectionIsLookedForOnceForEachWhoWaits) {
    desk d{1};
    d.fill(d.a, 1);
    EXPECT_FALSE(d.rules.want(d.b, at(1)));
    d.find(d.a);
    EXPECT_EQ(d.rules.next().what, kind::none);  // one is on its way out
    EXPECT_FALSE(d.rules.want(d.c, at(2)));
    d.find_nothing();
    EXPECT_EQ(d.rules.next().what, kind::none);
    EXPECT_TRUE(d.rules.is_contended());
}

TEST(CapRules, RoomGoesToWhoeverWaitsLongestOverAllPools) {
    desk d{1};
    d.fill(d.a, 1);
    EXPECT_FALSE(d.rules.want(d.b, at(9)));
    EXPECT_FALSE(d.rules.want(d.c, at(5)));
    d.find(d.a);
    d.rules.gone(d.a, true);
    const auto first = d.rules.next();
    EXPECT_EQ(first.what, kind::grant);
    EXPECT_EQ(first.to, d.c);
    EXPECT_EQ(d.rules.held_by(d.c), 1u);
    EXPECT_EQ(d.rules.held(), 1u);
}

TEST(CapRules, NobodyTakesFreeRoomBeforeThoseWhoWait) {
    desk d{1};
    d.fill(d.a, 1);
    EXPECT_FALSE(d.rules.want(d.b, at(1)));
    d.rules.gone(d.a, false);
    EXPECT_FALSE(d.rules.take_free(d.c));
    EXPECT_FALSE(d.rules.want(d.c, at(2)));
    EXPECT_EQ(d.rules.next().to, d.b);
}

TEST(CapRules, AConnectionThatNobodyOfItsPoolWaitsForIsClosedForAnother) {
    desk d{2};
    d.fill(d.a, 2);
    EXPECT_FALSE(d.rules.yields(d.a, std::nullopt));
    EXPECT_FALSE(d.rules.want(d.b, at(1)));
    d.find_nothing();
    EXPECT_TRUE(d.rules.yields(d.a, std::nullopt));
    EXPECT_FALSE(d.rules.yields(d.a, std::nullopt)) << "one wants room, and one connection leaves";
}

TEST(CapRules, APoolWithoutAnyConnectionHasItsTurnByTheTimeOfItsComing) {
    desk d{2};
    d.fill(d.a, 2);
    EXPECT_FALSE(d.rules.want(d.b, at(10)));
    d.find_nothing();
    EXPECT_FALSE(d.rules.yields(d.a, at(9)));
    EXPECT_TRUE(d.rules.yields(d.a, at(11)));
}

TEST(CapRules, AmongPoolsThatHaveAlikeALoginIsSavedUntilOneWaitsMuchLonger) {
    desk d{2};
    d.fill(d.a, 1);
    d.fill(d.b, 1);
    EXPECT_FALSE(d.rules.want(d.b, at(10)));
    d.find_nothing();
    EXPECT_FALSE(d.rules.yields(d.a, at(11)));
    EXPECT_FALSE(d.rules.yields(d.a, at(10) + cap_rules::slack));
    EXPECT_TRUE(d.rules.yields(d.a, at(11) + cap_rules::slack));
}

TEST(CapRules, APoolThatHasMuchMoreGivesWayByTheTimeOfComingAlone) {
    desk d{4};
    d.fill(d.a, 3);
    d.fill(d.b, 1);
    EXPECT_FALSE(d.rules.want(d.b, at(10)));
    d.find_nothing();
    EXPECT_TRUE(d.rules.yields(d.a, at(11)));
}

TEST(CapRules, WhoNoLongerWaitsIsNotSearchedFor) {
    desk d{1};
    d.fill(d.a, 1);
    EXPECT_FALSE(d.rules.want(d.b, at(1)));
    d.rules.unwant(d.b);
    EXPECT_EQ(d.rules.next().what, kind::none);
    EXPECT_FALSE(d.rules.is_contended());
    EXPECT_FALSE(d.rules.yields(d.a, std::nullopt));
}

TEST(CapRules, APoolThatEndsGivesBackAllItHad) {
    desk d{3};
    d.fill(d.a, 3);
    EXPECT_FALSE(d.rules.want(d.b, at(1)));
    d.rules.leaving(d.a);
    d.rules.leave(d.a);
    EXPECT_EQ(d.rules.next().what, kind::grant);
    EXPECT_EQ(d.rules.held(), 1u);
    d.rules.gone(d.a, true);  // its last connection's farewell, late
    EXPECT_EQ(d.rules.held(), 1u);
}
