#include "topology/row_sample.hpp"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::topology;

namespace {

keyspace::shard_map modulo_of(std::size_t count, keyspace::key_type type = keyspace::key_type::integer) {
    std::vector<keyspace::shard_traits> shards(count);
    for (std::size_t i = 0; i < count; ++i) shards[i].name = "shard_" + std::to_string(i + 1);
    const auto function =
        type == keyspace::key_type::integer ? keyspace::function_kind::modulo : keyspace::function_kind::hash;
    return keyspace::shard_map::make(function, type, shards).value();
}

}  // namespace

TEST(RowSample, CountsTheRowsThatBelongElsewhereAndShowsOne) {
    table_sample seen;
    seen.table = "public.orders";
    for (const char* key : {"4", "8", "5", "6", "x"}) take_key(seen, "id", key, modulo_of(4), keyspace::shard_id{0});
    EXPECT_EQ(seen.rows, 5U);
    EXPECT_EQ(seen.elsewhere, 2U);
    EXPECT_EQ(seen.unreadable, 1U);
    EXPECT_EQ(seen.example, "id = 5 belongs to shard_2");
    EXPECT_EQ(misfit_of({seen}), "2 of 5 sampled rows of public.orders belong elsewhere: id = 5 belongs to shard_2");
}

TEST(RowSample, FindsNothingWhereAllRowsBelong) {
    table_sample seen;
    for (const char* key : {"1", "5", "-3"}) take_key(seen, "id", key, modulo_of(4), keyspace::shard_id{1});
    EXPECT_EQ(misfit_of({seen}), "");
}

TEST(RowSample, AKeyThatNoShardOwnsBelongsElsewhere) {
    std::vector<keyspace::shard_traits> shards(1);
    shards[0].name = "low";
    shards[0].until = "100";
    const auto map =
        keyspace::shard_map::make(keyspace::function_kind::range, keyspace::key_type::integer, shards).value();
    table_sample seen;
    take_key(seen, "id", "100", map, keyspace::shard_id{0});
    EXPECT_EQ(seen.example, "id = 100 belongs to no shard");
}

TEST(RowSample, AnInstantWithoutAZoneIsUtc) {
    const auto map = modulo_of(4, keyspace::key_type::timestamp);
    const auto owner = map.shard_of(keyspace::key::from_text("2024-05-06 07:08:09+00", map.key_type()).value()).value();
    table_sample seen;
    take_key(seen, "at", "2024-05-06 07:08:09", map, owner);
    EXPECT_EQ(seen.elsewhere, 0U);
    EXPECT_EQ(seen.unreadable, 0U);
}
