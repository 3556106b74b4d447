#include "core/ascii.hpp"
#include "core/bad_value.hpp"

#include <ashlar/types.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace ashlar {

namespace {

// PostgreSQL's bounds of a numeric (numeric.c).
constexpr std::int64_t digits_before_point_max = 131'072;
constexpr std::int64_t scale_max = 16'383;

struct parts {
    bool negative = false;
    std::string_view whole, fraction;  // without the point; whole has no leading zeros but may be empty
};

parts split(std::string_view canonical) {
    parts p;
    if (canonical.front() == '-') {
        p.negative = true;
        canonical.remove_prefix(1);
    }
    const std::size_t point = canonical.find('.');
    p.whole = canonical.substr(0, point);
    if (point != std::string_view::npos) p.fraction = canonical.substr(point + 1);
    if (p.whole == "0") p.whole = {};
    return p;
}

std::strong_ordering compare_magnitudes(const parts& a, const parts& b) {
    if (a.whole.size() != b.whole.size()) return a.whole.size() <=> b.whole.size();
    if (const int c = a.whole.compare(b.whole); c != 0) return c <=> 0;
    const std::size_t common = std::min(a.fraction.size(), b.fraction.size());
    if (const int c = a.fraction.substr(0, common).compare(b.fraction.substr(0, common)); c != 0) return c <=> 0;
    const auto has_digit = [](std::string_view rest) { return rest.find_first_not_of('0') != std::string_view::npos; };
    return has_digit(a.fraction.substr(common)) <=> has_digit(b.fraction.substr(common));
}

// Where a value stands among the special ones: -Infinity < finite < Infinity < NaN.
int rank(std::string_view canonical) {
    if (canonical == "NaN") return 2;
    if (canonical == "Infinity") return 1;
    if (canonical == "-Infinity") return -1;
    return 0;
}

std::string_view special(std::string_view text) {
    if (equals_ignoring_case(text, "nan")) return "NaN";
    const bool negative = !text.empty() && text.front() == '-';
    if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
    if (equals_ignoring_case(text, "infinity") || equals_ignoring_case(text, "inf")) {
        return negative ? "-Infinity" : "Infinity";
    }
    return {};
}

// Digits with the point after the first `whole` of them → canonical text.
std::string lay_out(bool negative, std::string digits, std::int64_t whole, std::int64_t scale) {
    if (whole < 0) {
        digits.insert(0, static_cast<std::size_t>(-whole), '0');
        whole = 0;
    }
    if (static_cast<std::int64_t>(digits.size()) < whole) digits.resize(static_cast<std::size_t>(whole), '0');
    std::string text = digits.substr(0, static_cast<std::size_t>(whole));
    text.erase(0, std::min(text.find_first_not_of('0'), text.size()));
    const bool zero = digits.find_first_not_of('0') == std::string::npos;
    if (text.empty()) text += '0';
    if (scale > 0) text.append(1, '.').append(digits, static_cast<std::size_t>(whole));
    if (negative && !zero) text.insert(text.begin(), '-');
    return text;
}

}  // namespace

result<decimal> decimal::parse(std::string_view given) {
    std::string_view text = trim(given);
    decimal d;
    if (const std::string_view s = special(text); !s.empty()) {
        d.digits_ = s;
        return d;
    }
    const bool negative = !text.empty() && text.front() == '-';
    if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);

    std::string digits;
    std::int64_t whole = 0, scale = 0;
    bool point = false;
    std::size_t i = 0;
    for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !point)); ++i) {
        if (text[i] == '.') {
            point = true;
            continue;
        }
        digits += text[i];
        ++(point ? scale : whole);
    }
    if (digits.empty()) return bad_value("numeric", given);

    if (i < text.size() && to_lower(text[i]) == 'e') {
        std::string_view rest = text.substr(i + 1);
        const bool plus = !rest.empty() && rest.front() == '+';
        if (plus) rest.remove_prefix(1);
        std::int32_t exponent = 0;
        const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
        if (rest.empty() || (plus && rest.front() == '-') || failed == std::errc::invalid_argument) {
            return bad_value("numeric", given);
        }
        if (failed != std::errc{} || std::abs(static_cast<std::int64_t>(exponent)) > 1'000'000) {
            return bad_value("numeric", given, "The exponent is out of range.");
        }
        i = static_cast<std::size_t>(end - text.data());
        whole += exponent;
        scale = std::max<std::int64_t>(scale - exponent, 0);
    }
    if (i != text.size()) return bad_value("numeric", given);
    const auto leading = std::min(digits.find_first_not_of('0'), digits.size());
    if (whole - static_cast<std::int64_t>(leading) > digits_before_point_max || scale > scale_max) {
        return bad_value("numeric", given, "The value overflows the numeric format.");
    }
    if (leading == digits.size()) {  // zero, whatever its exponent: only the scale is left
        whole = 0;
        digits.assign(static_cast<std::size_t>(scale), '0');
    }
    d.digits_ = lay_out(negative, std::move(digits), whole, scale);
    return d;
}

double decimal::to_double() const {
    if (rank(digits_) != 0) {
        if (is_nan()) return std::numeric_limits<double>::quiet_NaN();
        const double infinite = std::numeric_limits<double>::infinity();
        return rank(digits_) > 0 ? infinite : -infinite;
    }
    double v = 0;
    const auto [end, failed] = std::from_chars(digits_.data(), digits_.data() + digits_.size(), v);
    (void)end;
    if (failed != std::errc::result_out_of_range) return v;
    const parts p = split(digits_);
    const double bound = p.whole.empty() ? 0.0 : std::numeric_limits<double>::infinity();
    return p.negative ? -bound : bound;
}

int decimal::scale() const noexcept {
    const std::size_t point = digits_.find('.');
    return point == std::string::npos ? 0 : static_cast<int>(digits_.size() - point - 1);
}

std::weak_ordering operator<=>(const decimal& a, const decimal& b) noexcept {
    const int ra = rank(a.digits_), rb = rank(b.digits_);
    if (ra != 0 || rb != 0) return ra <=> rb;
    const parts pa = split(a.digits_), pb = split(b.digits_);
    if (pa.negative != pb.negative) return pb.negative <=> pa.negative;
    return pa.negative ? compare_magnitudes(pb, pa) : compare_magnitudes(pa, pb);
}

}  // namespace ashlar
