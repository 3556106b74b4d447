// mariadb_server.hpp: the test kit's, by the names that the tests use.
#pragma once

#include "support/process.hpp"
#include "support/temporary_folder.hpp"
#include "testkit/mariadb_server.hpp"

namespace ashlar::test {

using testkit::mariadb_server;

}  // namespace ashlar::test
