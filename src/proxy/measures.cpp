#include "proxy/measures.hpp"

#include "core/version.hpp"
#include "proxy/console_views.hpp"

#include <charconv>
#include <span>

namespace ashlar::proxy {

namespace {

constexpr auto counter = metric_type::counter;
constexpr auto gauge = metric_type::gauge;

double seconds_of(nanoseconds span) {
    return static_cast<double>(span.count()) / 1e9;
}

metric_family single(const char* name, const char* help, metric_type type, double value) {
    return {name, help, type, {{{}, value}}};
}

// --- from views ------------------------------------------------------------------------------------------------------

struct family_spec {
    const char* column;
    const char* name;
    const char* help;
    metric_type type = gauge;
    double factor = 1;
};

std::size_t column_of(const view& from, std::string_view name) {
    for (std::size_t i = 0; i < from.shape.size(); ++i) {
        if (from.shape[i].name == name) return i;
    }
    return from.shape.size();
}

double number_at(const view& from, std::size_t row, std::string_view name) {
    const cell text = from.rows.at(row, column_of(from, name));
    double value = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), value);
    return value;
}

void add_view(const view& from, const std::string& prefix, std::span<const char* const> labels,
              std::span<const family_spec> families, std::vector<metric_family>& to) {
    for (const family_spec& each : families) {
        metric_family& made = to.emplace_back(metric_family{prefix + each.name, each.help, each.type, {}});
        for (std::size_t row = 0; row < from.rows.rows(); ++row) {
            metric_sample& sample = made.samples.emplace_back();
            for (const char* const label : labels)
                sample.labels.emplace_back(label, from.rows.at(row, column_of(from, label)).value_or(""));
            sample.value = number_at(from, row, each.column) * each.factor;
        }
    }
}

constexpr const char* database_labels[] = {"name", "host", "port", "database", "force_user", "pool_mode"};
constexpr family_spec of_databases[] = {
    {"pool_size", "pool_size", "Maximum number of server connections"},
    {"reserve_pool_size", "reserve_pool", "Maximum number of additional connections for this database"},
    {"max_connections", "max_connections", "Maximum number of allowed connections for this database"},
    {"current_connections", "current_connections", "Current number of connections for this database"},
    {"paused", "paused", "1 if this database is currently paused, else 0"},
    {"disabled", "disabled", "1 if this database is currently disabled, else 0"},
};

constexpr const char* pool_labels[] = {"database", "user"};
constexpr family_spec of_pools[] = {
    {"cl_active", "client_active_connections", "Clients that hold a connection of this pool, or none and are idle"},
    {"cl_waiting", "client_waiting_connections", "Clients that wait for a connection of this pool"},
    {"cl_active_cancel_req", "client_active_cancel_connections", "None: cancel requests hold no client connection"},
    {"cl_waiting_cancel_req", "client_waiting_cancel_connections", "None: cancel requests do not wait"},
    {"sv_active", "server_active_connections", "Server connections lent to clients, or being reset"},
    {"sv_active_cancel", "server_active_cancel_connections", "None: cancel requests use separate connections"},
    {"sv_being_canceled", "server_being_canceled_connections", "None: they count as active"},
    {"sv_idle", "server_idle_connections", "Server connections that are idle"},
    {"sv_used", "server_used_connections", "None: those that were idle long count as idle"},
    {"sv_tested", "server_testing_connections", "None: they count as active"},
    {"sv_login", "server_login_connections", "Server connections that are logging in"},
};

constexpr const char* stats_labels[] = {"database"};
constexpr family_spec of_stats[] = {
    {"query_count", "queries_pooled_total", "Total number of SQL queries pooled", counter},
    {"query_time", "queries_duration_seconds_total",
     "Time from queries to the end of their answers, without waits for servers", counter, 1e-6},
    {"bytes_received", "received_bytes_total", "Bytes received from clients", counter},
    {"bytes_sent", "sent_bytes_total", "Bytes sent to clients", counter},
    {"wait_time", "client_wait_seconds_total", "Time spent by clients waiting for a server", counter, 1e-6},
    {"xact_count", "sql_transactions_pooled_total", "Total number of SQL transactions pooled", counter},
    {"xact_time", "server_in_transaction_seconds_total", "Time from transactions' first queries to their ends", counter,
     1e-6},
    {"client_parse_count", "client_parses_total", "Parse messages received from clients", counter},
    {"server_parse_count", "server_parses_total", "Parse messages sent to servers", counter},
    {"bind_count", "binds_total", "Bind messages received from clients", counter},
    {"server_assignment_count", "server_assignments_total", "How often a client was lent a server connection", counter},
};

struct list_spec {
    std::string_view list;
    const char* name;
    const char* help;
};
constexpr list_spec of_lists[] = {
    {"databases", "pgbouncer_databases", "Count of databases"},
    {"users", "pgbouncer_users", "Count of users"},
    {"pools", "pgbouncer_pools", "Count of pools"},
    {"free_clients", "pgbouncer_free_clients", "Count of free clients"},
    {"used_clients", "pgbouncer_used_clients", "Count of used clients"},
    {"login_clients", "pgbouncer_login_clients", "Count of clients in login state"},
    {"free_servers", "pgbouncer_free_servers", "Count of free servers"},
    {"used_servers", "pgbouncer_used_servers", "Count of used servers"},
};

void add_lists(const view& from, std::vector<metric_family>& to) {
    for (std::size_t row = 0; row < from.rows.rows(); ++row) {
        for (const list_spec& each : of_lists) {
            if (from.rows.at(row, 0) == each.list)
                to.push_back(single(each.name, each.help, gauge, number_at(from, row, "items")));
        }
    }
}

// Where names are not checked, clients may give themselves any: a label must not take as many values.
void bound_users(snapshot& in) {
    if (in.users.size() <= users_told_max) return;
    user_counts others;
    auto at = in.users.begin();
    std::advance(at, users_told_max);
    while (at != in.users.end()) {
        others.clients += at->second.clients;
        others.idle += at->second.idle;
        others.held += at->second.held;
        at = in.users.erase(at);
    }
    in.users.emplace("<other>", others);
}

void add_longest_waits(const view& pools, std::vector<metric_family>& to) {
    metric_family made{"pgbouncer_pools_client_maxwait_seconds", "Age of oldest unserved client connection", gauge, {}};
    for (std::size_t row = 0; row < pools.rows.rows(); ++row) {
        const double wait = number_at(pools, row, "maxwait") + number_at(pools, row, "maxwait_us") / 1e6;
        made.samples.push_back({{{"database", std::string{pools.rows.at(row, 0).value_or("")}},
                                 {"user", std::string{pools.rows.at(row, 1).value_or("")}}},
                                wait});
    }
    to.push_back(std::move(made));
}

}  // namespace

std::vector<metric_family> own_measures(const snapshot& from) {
    const traffic& t = from.total;
    const auto count = [](auto of) { return static_cast<double>(of); };
    std::uint64_t hits = 0, misses = 0, plans = 0;
    for (const worker_report& each : from.workers) {
        hits += each.plan_hits;
        misses += each.plan_misses;
        plans += each.plans;
    }
    std::vector<metric_family> out;
    out.push_back(single("ashlar_clients", "Clients that are logged in.", gauge, count(from.clients)));
    out.push_back(
        single("ashlar_clients_logging_in", "Clients that are not logged in yet.", gauge, count(from.strangers)));
    out.push_back(single("ashlar_console_clients", "Clients of the console.", gauge, count(from.consoles)));
    out.push_back(single("ashlar_max_clients", "Clients that may be logged in at once.", gauge,
                         from.of->settings().max_client_conn));
    out.push_back(single("ashlar_logins_total", "Logins that succeeded.", counter, count(t.logins)));
    out.push_back(single("ashlar_clients_refused_total", "Clients refused since there were too many.", counter,
                         count(from.of->counts.clients_refused.load())));
    out.push_back(single("ashlar_cancels_total", "Cancel requests that found their client.", counter,
                         count(from.of->counts.cancels.load())));
    metric_family routes{"ashlar_queries_total",
                         "Statements by route: to one server as they are, merged, answered by the proxy, refused.",
                         counter,
                         {}};
    routes.samples.push_back({{{"route", "direct"}}, count(t.relayed)});
    routes.samples.push_back({{{"route", "multi"}}, count(t.merged)});
    routes.samples.push_back({{{"route", "local"}}, count(t.own)});
    routes.samples.push_back({{{"route", "refused"}}, count(t.refused)});
    out.push_back(std::move(routes));
    out.push_back(single("ashlar_transactions_total", "Transactions that have ended.", counter, count(t.transactions)));
    out.push_back(single("ashlar_query_seconds_total", "Time from queries to the end of their answers, without waits.",
                         counter, seconds_of(t.query_time)));
    out.push_back(single("ashlar_transaction_seconds_total", "Time from transactions' first queries to their ends.",
                         counter, seconds_of(t.transaction_time)));
    out.push_back(single("ashlar_server_wait_seconds_total", "Time that queries waited for servers.", counter,
                         seconds_of(t.wait_time)));
    out.push_back(single("ashlar_received_bytes_total", "Bytes received from clients.", counter, count(t.received)));
    out.push_back(single("ashlar_sent_bytes_total", "Bytes sent to clients.", counter, count(t.sent)));
    out.push_back(single("ashlar_plan_cache_hits_total", "Statements whose plan was known.", counter, count(hits)));
    out.push_back(single("ashlar_plan_cache_misses_total", "Statements that were planned.", counter, count(misses)));
    const memory_bound& memory = *from.of->memory();
    out.push_back(single("ashlar_memory_bytes", "Bytes that clients' statements hold, as far as they count.", gauge,
                         count(memory.used())));
    out.push_back(single("ashlar_memory_max_bytes", "The bound of that, memory_max.", gauge, count(memory.most())));
    out.push_back(single("ashlar_memory_peak_bytes", "The most that they ever held.", gauge, count(memory.peak())));
    out.push_back(single("ashlar_memory_refused_total", "Statements that were ended since memory_max was reached.",
                         counter, count(memory.condemned())));
    out.push_back(single("ashlar_resident_bytes", "Memory of the process.", gauge, count(resident_bytes())));
    out.push_back(single("ashlar_plan_cache_plans", "Plans that are kept, over all workers.", gauge, count(plans)));
    return out;
}

std::vector<metric_family> pgbouncer_measures(snapshot from) {
    bound_users(from);
    std::vector<metric_family> out;
    out.push_back(single("pgbouncer_up", "The pgbouncer scrape succeeded", gauge, 1));
    out.push_back({"pgbouncer_version_info", "The version that answers", gauge, {{{{"version", version_text()}}, 1}}});
    add_view(make_view(view_kind::databases, from), "pgbouncer_databases_", database_labels, of_databases, out);
    const view pools = make_view(view_kind::pools, from);
    add_view(pools, "pgbouncer_pools_", pool_labels, of_pools, out);
    add_longest_waits(pools, out);
    add_view(make_view(view_kind::stats_totals, from), "pgbouncer_stats_totals_", stats_labels, of_stats, out);
    add_lists(make_view(view_kind::lists, from), out);
    out.push_back(single("pgbouncer_config_max_client_connections", "Config maximum number of client connections",
                         gauge, from.of->settings().max_client_conn));
    return out;
}

}  // namespace ashlar::proxy
