// process.hpp: the test kit's, by the names that the tests use.
#pragma once

#include "testkit/process.hpp"

namespace ashlar::test {

using testkit::child;
using testkit::children_of;
using testkit::command;
using testkit::command_result;
using testkit::run;

}  // namespace ashlar::test
