// server_template.hpp: a data folder that is made once and copied by every server of its kind: what PostgreSQL's and
// MariaDB's fixtures share.
#pragma once

#include "testkit/process.hpp"

#include <functional>
#include <string>
#include <vector>

namespace ashlar::testkit {

// The folder /tmp/ashlar-<name>-<our user>, made on first use by `fill`, which gets an empty folder owned by `owner`.
// Other processes that ask for it meanwhile wait.
std::string server_template(const std::string& name, const std::string& owner,
                            const std::function<void(const std::string& folder)>& fill);

// A program run as that user, in "/", without these names in its environment.
command as_server_user(const std::string& user, std::vector<std::string> arguments,
                       const std::vector<std::string>& without);
// Runs it to its end. Throws std::runtime_error with its output when it fails.
void must(const command& what);

// As root: gives the path to that user. Otherwise does nothing.
void hand_over(const std::string& path, const std::string& user);

}  // namespace ashlar::testkit
