// alike.hpp: what a client does is answered by a proxy as by the database behind it.
#pragma once

#include "support/proxied.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

namespace ashlar::test {

// What is played again on the connections that have played it already finds its names taken, and may be answered otherwise.
enum class replay { on_fresh_connections, on_the_same_too };

// Plays it to either side, and again when all is prepared at the servers. `undo`: statements after which the database is as
// before.
inline void expect_alike(proxied& house, const std::function<std::string(raw_client&)>& play,
                         std::string_view undo = {}, replay how = replay::on_fresh_connections) {
    raw_client keeper{house.direct()}, direct{house.direct()}, through{house.login()};
    const auto played = [&](raw_client& to) {
        std::string got = play(to);
        if (!undo.empty()) (void)keeper.query(undo);
        return got;
    };
    const std::string first = played(direct);
    EXPECT_EQ(played(through), first);
    if (how == replay::on_the_same_too) {
        const std::string second = played(direct);
        EXPECT_EQ(played(through), second) << "once more on the same connection";
    }
    raw_client fresh{house.login()};
    EXPECT_EQ(played(fresh), first) << "once more on another connection";
}

}  // namespace ashlar::test
