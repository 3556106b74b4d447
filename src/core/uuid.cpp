#include "core/ascii.hpp"
#include "core/assert.hpp"
#include "core/bad_value.hpp"

#include <ashlar/types.hpp>

#include <sys/random.h>
#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

namespace ashlar {

namespace {

void fill_with_random(std::uint8_t* into, std::size_t size) {
    // Up to 256 bytes come whole, and once the system's source is seeded the call cannot fail.
    ASHLAR_ASSERT(::getrandom(into, size, 0) == static_cast<ssize_t>(size));
}

void stamp(std::array<std::uint8_t, 16>& bytes, std::uint8_t version) {
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | (version << 4));
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
}

// 48 bits of milliseconds, then 12 of their fraction; always more than the last one given to any thread.
std::uint64_t next_tick() {
    static std::atomic<std::uint64_t> last{0};
    using namespace std::chrono;
    const auto now = duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
    const auto ms = static_cast<std::uint64_t>(now / 1'000'000);
    const auto fraction = static_cast<std::uint64_t>(now % 1'000'000) * 4096 / 1'000'000;
    const std::uint64_t tick = ms << 12 | fraction;
    std::uint64_t before = last.load(std::memory_order_relaxed);
    while (!last.compare_exchange_weak(before, std::max(tick, before + 1), std::memory_order_relaxed)) {
    }
    return std::max(tick, before + 1);
}

}  // namespace

uuid uuid::random() {
    std::array<std::uint8_t, 16> bytes{};
    fill_with_random(bytes.data(), bytes.size());
    stamp(bytes, 4);
    return uuid{bytes};
}

uuid uuid::time_ordered() {
    std::array<std::uint8_t, 16> bytes{};
    fill_with_random(bytes.data() + 8, 8);
    const std::uint64_t tick = next_tick();
    for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(tick >> (52 - 8 * i));
    bytes[6] = static_cast<std::uint8_t>((tick >> 8) & 0x0f);
    bytes[7] = static_cast<std::uint8_t>(tick);
    stamp(bytes, 7);
    return uuid{bytes};
}

result<uuid> uuid::parse(std::string_view text) {
    const std::string_view given = text;
    const bool braced = !text.empty() && text.front() == '{';
    if (braced) text.remove_prefix(1);
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (text.size() < 2) return bad_value("uuid", given);
        const int high = hex_digit(text[0]);
        const int low = hex_digit(text[1]);
        if (high < 0 || low < 0) return bad_value("uuid", given);
        bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
        text.remove_prefix(2);
        if (i % 2 == 1 && i < 15 && !text.empty() && text.front() == '-') text.remove_prefix(1);
    }
    if (braced) {
        if (text != "}") return bad_value("uuid", given);
        text.remove_prefix(1);
    }
    if (!text.empty()) return bad_value("uuid", given);
    return uuid{bytes};
}

std::string uuid::to_string() const {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string text(36, '-');
    char* to = text.data();
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) ++to;
        *to++ = hex[bytes_[i] >> 4];
        *to++ = hex[bytes_[i] & 0x0f];
    }
    return text;
}

}  // namespace ashlar

std::size_t std::hash<ashlar::uuid>::operator()(const ashlar::uuid& id) const noexcept {
    // Both halves are mixed: time-ordered ids share their first one, names made by hand often the last.
    std::uint64_t halves[2];
    std::memcpy(halves, id.bytes().data(), sizeof halves);
    std::uint64_t h = halves[0] * 0x9e3779b97f4a7c15u ^ std::rotl(halves[1], 31) * 0xc2b2ae3d27d4eb4fu;
    h ^= h >> 32;
    return static_cast<std::size_t>(h * 0x9e3779b97f4a7c15u);
}
