// free_port.hpp: the test kit's, by the names that the tests use.
#pragma once

#include "testkit/free_port.hpp"

namespace ashlar::test {

using testkit::free_port;

}  // namespace ashlar::test
