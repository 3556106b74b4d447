// programs.hpp: where the servers' programs lie on this machine, and as whom they run.
#pragma once

#include <string>
#include <vector>

namespace ashlar::testkit {

// initdb, postgres, pg_basebackup … of the newest PostgreSQL under /usr/lib/postgresql, else from PATH. Throws
// std::runtime_error where there is no such server.
std::string postgres_program(const std::string& name);
// mariadbd, which lies where only root's PATH looks. Throws likewise.
std::string mariadb_program();

// As root: the first of these users that the machine has, for servers must not run as root; throws when it has none. Who is not
// root runs them as himself, whatever this says.
std::string user_for_servers(const std::vector<std::string>& one_of);

}  // namespace ashlar::testkit
