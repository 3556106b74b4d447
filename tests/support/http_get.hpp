// http_get.hpp: one request to a server on this machine.
#pragma once

#include <cstdint>
#include <string>

namespace ashlar::test {

// The whole answer, head and body, of GET `path` at 127.0.0.1; empty when nobody answers.
std::string http_get(std::uint16_t port, const std::string& path);

}  // namespace ashlar::test
