// health.hpp: how the databases of a cluster stand: what cluster::check_all() tells, for probes and dashboards of a service.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace ashlar {

enum class server_role { writing, reading };
enum class breaker_state { closed, open, half_open };

// One server of a database.
struct server_health {
    std::string database;  // "shard_1"
    std::string server;    // "shard_1" for the configured primary, "shard_1/replica_2"
    server_role role = server_role::writing;
    // It answered, and does what its role asks: takes writes, or is fit to be read from. Else `problem` says why not.
    bool healthy = false;
    std::string problem;
    std::optional<std::chrono::microseconds> latency;  // of the answer; none: no answer
    std::chrono::milliseconds lag{0};                  // of a replica
    std::uint64_t behind = 0;  // the same in bytes of WAL (PostgreSQL) or transactions (MariaDB)
    breaker_state breaker = breaker_state::closed;
    struct {
        std::uint32_t open = 0, available = 0, active = 0, waiting = 0, max = 0;
    } connections;
};

}  // namespace ashlar
