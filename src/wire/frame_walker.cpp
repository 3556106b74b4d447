#include "wire/frame_walker.hpp"

#include <algorithm>
#include <cstring>

namespace ashlar::wire {

namespace {
constexpr std::size_t header_bytes = 5;
}

header_state read_frame_header(std::string_view bytes, frame_header& into) noexcept {
    if (bytes.empty()) return header_state::partial;
    if (static_cast<unsigned char>(bytes[0]) >= 128) return header_state::broken;
    if (bytes.size() < header_bytes) return header_state::partial;
    std::uint32_t length = 0;
    for (std::size_t i = 1; i < header_bytes; ++i) length = length << 8 | static_cast<unsigned char>(bytes[i]);
    if (length < 4 || length > message_length_max) return header_state::broken;
    into.type = bytes[0];
    into.body_size = length - 4;
    return header_state::good;
}

std::optional<frame> frame_walker::next(std::string_view& chunk) {
    if (!in_body_ && !held_.empty()) held_ = {};  // the view that was given ends with this call
    while (!broken_) {
        if (!in_body_) {
            if (!read_header(chunk)) return std::nullopt;
            if (wanted_.has(type_) && size_ > body_max_) {
                announced_ = true;
                return frame{type_, frame::part::began, size_, {}};
            }
        }
        const bool wanted = wanted_.has(type_);
        if (auto found = read_body(chunk); found && wanted) return found;
        if (in_body_) return std::nullopt;
    }
    return std::nullopt;
}

void frame_walker::restart() noexcept {
    header_size_ = 0;
    left_ = 0;
    in_body_ = announced_ = broken_ = false;
    held_ = {};
}

// True once a header is complete, which then is cut off the chunk.
bool frame_walker::read_header(std::string_view& chunk) {
    if (chunk.empty()) return false;
    std::string_view header = chunk;
    std::size_t from_chunk = header_bytes;
    if (header_size_ > 0) {
        from_chunk = std::min(header_bytes - header_size_, chunk.size());
        std::memcpy(header_ + header_size_, chunk.data(), from_chunk);
        header = {header_, header_size_ + from_chunk};
    }
    frame_header h;
    switch (read_frame_header(header, h)) {
        case header_state::broken:
            broken_ = true;
            return false;
        case header_state::partial:
            if (header_size_ == 0) std::memcpy(header_, chunk.data(), chunk.size());
            header_size_ = static_cast<std::uint8_t>(header.size());
            chunk = {};
            return false;
        case header_state::good:
            break;
    }
    chunk.remove_prefix(from_chunk);
    header_size_ = 0;
    type_ = h.type;
    size_ = left_ = h.body_size;
    in_body_ = true;
    announced_ = false;
    return true;
}

// The message, if it ends in this chunk.
std::optional<frame> frame_walker::read_body(std::string_view& chunk) {
    const std::size_t here = std::min<std::size_t>(left_, chunk.size());
    const std::string_view part = chunk.substr(0, here);
    const bool first_part = left_ == size_;
    chunk.remove_prefix(here);
    left_ -= static_cast<std::uint32_t>(here);
    const bool keep = !announced_ && wanted_.has(type_);
    if (left_ > 0) {
        if (keep) {
            if (first_part) held_.clear();
            held_ += part;
        }
        return std::nullopt;
    }
    in_body_ = false;
    if (!keep) return finish({});
    if (first_part) return finish(part);
    held_ += part;
    return finish(held_);
}

frame frame_walker::finish(std::string_view body) {
    return frame{type_, announced_ ? frame::part::ended : frame::part::whole, size_, body};
}

}  // namespace ashlar::wire
