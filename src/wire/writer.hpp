// writer.hpp: appends messages to a buffer. The counterpart of reader.hpp; what it writes is ours, so mistakes assert.
//
//     writer out{buffer};
//     const auto start = out.begin('Z');
//     out.u8('I');
//     out.end(start);                       // fills in the length
#pragma once

#include "core/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::wire {

class writer {
public:
    // `buffer` outlives the writer; bytes already in it stay.
    explicit writer(std::string& buffer) noexcept : out_(buffer) {}

    void u8(std::uint8_t n) { out_.push_back(static_cast<char>(n)); }
    void u16(std::uint16_t n) { number(n, 2); }
    void i16(std::int16_t n) { u16(static_cast<std::uint16_t>(n)); }
    void u32(std::uint32_t n) { number(n, 4); }
    void i32(std::int32_t n) { u32(static_cast<std::uint32_t>(n)); }
    void bytes(std::string_view some) { out_ += some; }
    // The text and a zero byte. A text that holds one itself is cut there, since the protocol cannot carry it.
    void cstring(std::string_view text) {
        out_ += text.substr(0, text.find('\0'));
        out_.push_back('\0');
    }

    // A message of this type, its length still open; what it gives is for end().
    std::size_t begin(char type) {
        out_.push_back(type);
        return begin_untyped();
    }
    // Start-up packets have a length and no type.
    std::size_t begin_untyped() {
        out_.append(4, '\0');
        return out_.size() - 4;
    }
    void end(std::size_t begun) { patch_u32(begun, length_since(begun)); }

    // A count or length that is only known later: reserve it with u16/u32 at position(), then patch.
    std::size_t position() const noexcept { return out_.size(); }
    void patch_u16(std::size_t at, std::uint16_t n) { patch(at, n, 2); }
    void patch_u32(std::size_t at, std::uint32_t n) { patch(at, n, 4); }

private:
    void number(std::uint32_t n, std::size_t width) {
        char big_endian[4];
        for (std::size_t i = 0; i < width; ++i) big_endian[i] = static_cast<char>(n >> (8 * (width - 1 - i)));
        out_.append(big_endian, width);
    }
    void patch(std::size_t at, std::uint32_t n, std::size_t width) {
        for (std::size_t i = 0; i < width; ++i) out_[at + i] = static_cast<char>(n >> (8 * (width - 1 - i)));
    }
    std::uint32_t length_since(std::size_t begun) const {
        const std::size_t length = out_.size() - begun;
        ASHLAR_ASSERT(length <= INT32_MAX);
        return static_cast<std::uint32_t>(length);
    }

    std::string& out_;
};

}  // namespace ashlar::wire
