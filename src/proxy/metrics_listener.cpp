#include "proxy/metrics_listener.hpp"

#include <fmt/format.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>
#include <spdlog/spdlog.h>

namespace ashlar::proxy {

namespace {

prometheus::MetricFamily to_prometheus(metric_family from) {
    prometheus::MetricFamily out;
    const bool counts = from.type == metric_type::counter;
    out.name = std::move(from.name);
    out.help = std::move(from.help);
    out.type = counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (metric_sample& each : from.samples) {
        prometheus::ClientMetric& made = out.metric.emplace_back();
        (counts ? made.counter.value : made.gauge.value) = each.value;
        for (auto& [name, value] : each.labels) made.label.push_back({std::move(name), std::move(value)});
    }
    return out;
}

class collector final : public prometheus::Collectable {
public:
    explicit collector(std::function<std::vector<metric_family>()> collect) : collect_(std::move(collect)) {}
    std::vector<prometheus::MetricFamily> Collect() const override {
        std::vector<prometheus::MetricFamily> out;
        try {
            for (metric_family& each : collect_()) {
                if (!each.samples.empty()) out.push_back(to_prometheus(std::move(each)));
            }
        } catch (const std::exception& e) {
            spdlog::error("metrics could not be collected: {}", e.what());
        }
        return out;
    }

private:
    std::function<std::vector<metric_family>()> collect_;
};

}  // namespace

struct metrics_listener::inside {
    std::shared_ptr<collector> source;  // shared with the exposer for the time of a scrape
    std::unique_ptr<prometheus::Exposer> exposer;
    std::uint16_t port = 0;
};

metrics_listener::metrics_listener() : inside_(std::make_unique<inside>()) {}
metrics_listener::~metrics_listener() = default;

std::uint16_t metrics_listener::port() const noexcept {
    return inside_->port;
}

result<std::unique_ptr<metrics_listener>> metrics_listener::start(const config::serve_settings::address& where,
                                                                  std::function<std::vector<metric_family>()> collect) {
    const bool v6 = where.host.find(':') != std::string::npos;
    const std::string address = fmt::format("{}{}{}:{}", v6 ? "[" : "", where.host, v6 ? "]" : "", where.port);
    std::unique_ptr<metrics_listener> made{new metrics_listener};
    try {
        made->inside_->source = std::make_shared<collector>(std::move(collect));
        made->inside_->exposer = std::make_unique<prometheus::Exposer>(address, 2);
        const std::vector<int> ports = made->inside_->exposer->GetListeningPorts();
        made->inside_->port = static_cast<std::uint16_t>(ports.empty() ? where.port : ports.front());
        made->inside_->exposer->RegisterCollectable(made->inside_->source);
    } catch (const std::exception&) {  // which says no more than that it failed
        return error{errc::io_failure, fmt::format("cannot listen on {} for metrics", address)}.hint(
            "Set serve.metrics_listen to an address of this machine that no other program listens on.");
    }
    return made;
}

}  // namespace ashlar::proxy
