#include "keyspace/postgres_hash.hpp"

#include <bit>
#include <cstring>

namespace ashlar::keyspace {

namespace {

constexpr std::uint64_t partition_seed = 0x7A5B22367996DCFD;

struct mixer {
    std::uint32_t a, b, c;

    mixer(std::uint32_t length, std::uint64_t seed) noexcept {
        a = b = c = 0x9e3779b9U + length + 3923095U;
        if (seed == 0) return;
        a += static_cast<std::uint32_t>(seed >> 32);
        b += static_cast<std::uint32_t>(seed);
        mix();
    }
    void mix() noexcept {
        a -= c, a ^= std::rotl(c, 4), c += b;
        b -= a, b ^= std::rotl(a, 6), a += c;
        c -= b, c ^= std::rotl(b, 8), b += a;
        a -= c, a ^= std::rotl(c, 16), c += b;
        b -= a, b ^= std::rotl(a, 19), a += c;
        c -= b, c ^= std::rotl(b, 4), b += a;
    }
    std::uint64_t finish() noexcept {
        c ^= b, c -= std::rotl(b, 14);
        a ^= c, a -= std::rotl(c, 11);
        b ^= a, b -= std::rotl(a, 25);
        c ^= b, c -= std::rotl(b, 16);
        a ^= c, a -= std::rotl(c, 4);
        b ^= a, b -= std::rotl(a, 14);
        c ^= b, c -= std::rotl(b, 24);
        return std::uint64_t{b} << 32 | c;
    }
};

std::uint32_t little_endian(const char* bytes, std::size_t count) noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
    return value;
}

// How PostgreSQL folds the hash of each key column into the row's; here the only column.
std::uint64_t combine(std::uint64_t row, std::uint64_t column) noexcept {
    return row ^ (column + 0x49a0f4dd15e5a8e3 + (row << 54) + (row >> 7));
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) noexcept {
    mixer state{static_cast<std::uint32_t>(bytes.size()), seed};
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 12; left -= 12, at += 12) {
        state.a += little_endian(at, 4);
        state.b += little_endian(at + 4, 4);
        state.c += little_endian(at + 8, 4);
        state.mix();
    }
    // The lowest byte of c is kept for the length.
    if (left > 8) state.c += little_endian(at + 8, left - 8) << 8;
    if (left > 4) state.b += little_endian(at + 4, left < 8 ? left - 4 : 4);
    if (left > 0) state.a += little_endian(at, left < 4 ? left : 4);
    return state.finish();
}

std::uint64_t hash_integer(std::int64_t value, std::uint64_t seed) noexcept {
    const auto bits = static_cast<std::uint64_t>(value);
    const auto low = static_cast<std::uint32_t>(bits);
    const auto high = static_cast<std::uint32_t>(bits >> 32);
    mixer state{4, seed};
    state.a += low ^ (value >= 0 ? high : ~high);
    return state.finish();
}

std::uint64_t partition_hash(const key& k) noexcept {
    std::uint64_t column = 0;
    switch (k.type()) {
        case key_type::integer:
        case key_type::timestamp:
        case key_type::date:
            column = hash_integer(k.integer(), partition_seed);
            break;
        case key_type::text:
            column = hash_bytes(k.text(), partition_seed);
            break;
        case key_type::uuid: {
            const auto& id = k.uuid_bytes();
            column = hash_bytes({reinterpret_cast<const char*>(id.data()), id.size()}, partition_seed);
            break;
        }
    }
    return combine(0, column);
}

}  // namespace ashlar::keyspace
