#include "merge/order_bytes.hpp"

#include "core/codec.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace ashlar::merge::order_bytes {

namespace {

constexpr std::uint64_t top_bit = 1ull << 63;

// The classes of a numeric, in order.
constexpr char numeric_minus_infinity = 0, numeric_negative = 1, numeric_zero = 2, numeric_positive = 3,
               numeric_infinity = 4, numeric_nan = 5;

std::uint64_t ordered_bits(double v) {
    if (std::isnan(v)) return UINT64_MAX;
    if (v == 0) v = 0;  // one zero
    const auto bits = std::bit_cast<std::uint64_t>(v);
    return (bits & top_bit) != 0 ? ~bits : bits | top_bit;
}

}  // namespace

void append_integer(std::string& out, std::int64_t v) {
    wire::append64(out, static_cast<std::uint64_t>(v) ^ top_bit);
}

void append_float(std::string& out, double v) {
    wire::append64(out, ordered_bits(v));
}

void append_numeric(std::string& out, std::string_view canonical) {
    if (canonical == "NaN") return out.push_back(numeric_nan);
    if (canonical == "Infinity") return out.push_back(numeric_infinity);
    if (canonical == "-Infinity") return out.push_back(numeric_minus_infinity);
    const bool negative = canonical.front() == '-';
    if (negative) canonical.remove_prefix(1);

    // The value as 0.ddd… times ten to the exponent, without zeros at either end of the digits.
    const std::size_t point = std::min(canonical.find('.'), canonical.size());
    const std::size_t first = canonical.find_first_not_of("0.");
    if (first == std::string_view::npos) return out.push_back(numeric_zero);
    const std::size_t last = canonical.find_last_not_of("0.");
    const auto exponent = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + (first > point ? 1 : 0);

    out.push_back(negative ? numeric_negative : numeric_positive);
    const std::size_t begin = out.size();
    wire::append32(out, static_cast<std::uint32_t>(exponent + (std::int64_t{1} << 31)));
    for (std::size_t i = first; i <= last; ++i) {
        if (canonical[i] != '.') out += canonical[i];
    }
    out += '\0';
    if (negative) reverse(out, begin);
}

void append_bytes(std::string& out, std::string_view bytes) {
    for (const char c : bytes) {
        out += c;
        if (c == '\0') out += '\xff';
    }
    out.append(2, '\0');
}

void append_sqlite_integer(std::string& out, std::int64_t v) {
    const auto nearest = static_cast<double>(v);
    append_float(out, nearest);
    __extension__ using wide = __int128;
    const auto rest = static_cast<wide>(v) - static_cast<wide>(nearest);  // a few hundred at most
    wire::append16(out, static_cast<std::uint16_t>(rest + 0x8000));
}

void append_sqlite_real(std::string& out, double v) {
    append_float(out, v);
    wire::append16(out, 0x8000);
}

void reverse(std::string& out, std::size_t begin) {
    for (std::size_t i = begin; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
}

}  // namespace ashlar::merge::order_bytes
