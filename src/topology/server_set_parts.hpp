// server_set_parts.hpp: what the two halves of server_set share, the choice and the monitor. Nobody else's.
#pragma once

#include "core/time.hpp"

#include <atomic>

namespace ashlar::topology {

// How long a server may take to answer the monitor before it counts as silent.
constexpr milliseconds look_patience{2'000};

inline instant at(const std::atomic<instant::rep>& what) {
    return instant{instant::duration{what.load(std::memory_order_relaxed)}};
}

inline void put(std::atomic<instant::rep>& into, instant what) {
    into.store(what.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace ashlar::topology
