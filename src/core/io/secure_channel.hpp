// secure_channel.hpp: what encrypts the bytes of a stream. A loop's receive and send go through it, one attempt at a time;
// it reads and writes the socket itself and never waits.
//
// Threads   Of the thread that uses its stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ashlar::io {

// What one attempt came to.
struct attempted {
    enum class outcome : std::uint8_t {
        moved,        // `count` bytes, at least one
        ended,        // the peer has ended the stream
        needs_read,   // nothing, until the socket has something to read
        needs_write,  // nothing, until the socket takes more
        failed,       // `error_number` of the system; 0: see secure_channel::trouble()
    };
    outcome what = outcome::failed;
    std::size_t count = 0;
    int error_number = 0;
};

class secure_channel {
public:
    secure_channel() = default;
    secure_channel(const secure_channel&) = delete;
    secure_channel& operator=(const secure_channel&) = delete;
    virtual ~secure_channel() = default;

    virtual attempted receive(std::span<char> into) noexcept = 0;
    virtual attempted send(std::string_view bytes) noexcept = 0;
    // As receive, and the bytes stay.
    virtual attempted peek(std::span<char> into) noexcept = 0;
    // Has it read more from the socket than receive() has given?
    virtual bool holds_bytes() const noexcept = 0;
    // Has its last read taken all that the socket had?
    virtual bool has_drained() const noexcept = 0;
    // Why it failed, in words.
    virtual std::string_view trouble() const noexcept = 0;
    // Tells the peer that nothing more will come, where that takes no waiting.
    virtual void say_end() noexcept = 0;
};

}  // namespace ashlar::io
