#include "core/memory_bound.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

using namespace ashlar;

namespace {

constexpr std::uint64_t mib = 1u << 20;

struct client {
    explicit client(const std::shared_ptr<memory_bound>& of) : account(of), part(&account) {}
    memory_account account;
    memory_part part;
};

}  // namespace

TEST(MemoryBound, CountsWhatPartsHoldAndForgetsWhatTheyGiveBack) {
    const auto bound = std::make_shared<memory_bound>(100 * mib);
    {
        client c{bound};
        memory_part other{&c.account};
        EXPECT_TRUE(c.part.set(10 * mib));
        EXPECT_TRUE(other.set(5 * mib));
        EXPECT_EQ(bound->used(), 15 * mib);
        EXPECT_EQ(c.account.bytes(), 15 * mib);
        EXPECT_TRUE(c.part.set(1 * mib));
        EXPECT_EQ(bound->used(), 6 * mib);
        EXPECT_EQ(bound->accounts(), 1u);
    }
    EXPECT_EQ(bound->used(), 0u);
    EXPECT_EQ(bound->accounts(), 0u);
    EXPECT_EQ(bound->peak(), 15 * mib);
}

TEST(MemoryBound, DoesNotCountSmallAccounts) {
    const auto bound = std::make_shared<memory_bound>(1 * mib);
    client c{bound};
    EXPECT_TRUE(c.part.set(memory_bound::granule - 1));
    EXPECT_EQ(bound->used(), 0u);
    EXPECT_EQ(c.account.bytes(), memory_bound::granule - 1);
}

TEST(MemoryBound, TheLargestEndsAndOthersGoOn) {
    const auto bound = std::make_shared<memory_bound>(100 * mib);
    client large{bound}, small{bound};
    EXPECT_TRUE(large.part.set(70 * mib));
    EXPECT_TRUE(small.part.set(30 * mib));
    EXPECT_TRUE(small.part.set(35 * mib)) << "within the reserve, while the largest ends";
    EXPECT_TRUE(large.account.is_condemned());
    EXPECT_FALSE(small.account.is_condemned());
    const status more = large.part.set(71 * mib);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error(), errc::memory_exhausted);
    EXPECT_EQ(more.error().sqlstate(), "53200");
    EXPECT_THAT(more.error().message(), testing::HasSubstr("memory_max, 100 MiB"));
    EXPECT_THAT(more.error().hint(), testing::HasSubstr("raise memory_max"));
    EXPECT_TRUE(large.part.set(0));
    EXPECT_FALSE(large.account.is_condemned()) << "what comes next is another statement";
    EXPECT_TRUE(large.part.set(10 * mib));
    EXPECT_EQ(bound->condemned(), 1u);
}

TEST(MemoryBound, WhoIsTheLargestItselfFailsAtOnceAndKeepsWhatItHad) {
    const auto bound = std::make_shared<memory_bound>(100 * mib);
    client only{bound};
    EXPECT_TRUE(only.part.set(60 * mib));
    EXPECT_FALSE(only.part.set(160 * mib));
    EXPECT_EQ(only.part.bytes(), 60 * mib);
    EXPECT_EQ(bound->used(), 60 * mib);
    EXPECT_TRUE(only.account.is_condemned());
    only.account.absolve();
    EXPECT_TRUE(only.part.set(90 * mib));
}

TEST(MemoryBound, ALargestOneThatDoesNotEndLeavesTheOthersAReserveAndNoMore) {
    const auto bound = std::make_shared<memory_bound>(80 * mib);
    client stuck{bound}, other{bound};
    EXPECT_TRUE(stuck.part.set(60 * mib));
    EXPECT_TRUE(other.part.set(28 * mib));
    EXPECT_TRUE(stuck.account.is_condemned());
    EXPECT_FALSE(other.part.set(31 * mib));
    EXPECT_LE(bound->used(), 90 * mib);
}

TEST(MemoryBound, WithoutABoundOnlyCounts) {
    const auto none = std::make_shared<memory_bound>(0);
    client c{none};
    EXPECT_TRUE(c.part.set(1ull << 40));
    EXPECT_EQ(none->used(), 1ull << 40);
    memory_account nobodys;
    memory_part part{&nobodys};
    EXPECT_TRUE(part.set(1ull << 40));
}

TEST(MemoryBound, OthersAreAskedToWaitUntilTheLargestHasEnded) {
    const auto bound = std::make_shared<memory_bound>(16 * mib);
    client large{bound}, other{bound}, small{bound};
    ASSERT_TRUE(large.part.set(10 * mib));
    ASSERT_TRUE(other.part.set(6 * mib));
    EXPECT_FALSE(other.account.should_wait());
    ASSERT_TRUE(other.part.set(7 * mib)) << "within the reserve";
    EXPECT_TRUE(large.account.is_condemned());
    EXPECT_TRUE(other.account.should_wait());
    EXPECT_FALSE(large.account.should_wait()) << "it has to end";
    EXPECT_FALSE(small.account.should_wait()) << "it holds nothing that counts";
    ASSERT_TRUE(large.part.set(0));
    EXPECT_FALSE(other.account.should_wait());
    EXPECT_TRUE(other.part.set(15 * mib));
}

// Whatever accounts do: the sum is right, and never more than the bound and its reserve.
TEST(MemoryBound, KeepsItsSumUnderChaos) {
    std::mt19937 dice{11};
    for (int world = 0; world < 50; ++world) {
        const auto bound = std::make_shared<memory_bound>(64 * mib);
        std::vector<std::unique_ptr<client>> all;
        for (int i = 0; i < 8; ++i) all.push_back(std::make_unique<client>(bound));
        for (int step = 0; step < 500; ++step) {
            client& one = *all[dice() % all.size()];
            switch (dice() % 8) {
                case 0:
                    EXPECT_TRUE(one.part.set(0));
                    break;
                case 1:
                    one.account.absolve();
                    break;
                case 2:
                    all[dice() % all.size()] = std::make_unique<client>(bound);
                    break;
                default:
                    if (!one.part.set(one.part.bytes() + dice() % (4 * mib))) {
                        EXPECT_TRUE(one.part.set(0));
                    }
                    break;
            }
            std::uint64_t sum = 0;
            for (const auto& each : all) sum += each->account.bytes() / memory_bound::granule * memory_bound::granule;
            ASSERT_EQ(bound->used(), sum);
            ASSERT_LE(bound->used(), 72 * mib);
        }
    }
}

TEST(MemoryBound, TheDefaultIsAShareOfTheMachines) {
    EXPECT_GT(memory_of_this_machine(), 0u);
    EXPECT_GE(default_memory_max(), 256 * mib);
    EXPECT_GT(resident_bytes(), 1 * mib);
    EXPECT_EQ(spoken_bytes(256 * mib), "256 MiB");
    EXPECT_EQ(spoken_bytes(1536 * mib), "1.5 GiB");
}
