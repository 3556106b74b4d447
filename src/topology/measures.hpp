// measures.hpp: a world as families of metrics: its pools, replicas, breakers and failovers. The library and the proxy tell
// the same ones, by the labels database, server and role.
#pragma once

#include "topology/world.hpp"

#include <ashlar/metrics.hpp>

#include <vector>

namespace ashlar::topology {

// As of now, in a fixed order; asks no server. Any thread.
std::vector<metric_family> measures(const world& of);

}  // namespace ashlar::topology
