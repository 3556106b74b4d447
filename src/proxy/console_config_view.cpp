// SHOW CONFIG: the settings that are in force.
#include "proxy/console_show.hpp"
#include "proxy/console_writer.hpp"

namespace ashlar::proxy {

namespace {

// In seconds, as PgBouncer has it.
std::string in_seconds(milliseconds span) {
    return fmt::format("{}", static_cast<double>(span.count()) / 1e3);
}

// [serve] under PgBouncer's names for the same things, as PgBouncer writes the values; no passwords.
std::vector<std::pair<std::string, std::string>> serve_lines(const config::serve_settings& s) {
    return {
        {"admin_users", joined(s.admin_users)},
        {"auth_type", s.auth_type},
        {"client_idle_timeout", in_seconds(s.client_idle_timeout)},
        {"client_login_timeout", in_seconds(s.client_login_timeout)},
        {"database", s.database},
        {"idle_transaction_timeout", in_seconds(s.idle_transaction_timeout)},
        {"listen_addr", s.listen_addr},
        {"listen_port", std::to_string(s.listen_port)},
        {"max_client_conn", std::to_string(s.max_client_conn)},
        {"merge_memory_max", std::to_string(s.merge_memory_max)},
        {"memory_max", std::to_string(s.memory_max)},
        {"metrics_listen",
         s.metrics_listen ? fmt::format("{}:{}", s.metrics_listen->host, s.metrics_listen->port) : std::string{}},
        {"pool_mode", "transaction"},
        {"query_timeout", in_seconds(s.query_timeout)},
        {"query_wait_timeout", in_seconds(s.query_wait_timeout)},
        {"stats_period", in_seconds(s.stats_period)},
        {"stats_users", joined(s.stats_users)},
        {"workers", std::to_string(s.workers)},
    };
}

std::vector<std::pair<std::string, std::string>> other_lines(const config::description& d) {
    using spread = config::replica_settings::spread;
    const auto policy = [](spread which) {
        switch (which) {
            case spread::round_robin:
                return "round_robin";
            case spread::random:
                return "random";
            case spread::least_connections:
                return "least_connections";
            case spread::least_lag:
                return "least_lag";
        }
        return "";
    };
    const config::replica_settings& r = d.replicas;
    const config::breaker_settings& b = d.breaker;
    return {
        {"breaker.cool_down", in_seconds(b.cool_down)},
        {"breaker.failures", std::to_string(b.failures)},
        {"breaker.window", in_seconds(b.window)},
        {"replicas.check_interval", in_seconds(r.check_interval)},
        {"replicas.max_lag", in_seconds(r.max_lag)},
        {"replicas.no_replica", r.no_replica == config::replica_settings::without::primary ? "primary" : "refuse"},
        {"replicas.policy", policy(r.policy)},
        {"replicas.primary_reads_max", std::to_string(r.primary_reads_max)},
        {"replicas.read_write_split", r.read_write_split ? "true" : "false"},
        {"replicas.sample_interval", in_seconds(r.sample_interval)},
    };
}

}  // namespace

void show_config(const snapshot& from, view_writer out) {
    const config::description& here = from.of->world().description();
    const config::description plain;
    const auto lines = [&](const auto& now, const auto& by_default) {
        for (std::size_t i = 0; i < now.size(); ++i)
            out.text(now[i].first).text(now[i].second).text(by_default[i].second).text("no").end();
    };
    lines(serve_lines(here.serve), serve_lines(plain.serve));
    lines(other_lines(here), other_lines(plain));
}

}  // namespace ashlar::proxy
