// pool_options.hpp: what a pool may be told, and what it tells of itself. Plain values, apart from the pool
// so that its rules, the configuration and the metrics need not know connections.
#pragma once

#include "core/time.hpp"

#include <cstdint>

namespace ashlar::pool {

struct pool_options {
    // Too small: callers wait though the server has room. Too large: the server thrashes, or refuses logins;
    // all pools to one server together must stay below its max_connections.
    std::uint32_t max_connections = 25;
    // How many of them statements over several databases may have at once, so that those for one always find room. 0: three
    // quarters. Too small: such statements wait for each other; too large: when another server hangs, they keep what they
    // have got here.
    std::uint32_t fan_out_connections_max = 0;
    // Kept open even when idle. Too small: the first callers after a quiet time pay for logins.
    std::uint32_t min_connections = 5;
    // How long lend() waits at most. Too short: bursts fail; too long: callers pile up behind a server that is stuck.
    milliseconds checkout_timeout{5'000};
    // Callers in the queue; one more is refused with pool_queue_full. Beside them come back, at most max_connections, those
    // whose connection proved dead: they keep their place.
    std::uint32_t waiters_max = 10'000;
    // A connection above min_connections that nobody used for so long is closed.
    milliseconds idle_timeout{300'000};
    // How often the housekeeper looks for the idle and the old.
    milliseconds reap_frequency{30'000};
    // Each connection's own end is drawn from 90 to 100 % of it, so that not all log in again at once.
    milliseconds max_lifetime{3'600'000};
    // A connection that was idle longer is asked whether its server is still there before it is lent.
    milliseconds check_after_idle{30'000};
    // For a login, a liveness check and a reset, each.
    milliseconds connect_timeout{5'000};
    pool_options() = default;
};

// The bound in force: one at least, and one less than all of them where there are several. Pure.
constexpr std::uint32_t fan_out_bound(const pool_options& o) noexcept {
    const std::uint32_t given =
        o.fan_out_connections_max != 0 ? o.fan_out_connections_max : o.max_connections - (o.max_connections + 3) / 4;
    const std::uint32_t most = o.max_connections > 1 ? o.max_connections - 1 : 1;
    return given == 0 ? 1 : given < most ? given : most;
}

// Whom a connection is for.
enum class borrower : std::uint8_t {
    one_database,  // a statement or transaction that asks for this database's connection by itself
    fan_out,       // a statement over several databases: bounded by fan_out_bound()
};

struct pool_counts {
    std::uint32_t open = 0;       // total: available, active and those being opened
    std::uint32_t available = 0;  // idle, ready to lend
    std::uint32_t active = 0;     // on loan, promised to a waiter, or with the housekeeper for a reset
    std::uint32_t opening = 0;
    std::uint32_t waiting = 0;  // callers in the queue
    std::uint64_t lent = 0;     // leases ever given
    std::uint64_t waits = 0;    // callers that had to queue
    std::uint64_t timeouts = 0;
    std::uint64_t refused = 0;  // callers for whom the queue was full
    std::uint64_t opened = 0, closed = 0, failed_connects = 0;
    microseconds wait_time{0};  // summed over all waits that ended
    microseconds oldest_lease{0};
    microseconds oldest_wait{0};
};

// One connection of a pool, for people.
struct connection_facts {
    enum class state : std::uint8_t { opening, idle, lent, tended };
    state now = state::idle;
    std::uint32_t process = 0;  // the server's number for it; 0: it has none, or is not known yet
    instant opened_at;          // not while it is being opened
    instant used_at;            // lent, or given back
};

}  // namespace ashlar::pool
