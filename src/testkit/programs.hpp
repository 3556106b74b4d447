// programs.hpp: where the servers' programs lie on this machine, and as whom they run.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace ashlar::testkit {

// Where initdb, postgres, pg_basebackup … are: the newest of /usr/lib/postgresql/*/bin, else beside initdb in PATH; empty where
// there is no such server.
std::string postgres_programs_folder();
// One of them. Throws std::runtime_error where there is no such server.
std::string postgres_program(const std::string& name);
// mariadbd, which lies where only root's PATH looks. Throws likewise.
std::string mariadb_program();

// As root: the first of these users that the machine has, for servers must not run as root; throws when it has none. Who is not
// root runs them as himself, whatever this says.
std::string user_for_servers(const std::vector<std::string>& one_of);

struct user_ids {
    uid_t user;
    gid_t group;
};
// Of a user of this machine; nullopt: there is none of the name.
std::optional<user_ids> ids_of(const std::string& user);

}  // namespace ashlar::testkit
