#include "proxy/console_views.hpp"

#include "core/letter_case.hpp"
#include "core/time_text.hpp"
#include "core/version.hpp"
#include "keyspace/kinds.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ashlar::proxy {

namespace {

struct column_spec {
    const char* name;
    char type;  // s text, i int4, q int8, n numeric
};
using specs = std::initializer_list<column_spec>;

columns to_columns(specs from) {
    columns out;
    for (const column_spec& each : from) {
        column& made = out.emplace_back();
        made.name = each.name;
        switch (each.type) {
            case 'i':
                made.type = oid::int4;
                made.type_size = 4;
                break;
            case 'q':
                made.type = oid::int8;
                made.type_size = 8;
                break;
            case 'n':
                made.type = oid::numeric;
                break;
            default:
                made.type = oid::text;
                break;
        }
    }
    return out;
}

const specs socket_columns{{"type", 's'},
                           {"user", 's'},
                           {"database", 's'},
                           {"replication", 's'},
                           {"state", 's'},
                           {"addr", 's'},
                           {"port", 'i'},
                           {"local_addr", 's'},
                           {"local_port", 'i'},
                           {"connect_time", 's'},
                           {"request_time", 's'},
                           {"wait", 'i'},
                           {"wait_us", 'i'},
                           {"close_needed", 'i'},
                           {"ptr", 's'},
                           {"link", 's'},
                           {"remote_pid", 'i'},
                           {"tls", 's'},
                           {"application_name", 's'},
                           {"prepared_statements", 'i'},
                           {"id", 'i'}};

columns with(const specs& theirs, const specs& ours) {
    columns out = to_columns(theirs);
    for (column& each : to_columns(ours)) out.push_back(std::move(each));
    return out;
}

// Rows, cell by cell.
class writer {
public:
    explicit writer(view& to) : to_(to) {}
    writer& text(std::string_view value) {
        to_.rows.add(value);
        return *this;
    }
    template <class Number>
    writer& number(Number value) {
        to_.rows.add(fmt::format("{}", value));
        return *this;
    }
    writer& time(wall_time when) {
        return text(fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(when))));
    }
    // A span as two columns.
    writer& split(microseconds span) { return number(span.count() / 1'000'000).number(span.count() % 1'000'000); }
    writer& null(int cells = 1) {
        for (int i = 0; i < cells; ++i) to_.rows.add(std::nullopt);
        return *this;
    }
    writer& zero(int cells = 1) {
        for (int i = 0; i < cells; ++i) to_.rows.add("0");
        return *this;
    }
    void end() { to_.rows.end_row(); }
    // Is there room for a row?
    bool has_room() {
        if (to_.rows.rows() < view_rows_max) return true;
        ++to_.left_out;
        return false;
    }

private:
    view& to_;
};

std::string_view role_of(const topology::server_state& state) {
    return state.writer ? "writing" : "reading";
}

std::string address_of(const config::endpoint& where) {
    return where.engine == config::engine::sqlite ? std::string{} : where.host;
}

int port_of(const config::endpoint& where) {
    if (where.port != 0) return where.port;
    return where.engine == config::engine::postgres ? 5432 : 0;
}

// The user of a server's pool.
writer& user_of(writer& out, const config::endpoint& where) {
    return where.user.empty() ? out.null() : out.text(where.user);
}

std::string pointer_of(const service& in, const held_server& held) {
    const topology::server& server = in.place(held.place).servers->servers()[held.server];
    return held.process == 0 ? server.name : fmt::format("{}#{}", server.name, held.process);
}

wall_time to_wall(const snapshot& from, instant when) {
    return from.wall - std::chrono::duration_cast<std::chrono::system_clock::duration>(from.now - when);
}

// --- pools, databases ------------------------------------------------------------------------------------------------

void show_pools(const snapshot& from, writer out) {
    for (const auto& [user, counts] : from.users) {
        if (!out.has_room()) continue;
        out.text(from.of->settings().database).text(user).number(counts.idle).zero(3);  // … and cancel requests
        out.zero(7).zero(2).text("transaction").null();
        out.null(3).end();
    }
    for (const server_facts& each : from.servers) {
        if (!out.has_room()) continue;
        const pool::pool_counts& counts = each.state.pool;
        user_of(out.text(each.state.name), each.where());
        out.number(from.linked(each)).number(counts.waiting).zero(2);
        out.number(counts.active).zero(2).number(counts.available).zero(2).number(counts.opening);
        out.split(counts.oldest_wait).text("transaction").null();
        if (each.is_shard(*from.of))
            out.text(each.of->name);
        else
            out.null();
        out.text(role_of(each.state)).text(name_of(each.state.breaker)).end();
    }
}

void show_databases(const snapshot& from, writer out) {
    const config::serve_settings& serve = from.of->settings();
    out.text(serve.database).null().zero().text(serve.database).null().zero(4).text("transaction").null();
    out.zero(2).number(serve.max_client_conn).number(from.clients).zero(2).null(3).end();
    for (const server_facts& each : from.servers) {
        if (!out.has_room()) continue;
        const pool::pool_options& pool = each.server().pool->options();
        const auto lifetime = std::chrono::duration_cast<seconds>(pool.max_lifetime).count();
        out.text(each.state.name).text(address_of(each.where())).number(port_of(each.where()));
        user_of(out.text(each.where().database), each.where());
        out.number(pool.max_connections)
            .number(pool.min_connections)
            .zero()
            .number(lifetime)
            .text("transaction")
            .null();
        out.number(pool.max_connections).number(each.state.pool.open).zero().number(from.linked(each)).zero(2);
        if (each.is_shard(*from.of))
            out.text(each.of->name);
        else
            out.null();
        out.text(role_of(each.state)).text(name_of(each.state.breaker)).end();
    }
}

// --- statistics ------------------------------------------------------------------------------------------------------

std::uint64_t in_microseconds(nanoseconds span) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(span).count());
}

std::vector<std::uint64_t> totals_of(const traffic& t) {
    return {t.assignments,
            t.transactions,
            t.queries,
            t.received,
            t.sent,
            in_microseconds(t.transaction_time),
            in_microseconds(t.query_time),
            in_microseconds(t.wait_time),
            t.client_parses,
            t.server_parses,
            t.binds,
            t.logins};
}

std::vector<std::uint64_t> averages_of(const averages& a) {
    std::vector<std::uint64_t> out;
    for (const double each : {a.assignments, a.transactions, a.queries, a.received, a.sent, a.transaction_time,
                              a.query_time, a.wait_time, a.client_parses, a.server_parses, a.binds, a.logins}) {
        out.push_back(static_cast<std::uint64_t>(std::llround(each)));
    }
    return out;
}

constexpr const char* statistics[] = {"server_assignment_count",
                                      "xact_count",
                                      "query_count",
                                      "client_bytes",
                                      "server_bytes",
                                      "xact_time",
                                      "query_time",
                                      "wait_time",
                                      "ps_client_parse_count",
                                      "ps_server_parse_count",
                                      "ps_bind_count",
                                      "client_login_count"};

void show_stats(const snapshot& from, writer out, bool totals, bool means) {
    out.text(from.of->settings().database);
    if (totals) {
        for (const std::uint64_t each : totals_of(from.total)) out.number(each);
    }
    if (means) {
        for (const std::uint64_t each : averages_of(from.average)) out.number(each);
    }
    out.end();
}

void show_totals(const snapshot& from, writer out) {
    const auto all = totals_of(from.total), means = averages_of(from.average);
    for (std::size_t i = 0; i < all.size(); ++i) out.text(fmt::format("total_{}", statistics[i])).number(all[i]).end();
    for (std::size_t i = 0; i < means.size(); ++i)
        out.text(fmt::format("avg_{}", statistics[i])).number(means[i]).end();
}

// --- servers, clients ------------------------------------------------------------------------------------------------

std::string_view name_of(client_facts::state which) {
    switch (which) {
        case client_facts::state::idle:
            return "idle";
        case client_facts::state::active:
            return "active";
        case client_facts::state::waiting:
            return "waiting";
    }
    return "idle";
}

void show_clients(const snapshot& from, view& to) {
    writer out{to};
    for (const worker_report& worker : from.workers) {
        for (const client_facts& each : worker.list) {
            if (to.rows.rows() == view_rows_max) break;
            out.text("C").text(each.user).text(each.database).text("none").text(name_of(each.now));
            out.text(each.address).number(each.port).text(each.local_address).number(each.local_port);
            out.time(each.connected_at).time(each.asked_at).split(each.waiting_for).zero();
            out.text(fmt::format("c{}", each.process));
            std::string held;
            for (const held_server& server : each.holds) {
                if (held.size() > 200) {
                    held += " …";
                    break;
                }
                if (!held.empty()) held += ' ';
                held += from.of->place(server.place).servers->servers()[server.server].name;
            }
            out.text(each.holds.empty() ? std::string{} : pointer_of(*from.of, each.holds.front()));
            out.zero().text("").text(each.application).number(each.prepared).number(each.process);
            out.text(held).text(each.in_transaction ? "yes" : "no").end();
        }
    }
    to.left_out = from.clients > to.rows.rows() ? from.clients - to.rows.rows() : 0;
}

std::string_view name_of(pool::connection_facts::state which) {
    switch (which) {
        case pool::connection_facts::state::opening:
            return "new";
        case pool::connection_facts::state::idle:
            return "idle";
        case pool::connection_facts::state::lent:
            return "active";
        case pool::connection_facts::state::tended:
            return "tested";
    }
    return "idle";
}

void show_servers(const snapshot& from, writer out) {
    std::map<std::string, const client_facts*> holders;  // by what they hold
    for (const worker_report& worker : from.workers) {
        for (const client_facts& each : worker.list) {
            for (const held_server& held : each.holds) {
                if (held.process != 0) holders.emplace(pointer_of(*from.of, held), &each);
            }
        }
    }
    for (const server_facts& each : from.servers) {
        for (const pool::connection_facts& one : each.connections) {
            if (!out.has_room()) continue;
            const std::string pointer = pointer_of(*from.of, {each.place, each.number, one.process});
            const auto holder = one.now == pool::connection_facts::state::lent ? holders.find(pointer) : holders.end();
            const bool open = one.now != pool::connection_facts::state::opening;
            user_of(out.text("S"), each.where()).text(each.state.name).text("none").text(name_of(one.now));
            out.text(address_of(each.where())).number(port_of(each.where())).null(2);
            open ? out.time(to_wall(from, one.opened_at)).time(to_wall(from, one.used_at)) : out.null(2);
            out.zero(3).text(pointer);
            out.text(holder == holders.end() ? std::string{} : fmt::format("c{}", holder->second->process));
            out.number(one.process).null();
            out.text(holder == holders.end() ? std::string_view{} : holder->second->application);
            out.null().number(one.process);
            if (each.is_shard(*from.of))
                out.text(each.of->name);
            else
                out.null();
            out.text(role_of(each.state)).end();
        }
    }
}

// --- small ones ------------------------------------------------------------------------------------------------------

std::size_t users_known(const snapshot& from) {
    std::size_t known = from.users.size();
    for (const auto& each : from.of->settings().users) known += from.users.contains(each.name) ? 0 : 1;
    return known;
}

void show_lists(const snapshot& from, writer out) {
    std::size_t connections = 0;
    for (const server_facts& each : from.servers) connections += each.state.pool.open;
    const auto line = [&](std::string_view name, std::size_t count) { out.text(name).number(count).end(); };
    line("databases", from.servers.size() + 1);
    line("users", users_known(from));
    line("peers", 0);
    line("pools", from.users.size() + from.servers.size());
    line("peer_pools", 0);
    line("free_clients", 0);
    line("used_clients", from.clients + from.strangers + from.consoles);
    line("login_clients", from.strangers);
    line("free_servers", 0);
    line("used_servers", connections);
    line("dns_names", 0);
    line("dns_zones", 0);
    line("dns_queries", 0);
    line("dns_pending", 0);
}

bool among(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

void show_users(const snapshot& from, writer out) {
    const config::serve_settings& serve = from.of->settings();
    std::map<std::string, user_counts> all = from.users;
    for (const auto& each : serve.users) all.try_emplace(each.name);
    for (const auto& [name, counts] : all) {
        if (!out.has_room()) continue;
        out.text(name).null(3).zero().number(counts.held).zero().number(counts.clients);
        out.text(among(serve.admin_users, name) ? "admin" : among(serve.stats_users, name) ? "stats" : "").end();
    }
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& each : names) out += (out.empty() ? "" : ", ") + each;
    return out;
}

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

void show_config(const snapshot& from, writer out) {
    const config::description& here = from.of->world().description();
    const config::description plain;
    const auto lines = [&](const auto& now, const auto& by_default) {
        for (std::size_t i = 0; i < now.size(); ++i)
            out.text(now[i].first).text(now[i].second).text(by_default[i].second).text("no").end();
    };
    lines(serve_lines(here.serve), serve_lines(plain.serve));
    lines(other_lines(here), other_lines(plain));
}

// --- our own ---------------------------------------------------------------------------------------------------------

// What the configuration says the shard owns.
std::string owned_by(const config::shards& all, std::size_t number) {
    const config::database& shard = all.list[number];
    using kind = keyspace::function_kind;
    switch (all.function) {
        case kind::modulo:
            return fmt::format("remainder {} of {}", number, all.list.size());
        case kind::hash:
            return fmt::format("bucket {} of {}", number, all.list.size());
        case kind::ring:
            return fmt::format("weight {}", shard.weight);
        case kind::range:
            return fmt::format("from {} until {}", shard.from.value_or("the first"), shard.until.value_or("the last"));
        case kind::list: {
            std::string out = joined(shard.values).substr(0, 200);
            if (shard.is_default) out += out.empty() ? "all others" : ", all others";
            return out;
        }
    }
    return {};
}

void show_shards(const snapshot& from, writer out) {
    const config::description& d = from.of->world().description();
    if (!d.shards_) return;
    for (std::size_t i = 0; i < from.of->shards(); ++i) {
        if (!out.has_room()) continue;
        const topology::member& shard = from.of->place(i);
        std::size_t replicas = 0, fit = 0;
        const server_facts* writer = nullptr;
        std::string problem;
        for (const server_facts& each : from.servers) {
            if (each.place != i) continue;
            if (each.number > 0) ++replicas;
            if (each.state.fit) ++fit;
            if (each.state.writer) writer = &each;
            if (problem.empty() && !each.state.fit) problem = each.state.why;
        }
        out.number(i + 1).text(shard.name).text(keyspace::name_of(d.shards_->function));
        out.text(keyspace::name_of(d.shards_->key_type)).text(owned_by(*d.shards_, i));
        if (writer == nullptr)
            out.null(2);
        else
            out.text(writer->state.name).text(writer->where().display());
        out.number(replicas).number(fit).text(writer == nullptr ? problem : std::string{}).end();
    }
}

void show_replicas(const snapshot& from, writer out) {
    for (const server_facts& each : from.servers) {
        if (!out.has_room()) continue;
        const topology::server_state& s = each.state;
        const bool alone = each.of->servers->is_alone();
        out.text(each.of->name).text(s.name).text(address_of(each.where())).number(port_of(each.where()));
        out.text(role_of(s));
        const bool closed = s.breaker == health::breaker::state::closed;
        const char* const state =
            s.writer ? (s.why.empty() && closed ? "writes" : "unfit") : (s.fit && closed ? "fit" : "unfit");
        out.text(state).text(s.why.empty() && !closed ? "its breaker is not closed" : s.why);
        if (alone || s.writer || !s.latency)
            out.null(2);
        else
            out.number(std::chrono::duration_cast<microseconds>(s.lag).count()).number(s.behind);
        if (s.latency)
            out.number(s.latency->count());
        else
            out.null();
        out.number(each.server().weight).text(name_of(s.breaker)).end();
    }
}

void show_breakers(const snapshot& from, writer out) {
    const config::breaker_settings& how = from.of->world().description().breaker;
    for (const server_facts& each : from.servers) {
        if (!out.has_room()) continue;
        const bool has_one = each.where().engine != config::engine::sqlite;
        out.text(each.of->name).text(each.state.name).text(has_one ? name_of(each.state.breaker) : "none");
        out.number(has_one ? how.failures : 0).text(spoken(how.window)).text(spoken(how.cool_down)).end();
    }
}

// PgBouncer's columns: a kind of object, its size, how many are in use and free, bytes in all.
void show_mem(const snapshot& from, writer out) {
    const memory_bound& bound = *from.of->memory();
    std::size_t plans = 0, plan_bytes = 0;
    for (const worker_report& each : from.workers) plans += each.plans, plan_bytes += each.plan_bytes;
    const auto line = [&](std::string_view name, std::uint64_t size, std::uint64_t used, std::uint64_t bytes) {
        out.text(name).number(size).number(used).number(0U).number(bytes).end();
    };
    line("statements", memory_bound::granule, bound.accounts(), bound.used());
    line("largest_statement", memory_bound::granule, bound.largest() > 0 ? 1 : 0, bound.largest());
    line("statements_at_peak", memory_bound::granule, 0, bound.peak());
    line("statements_ended", memory_bound::granule, bound.condemned(), 0);
    line("memory_max", memory_bound::granule, 0, bound.most());
    line("plans", 0, plans, plan_bytes);
    line("process", 0, 0, resident_bytes());
}

}  // namespace

std::string help_text() {
    std::string theirs, ours;
    for (const view_name& each : view_names()) {
        std::string& to = each.is_ours ? ours : theirs;
        to += (to.empty() ? "" : "|") + uppered(each.word);
    }
    return fmt::format("\n\tSHOW {}\n\tSHOW {}\n\tKILL_CLIENT <id>", theirs, ours);
}

columns shape_of(view_kind which) {
    switch (which) {
        case view_kind::help:
            return {};
        case view_kind::version:
            return to_columns({{"version", 's'}});
        case view_kind::state:
            return to_columns({{"key", 's'}, {"value", 's'}});
        case view_kind::pools:
            return with({{"database", 's'},
                         {"user", 's'},
                         {"cl_active", 'i'},
                         {"cl_waiting", 'i'},
                         {"cl_active_cancel_req", 'i'},
                         {"cl_waiting_cancel_req", 'i'},
                         {"sv_active", 'i'},
                         {"sv_active_cancel", 'i'},
                         {"sv_being_canceled", 'i'},
                         {"sv_idle", 'i'},
                         {"sv_used", 'i'},
                         {"sv_tested", 'i'},
                         {"sv_login", 'i'},
                         {"maxwait", 'i'},
                         {"maxwait_us", 'i'},
                         {"pool_mode", 's'},
                         {"load_balance_hosts", 's'}},
                        {{"shard", 's'}, {"role", 's'}, {"breaker", 's'}});
        case view_kind::stats:
            return to_columns({{"database", 's'},
                               {"total_server_assignment_count", 'n'},
                               {"total_xact_count", 'n'},
                               {"total_query_count", 'n'},
                               {"total_received", 'n'},
                               {"total_sent", 'n'},
                               {"total_xact_time", 'n'},
                               {"total_query_time", 'n'},
                               {"total_wait_time", 'n'},
                               {"total_client_parse_count", 'n'},
                               {"total_server_parse_count", 'n'},
                               {"total_bind_count", 'n'},
                               {"total_client_login_count", 'n'},
                               {"avg_server_assignment_count", 'n'},
                               {"avg_xact_count", 'n'},
                               {"avg_query_count", 'n'},
                               {"avg_recv", 'n'},
                               {"avg_sent", 'n'},
                               {"avg_xact_time", 'n'},
                               {"avg_query_time", 'n'},
                               {"avg_wait_time", 'n'},
                               {"avg_client_parse_count", 'n'},
                               {"avg_server_parse_count", 'n'},
                               {"avg_bind_count", 'n'},
                               {"avg_client_login_count", 'n'}});
        case view_kind::stats_totals:
            return to_columns({{"database", 's'},
                               {"server_assignment_count", 'n'},
                               {"xact_count", 'n'},
                               {"query_count", 'n'},
                               {"bytes_received", 'n'},
                               {"bytes_sent", 'n'},
                               {"xact_time", 'n'},
                               {"query_time", 'n'},
                               {"wait_time", 'n'},
                               {"client_parse_count", 'n'},
                               {"server_parse_count", 'n'},
                               {"bind_count", 'n'},
                               {"client_login_count", 'n'}});
        case view_kind::stats_averages:
            // The last four names as PgBouncer has them.
            return to_columns({{"database", 's'},
                               {"server_assignment_count", 'n'},
                               {"xact_count", 'n'},
                               {"query_count", 'n'},
                               {"bytes_received", 'n'},
                               {"bytes_sent", 'n'},
                               {"xact_time", 'n'},
                               {"query_time", 'n'},
                               {"wait_time", 'n'},
                               {"avg_client_parse_count", 'n'},
                               {"avg_server_parse_count", 'n'},
                               {"avg_bind_count", 'n'},
                               {"avg_client_login_count", 'n'}});
        case view_kind::totals:
            return to_columns({{"name", 's'}, {"value", 'n'}});
        case view_kind::servers:
            return with(socket_columns, {{"shard", 's'}, {"role", 's'}});
        case view_kind::clients:
            return with(socket_columns, {{"servers", 's'}, {"in_transaction", 's'}});
        case view_kind::databases:
            return with({{"name", 's'},
                         {"host", 's'},
                         {"port", 'i'},
                         {"database", 's'},
                         {"force_user", 's'},
                         {"pool_size", 'i'},
                         {"min_pool_size", 'i'},
                         {"reserve_pool_size", 'i'},
                         {"server_lifetime", 'i'},
                         {"pool_mode", 's'},
                         {"load_balance_hosts", 's'},
                         {"max_connections", 'i'},
                         {"current_connections", 'i'},
                         {"max_client_connections", 'i'},
                         {"current_client_connections", 'i'},
                         {"paused", 'i'},
                         {"disabled", 'i'}},
                        {{"shard", 's'}, {"role", 's'}, {"breaker", 's'}});
        case view_kind::lists:
            return to_columns({{"list", 's'}, {"items", 'i'}});
        case view_kind::users:
            return with({{"name", 's'},
                         {"pool_size", 's'},
                         {"reserve_pool_size", 's'},
                         {"pool_mode", 's'},
                         {"max_user_connections", 'i'},
                         {"current_connections", 'i'},
                         {"max_user_client_connections", 'i'},
                         {"current_client_connections", 'i'}},
                        {{"console", 's'}});
        case view_kind::config:
            return to_columns({{"key", 's'}, {"value", 's'}, {"default", 's'}, {"changeable", 's'}});
        case view_kind::mem:
            return to_columns({{"name", 's'}, {"size", 'q'}, {"used", 'q'}, {"free", 'q'}, {"memtotal", 'q'}});
        case view_kind::peers:
            return to_columns({{"peer_id", 'i'}, {"host", 's'}, {"port", 'i'}, {"pool_size", 'i'}});
        case view_kind::peer_pools:
            return to_columns({{"peer_id", 'i'},
                               {"cl_active_cancel_req", 'i'},
                               {"cl_waiting_cancel_req", 'i'},
                               {"sv_active_cancel", 'i'},
                               {"sv_login", 'i'}});
        case view_kind::shards:
            return to_columns({{"number", 'i'},
                               {"shard", 's'},
                               {"function", 's'},
                               {"key_type", 's'},
                               {"owns", 's'},
                               {"writer", 's'},
                               {"url", 's'},
                               {"replicas", 'i'},
                               {"replicas_fit", 'i'},
                               {"problem", 's'}});
        case view_kind::replicas:
            return to_columns({{"database", 's'},
                               {"server", 's'},
                               {"addr", 's'},
                               {"port", 'i'},
                               {"role", 's'},
                               {"state", 's'},
                               {"problem", 's'},
                               {"lag_us", 'q'},
                               {"lag_bytes", 'q'},
                               {"latency_us", 'q'},
                               {"weight", 'i'},
                               {"breaker", 's'}});
        case view_kind::breakers:
            return to_columns({{"database", 's'},
                               {"server", 's'},
                               {"state", 's'},
                               {"failures_max", 'i'},
                               {"window", 's'},
                               {"cool_down", 's'}});
    }
    return {};
}

view make_view(view_kind which, const snapshot& from) {
    view made;
    made.shape = shape_of(which);
    writer out{made};
    switch (which) {
        case view_kind::help:
        case view_kind::peers:
        case view_kind::peer_pools:
            break;  // nothing of the kind
        case view_kind::version:
            out.text(version_text()).end();
            break;
        case view_kind::state:
            for (const char* const each : {"active", "paused", "suspended"})
                out.text(each).text(std::string_view{each} == "active" ? "yes" : "no").end();
            break;
        case view_kind::pools:
            show_pools(from, out);
            break;
        case view_kind::stats:
            show_stats(from, out, true, true);
            break;
        case view_kind::stats_totals:
            show_stats(from, out, true, false);
            break;
        case view_kind::stats_averages:
            show_stats(from, out, false, true);
            break;
        case view_kind::totals:
            show_totals(from, out);
            break;
        case view_kind::servers:
            show_servers(from, out);
            break;
        case view_kind::clients:
            show_clients(from, made);
            break;
        case view_kind::databases:
            show_databases(from, out);
            break;
        case view_kind::lists:
            show_lists(from, out);
            break;
        case view_kind::users:
            show_users(from, out);
            break;
        case view_kind::config:
            show_config(from, out);
            break;
        case view_kind::mem:
            show_mem(from, out);
            break;
        case view_kind::shards:
            show_shards(from, out);
            break;
        case view_kind::replicas:
            show_replicas(from, out);
            break;
        case view_kind::breakers:
            show_breakers(from, out);
            break;
    }
    return made;
}

}  // namespace ashlar::proxy
