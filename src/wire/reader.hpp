// reader.hpp: the one way in which bytes of a peer become fields. Bounded: every read is checked against what is left.
//
// Failure   Sticky. A read past the end gives zero or nothing and makes ok() false; so does everything after it. A
//           decoder reads all its fields and asks once, at the end.
// Views     Point into the bytes given at birth.
// Claims    A count or length that a peer claims sets nothing aside: ask can_hold() before reserving for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ashlar::wire {

class reader {
public:
    constexpr explicit reader(std::string_view bytes) noexcept : left_(bytes) {}

    constexpr std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
    constexpr std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
    constexpr std::int16_t i16() noexcept { return static_cast<std::int16_t>(u16()); }
    constexpr std::uint32_t u32() noexcept { return number(4); }
    constexpr std::int32_t i32() noexcept { return static_cast<std::int32_t>(u32()); }

    // Up to a zero byte, which is read too and left out.
    constexpr std::string_view cstring() noexcept {
        const std::size_t end = left_.find('\0');
        if (end == std::string_view::npos) return fail(), std::string_view{};
        const std::string_view text = left_.substr(0, end);
        left_.remove_prefix(end + 1);
        return text;
    }
    constexpr std::string_view take(std::size_t count) noexcept {
        if (count > left_.size()) return fail(), std::string_view{};
        const std::string_view bytes = left_.substr(0, count);
        left_.remove_prefix(count);
        return bytes;
    }
    constexpr std::string_view rest() noexcept { return take(left_.size()); }

    constexpr std::size_t left() const noexcept { return left_.size(); }
    // Could `count` things of at least `each` bytes still follow?
    constexpr bool can_hold(std::size_t count, std::size_t each) const noexcept { return count <= left_.size() / each; }

    constexpr void fail() noexcept {
        ok_ = false;
        left_ = {};
    }
    constexpr bool ok() const noexcept { return ok_; }
    // All was read, and nothing but what was there.
    constexpr bool ended() const noexcept { return ok_ && left_.empty(); }

private:
    constexpr std::uint32_t number(std::size_t width) noexcept {
        if (width > left_.size()) return fail(), 0u;
        std::uint32_t n = 0;
        for (std::size_t i = 0; i < width; ++i) n = n << 8 | static_cast<std::uint8_t>(left_[i]);
        left_.remove_prefix(width);
        return n;
    }

    std::string_view left_;
    bool ok_ = true;
};

}  // namespace ashlar::wire
