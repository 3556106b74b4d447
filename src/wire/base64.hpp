// base64.hpp: RFC 4648 with padding, strict: what is no canonical base64 is refused, whitespace too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::wire {

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace ashlar::wire
