// The families of metrics of a world that was never started: no server is needed to tell them.
#include "topology/measures.hpp"

#include <gmock/gmock.h>

#include <set>

using namespace ashlar;

namespace {

config::database database_at(const std::string& name, const std::string& host) {
    config::database made;
    made.name = name;
    made.primary.engine = config::engine::postgres;
    made.primary.host = host;
    made.primary.port = 5432;
    made.pool.max_connections = 7;
    made.pool.min_connections = 0;
    return made;
}

const metric_family& named(const std::vector<metric_family>& all, std::string_view name) {
    for (const metric_family& each : all) {
        if (each.name == name) return each;
    }
    throw std::runtime_error{"no family of this name"};
}

config::description two_databases() {
    config::description d;
    d.databases["primary"] = database_at("primary", "db1");
    d.databases["other"] = database_at("other", "db1");
    d.databases["primary"].replicas.push_back(database_at("", "db2").primary);
    d.databases["primary"].replica_weights.push_back(1);
    return d;
}

TEST(Measures, AreNamedByTheRulesOfPrometheus) {
    const auto world = topology::world::open(two_databases()).value();
    std::set<std::string> names;
    for (const metric_family& each : topology::measures(*world)) {
        EXPECT_TRUE(names.insert(each.name).second) << each.name;
        EXPECT_TRUE(each.name.starts_with("ashlar_")) << each.name;
        EXPECT_EQ(each.name.ends_with("_total"), each.type == metric_type::counter) << each.name;
        EXPECT_TRUE(each.help.ends_with(".")) << each.name;
        std::set<std::vector<std::pair<std::string, std::string>>> labels;
        for (const metric_sample& sample : each.samples) EXPECT_TRUE(labels.insert(sample.labels).second) << each.name;
    }
}

TEST(Measures, TellEachServerWithItsDatabaseAndRole) {
    const auto world = topology::world::open(two_databases()).value();
    const auto all = topology::measures(*world);
    const metric_family& most = named(all, "ashlar_pool_max_connections");
    ASSERT_EQ(most.samples.size(), 3u);
    for (const metric_sample& each : most.samples) EXPECT_EQ(each.value, 7);
    using labels = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(most.samples[0].labels, (labels{{"database", "other"}, {"server", "other"}, {"role", "writing"}}));
    EXPECT_EQ(most.samples[2].labels,
              (labels{{"database", "primary"}, {"server", "primary/replica_1"}, {"role", "reading"}}));
    // What nobody knows yet is not told.
    EXPECT_TRUE(named(all, "ashlar_replica_lag_seconds").samples.empty());
    EXPECT_TRUE(named(all, "ashlar_server_latency_seconds").samples.empty());
    EXPECT_TRUE(named(all, "ashlar_server_max_connections").samples.empty());
    EXPECT_EQ(named(all, "ashlar_failovers_total").samples.size(), 1u);  // one database has replicas
}

TEST(Measures, TellTheBoundOfAServerOnceForAllItsPools) {
    config::description d = two_databases();
    for (auto& [name, each] : d.databases) each.pool.max_connections_per_server = 12;
    const auto world = topology::world::open(d).value();
    const auto all = topology::measures(*world);
    const metric_family& most = named(all, "ashlar_server_max_connections");
    ASSERT_EQ(most.samples.size(), 2u);
    EXPECT_EQ(most.samples[0].labels.front().second, "db1:5432");
    EXPECT_EQ(most.samples[0].value, 12);
    EXPECT_EQ(named(all, "ashlar_server_open_connections").samples[0].value, 0);
}

}  // namespace
