// What it costs to find a shard: a ring lookup among 64 shards, a hash bucket, a UUID modulo, and reading the keys.
#include "keyspace/shard_map.hpp"

#include <benchmark/benchmark.h>

namespace {

using namespace ashlar;
using namespace ashlar::keyspace;

shard_map map_of(function_kind function, key_type type) {
    std::vector<shard_traits> shards;
    for (int i = 1; i <= 64; ++i) shards.push_back({.name = "shard_" + std::to_string(i)});
    return shard_map::make(function, type, shards).value();
}

std::vector<key> uuids() {
    std::vector<key> keys;
    for (int i = 0; i < 1024; ++i) keys.push_back(key::from(value{uuid::random()}, key_type::uuid).value());
    return keys;
}

std::vector<key> integers() {
    std::vector<key> keys;
    for (std::int64_t i = 0; i < 1024; ++i) keys.push_back(key::from(value{i * 7919}, key_type::integer).value());
    return keys;
}

void lookup(benchmark::State& state, function_kind function, const std::vector<key>& keys) {
    shard_map map = map_of(function, keys.front().type());
    std::size_t i = 0;
    for (auto _ : state) benchmark::DoNotOptimize(map.shard_of(keys[++i % keys.size()]));
}

void ring_uuid_64_shards(benchmark::State& state) {
    lookup(state, function_kind::ring, uuids());
}
void hash_bucket_uuid(benchmark::State& state) {
    lookup(state, function_kind::hash, uuids());
}
void hash_bucket_integer(benchmark::State& state) {
    lookup(state, function_kind::hash, integers());
}
void modulo_uuid(benchmark::State& state) {
    lookup(state, function_kind::modulo, uuids());
}
void modulo_integer(benchmark::State& state) {
    lookup(state, function_kind::modulo, integers());
}
BENCHMARK(ring_uuid_64_shards);
BENCHMARK(hash_bucket_uuid);
BENCHMARK(hash_bucket_integer);
BENCHMARK(modulo_uuid);
BENCHMARK(modulo_integer);

void read(benchmark::State& state, const char* text, key_type type) {
    for (auto _ : state) benchmark::DoNotOptimize(key::from_text(text, type));
}
BENCHMARK_CAPTURE(read, uuid_text, "230d30d2-296d-4d60-8064-91204aa3fe1c", key_type::uuid);
BENCHMARK_CAPTURE(read, integer_text, "123456789", key_type::integer);
BENCHMARK_CAPTURE(read, timestamp_text, "2026-11-22 12:30:00.25+01", key_type::timestamp);

}  // namespace

BENCHMARK_MAIN();
