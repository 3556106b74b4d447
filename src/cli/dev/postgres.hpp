// postgres.hpp: PostgreSQL servers for `ashlar dev`: made in a folder, started, stopped. Nothing outside of the folder is
// touched, nor any other cluster of the machine.
//
// Logins    The Unix socket in the server's folder, which only its user can reach, lets the superuser in. TCP listens on
//           127.0.0.1 and asks for the password that the folder's ashlar.toml holds.
#pragma once

#include "cli/dev/state.hpp"

#include <string>

namespace ashlar::cli::dev {

// Where initdb and postgres are.
result<std::string> programs_folder();

struct login {
    std::string user, password, database;
};

// A new primary in its folder: initdb, started on a port of 127.0.0.1 below 32768 that is free and none of the `others`',
// with the role and its databases. `port` and `process` are filled in.
status make_primary(server& what, const std::vector<server>& others, const login& who,
                    const std::vector<std::string>& databases);
// A streaming copy of a running primary, started.
status make_replica(server& what, const std::vector<server>& others, const server& primary);
// Starts what make_… made and stop() stopped; nothing when it runs. Waits until it answers.
status start(server& what);
status stop(server& what);

}  // namespace ashlar::cli::dev
