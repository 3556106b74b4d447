// text.hpp: files of the source and build trees, by relative path.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::test {

std::string read_file(const std::string& path);      // empty when there is none
std::string source_path(std::string_view relative);  // "tests/golden/…" → its absolute path
std::string binary_path(std::string_view relative);  // "bin/ashlar" → where the build put it

}  // namespace ashlar::test
