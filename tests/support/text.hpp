// text.hpp: files of the source and build trees, by relative path.
#pragma once

#include "testkit/temporary_folder.hpp"

#include <string>
#include <string_view>

namespace ashlar::test {

using testkit::read_file;
std::string source_path(std::string_view relative);  // "tests/golden/…" → its absolute path
std::string binary_path(std::string_view relative);  // "bin/ashlar" → where the build put it

}  // namespace ashlar::test
