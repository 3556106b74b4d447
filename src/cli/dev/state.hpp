// state.hpp: what `ashlar dev` made in a folder, kept there as dev.json: the one witness of which servers are its own.
#pragma once

#include "cli/dev/processes.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar::cli::dev {

struct server {
    std::string name;        // "shard_1", "shard_1_replica_1"
    std::string replica_of;  // empty: a primary
    std::string folder;      // absolute; holds data/ and the socket
    std::uint16_t port = 0;
    process_id process;
};

struct state {
    std::string engine;  // "sqlite", "postgres"
    std::uint32_t shards = 0, replicas = 0;
    std::string servers_folder;  // where the servers' folders are
    std::vector<server> servers;
};

// Fails with io_failure when the folder holds no dev.json that can be read.
result<state> read_state(const std::string& folder);
// Replaced as a whole: a reader sees the old or the new.
status write_state(const std::string& folder, const state& what);
bool has_state(const std::string& folder);

}  // namespace ashlar::cli::dev
