// /metrics of the proxy, read as Prometheus reads it.
#include "support/becomes.hpp"
#include "support/http_get.hpp"
#include "support/proxied.hpp"

#include <gmock/gmock.h>

namespace ashlar {
namespace {

using test::http_get;
using test::proxied;
using ::testing::HasSubstr;

proxied::options with_metrics() {
    proxied::options how;
    how.sqlite = true;
    how.shards = 2;
    how.schema = {"create table people (id integer primary key, v integer)"};
    how.tables = {proxied::sharded("people", "id")};
    how.change = [](config::description& d) { d.serve.metrics_listen = {"127.0.0.1", 0}; };
    return how;
}

TEST(ProxyMetrics, AreServedOverHttpInPrometheusForm) {
    proxied proxy{with_metrics()};
    ASSERT_NE(proxy.server().metrics_port(), 0);
    const std::string all = http_get(proxy.server().metrics_port(), "/metrics");
    EXPECT_THAT(all, HasSubstr("200 OK"));
    EXPECT_THAT(all, HasSubstr("# TYPE ashlar_pool_max_connections gauge\n"));
    EXPECT_THAT(all, HasSubstr("# TYPE ashlar_pool_lends_total counter\n"));
    EXPECT_THAT(
        all, HasSubstr("\nashlar_pool_max_connections{database=\"shard_2\",server=\"shard_2\",role=\"writing\"} 4\n"));
    EXPECT_THAT(http_get(proxy.server().metrics_port(), "/elsewhere"), HasSubstr("404"));
}

TEST(ProxyMetrics, ATakenPortIsAnErrorAtTheStart) {
    proxied first{with_metrics()};
    proxied::options how = with_metrics();
    const std::uint16_t taken = first.server().metrics_port();
    how.change = [taken](config::description& d) { d.serve.metrics_listen = {"127.0.0.1", taken}; };
    try {
        proxied second{how};
        FAIL() << "two listen on " << taken;
    } catch (const std::runtime_error& e) {
        EXPECT_THAT(e.what(), HasSubstr("cannot listen on 127.0.0.1:" + std::to_string(taken) + " for metrics"));
    }
}

TEST(ProxyMetrics, AreNotServedUnlessAskedFor) {
    proxied::options how = with_metrics();
    how.change = nullptr;
    proxied proxy{how};
    EXPECT_EQ(proxy.server().metrics_port(), 0);
}

}  // namespace
}  // namespace ashlar
