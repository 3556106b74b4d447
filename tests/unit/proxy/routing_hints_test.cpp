#include "proxy/routing_hints.hpp"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::proxy;

TEST(RoutingHints, PgcatsWordsAreReadAsOurs) {
    EXPECT_EQ(in_our_words("SET SERVER ROLE TO 'primary';"), "SET ashlar.role TO 'primary'");
    EXPECT_EQ(in_our_words("show server role"), "SHOW ashlar.role");
    EXPECT_EQ(in_our_words("set server role to 'leader'"), std::nullopt);
    EXPECT_EQ(in_our_words("select 1"), std::nullopt);
    EXPECT_EQ(in_our_words("SET SHARD TO '1'"), "SET pgdog.shard TO '1'");
    EXPECT_EQ(in_our_words("set sharding key to 'Acme''s'"), "SET ashlar.sharding_key TO 'Acme''s'");
    EXPECT_EQ(in_our_words("SHOW SHARD"), "SHOW ashlar.shard");
    EXPECT_EQ(in_our_words("SET PRIMARY READS TO 'off'"), "SET ashlar.primary_reads TO 'off'");
}
