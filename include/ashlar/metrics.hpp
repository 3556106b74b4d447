// metrics.hpp: what a cluster counts and measures, for whoever collects such things: Prometheus, OpenTelemetry, a log. The
// proxy shows the same families at /metrics. docs/guide/metrics.md says what each of them means.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ashlar {

enum class metric_type {
    counter,  // only grows, from the process's start on
    gauge,    // what is so now
};

struct metric_sample {
    std::vector<std::pair<std::string, std::string>> labels;  // names and values, in the family's order
    double value = 0;
};

struct metric_family {
    std::string name;  // "ashlar_pool_idle_connections"; a counter's ends with _total, and the unit is in the name
    std::string help;  // a sentence
    metric_type type = metric_type::gauge;
    std::vector<metric_sample> samples;  // may be empty
};

}  // namespace ashlar
