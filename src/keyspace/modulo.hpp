// modulo.hpp: the key as an unsigned integer, modulo n. A UUID counts as its 128-bit big-endian value; a negative
// integer by mathematical modulo, so that -1 modulo 4 is 3.
#pragma once

#include <array>
#include <cstdint>

namespace ashlar::keyspace {

// Precondition of both: n > 0.
inline std::uint32_t remainder_of(std::int64_t value, std::uint32_t n) noexcept {
    const std::int64_t rest = value % static_cast<std::int64_t>(n);
    return static_cast<std::uint32_t>(rest < 0 ? rest + n : rest);
}

inline std::uint32_t remainder_of(const std::array<std::uint8_t, 16>& bytes, std::uint32_t n) noexcept {
    std::uint64_t rest = 0;
    for (std::size_t i = 0; i < 16; i += 4) {  // a long division, 32 bits a digit
        const std::uint32_t digit = std::uint32_t{bytes[i]} << 24 | std::uint32_t{bytes[i + 1]} << 16 |
                                    std::uint32_t{bytes[i + 2]} << 8 | bytes[i + 3];
        rest = (rest << 32 | digit) % n;
    }
    return static_cast<std::uint32_t>(rest);
}

}  // namespace ashlar::keyspace
