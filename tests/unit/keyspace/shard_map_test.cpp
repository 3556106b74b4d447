#include "keyspace/shard_map.hpp"
#include "keyspace/map_difference.hpp"
#include "keyspace/ring.hpp"

#include <random>
#include <set>

using namespace ashlar;
using namespace ashlar::keyspace;

namespace {

std::vector<shard_traits> numbered(std::size_t count) {
    std::vector<shard_traits> shards;
    for (std::size_t i = 1; i <= count; ++i) shards.push_back({.name = "shard_" + std::to_string(i)});
    return shards;
}

std::string owner(const shard_map& map, const key& k) {
    auto id = map.shard_of(k);
    return id ? map.name_of(*id) : "";
}

key text(std::string_view t) {
    return key::from_text(t, key_type::text).value();
}
key number(std::int64_t n) {
    return key::from(value{n}, key_type::integer).value();
}

std::vector<key> random_uuids(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random{seed};
    std::vector<key> keys;
    for (std::size_t i = 0; i < count; ++i) {
        std::array<std::uint8_t, 16> bytes{};
        for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
        keys.push_back(key::from(value{uuid{bytes}}, key_type::uuid).value());
    }
    return keys;
}

std::string why_not(function_kind function, key_type type, const std::vector<shard_traits>& shards) {
    auto made = shard_map::make(function, type, shards);
    if (made) return "";
    EXPECT_EQ(made.error(), errc::config_invalid);
    return made.error().message();
}

// Whatever the intervals and moves say of a key must be what the maps themselves answer.
void expect_consistent(const shard_map& before, const shard_map& after, const std::vector<key>& keys) {
    map_difference differs = difference(before, after).value();
    for (const key& k : keys) {
        std::string from = owner(before, k), to = owner(after, k);
        const move* found = differs.find(k);
        if (from == to) {
            EXPECT_EQ(found, nullptr) << k.to_string();
        } else if (!found) {
            ADD_FAILURE() << k.to_string() << " goes from " << from << " to " << to << " by no move";
        } else {
            EXPECT_EQ(found->from, from) << k.to_string();
            EXPECT_EQ(found->to, to) << k.to_string();
        }
        std::size_t holders = 0;
        for (const auto& each : after.intervals()) {
            if (!holds(each.what, after.function(), k)) continue;
            ++holders;
            EXPECT_EQ(after.name_of(each.owner), to);
        }
        EXPECT_EQ(holders, to.empty() ? 0u : 1u) << k.to_string();
    }
}

}  // namespace

TEST(ShardMap, RefusesWhatCannotBeAMap) {
    using enum function_kind;
    EXPECT_EQ(why_not(modulo, key_type::uuid, {}), "there are no shards");
    EXPECT_EQ(why_not(modulo, key_type::uuid, {{.name = "a"}, {.name = "a"}}), "two shards are named a");
    EXPECT_EQ(why_not(modulo, key_type::uuid, {{.name = ""}}), "a shard has no name");
    EXPECT_EQ(why_not(modulo, key_type::text, numbered(2)), "modulo places integer and uuid keys, not text");
    EXPECT_EQ(why_not(ring, key_type::text, {{.name = "a", .weight = 0}}),
              "the weight of a is 0, but must be from 1 to 1000");
    EXPECT_EQ(why_not(range, key_type::integer, {{.name = "a", .until = "10"}, {.name = "b", .from = "9"}}),
              "the ranges of a (-infinity, 10) and b [9, infinity) overlap");
    EXPECT_EQ(why_not(range, key_type::integer, {{.name = "a"}, {.name = "b", .from = "9"}}),
              "the ranges of a (-infinity, infinity) and b [9, infinity) overlap");
    EXPECT_EQ(why_not(range, key_type::integer, {{.name = "a", .from = "9", .until = "9"}}),
              "the range [9, 9) of a holds no key");
    EXPECT_EQ(why_not(range, key_type::integer, {{.name = "a", .from = "x"}}),
              "from of a: 'x' is not a shard key of type integer");
    EXPECT_EQ(why_not(list, key_type::text, {{.name = "a", .values = {"de"}}, {.name = "b", .values = {"de"}}}),
              "the value 'de' of b is owned by a already");
    EXPECT_EQ(why_not(list, key_type::text, {{.name = "a", .is_default = true}, {.name = "b", .is_default = true}}),
              "a and b are both the default");
    EXPECT_EQ(why_not(list, key_type::text, {{.name = "a", .values = {"de"}}, {.name = "b"}}),
              "b has no values and is not the default: it would own no key");
}

TEST(ShardMap, ListValuesEqualInSqlAreDoubledHoweverTheyAreSpelled) {
    EXPECT_EQ(why_not(function_kind::list, key_type::integer,
                      {{.name = "a", .values = {"7"}}, {.name = "b", .values = {"07.0"}}}),
              "the value '07.0' of b is owned by a already");
}

TEST(ShardMap, RangesAreHalfOpenAndGapsAreErrors) {
    shard_map map = shard_map::make(function_kind::range, key_type::integer,
                                    {{.name = "high", .from = "100"},
                                     {.name = "low", .until = "0"},
                                     {.name = "mid", .from = "0", .until = "50"}})
                        .value();
    EXPECT_EQ(owner(map, number(-1)), "low");
    EXPECT_EQ(owner(map, number(0)), "mid");
    EXPECT_EQ(owner(map, number(49)), "mid");
    EXPECT_EQ(map.shard_of(number(50)).error(), errc::key_unmatched);
    EXPECT_EQ(owner(map, number(100)), "high");
    EXPECT_EQ(map.position_text(number(7)), "range [0, 50)");
}

TEST(ShardMap, TextRangesGoByBytes) {
    shard_map map =
        shard_map::make(function_kind::range, key_type::text, {{.name = "a", .until = "n"}, {.name = "b", .from = "n"}})
            .value();
    EXPECT_EQ(owner(map, text("m")), "a");
    EXPECT_EQ(owner(map, text("Z")), "a");
    EXPECT_EQ(owner(map, text("n")), "b");
    EXPECT_EQ(owner(map, text("é")), "b");
}

TEST(ShardMap, RangesOverMomentsAndDays) {
    shard_map map =
        shard_map::make(function_kind::range, key_type::timestamp,
                        {{.name = "old", .until = "2026-01-01"}, {.name = "new", .from = "2026-01-01 00:00:00+00"}})
            .value();
    auto moment = [](const char* t) { return key::from_text(t, key_type::timestamp).value(); };
    EXPECT_EQ(owner(map, moment("2026-01-01 00:30:00+01")), "old");
    EXPECT_EQ(owner(map, moment("2026-01-01 00:00:00+00")), "new");
    EXPECT_EQ(owner(map, moment("-infinity")), "old");
    EXPECT_EQ(owner(map, moment("infinity")), "new");
}

TEST(ShardMap, ListsNameTheirKeysAndTheDefaultHasTheRest) {
    std::vector<shard_traits> shards{{.name = "eu", .values = {"de", "fr"}}, {.name = "us", .values = {"us"}}};
    shard_map strict = shard_map::make(function_kind::list, key_type::text, shards).value();
    EXPECT_EQ(owner(strict, text("fr")), "eu");
    EXPECT_EQ(strict.shard_of(text("jp")).error(), errc::key_unmatched);
    shards.push_back({.name = "rest", .is_default = true});
    shard_map with_default = shard_map::make(function_kind::list, key_type::text, shards).value();
    EXPECT_EQ(owner(with_default, text("jp")), "rest");
    EXPECT_EQ(with_default.position_text(text("jp")), "default");
    EXPECT_EQ(with_default.position_text(text("us")), "value 'us'");
}

TEST(ShardMap, RefusesAKeyOfAnotherType) {
    shard_map map = shard_map::make(function_kind::modulo, key_type::uuid, numbered(4)).value();
    EXPECT_EQ(map.shard_of(number(7)).error(), errc::key_invalid);
}

TEST(ShardMap, SpreadsEvenly) {
    for (function_kind function : {function_kind::modulo, function_kind::hash, function_kind::ring}) {
        shard_map map = shard_map::make(function, key_type::uuid, numbered(8)).value();
        std::map<std::string, int> count;
        for (const key& k : random_uuids(16'000, 1)) ++count[owner(map, k)];
        for (const auto& [name, n] : count) {
            EXPECT_GT(n, 1'300) << name_of(function) << " " << name;
            EXPECT_LT(n, 2'800) << name_of(function) << " " << name;
        }
        EXPECT_EQ(count.size(), 8u);
    }
}

TEST(MapDifference, DoublingAModuloMovesHalfOfEachShardToItsTwin) {
    for (function_kind function : {function_kind::modulo, function_kind::hash}) {
        for (std::size_t n : {1u, 2u, 4u, 7u, 16u}) {
            shard_map before = shard_map::make(function, key_type::uuid, numbered(n)).value();
            shard_map after = shard_map::make(function, key_type::uuid, numbered(2 * n), 2).value();
            map_difference differs = difference(before, after).value();
            ASSERT_EQ(differs.moves.size(), n);
            for (std::size_t k = 1; k <= n; ++k) {
                const move expected{residues{2 * n, n + k - 1, n + k - 1}, "shard_" + std::to_string(k),
                                    "shard_" + std::to_string(k + n)};
                EXPECT_EQ(differs.moves[k - 1], expected);
            }
            EXPECT_DOUBLE_EQ(differs.share().value(), 0.5);
            expect_consistent(before, after, random_uuids(500, n));
        }
    }
}

TEST(MapDifference, ANodeAddedToARingTakesItsShareAndMovesNothingElse) {
    for (std::size_t n : {1u, 3u, 10u}) {
        shard_map before = shard_map::make(function_kind::ring, key_type::uuid, numbered(n)).value();
        shard_map after = shard_map::make(function_kind::ring, key_type::uuid, numbered(n + 1), 2).value();
        map_difference differs = difference(before, after).value();
        const std::string added = "shard_" + std::to_string(n + 1);
        for (const move& each : differs.moves) EXPECT_EQ(each.to, added);
        const double ideal = 1.0 / static_cast<double>(n + 1);
        EXPECT_GT(differs.share().value(), ideal * 0.7);
        EXPECT_LT(differs.share().value(), ideal * 1.3);
        expect_consistent(before, after, random_uuids(300, n));

        map_difference back = difference(after, before).value();
        EXPECT_DOUBLE_EQ(back.share().value(), differs.share().value());
        for (const move& each : back.moves) EXPECT_EQ(each.from, added);
    }
}

TEST(MapDifference, MoreWeightOnARingOnlyPullsKeysToThatShard) {
    auto shards = numbered(4);
    shard_map before = shard_map::make(function_kind::ring, key_type::uuid, shards).value();
    shards[1].weight = 3;
    shard_map after = shard_map::make(function_kind::ring, key_type::uuid, shards, 2).value();
    map_difference differs = difference(before, after).value();
    EXPECT_FALSE(differs.moves.empty());
    for (const move& each : differs.moves) EXPECT_EQ(each.to, "shard_2");
    expect_consistent(before, after, random_uuids(500, 3));
}

TEST(MapDifference, AModuloChangedAnyhowAgreesWithBothMaps) {
    shard_map before = shard_map::make(function_kind::modulo, key_type::integer, numbered(6)).value();
    shard_map after = shard_map::make(function_kind::modulo, key_type::integer, numbered(4)).value();
    std::vector<key> keys;
    for (std::int64_t n = -200; n < 200; ++n) keys.push_back(number(n));
    expect_consistent(before, after, keys);
    expect_consistent(before, before, keys);
}

TEST(MapDifference, ModuliWithHardlyAFactorInCommonAreRefused) {
    shard_map before = shard_map::make(function_kind::modulo, key_type::integer, numbered(2049)).value();
    shard_map after = shard_map::make(function_kind::modulo, key_type::integer, numbered(2050)).value();
    EXPECT_EQ(difference(before, after).error(), errc::limit_reached);
}

TEST(MapDifference, RangesSplitAndGrow) {
    shard_map before = shard_map::make(function_kind::range, key_type::integer,
                                       {{.name = "a", .until = "100"}, {.name = "b", .from = "100", .until = "200"}})
                           .value();
    shard_map after =
        shard_map::make(
            function_kind::range, key_type::integer,
            {{.name = "a", .until = "50"}, {.name = "c", .from = "50", .until = "120"}, {.name = "b", .from = "120"}})
            .value();
    map_difference differs = difference(before, after).value();
    ASSERT_EQ(differs.moves.size(), 3u);
    EXPECT_EQ(to_string(differs.moves[0].what), "[50, 100)");
    EXPECT_EQ(to_string(differs.moves[1].what), "[100, 120)");
    EXPECT_EQ(to_string(differs.moves[2].what), "[200, infinity)");
    EXPECT_EQ(differs.moves[2].from, "");
    std::vector<key> keys;
    for (std::int64_t n = -10; n < 300; ++n) keys.push_back(number(n));
    expect_consistent(before, after, keys);
    expect_consistent(after, before, keys);
}

TEST(MapDifference, ListsHandOverNamedKeysAndTheDefault) {
    shard_map before = shard_map::make(function_kind::list, key_type::text,
                                       {{.name = "eu", .values = {"de", "fr"}}, {.name = "rest", .is_default = true}})
                           .value();
    shard_map after = shard_map::make(function_kind::list, key_type::text,
                                      {{.name = "eu", .values = {"de"}},
                                       {.name = "asia", .values = {"jp"}},
                                       {.name = "other", .is_default = true}})
                          .value();
    std::vector<key> keys;
    for (const char* each : {"de", "fr", "jp", "us", "", "zz"}) keys.push_back(text(each));
    expect_consistent(before, after, keys);
    expect_consistent(after, before, keys);
}

TEST(MapDifference, AnotherFunctionIsNoDifferenceButACopy) {
    shard_map before = shard_map::make(function_kind::modulo, key_type::uuid, numbered(4)).value();
    shard_map after = shard_map::make(function_kind::hash, key_type::uuid, numbered(4)).value();
    EXPECT_EQ(difference(before, after).error(), errc::unsupported);
}

TEST(Positions, KnowTheirShare) {
    EXPECT_EQ(share_of(residues{8, 4, 7}), 0.5);
    EXPECT_EQ(share_of(arc{1ULL << 63, 0}), 0.5);
    EXPECT_EQ(share_of(arc{0, 1ULL << 62}), 0.25);
    EXPECT_EQ(share_of(arc{5, 5}), 1.0);
    EXPECT_EQ(share_of(key_range{}), std::nullopt);
}

TEST(Ring, WrapsRoundAtTheTop) {
    ring r{{{"a"}, {"b"}}};
    const auto& points = r.points();
    EXPECT_EQ(r.node_at(UINT64_MAX), points.back().place == UINT64_MAX ? points.back().node : points.front().node);
    EXPECT_EQ(r.node_at(points[5].place), points[5].node);
    EXPECT_EQ(r.node_at(points[5].place + 1), points[6].node);
    EXPECT_EQ(points.size(), 300u);
}
