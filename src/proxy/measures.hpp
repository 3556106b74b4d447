// measures.hpp: a snapshot of the proxy as families of metrics: its own, and those of pgbouncer_exporter, read from the very
// views that the console shows. Pure.
#pragma once

#include "proxy/snapshot.hpp"

#include <ashlar/metrics.hpp>

#include <vector>

namespace ashlar::proxy {

std::vector<metric_family> own_measures(const snapshot& from);
// As pgbouncer_exporter of August 2026 names them, without those of DNS and of single clients.
std::vector<metric_family> pgbouncer_measures(snapshot from);
constexpr std::size_t users_told_max = 100;  // those beyond are <other> together

}  // namespace ashlar::proxy
