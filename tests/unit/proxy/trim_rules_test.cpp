#include "proxy/trim_rules.hpp"

#include <gtest/gtest.h>

using namespace ashlar;
using ashlar::proxy::trim_rules;

namespace {

instant at(int seconds) {
    return instant{std::chrono::seconds{1'000 + seconds}};
}

}  // namespace

TEST(TrimRules, TrimsOnceManyClientsHaveLeft) {
    trim_rules rules;
    EXPECT_FALSE(rules.look({5'000}, {0}, at(0)));
    EXPECT_FALSE(rules.look({4'500}, {0}, at(1)));
    EXPECT_TRUE(rules.look({2'000}, {0}, at(2)));
    EXPECT_FALSE(rules.look({1'900}, {0}, at(3)));
    EXPECT_FALSE(rules.look({0}, {0}, at(4))) << "not that often";
    EXPECT_TRUE(rules.look({0}, {0}, at(8)));
    EXPECT_TRUE(rules.look({0}, {0}, at(60))) << "once more, for what was dropped late";
    EXPECT_FALSE(rules.look({0}, {0}, at(90))) << "nothing has been freed since";
}

TEST(TrimRules, TrimsOnceLargeAnswersHaveBeenSent) {
    trim_rules rules;
    EXPECT_FALSE(rules.look({3}, {400u << 20}, at(0)));
    EXPECT_TRUE(rules.look({3}, {10u << 20}, at(1)));
    EXPECT_TRUE(rules.look({3}, {0}, at(20))) << "once more";
    EXPECT_FALSE(rules.look({3}, {0}, at(40)));
}

TEST(TrimRules, SeesAPeakThatWasShorterThanABeat) {
    trim_rules rules;
    EXPECT_TRUE(rules.look({0, 5'000}, {0}, at(0)));
    EXPECT_TRUE(rules.look({0, 0}, {0, 64u << 20}, at(10)));
}

TEST(TrimRules, LeavesSmallChangesAlone) {
    trim_rules rules;
    EXPECT_FALSE(rules.look({90}, {8u << 20}, at(0)));
    EXPECT_FALSE(rules.look({0}, {0}, at(10)));
}
