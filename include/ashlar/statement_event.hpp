// statement_event.hpp: what cluster_options.on_statement is told: a statement that has ended on a server, for logs, traces and
// tests (see testkit.hpp). What a program asks in one call may come to several: one for each shard that took part.
#pragma once

#include <ashlar/error.hpp>
#include <ashlar/health.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace ashlar {

struct statement_event {
    std::string database;                     // "shard_3"
    std::string server;                       // "shard_3" for the configured primary, "shard_3/replica_1"
    server_role role = server_role::writing;  // what it was asked for: reading() or not
    bool on_replica = false;                  // where it ran: reading() is served by the primary when no replica is fit
    bool in_transaction = false;              // of the caller's, or of a statement that writes on several shards
    std::string sql;                          // as that server got it; parameters are told to nobody
    // Of the whole call: waiting for connections, running, fetching the last row.
    std::chrono::microseconds duration{0};
    std::optional<error> failure;  // of the whole call: another shard's may have ended this one
};

}  // namespace ashlar
