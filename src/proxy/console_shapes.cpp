// The columns of each view.
#include "proxy/console_views.hpp"

#include <initializer_list>
#include <utility>

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

// What PgBouncer counts of each database, in its order. Its views spell some of the names each in a way of its own.
struct stats_spelling {
    const char *received, *sent;
    const char *prefix = "", *later = "";  // before the first eight names, and the last four
};
void add_stats(columns& to, const stats_spelling& as) {
    const auto add = [&to](const char* prefix, const char* name) {
        column& made = to.emplace_back();
        made.name = std::string{prefix} + name;
        made.type = oid::numeric;
    };
    for (const char* const name : {"server_assignment_count", "xact_count", "query_count", as.received, as.sent,
                                   "xact_time", "query_time", "wait_time"}) {
        add(as.prefix, name);
    }
    for (const char* const name : {"client_parse_count", "server_parse_count", "bind_count", "client_login_count"}) {
        add(as.later, name);
    }
}

columns of_databases(std::initializer_list<stats_spelling> spellings) {
    columns out = to_columns({{"database", 's'}});
    for (const stats_spelling& each : spellings) add_stats(out, each);
    return out;
}

}  // namespace

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
            return of_databases({{"received", "sent", "total_", "total_"}, {"recv", "sent", "avg_", "avg_"}});
        case view_kind::stats_totals:
            return of_databases({{"bytes_received", "bytes_sent"}});
        case view_kind::stats_averages:
            // The last four names as PgBouncer has them.
            return of_databases({{"bytes_received", "bytes_sent", "", "avg_"}});
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

}  // namespace ashlar::proxy
