// socket_calls.hpp: what the epoll and the poll back end share: one attempt to receive or send.
#pragma once

#include "core/io/loop.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace ashlar::io::detail {

enum class attempt { ended, would_block };

// The same through a secure channel: `op.through`.
attempt try_receive_through(operation& op) noexcept;
attempt try_send_through(operation& op) noexcept;

// Receives once into the operation's buffer. Ended: done or error_number is set.
inline attempt try_receive(operation& op) noexcept {
    if (op.through != nullptr) return try_receive_through(op);
    for (;;) {
        const ssize_t n = ::recv(op.fd, op.data, op.size, 0);
        if (n >= 0) {
            op.done = static_cast<std::size_t>(n);
            // A short read has drained a stream socket (epoll(7)).
            op.drained = op.done > 0 && op.done < op.size;
            return attempt::ended;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return attempt::would_block;
        op.error_number = errno;
        return attempt::ended;
    }
}

// Sends as much of the rest as the socket takes. Ended: all is sent or error_number is set.
inline attempt try_send(operation& op) noexcept {
    if (op.through != nullptr) return try_send_through(op);
    while (op.done < op.size) {
        const ssize_t n = ::send(op.fd, op.data + op.done, op.size - op.done, MSG_NOSIGNAL);
        if (n >= 0) {
            op.done += static_cast<std::size_t>(n);
            continue;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return attempt::would_block;
        op.error_number = errno;
        return attempt::ended;
    }
    return attempt::ended;
}

}  // namespace ashlar::io::detail
