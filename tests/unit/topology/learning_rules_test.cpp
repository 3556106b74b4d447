#include "topology/learning_rules.hpp"

#include <gtest/gtest.h>

namespace ashlar::topology {
namespace {

using verdict = learning_rules::verdict;
using namespace std::chrono_literals;

instant at(milliseconds after) {
    return instant{} + std::chrono::hours{1} + after;
}

TEST(LearningRules, OneReadsAndTheOthersWait) {
    learning_rules r;
    EXPECT_EQ(r.ask(at(0ms), {20'000}), verdict::read);
    EXPECT_EQ(r.ask(at(5ms), {20'000}), verdict::wait);
    EXPECT_EQ(r.ask(at(5ms), {20'001}), verdict::wait);
    r.ended(at(10ms), {20'000}, true);
    EXPECT_EQ(r.ask(at(50ms), {20'001}), verdict::read);
}

TEST(LearningRules, ReadingTakesAFifthOfTheTimeAtMost) {
    learning_rules r;
    EXPECT_EQ(r.ask(at(0ms), {20'000}), verdict::read);
    r.ended(at(100ms), {20'000}, true);
    EXPECT_EQ(r.ask(at(499ms), {20'001}), verdict::rest);
    EXPECT_EQ(r.rested_at(), at(500ms));
    EXPECT_EQ(r.ask(at(500ms), {20'001}), verdict::read);
}

TEST(LearningRules, WhatWasSoughtInVainIsSoughtLessAndLess) {
    learning_rules r;
    milliseconds now = 0ms;
    for (const milliseconds pause : {1'000ms, 2'000ms, 4'000ms, 8'000ms, 16'000ms, 30'000ms, 30'000ms}) {
        ASSERT_EQ(r.ask(at(now), {20'000, 20'001}), verdict::read) << pause.count();
        r.ended(at(now), {20'000, 20'001}, false);
        EXPECT_EQ(r.ask(at(now + pause - 1ms), {20'001}), verdict::leave) << pause.count();
        now += pause;
    }
}

TEST(LearningRules, SomethingElseThatIsMissingIsSoughtAtOnce) {
    learning_rules r;
    EXPECT_EQ(r.ask(at(0ms), {20'000}), verdict::read);
    r.ended(at(0ms), {20'000}, false);
    EXPECT_EQ(r.ask(at(1ms), {20'000}), verdict::leave);
    EXPECT_EQ(r.ask(at(1ms), {20'000, 20'001}), verdict::read);
    r.ended(at(1ms), {20'000, 20'001}, false);
    EXPECT_EQ(r.ask(at(2ms), {20'001}), verdict::leave);
}

TEST(LearningRules, ForgetsWhatWasInVainWhenItIsTooMuch) {
    learning_rules r;
    std::uint32_t number = 20'000;
    for (std::size_t i = 0; i < 3 * learning_rules::in_vain_max; ++i, ++number) {
        ASSERT_EQ(r.ask(at(0ms), {number}), verdict::read);
        r.ended(at(0ms), {number}, false);
    }
    EXPECT_EQ(r.ask(at(0ms), {20'000}), verdict::read);
}

}  // namespace
}  // namespace ashlar::topology
