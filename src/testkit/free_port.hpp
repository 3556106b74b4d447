// free_port.hpp: a TCP port on 127.0.0.1 that nobody listens on now.
//
// Below 32768, where outgoing connections take their ports from: a listener there could lose its port to one.
// Two processes may still draw the same port at once: whoever fails to bind it draws again.
#pragma once

#include <cstdint>

namespace ashlar::testkit {

std::uint16_t free_port();

}  // namespace ashlar::testkit
