// snapshot.hpp: the proxy at one moment, as far as its parts can be seen at once: what the console shows and /metrics tells.
#pragma once

#include "pool/pool_options.hpp"
#include "proxy/service.hpp"
#include "proxy/statistics.hpp"

#include <map>
#include <string>
#include <vector>

namespace ashlar::proxy {

struct server_facts {
    const topology::member* of = nullptr;
    std::size_t place = 0, number = 0;  // of the database, of the server in it
    topology::server_state state;
    std::vector<pool::connection_facts> connections;  // if asked for

    const topology::server& server() const { return of->servers->servers()[number]; }
    const config::endpoint& where() const { return *server().where; }
    bool is_shard(const service& in) const { return place < in.shards(); }
};

// Of one stats_period, or two.
struct averages {
    // for each second
    double queries = 0, transactions = 0, assignments = 0, received = 0, sent = 0, client_parses = 0, server_parses = 0,
           binds = 0, logins = 0;
    // microseconds for each query, transaction, assignment
    double query_time = 0, transaction_time = 0, wait_time = 0;
};

struct snapshot {
    const service* of = nullptr;  // which outlives it
    instant now;
    wall_time wall;
    std::vector<server_facts> servers;  // by place and number
    std::vector<worker_report> workers;
    // Of all workers.
    traffic total;
    averages average;
    std::map<std::string, user_counts> users;
    std::size_t clients = 0, strangers = 0, consoles = 0;

    std::uint32_t linked(const server_facts& to) const;  // clients that hold it
};

snapshot make_snapshot(const service& of, std::vector<worker_report> workers, bool list_connections);

}  // namespace ashlar::proxy
