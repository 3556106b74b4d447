// byte_stream.hpp: a connected stream: bytes in, bytes out. Plain, or through a channel that encrypts them; over a socket, or
// over a simulated stream of sim_loop. What stands above it knows no descriptor.
//
// Owner     Closes the stream with itself.
// Threads   Of its loop's thread, but shut_down(), which any thread may call while the stream lives.
// Waiting   At most one operation of each direction is under way, as on a loop.
#pragma once

#include "core/io/loop.hpp"
#include "core/io/secure_channel.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ashlar::io {

// An end of a socket. A Unix socket, or a simulated one, has neither.
struct endpoint {
    std::string address;
    std::uint16_t port = 0;
};

class byte_stream {
public:
    byte_stream() noexcept = default;
    byte_stream(loop& on, int descriptor) noexcept : loop_(&on), descriptor_(descriptor) {}
    byte_stream(byte_stream&& other) noexcept
        : loop_(other.loop_), descriptor_(std::exchange(other.descriptor_, -1)), channel_(std::move(other.channel_)) {}
    byte_stream& operator=(byte_stream&& other) noexcept;
    ~byte_stream() { close(); }

    bool is_open() const noexcept { return descriptor_ >= 0; }
    loop& where() const noexcept { return *loop_; }
    void move_to(loop& other) noexcept;  // precondition: nothing waits on it
    void close() noexcept;

    // As on the loop. Precondition of all that follows: is_open().
    detail::size_operation receive(std::span<char> into, deadline until = {}) {
        return loop_->receive(descriptor_, into, until, channel_.get());
    }
    detail::size_operation send(std::string_view all, deadline until = {}) {
        return loop_->send(descriptor_, all, until, channel_.get());
    }
    detail::status_operation wait_for_arrival(deadline until = {}) {
        return loop_->wait_for_arrival(descriptor_, until, channel_.get());
    }
    // Waits until there is something to receive, or the end of the stream; asks the system, whoever has read before.
    detail::status_operation wait_until_readable(deadline until = {}) {
        return loop_->wait(descriptor_, interest::readable, until, channel_.get());
    }

    // From now on all bytes go through `channel`. Precondition: none was set, and nothing waits on the stream.
    void encrypt(std::unique_ptr<secure_channel> channel) noexcept { channel_ = std::move(channel); }
    bool is_encrypted() const noexcept { return channel_ != nullptr; }
    // For the handshake that makes a channel. -1: closed.
    int descriptor() const noexcept { return descriptor_; }

    // --- at once, without waiting ---------------------------------------------------------------------------------

    // The last words: sends what is taken now, and drops the rest.
    void send_now(std::string_view last) noexcept;
    // What has arrived, without taking it: as much as fits. 0: nothing; nullopt: the stream has ended or failed.
    std::optional<std::size_t> peek(std::span<char> into) const noexcept;
    // Has the peer said something, or ended the stream?
    bool has_news() const noexcept;
    // Has the peer closed it, whatever still is to be read?
    bool peer_has_closed() const noexcept;
    // Does the peer's machine no longer acknowledge what was sent? Not so for a peer that reads slowly or not at all.
    bool is_unreachable() const noexcept;
    // Both directions: who waits on it sees its end.
    void shut_down() noexcept;
    // A descriptor of its own that becomes readable when the stream ends; -1: none. The caller closes it.
    int watch_end() const noexcept;

    endpoint local() const;
    endpoint peer() const;

private:
    loop* loop_ = nullptr;
    int descriptor_ = -1;
    std::unique_ptr<secure_channel> channel_;  // nullptr: plain
};

}  // namespace ashlar::io
