// What a statement costs before it is sent: a cache's normal form, a plan from scratch, a key bound to its shard.
#include "route/plan.hpp"
#include "sql/lexer.hpp"

#include <benchmark/benchmark.h>

using namespace ashlar;
using namespace ashlar::route;

namespace {

catalogue shop() {
    catalogue out;
    std::vector<keyspace::shard_traits> shards(64);
    for (std::size_t i = 0; i < shards.size(); ++i) shards[i].name = "shard_" + std::to_string(i + 1);
    out.shards = keyspace::shard_map::make(keyspace::function_kind::hash, keyspace::key_type::integer, shards).value();
    out.default_collation.kind = collation_kind::bytes;
    table_facts t;
    t.schema = "public";
    t.name = "pgbench_accounts";
    t.kind = table_kind::sharded;
    t.shard_key = "aid";
    for (const auto* name : {"aid", "bid", "abalance"}) {
        column_facts c;
        c.name = name;
        c.type = oid::int4;
        t.columns.push_back(c);
    }
    out.tables[t.name] = out.tables["public." + t.name] = t;
    return out;
}

constexpr std::string_view literal = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";
constexpr std::string_view parameter = "SELECT abalance FROM pgbench_accounts WHERE aid = $1;";
constexpr std::string_view everywhere =
    "SELECT bid, count(*), avg(abalance) FROM pgbench_accounts GROUP BY bid ORDER BY 2 DESC LIMIT 5";

void normalise(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(sql::normalise(literal));
}
void plan_by_key(benchmark::State& state) {
    const catalogue known = shop();
    for (auto _ : state) benchmark::DoNotOptimize(plan_statement(literal, known));
}
void plan_groups(benchmark::State& state) {
    const catalogue known = shop();
    for (auto _ : state) benchmark::DoNotOptimize(plan_statement(everywhere, known));
}
void bind_text_key(benchmark::State& state) {
    const catalogue known = shop();
    const auto plan = plan_statement(parameter, known).value();
    const std::vector<bound_parameter> values{{"4711", 0, cell_format::text}};
    for (auto _ : state) benchmark::DoNotOptimize(plan->bind_one(values));
}
void bind_binary_key(benchmark::State& state) {
    const catalogue known = shop();
    const auto plan = plan_statement(parameter, known).value();
    const std::vector<bound_parameter> values{{std::string_view{"\0\0\x12\x67", 4}, oid::int4, cell_format::binary}};
    for (auto _ : state) benchmark::DoNotOptimize(plan->bind_one(values));
}

BENCHMARK(normalise);
BENCHMARK(plan_by_key);
BENCHMARK(plan_groups);
BENCHMARK(bind_text_key);
BENCHMARK(bind_binary_key);

}  // namespace

BENCHMARK_MAIN();
