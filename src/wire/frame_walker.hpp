// frame_walker.hpp: finds the messages in a stream of bytes without decoding them, for relays.
//
// It is fed chunks as they arrive, split anywhere, and names the messages that its owner asked for; everything else is
// stepped over by its length, a body of a gigabyte as cheaply as one of five bytes.
//
//     frame_walker walker{{server_says::ready_for_query, server_says::error_response}};
//     for (std::string_view chunk = received; auto frame = walker.next(chunk);) …   // chunk shrinks to what
//     is left if (walker.broken()) …                                                        // the peer sent
//     no protocol
//
// Memory    Nothing, save the body of a wanted message that is split over chunks: at most `body_max` bytes, kept as
//           they arrive and not as the length claims.
// Broken    A length below 4 or above 1 GiB, or a type that is no ASCII: next() gives nothing from then on.
#pragma once

#include "wire/message_types.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::wire {

// The longest message that either side may send, as PostgreSQL has it.
inline constexpr std::uint32_t message_length_max = 0x3fff'ffff;

struct frame {
    enum class part {
        whole,  // the message has arrived: `body` is all of it
        began,  // its body is longer than body_max: it will stream by unseen, and `ended` follows
        ended,  // the end of one that began
    };
    char type = 0;
    part which = part::whole;
    std::uint32_t size = 0;  // of the body
    std::string_view body;   // whole only; valid until the next call
};

class frame_walker {
public:
    explicit frame_walker(type_set wanted, std::size_t body_max = 16 * 1024) noexcept
        : wanted_(wanted), body_max_(body_max) {}

    // The next wanted message that begins too big, or ends, within `chunk`; what was walked is cut off its
    // front, so that its front is then the byte after the message. Nothing when the chunk is used up or the
    // stream is broken.
    std::optional<frame> next(std::string_view& chunk);

    // No message is half seen.
    bool at_boundary() const noexcept { return header_size_ == 0 && left_ == 0 && !in_body_; }
    // How many of the last bytes walked belong to a wanted message, or to a header, that is not whole yet: a relay that
    // may have to leave a message out keeps these back.
    std::size_t half_seen() const noexcept {
        if (!in_body_) return header_size_;
        return wanted_.has(type_) && !announced_ ? 5 + std::size_t{size_ - left_} : 0;
    }
    bool broken() const noexcept { return broken_; }
    // Starts anew, for another stream.
    void restart() noexcept;

private:
    bool read_header(std::string_view& chunk);
    std::optional<frame> read_body(std::string_view& chunk);
    frame finish(std::string_view body);

    type_set wanted_;
    std::size_t body_max_;
    char header_[5] = {};
    std::uint8_t header_size_ = 0;  // bytes of a header split over chunks
    char type_ = 0;
    std::uint32_t size_ = 0;  // of the body under way
    std::uint32_t left_ = 0;  // of it still to come
    bool in_body_ = false;
    bool announced_ = false;  // the body under way is one that `began`
    bool broken_ = false;
    std::string held_;  // the first part of a wanted body that was split
};

// A message's header at the front of some bytes, for those who assemble messages themselves.
struct frame_header {
    char type = 0;
    std::uint32_t body_size = 0;
};
enum class header_state { partial, good, broken };
header_state read_frame_header(std::string_view bytes, frame_header& into) noexcept;

}  // namespace ashlar::wire
