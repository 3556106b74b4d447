// postgres_server.hpp: the test kit's, by the names that the tests use.
#pragma once

#include "testkit/postgres_server.hpp"

namespace ashlar::test {

using testkit::postgres_server;

}  // namespace ashlar::test
