// socket_news.hpp: is there something to read on a socket that should be silent?
#pragma once

#include <sys/socket.h>

#include <cerrno>

namespace ashlar::driver {

// Bytes, the end of the stream, or an error. Reads nothing and never waits.
inline bool has_news(int socket) noexcept {
    char one = 0;
    const auto n = ::recv(socket, &one, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}  // namespace ashlar::driver
