// temporary_folder.hpp: the test kit's, by the names that the tests use.
#pragma once

#include "testkit/temporary_folder.hpp"

namespace ashlar::test {

using testkit::temporary_folder;

}  // namespace ashlar::test
