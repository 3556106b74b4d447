// metrics_listener.hpp: families of metrics over HTTP, at /metrics, in Prometheus' text format.
//
// Threads   Two of its own, on which `collect` is called, one call for each scrape; it may block. Destroying it ends them.
// Bounds    The HTTP server's: 20 connections wait, a request's head is 16 KiB at most. There is no login: let it listen where
//           only who may read it can reach it.
#pragma once

#include "config/description.hpp"

#include <ashlar/metrics.hpp>
#include <ashlar/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace ashlar::proxy {

class metrics_listener {
public:
    // Fails with io_failure when the address cannot be listened on.
    static result<std::unique_ptr<metrics_listener>> start(const config::serve_settings::address& where,
                                                           std::function<std::vector<metric_family>()> collect);
    ~metrics_listener();

    std::uint16_t port() const noexcept;

private:
    metrics_listener();
    struct inside;
    std::unique_ptr<inside> inside_;
};

}  // namespace ashlar::proxy
