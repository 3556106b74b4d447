// direct.hpp: one connection to one database, for commands that work on each by itself and plan nothing.
//
// The caller blocks. For DDL, schemas and probes; statements over all data go through the cluster.
#pragma once

#include "config/description.hpp"
#include "core/io/loop.hpp"
#include "driver/connection.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <string>

namespace ashlar::cli {

// Opens a connection to the primary server of a database within its connect_timeout.
result<std::unique_ptr<driver::connection>> connect_to(io::loop& loop, const config::database& to);

// Several statements without parameters; their rows are dropped.
status run_script_on(const config::database& on, std::string text);

}  // namespace ashlar::cli
