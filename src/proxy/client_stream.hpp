// client_stream.hpp: one client's stream, as messages in and bytes out.
//
// Reading   next() looks at what has arrived and never waits; more() waits for more of it. A message is a view into the
//           stream's memory, valid until the next call of more(), rest() or release().
// Memory    None while the client is idle: more() waits for the socket first and borrows a buffer then. A long message
//           grows the buffer as its bytes arrive, never by its claimed length, and at most to message_max.
// Writing   What stands in out() goes with flush(), or ahead of the bytes given to send(). Whoever writes waits for a slow
//           client, and reads nothing from its server meanwhile.
#pragma once

#include "core/io/byte_stream.hpp"
#include "core/memory_bound.hpp"
#include "proxy/buffers.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::proxy {

struct client_message {
    char type = 0;
    std::string_view body;
    std::string_view whole;  // with type and length
};

class client_stream {
public:
    // The longest message that is assembled whole. CopyData has no such limit: it streams.
    static constexpr std::size_t message_max = 256u << 20;

    // `account`: on which long messages count; it outlives the stream.
    client_stream(io::byte_stream bytes, buffers& memory, memory_account* account = nullptr) noexcept
        : bytes_(std::move(bytes)), memory_(memory), counted_(account) {}
    ~client_stream();
    client_stream(const client_stream&) = delete;
    client_stream& operator=(const client_stream&) = delete;

    enum class found { message, part, broken, too_long };
    // The message at the front, which is taken off by drop() or by the next next().
    found next(client_message& into);
    // The bytes at the front, whatever they are; take() removes some of them. For start-up and COPY.
    std::string_view rest() const noexcept;
    void take(std::size_t count) noexcept;

    // Waits for at least a byte more. Fails with peer_closed at the end of the stream, deadline_passed, or memory_exhausted.
    task<status> more(deadline until);

    // Takes off so many bytes, of which the last may not have arrived yet, without keeping them. Fails as more().
    task<status> skip(std::size_t count, deadline until);

    std::string& out() noexcept { return out_; }
    task<status> flush();
    task<status> send(std::string_view bytes);  // after what stands in out()

    // Nothing has arrived that was not taken.
    bool is_empty() const noexcept { return begin_ == end_; }
    // What carries the messages. Whoever reads or writes it does so between two messages.
    io::byte_stream& bytes() noexcept { return bytes_; }
    const io::byte_stream& bytes() const noexcept { return bytes_; }
    // At once, as much as is taken: for farewells.
    void send_now(std::string_view last) noexcept { bytes_.send_now(last); }
    // Has the client hung up, or said that it ends (Terminate) behind whatever else it sent? Two system calls.
    bool has_hung_up() const;
    bool is_unreachable() const noexcept { return bytes_.is_unreachable(); }
    std::uint64_t received() const noexcept { return received_; }
    std::uint64_t sent() const noexcept { return sent_; }

private:
    void release() noexcept;
    status make_room();

    io::byte_stream bytes_;
    buffers& memory_;
    memory_part counted_;
    std::unique_ptr<char[]> buffer_;
    std::size_t size_ = 0, begin_ = 0, end_ = 0;
    std::string out_;
    std::uint64_t received_ = 0, sent_ = 0;
};

}  // namespace ashlar::proxy
