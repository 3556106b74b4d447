#include "core/oid_map.hpp"
#include "core/rows.hpp"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

own_oids catalogue() {
    own_oids o;
    o.types = {{"public.mood", 20'000},    {"public.mood[]", 20'001},     {"public.place", 20'002},
               {"public.felt", 20'003},    {"public.short_text", 20'004}, {"public.short_text[]", 20'005},
               {"public.moments", 20'006}, {"public.only_known", 20'007}};
    o.relations = {{"public.people", 20'100}, {"public.notes", 20'101}};
    o.parts = {{20'001, 20'000, true},
               {20'003, 20'000, true},
               {20'005, 20'004, true},
               {20'004, 25, false},
               {20'006, 20'003, false}};
    return o;
}

own_oids moved(own_oids o, std::uint32_t by) {
    for (auto& [name, number] : o.types) number += by;
    for (auto& [name, number] : o.relations) number += by;
    for (auto& each : o.parts) {
        each.whole += by;
        if (each.inner >= oid_map::first_own) each.inner += by;
    }
    return o;
}

TEST(OidMap, TellsWhetherAllNumbersAreTheSame) {
    EXPECT_TRUE(oid_map::make("shard_2", catalogue(), catalogue())->is_same());
    own_oids fewer = catalogue();
    fewer.types.erase("public.only_known");
    EXPECT_TRUE(oid_map::make("shard_2", fewer, catalogue())->is_same());
    EXPECT_FALSE(oid_map::make("shard_2", catalogue(), fewer)->is_same());
    EXPECT_FALSE(oid_map::blind("shard_2")->is_same());
}

TEST(OidMap, WhereAllIsTheSameOnlyWhatIsMissingDiffersInBinary) {
    const auto map = oid_map::make("shard_2", catalogue(), catalogue());
    EXPECT_FALSE(map->differs_in_binary(20'001));
    EXPECT_FALSE(map->differs_in_binary(2205)) << "regclass";
    EXPECT_TRUE(map->differs_in_binary(40'000));
    EXPECT_TRUE(map->differs_in_binary(oid::unknown));
}

TEST(OidMap, KnowsWhatIsMissing) {
    own_oids there = moved(catalogue(), 500);
    there.types["public.only_there"] = 30'000;
    there.relations["public.only_there"] = 30'001;
    const auto map = oid_map::make("shard_2", there, catalogue());
    EXPECT_TRUE(map->knows({{20'500, oid::text}, {20'600, 0}, {20'000, 0}}));
    EXPECT_TRUE(map->knows({{}, {30'001}, {}})) << "a table that lives apart";
    EXPECT_FALSE(map->knows({{30'000}, {}, {}})) << "a type that the catalogue may get yet";
    EXPECT_FALSE(map->knows({{40'000}, {}, {}}));
    EXPECT_FALSE(map->knows({{}, {40'000}, {}}));
    EXPECT_FALSE(map->knows({{}, {}, {40'000}}));
    EXPECT_FALSE(oid_map::blind("shard_2")->knows({{20'500}, {}, {}}));
    EXPECT_EQ((missing_oids{{1}, {2}, {3, 4}}.all()), (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST(OidMap, TranslatesByNameBothWays) {
    // By 1: each number means something else on the other side.
    const auto map = oid_map::make("shard_2", moved(catalogue(), 1), catalogue());
    ASSERT_NE(map, nullptr);
    EXPECT_EQ(map->database(), "shard_2");
    EXPECT_EQ(map->type_for_client(20'001), 20'000U);
    EXPECT_EQ(map->type_for_client(20'002), 20'001U);
    EXPECT_EQ(map->type_for_server(20'000), 20'001U);
    EXPECT_EQ(map->relation_for_client(20'101), 20'100U);
    EXPECT_EQ(map->type_for_client(oid::int4), oid::int4);
    EXPECT_EQ(map->type_for_server(0), 0U);
    EXPECT_EQ(map->relation_for_client(0), 0U);
    EXPECT_EQ(map->name_of_type(20'000), "public.mood");
}

TEST(OidMap, WhatOneSideDoesNotHaveIsUnknown) {
    own_oids there = moved(catalogue(), 500);
    there.types.erase("public.only_known");
    there.types["public.only_there"] = 30'000;
    there.relations["public.only_there"] = 30'001;
    const auto map = oid_map::make("shard_2", there, catalogue());
    EXPECT_EQ(map->type_for_client(30'000), oid::unknown);
    EXPECT_EQ(map->type_for_client(40'000), oid::unknown);
    EXPECT_FALSE(map->has_type_for_client(30'000));
    EXPECT_EQ(map->relation_for_client(30'001), 0U);
    EXPECT_EQ(map->relation_for_client(40'000), 0U);
    EXPECT_EQ(map->type_for_server(20'007), std::nullopt);
    EXPECT_EQ(map->type_for_server(20'500), std::nullopt);
    EXPECT_EQ(map->name_of_type(30'000), "public.only_there");
}

TEST(OidMap, KnowsWhichBinaryValuesHoldOtherNumbers) {
    const auto map = oid_map::make("shard_2", moved(catalogue(), 500), catalogue());
    EXPECT_FALSE(map->differs_in_binary(20'000)) << "an enum is its label";
    EXPECT_TRUE(map->differs_in_binary(20'001)) << "an array names its elements' type";
    EXPECT_FALSE(map->differs_in_binary(20'002)) << "a composite of built-in types";
    EXPECT_TRUE(map->differs_in_binary(20'003)) << "a composite with an enum";
    EXPECT_FALSE(map->differs_in_binary(20'004)) << "a domain over text";
    EXPECT_TRUE(map->differs_in_binary(20'005)) << "an array of domains";
    EXPECT_TRUE(map->differs_in_binary(20'006)) << "a range over a composite with an enum";
    EXPECT_TRUE(map->differs_in_binary(oid::unknown));
    EXPECT_TRUE(map->differs_in_binary(2249)) << "record";
    EXPECT_FALSE(map->differs_in_binary(oid::text));
    EXPECT_FALSE(map->differs_in_binary(1007)) << "int4[]";
}

TEST(OidMap, ArraysOfTypesThatAreNumberedAlikeAreTheSameInBinary) {
    own_oids there = catalogue();
    there.relations["public.people"] = 31'000;
    const auto map = oid_map::make("shard_2", there, catalogue());
    ASSERT_NE(map, nullptr);
    EXPECT_FALSE(map->differs_in_binary(20'001));
    EXPECT_TRUE(map->differs_in_binary(2249));
}

TEST(OidMap, TellsWhichTypesHoldOids) {
    own_oids o = catalogue();
    o.parts.push_back({20'010, 2205, false});   // a domain over regclass,
    o.parts.push_back({20'011, 20'010, true});  // an array of it,
    o.parts.push_back({20'012, 20'011, true});  // a composite with that
    EXPECT_EQ(types_that_hold_oids(o), (std::set<std::uint32_t>{20'010, 20'011, 20'012}));
}

TEST(OidMap, ADatabaseThatCouldNotBeAskedHasNothingThatIsKnown) {
    const auto map = oid_map::blind("shard_2");
    EXPECT_EQ(map->type_for_client(20'000), oid::unknown);
    EXPECT_EQ(map->type_for_client(oid::text), oid::text);
    EXPECT_EQ(map->type_for_server(20'000), std::nullopt);
    EXPECT_TRUE(map->differs_in_binary(20'000));
    EXPECT_FALSE(map->differs_in_binary(oid::text));
}

}  // namespace
}  // namespace ashlar
