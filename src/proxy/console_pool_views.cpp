// SHOW POOLS and DATABASES, and what was counted: STATS and TOTALS.
#include "proxy/console_show.hpp"
#include "proxy/console_writer.hpp"

#include <cmath>

namespace ashlar::proxy {

void show_pools(const snapshot& from, view_writer out) {
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

void show_databases(const snapshot& from, view_writer out) {
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

namespace {

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

}  // namespace

void show_stats(const snapshot& from, view_writer out, bool totals, bool means) {
    out.text(from.of->settings().database);
    if (totals) {
        for (const std::uint64_t each : totals_of(from.total)) out.number(each);
    }
    if (means) {
        for (const std::uint64_t each : averages_of(from.average)) out.number(each);
    }
    out.end();
}

void show_totals(const snapshot& from, view_writer out) {
    const auto all = totals_of(from.total), means = averages_of(from.average);
    for (std::size_t i = 0; i < all.size(); ++i) out.text(fmt::format("total_{}", statistics[i])).number(all[i]).end();
    for (std::size_t i = 0; i < means.size(); ++i)
        out.text(fmt::format("avg_{}", statistics[i])).number(means[i]).end();
}

}  // namespace ashlar::proxy
