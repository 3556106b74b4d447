// server_template.hpp: the test kit's, by the names that the tests use.
#pragma once

#include "testkit/server_template.hpp"

namespace ashlar::test {

using testkit::hand_over;
using testkit::server_template;

}  // namespace ashlar::test
