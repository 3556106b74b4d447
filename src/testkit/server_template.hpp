// server_template.hpp: a data folder that is made once and copied by every server of its kind: what PostgreSQL's and
// MariaDB's fixtures share.
#pragma once

#include <functional>
#include <string>

namespace ashlar::testkit {

// The folder /tmp/ashlar-<name>-<our user>, made on first use by `fill`, which gets an empty folder owned by `owner`.
// Other processes that ask for it meanwhile wait.
std::string server_template(const std::string& name, const std::string& owner,
                            const std::function<void(const std::string& folder)>& fill);

// As root: gives the path to that user. Otherwise does nothing.
void hand_over(const std::string& path, const std::string& user);

}  // namespace ashlar::testkit
