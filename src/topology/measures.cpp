#include "topology/measures.hpp"

#include "pool/server_cap.hpp"

#include <array>
#include <map>

namespace ashlar::topology {

namespace {

double seconds_of(microseconds span) {
    return static_cast<double>(span.count()) / 1e6;
}

// One server at one moment.
struct seen {
    const member& of;
    const server& which;
    const server_state& state;
    bool alone;
};

struct family {
    const char* name;
    const char* help;
    metric_type type;
    std::optional<double> (*value)(const seen&);  // nullopt: there is nothing to tell of this server
};

template <auto Field>
std::optional<double> counted(const seen& s) {
    return static_cast<double>(s.state.pool.*Field);
}
template <auto Field>
std::optional<double> timed(const seen& s) {
    return seconds_of(s.state.pool.*Field);
}

// Lag is known of a replica that has answered.
bool has_lag(const seen& s) {
    return !s.alone && !s.state.writer && s.state.latency.has_value();
}
std::optional<double> lag_seconds(const seen& s) {
    if (!has_lag(s)) return std::nullopt;
    return static_cast<double>(s.state.lag.count()) / 1e3;
}
template <config::engine Engine>
std::optional<double> behind(const seen& s) {
    if (!has_lag(s) || s.which.where->engine != Engine) return std::nullopt;
    return static_cast<double>(s.state.behind);
}
std::optional<double> fit(const seen& s) {
    if (s.alone || s.state.writer) return std::nullopt;
    return s.state.fit && s.state.breaker == health::breaker::state::closed ? 1 : 0;
}
std::optional<double> breaker(const seen& s) {
    switch (s.state.breaker) {
        case health::breaker::state::closed:
            return 0;
        case health::breaker::state::half_open:
            return 1;
        case health::breaker::state::open:
            return 2;
    }
    return std::nullopt;
}
std::optional<double> latency(const seen& s) {
    if (!s.state.latency) return std::nullopt;
    return seconds_of(*s.state.latency);
}
std::optional<double> connections_max(const seen& s) {
    return static_cast<double>(s.which.pool->options().max_connections);
}

using pool::pool_counts;
constexpr auto counter = metric_type::counter;
constexpr auto gauge = metric_type::gauge;

constexpr std::array families{
    family{"ashlar_pool_max_connections", "Connections that the pool may have open.", gauge, connections_max},
    family{"ashlar_pool_open_connections", "Connections that are open or being opened.", gauge,
           counted<&pool_counts::open>},
    family{"ashlar_pool_idle_connections", "Open connections that are idle.", gauge, counted<&pool_counts::available>},
    family{"ashlar_pool_lent_connections", "Connections on loan, promised to a waiting caller, or being reset.", gauge,
           counted<&pool_counts::active>},
    family{"ashlar_pool_opening_connections", "Connections that are being opened.", gauge,
           counted<&pool_counts::opening>},
    family{"ashlar_pool_waiting_callers", "Callers that wait for a connection.", gauge, counted<&pool_counts::waiting>},
    family{"ashlar_pool_oldest_lease_seconds", "For how long the connection lent first is out.", gauge,
           timed<&pool_counts::oldest_lease>},
    family{"ashlar_pool_oldest_wait_seconds", "For how long the first caller in the queue has been waiting.", gauge,
           timed<&pool_counts::oldest_wait>},
    family{"ashlar_pool_lends_total", "Connections lent.", counter, counted<&pool_counts::lent>},
    family{"ashlar_pool_waits_total", "Callers that had to wait.", counter, counted<&pool_counts::waits>},
    family{"ashlar_pool_wait_seconds_total", "Time that callers waited, over all waits that have ended.", counter,
           timed<&pool_counts::wait_time>},
    family{"ashlar_pool_timeouts_total", "Callers that got no connection in time.", counter,
           counted<&pool_counts::timeouts>},
    family{"ashlar_pool_refused_total", "Callers that were refused because too many waited already.", counter,
           counted<&pool_counts::refused>},
    family{"ashlar_pool_opened_total", "Connections opened.", counter, counted<&pool_counts::opened>},
    family{"ashlar_pool_closed_total", "Connections closed.", counter, counted<&pool_counts::closed>},
    family{"ashlar_pool_failed_connects_total", "Attempts to connect that failed.", counter,
           counted<&pool_counts::failed_connects>},
    family{"ashlar_replica_fit", "1 if the replica is fit to be read from.", gauge, fit},
    family{"ashlar_replica_lag_seconds", "How far the replica was behind when it last answered.", gauge, lag_seconds},
    family{"ashlar_replica_lag_bytes", "How far behind, in bytes of write-ahead log (PostgreSQL).", gauge,
           behind<config::engine::postgres>},
    family{"ashlar_replica_lag_transactions", "How far behind, in transactions (MariaDB).", gauge,
           behind<config::engine::mysql>},
    family{"ashlar_server_latency_seconds", "How long the server took to answer the monitor's last look.", gauge,
           latency},
    family{"ashlar_breaker_state", "0 closed, 1 half open, 2 open: the server is not asked.", gauge, breaker},
};

// The pools of one server that are bound together by pool.max_connections_per_server.
struct bound_pools {
    std::uint32_t most = 0, open = 0;
};

void add_member(const member& each, std::vector<metric_family>& to, std::map<std::string, bound_pools>& bounds) {
    const std::vector<server_state> states = each.servers->states();
    for (std::size_t i = 0; i < states.size(); ++i) {
        if (const pool::server_cap* const cap = each.servers->servers()[i].pool->cap()) {
            bound_pools& of = bounds[cap->server()];
            of.most = cap->most();
            of.open += states[i].pool.open;
        }
        const seen here{each, each.servers->servers()[i], states[i], each.servers->is_alone()};
        const char* const role = states[i].writer ? "writing" : "reading";
        for (std::size_t f = 0; f < families.size(); ++f) {
            const auto value = families[f].value(here);
            if (!value) continue;
            to[f].samples.push_back({{{"database", each.name}, {"server", states[i].name}, {"role", role}}, *value});
        }
    }
    if (each.servers->is_alone()) return;
    to.back().samples.push_back({{{"database", each.name}}, static_cast<double>(each.servers->failovers())});
}

}  // namespace

std::vector<metric_family> measures(const world& of) {
    std::vector<metric_family> out;
    out.reserve(families.size() + 3);
    for (const family& each : families) out.push_back({each.name, each.help, each.type, {}});
    out.push_back({"ashlar_failovers_total", "How often another server has taken the database's writes.", counter, {}});
    std::map<std::string, bound_pools> bounds;
    for (const auto* list : {&of.shards(), &of.databases()}) {
        for (const member& each : *list) add_member(each, out, bounds);
    }
    out.push_back(
        {"ashlar_server_max_connections", "Connections that all pools of the server may have open.", gauge, {}});
    metric_family open{"ashlar_server_open_connections", "Connections that they have open.", gauge, {}};
    for (const auto& [address, each] : bounds) {
        out.back().samples.push_back({{{"address", address}}, static_cast<double>(each.most)});
        open.samples.push_back({{{"address", address}}, static_cast<double>(each.open)});
    }
    out.push_back(std::move(open));
    return out;
}

}  // namespace ashlar::topology
