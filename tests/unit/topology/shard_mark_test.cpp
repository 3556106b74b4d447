#include "topology/shard_mark.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::topology;
using keyspace::function_kind;
using keyspace::key_type;
using keyspace::shard_traits;
using ::testing::AllOf;
using ::testing::HasSubstr;

namespace {

map_description modulo_of(std::vector<std::string> names) {
    map_description out;
    out.function = function_kind::modulo;
    out.key_type = key_type::integer;
    for (std::string& name : names) out.shards.emplace_back().name = std::move(name);
    return out;
}

map_description ranges(std::string bound) {
    map_description out = modulo_of({"low", "high"});
    out.function = function_kind::range;
    out.shards[0].until = bound;
    out.shards[1].from = bound;
    return out;
}

// Each marked as what it is.
std::vector<shard_standing> all_marked(const map_description& map, std::string cluster = "one") {
    std::vector<shard_standing> all;
    for (std::size_t i = 0; i < map.shards.size(); ++i) {
        shard_mark mark;
        mark.cluster = cluster;
        mark.shard = map.shards[i].name;
        mark.number = static_cast<std::uint32_t>(i + 1);
        mark.map = map;
        mark.state = shard_mark::serving;
        mark.complete = true;
        all.push_back({mark.shard, true, mark, false});
    }
    return all;
}

const map_description three = modulo_of({"shard_1", "shard_2", "shard_3"});

}  // namespace

TEST(ShardMark, KeepsEveryShareInItsText) {
    std::vector<shard_traits> all(3);
    all[0].name = "big";
    all[0].weight = 7;
    all[1].name = "north";
    all[1].from = "2024-01-01 00:00:00";
    all[1].until = "a\\b\nc";
    all[2].name = "europe";
    all[2].is_default = true;
    all[2].values = {"DE", "a value", "", "weight=2", "default"};
    const auto read = shards_from_text(shards_to_text(all));
    ASSERT_TRUE(read.has_value());
    ASSERT_EQ(read->size(), 3U);
    EXPECT_EQ((*read)[0].weight, 7U);
    EXPECT_EQ((*read)[1].from, "2024-01-01 00:00:00");
    EXPECT_EQ((*read)[1].until, "a\\b\nc");
    EXPECT_TRUE((*read)[2].is_default);
    EXPECT_EQ((*read)[2].values, all[2].values);
}

TEST(ShardMark, TextThatIsNoneIsRefused) {
    for (const char* text : {"", "a\\", "a weight=", "a weight=x", "a colour=red", "a\n\nb"}) {
        EXPECT_FALSE(shards_from_text(text).has_value()) << text;
    }
}

TEST(ShardMark, TellsWhatDiffersBetweenMaps) {
    EXPECT_EQ(map_differences(three, three), "");
    EXPECT_EQ(map_differences(three, modulo_of({"shard_1", "shard_2"})),
              "the rows were spread over 3 shards and 2 are configured");
    EXPECT_EQ(map_differences(three, modulo_of({"shard_1", "shard_3", "shard_2"})),
              "the order of the shards was shard_1, shard_2, shard_3 and is configured as shard_1, shard_3, shard_2");
    EXPECT_EQ(map_differences(three, modulo_of({"shard_1", "shard_2", "north"})),
              "the shards were shard_1, shard_2, shard_3 and are configured as shard_1, shard_2, north");
    map_description hashed = three;
    hashed.function = function_kind::hash;
    hashed.key_type = key_type::uuid;
    EXPECT_EQ(
        map_differences(three, hashed),
        "the function was modulo and is configured as hash and the key type was integer and is configured as uuid");
    map_description ring = three, heavier = three;
    ring.function = heavier.function = function_kind::ring;
    heavier.shards[1].weight = 2;
    EXPECT_EQ(map_differences(ring, heavier), "the weight of shard_2 was 1 and is configured as 2");
    EXPECT_EQ(map_differences(ranges("100"), ranges("200")),
              "the range of low was (no bound) up to 100 and is configured as (no bound) up to 200");
}

TEST(ShardMark, AnotherSpellingOfABoundIsTheSameMap) {
    EXPECT_EQ(map_differences(ranges("100"), ranges("0100")), "");
}

TEST(ShardMark, GoodMarksAreGood) {
    const mark_verdict verdict = judge_marks(three, all_marked(three));
    EXPECT_TRUE(verdict.is_good());
    EXPECT_EQ(verdict.cluster, "one");
}

TEST(ShardMark, ShardsInEachOthersPlaceAreNoticed) {
    auto all = all_marked(three);
    std::swap(all[1].mark, all[2].mark);
    const mark_verdict verdict = judge_marks(three, all);
    EXPECT_EQ(verdict.wrong[0], "");
    EXPECT_EQ(verdict.wrong[1], "this database is shard_3 and is configured as shard_2");
    EXPECT_EQ(verdict.wrong[2], "this database is shard_2 and is configured as shard_3");
}

TEST(ShardMark, AShardOfAnotherClusterIsNoticed) {
    auto all = all_marked(three);
    all[0].mark->cluster = "other";
    const mark_verdict verdict = judge_marks(three, all);
    EXPECT_EQ(verdict.wrong[0], "it belongs to another cluster than the other shards");
    EXPECT_EQ(verdict.wrong[1], "");
    EXPECT_EQ(verdict.cluster, "one");
}

TEST(ShardMark, WhatWasSettledBeforeCountsMoreThanWhoComesLater) {
    auto all = all_marked(modulo_of({"shard_1", "shard_2"}));
    all[0].mark->cluster = "other";
    const mark_verdict verdict = judge_marks(all[0].mark->map, all, "one");
    EXPECT_EQ(verdict.wrong[0], "it belongs to another cluster than the other shards");
    EXPECT_EQ(verdict.wrong[1], "");
}

TEST(ShardMark, AnEmptyDatabaseInPlaceOfAMarkedShardIsNoticed) {
    auto all = all_marked(three);
    all[2].mark.reset();
    EXPECT_THAT(judge_marks(three, all).wrong[2], HasSubstr("another database stands in its place"));
    all[2].answered = false;
    EXPECT_TRUE(judge_marks(three, all).is_good());  // nobody knows before it answers
}

TEST(ShardMark, WhereNotAllWereMarkedOneWithoutAMarkIsTaken) {
    auto all = all_marked(three);
    for (auto& each : all) each.mark->complete = false;
    all[2].mark.reset();
    EXPECT_TRUE(judge_marks(three, all).is_good());
}

TEST(ShardMark, AChangeOfTheMapThatWasNotFinishedIsNoticed) {
    auto all = all_marked(three);
    all[1].mark->epoch = 2;
    EXPECT_EQ(judge_marks(three, all).wrong[1], "its map has epoch 2 and that of the other shards 1");
    all = all_marked(three);
    all[1].mark->state = "fenced";
    EXPECT_THAT(judge_marks(three, all).wrong[1], HasSubstr("\"fenced\""));
    all = all_marked(three);
    all[1].mark->unknown_form = true;
    EXPECT_THAT(judge_marks(three, all).wrong[1], HasSubstr("does not know"));
}

TEST(ShardMark, OneErrorTellsAllThatIsWrongAndHowItWas) {
    const auto all = all_marked(three);
    const map_description now = modulo_of({"shard_1", "shard_2", "shard_3", "shard_4"});
    std::vector<shard_standing> standings = all;
    standings.push_back({"shard_4", true, std::nullopt, false});
    const error told = map_does_not_fit(standings, judge_marks(now, standings));
    EXPECT_EQ(told, errc::config_invalid);
    EXPECT_THAT(told.message(),
                HasSubstr("on shard_1, shard_2 and shard_3, the rows were spread over 3 shards and 4 are "
                          "configured"));
    EXPECT_THAT(told.hint(), AllOf(HasSubstr("function = \"modulo\""), HasSubstr("3 shards: shard_1, shard_2, shard_3"),
                                   HasSubstr("ashlar marks --accept")));
}

TEST(ShardMark, IsKeptByTheClustersNameAndTheSearchPathOfTheUrl) {
    config::shards all;
    config::database shard;
    EXPECT_EQ(mark_name_of(all, shard), "");
    all.cluster = "shop";
    EXPECT_EQ(mark_name_of(all, shard), "shop");
    shard.primary.options["options"] = "-c search_path=tenant_1 -c geqo=off";
    EXPECT_EQ(mark_name_of(all, shard), "shop/tenant_1");
}
