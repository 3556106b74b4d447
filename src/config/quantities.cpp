#include "config/quantities.hpp"

#include <array>
#include <cctype>
#include <charconv>

namespace ashlar::config {

namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array durations{unit{"ms", 1},     unit{"s", 1'000},     unit{"min", 60'000},
                               unit{"m", 60'000}, unit{"h", 3'600'000}, unit{"d", 86'400'000}};
constexpr std::array sizes{unit{"B", 1},
                           unit{"KiB", 1ull << 10},
                           unit{"MiB", 1ull << 20},
                           unit{"GiB", 1ull << 30},
                           unit{"TiB", 1ull << 40},
                           unit{"kB", 1'000},
                           unit{"KB", 1'000},
                           unit{"MB", 1'000'000},
                           unit{"GB", 1'000'000'000},
                           unit{"TB", 1'000'000'000'000}};

constexpr std::uint64_t quantity_max = 1ull << 53;  // far beyond use, and safe to add up

// The number and unit that `rest` begins with, which are taken off. False: there is none, or it is too large.
template <std::size_t N>
bool take_part(std::string_view& rest, const std::array<unit, N>& units, std::uint64_t& total) {
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (failed != std::errc{}) return false;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    std::size_t length = 0;
    while (length < rest.size() && std::isalpha(static_cast<unsigned char>(rest[length]))) ++length;
    for (const unit& u : units) {
        if (u.name != rest.substr(0, length)) continue;
        if (number > (quantity_max - total) / u.factor) return false;
        total += number * u.factor;
        rest.remove_prefix(length);
        return true;
    }
    return false;
}

}  // namespace

result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    std::uint64_t total = 0;
    std::string_view rest = text;
    if (text == "0") return std::chrono::milliseconds{0};
    bool good = !rest.empty();
    while (good && !rest.empty()) good = take_part(rest, durations, total);
    if (!good)
        return error{errc::bad_value, "a duration with its unit (ms, s, m, h or d), such as \"250ms\" or \"1h30m\""};
    return std::chrono::milliseconds{static_cast<std::int64_t>(total)};
}

result<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t total = 0;
    std::string_view rest = text;
    if (!take_part(rest, sizes, total) || !rest.empty()) {
        return error{errc::bad_value, "a size with its unit (B, KiB, MiB, GiB, kB, MB or GB), such as \"256MiB\""};
    }
    return total;
}

std::string duration_text(std::chrono::milliseconds d) {
    const auto n = static_cast<std::uint64_t>(d.count());
    for (auto u = durations.rbegin(); u != durations.rend(); ++u) {
        if (u->name != "min" && n != 0 && n % u->factor == 0)
            return std::to_string(n / u->factor) + std::string{u->name};
    }
    return "0s";
}

std::string size_text(std::uint64_t bytes) {
    for (std::size_t i = 5; i-- > 0;) {
        if (bytes != 0 && bytes % sizes[i].factor == 0) {
            return std::to_string(bytes / sizes[i].factor) + std::string{sizes[i].name};
        }
    }
    return "0B";
}

}  // namespace ashlar::config
