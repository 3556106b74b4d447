#include "driver/sqlite/decimals.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace ashlar::driver::sqlite {

namespace {

// "1.2300e-05" → {"123", -5}.
decimal_digits read_scientific(const char* at, const char* end) {
    decimal_digits d;
    for (; at != end && *at != 'e'; ++at) {
        if (*at != '.') d.text[d.count++] = *at;
    }
    if (at != end) ++at;
    if (at != end && *at == '+') ++at;
    std::from_chars(at, end, d.exponent);
    while (d.count > 1 && d.text[d.count - 1] == '0') --d.count;
    return d;
}

}  // namespace

int decimal_digits::scale() const noexcept {
    return std::max(0, static_cast<int>(count) - 1 - exponent);
}

decimal_digits digits_of(double v, int scale) {
    constexpr std::size_t sure_digits = 15;  // of a decimal that every double of its size keeps
    std::array<char, 40> raw;
    const double size = std::fabs(v);
    const auto end = std::to_chars(raw.data(), raw.data() + raw.size(), size, std::chars_format::scientific);
    const decimal_digits exact = read_scientific(raw.data(), end.ptr);
    if (scale < 0 || exact.count <= sure_digits || exact.scale() <= scale) return exact;
    const auto cut = std::to_chars(raw.data(), raw.data() + raw.size(), size, std::chars_format::scientific,
                                   static_cast<int>(sure_digits) - 1);
    const decimal_digits rounded = read_scientific(raw.data(), cut.ptr);
    return rounded.scale() <= scale ? rounded : exact;
}

void append_decimal(std::string& to, double v, int scale) {
    if (std::isnan(v)) {
        to += "NaN";
        return;
    }
    if (std::isinf(v)) {
        to += v < 0 ? "-Infinity" : "Infinity";
        return;
    }
    const decimal_digits d = digits_of(v, scale);
    if (v < 0 && d.text[0] != '0') to += '-';
    std::size_t at = 0;
    if (d.exponent < 0) to += '0';
    for (int place = d.exponent; place >= 0; --place) to += at < d.count ? d.text[at++] : '0';
    const int after_point = std::max(d.scale(), scale);
    if (after_point <= 0) return;
    to += '.';
    int written = std::min(after_point, d.exponent < 0 ? -d.exponent - 1 : 0);
    to.append(static_cast<std::size_t>(written), '0');
    for (; written < after_point; ++written) to += at < d.count ? d.text[at++] : '0';
}

}  // namespace ashlar::driver::sqlite
