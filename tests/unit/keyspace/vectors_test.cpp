// The published test vectors of tests/golden/keyspace: made by other programs than ours.
#include "keyspace/postgres_hash.hpp"
#include "keyspace/ring.hpp"
#include "keyspace/shard_map.hpp"
#include "support/text.hpp"

#include <sstream>

using namespace ashlar;
using namespace ashlar::keyspace;

namespace {

std::vector<std::string> lines_of(const std::string& name) {
    std::istringstream in{test::read_file(test::source_path("tests/golden/keyspace/" + name))};
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with('#')) lines.push_back(line);
    }
    return lines;
}

// The rest of a line after the blank that ends the last field read.
std::string rest_of(std::istringstream& in) {
    std::string rest;
    in.get();
    std::getline(in, rest);
    return rest;
}

shard_map numbered(function_kind function, key_type type, std::size_t count) {
    std::vector<shard_traits> shards;
    for (std::size_t i = 1; i <= count; ++i) shards.push_back({.name = "shard_" + std::to_string(i)});
    return shard_map::make(function, type, shards).value();
}

std::string owner(const shard_map& map, const key& k) {
    return map.name_of(map.shard_of(k).value());
}

}  // namespace

TEST(Vectors, Modulo) {
    auto lines = lines_of("modulo.txt");
    ASSERT_GT(lines.size(), 100u);
    for (const std::string& line : lines) {
        std::istringstream in{line};
        std::string type, text;
        std::uint64_t modulus = 0, remainder = 0;
        in >> type >> text >> modulus >> remainder;
        key k = key::from_text(text, key_type_named(type).value()).value();
        EXPECT_EQ(position_modulo(k, modulus), remainder) << line;
        if (modulus > 100) continue;
        shard_map map = numbered(function_kind::modulo, k.type(), modulus);
        EXPECT_EQ(owner(map, k), "shard_" + std::to_string(remainder + 1)) << line;
        EXPECT_EQ(map.position_text(k), "remainder " + std::to_string(remainder) + " of " + std::to_string(modulus));
    }
}

TEST(Vectors, Ring) {
    auto lines = lines_of("ring.txt");
    ASSERT_GT(lines.size(), 40u);
    shard_map map =
        shard_map::make(
            function_kind::ring, key_type::text,
            {{.name = "shard_1"}, {.name = "shard_2"}, {.name = "shard_3"}, {.name = "shard_4", .weight = 2}})
            .value();
    for (const std::string& line : lines) {
        std::istringstream in{line};
        std::string place, shard;
        in >> place >> shard;
        key k = key::from_text(rest_of(in), key_type::text).value();
        EXPECT_EQ(ring_place(k.text()), std::stoull(place, nullptr, 16)) << line;
        EXPECT_EQ(owner(map, k), shard) << line;
        EXPECT_EQ(map.position_text(k), "point " + place);
    }
}

TEST(Vectors, Hash) {
    auto lines = lines_of("hash.txt");
    ASSERT_GE(lines.size(), 80u);
    for (const std::string& line : lines) {
        std::istringstream in{line};
        std::string type;
        std::uint64_t by_4 = 0, by_7 = 0, by_16 = 0;
        in >> type >> by_4 >> by_7 >> by_16;
        key k = key::from_text(rest_of(in), key_type_named(type).value_or(key_type::date)).value();
        EXPECT_EQ(partition_hash(k) % 4, by_4) << line;
        EXPECT_EQ(partition_hash(k) % 7, by_7) << line;
        EXPECT_EQ(partition_hash(k) % 16, by_16) << line;
        EXPECT_EQ(owner(numbered(function_kind::hash, k.type(), 7), k), "shard_" + std::to_string(by_7 + 1)) << line;
    }
}

TEST(Vectors, TheDesignsExamplesHold) {
    key id = key::from_text("230d30d2-296d-4d60-8064-91204aa3fe1c", key_type::uuid).value();
    EXPECT_EQ(owner(numbered(function_kind::modulo, key_type::uuid, 16), id), "shard_13");
    EXPECT_EQ(owner(numbered(function_kind::modulo, key_type::uuid, 32), id), "shard_29");
    EXPECT_EQ(position_modulo(key::from(value{-1}, key_type::integer).value(), 4), 3u);
}

TEST(Vectors, TheRingTakesIntegersAndUuidsByTheirText) {
    std::vector<shard_traits> shards{
        {.name = "shard_1"}, {.name = "shard_2"}, {.name = "shard_3"}, {.name = "shard_4", .weight = 2}};
    shard_map integers = shard_map::make(function_kind::ring, key_type::integer, shards).value();
    EXPECT_EQ(owner(integers, key::from(value{1}, key_type::integer).value()), "shard_2");
    EXPECT_EQ(owner(integers, key::from_text(" 42.0", key_type::integer).value()), "shard_4");
    shard_map uuids = shard_map::make(function_kind::ring, key_type::uuid, shards).value();
    EXPECT_EQ(owner(uuids, key::from_text("{D4FF2862-E12E-4702-8EA7-C436B07F700F}", key_type::uuid).value()),
              "shard_3");
}
