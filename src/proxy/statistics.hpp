// statistics.hpp: what the proxy counts of its clients' work, and what it can tell of each client. Plain values.
//
// Each worker counts for itself, on its own thread, without atomics: whoever wants to know asks the workers (census.hpp).
// Times have the grain of a loop's turn, as PgBouncer's have.
#pragma once

#include "core/time.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

using wall_time = std::chrono::system_clock::time_point;

// A name that some client gave itself, fit to be shown and to be a label: valid UTF-8 without control characters, of
// shown_max bytes at most. What is not so has ? in place of each byte that is not ASCII.
inline constexpr std::size_t shown_max = 128;
std::string shown_name(std::string_view name);

// Only grows.
struct traffic {
    std::uint64_t queries = 0;  // answers that ended with ReadyForQuery: simple queries, and pipelines to their Sync
    std::uint64_t transactions = 0;        // those of them that left the client outside of a transaction
    std::uint64_t assignments = 0;         // servers lent to clients
    std::uint64_t received = 0, sent = 0;  // bytes from and to clients
    std::uint64_t client_parses = 0, server_parses = 0, binds = 0;
    std::uint64_t logins = 0;
    std::uint64_t relayed = 0, merged = 0, own = 0, refused = 0;  // statements, by who answered
    nanoseconds transaction_time{0};                              // from the first message to the last answer
    nanoseconds query_time{0};                                    // the same of queries, without waiting for servers
    nanoseconds wait_time{0};                                     // for servers

    traffic& operator+=(const traffic& other) noexcept;
    traffic operator-(const traffic& earlier) const noexcept;  // precondition: it is an earlier state of this one
};

// What a client holds of the servers.
struct held_server {
    std::size_t place = 0, server = 0;
    std::uint32_t process = 0;  // the server's number for it; 0: it has none
};

struct client_facts {
    enum class state {
        idle,     // holds no server
        active,   // holds one at least
        waiting,  // for a server
    };
    std::string user, database, application;
    state now = state::idle;
    bool in_transaction = false;
    std::uint32_t process = 0;  // of its cancel key
    std::string address, local_address;
    std::uint16_t port = 0, local_port = 0;
    std::string tls;                   // version and cipher; empty: not encrypted
    wall_time connected_at, asked_at;  // its coming, its last message
    microseconds waiting_for{0};
    std::size_t prepared = 0;
    std::vector<held_server> holds;
};

// One user's clients.
struct user_counts {
    std::uint32_t clients = 0;
    std::uint32_t idle = 0;  // hold no server and wait for none
    std::uint32_t held = 0;  // servers that they hold
};

// One worker at one moment.
struct worker_report {
    traffic now;
    traffic before;             // as it was …
    instant now_at, before_at;  // … then: one to two stats_periods ago, or at the start
    std::size_t clients = 0;    // logged in; without those of the console
    std::size_t strangers = 0;  // not yet logged in
    std::size_t consoles = 0;
    std::map<std::string, user_counts> users;        // by their shown_name
    std::vector<std::vector<std::uint32_t>> linked;  // clients by place and server that they hold
    std::uint64_t plan_hits = 0, plan_misses = 0;
    std::size_t plans = 0, plan_bytes = 0;
    std::vector<client_facts> list;  // if asked for
};

}  // namespace ashlar::proxy
