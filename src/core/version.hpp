// version.hpp: which Ashlar this is: the version, and the commit that it was built from ("unknown" outside a clone,
// "…-dirty" with changes that are in no commit).
#pragma once

#include <string>
#include <string_view>

namespace ashlar {

std::string_view version() noexcept;
std::string_view commit() noexcept;
std::string version_text();  // "ashlar 0.1.0 (1a2b3c4d5e6f)"

}  // namespace ashlar
