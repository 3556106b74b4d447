// The faults of one server, as its connections meet them.
#include "testkit/faults.hpp"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::testkit;

TEST(ServerFaults, LosesTheConnectionsThatThereAreAndNoLaterOnes) {
    server_faults faults;
    const std::uint64_t first = faults.new_connection();
    faults.lose_connections();
    EXPECT_TRUE(faults.is_lost(first));
    EXPECT_FALSE(faults.is_lost(faults.new_connection()));
}

TEST(ServerFaults, AConnectionThatWasBeingMadeWhenTheServerWentDownIsLostForGood) {
    server_faults faults;
    faults.take_down();
    const std::uint64_t late = faults.new_connection();
    EXPECT_TRUE(faults.is_lost(late));
    faults.bring_back();
    EXPECT_TRUE(faults.is_lost(late));
    EXPECT_FALSE(faults.is_lost(faults.new_connection()));
    faults.take_down();
    const std::uint64_t again = faults.new_connection();
    faults.heal();
    EXPECT_TRUE(faults.is_lost(again));
}

TEST(ServerFaults, FailAsManyStatementsAsWereAskedFor) {
    server_faults faults;
    faults.fail_next(errc::deadlock, 2);
    EXPECT_EQ(faults.next_failure(), errc::deadlock);
    EXPECT_EQ(faults.next_failure(), errc::deadlock);
    EXPECT_EQ(faults.next_failure(), std::nullopt);
    faults.lose_next_commit(false);
    EXPECT_EQ(faults.next_lost_commit(), false);
    EXPECT_EQ(faults.next_lost_commit(), std::nullopt);
}
