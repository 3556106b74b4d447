// The parts of a server link that need no server: which statements are prepared there, and the receive memory.
#include "driver/pgwire/server_buffer.hpp"
#include "driver/pgwire/server_prepared.hpp"

#include <algorithm>

using namespace ashlar::driver::pgwire;

TEST(ServerPrepared, ForgetsTheLeastRecentlyUsedAndSaysWhichToClose) {
    server_prepared all{2};
    const std::string a{all.add("a").name};
    const std::string b{all.add("b").name};
    EXPECT_NE(a, b);
    EXPECT_EQ(all.find("a"), a);  // now b is the oldest
    EXPECT_EQ(all.add("c").evicted, b);
    EXPECT_TRUE(all.find("b").empty());
    EXPECT_EQ(all.find("a"), a);
}

TEST(ServerPrepared, NeverUsesANameTwice) {
    server_prepared all{2};
    const std::string first{all.add("a").name};
    all.forget("a");
    const std::string second{all.add("a").name};
    all.clear();
    const std::string third{all.add("a").name};
    EXPECT_NE(first, second);
    EXPECT_NE(second, third);
    EXPECT_EQ(all.size(), 1u);
}

TEST(ServerBuffer, HoldsMemoryOnlyWhileItIsBusy) {
    server_buffer b;
    EXPECT_FALSE(b.holds_memory());
    EXPECT_EQ(b.space().size(), server_buffer::usual_size);
    EXPECT_TRUE(b.holds_memory());
    b.release();
    EXPECT_FALSE(b.holds_memory());
}

TEST(ServerBuffer, KeepsBytesInOrderWhileItGrowsAndMakesRoom) {
    server_buffer b;
    std::string sent, seen;
    unsigned n = 0;
    for (int round = 0; round < 200; ++round) {
        const auto all = b.space();
        ASSERT_FALSE(all.empty());
        const auto room = all.first(std::min<std::size_t>(all.size(), 5'000));
        for (char& c : room) c = static_cast<char>(n++ * 31);
        sent.append(room.data(), room.size());
        b.arrived(room.size());
        // Sometimes little is used up, so that it must grow, sometimes nearly all.
        const std::size_t take = round % 7 == 0 ? b.bytes().size() - 1 : b.bytes().size() / 16;
        seen += b.bytes().substr(0, take);
        b.consume(take);
    }
    seen += b.bytes();
    EXPECT_EQ(seen, sent);
    b.consume(b.bytes().size());
    EXPECT_TRUE(b.empty());
    EXPECT_FALSE(b.holds_memory());  // it had grown
}
