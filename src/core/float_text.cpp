#include "core/float_text.hpp"

#include "core/ascii.hpp"

#include <gmpxx.h>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace ashlar {

namespace {

// Is the decimal exactly half way between v and one of its neighbours? Such a one still reads back as v where v's last bit
// is even, but the server does not take it (d2s.c, without STRICTLY_SHORTEST). A long double holds the middle exactly, and
// mpq compares exactly.
template <class Float>
bool is_half_way(std::string_view scientific, Float v) {
    static_assert(std::numeric_limits<long double>::digits > std::numeric_limits<Float>::digits);
    const long double read = std::strtold(std::string{scientific}.c_str(), nullptr);
    const auto middle = [v](Float towards) {
        return (static_cast<long double>(v) + static_cast<long double>(std::nextafter(v, towards))) / 2;
    };
    const bool suspect = read == middle(0) || read == middle(v > 0 ? std::numeric_limits<Float>::max()
                                                                   : std::numeric_limits<Float>::lowest());
    if (!suspect) return false;
    int binary_exponent = 0;
    const auto mantissa = static_cast<std::int64_t>(std::ldexp(std::frexp(read, &binary_exponent), 62));
    binary_exponent -= 62;
    const auto scaled = [](mpq_class& q, unsigned long base, int exponent) {
        mpz_class power;
        mpz_ui_pow_ui(power.get_mpz_t(), base, static_cast<unsigned long>(std::abs(exponent)));
        exponent < 0 ? q /= power : q *= power;
    };
    mpq_class exact{static_cast<long>(mantissa)};
    scaled(exact, 2, binary_exponent);
    const std::size_t e = scientific.find('e');
    std::string digits{scientific.substr(0, e)};
    int exponent = std::atoi(std::string{scientific.substr(e + 1)}.c_str());
    if (const std::size_t point = digits.find('.'); point != std::string::npos) {
        exponent -= static_cast<int>(digits.size() - point - 1);
        digits.erase(point, 1);
    }
    mpq_class given{digits};
    scaled(given, 10, exponent);
    return given == exact;
}

// The server's digits: "d.ddde±xx".
template <class Float>
std::string_view write_scientific(char* buffer, std::size_t size, Float v) {
    constexpr auto how = std::chars_format::scientific;
    auto end = std::to_chars(buffer, buffer + size, v, how).ptr;
    const auto written = [&] { return std::string_view{buffer, static_cast<std::size_t>(end - buffer)}; };
    while (is_half_way(written(), v)) {
        const std::size_t after_point = written().find('e') - (std::signbit(v) ? 1 : 0);
        const int precision = after_point == 1 ? 1 : static_cast<int>(after_point) - 1;  // one digit more
        end = std::to_chars(buffer, buffer + size, v, how, precision).ptr;
    }
    return written();
}

// Digits and exponent, laid out as the server does.
template <class Float>
std::string shortest(Float v, int fixed_below) {
    if (std::isnan(v)) return "NaN";
    if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
    if (v == 0) return std::signbit(v) ? "-0" : "0";

    char buffer[64];
    const std::string_view scientific = write_scientific(buffer, sizeof buffer, v);
    const std::size_t e = scientific.find('e');
    int exponent = 0;
    const char* first = scientific.data() + e + 1;
    std::from_chars(*first == '+' ? first + 1 : first, scientific.data() + scientific.size(), exponent);
    if (exponent < -4 || exponent >= fixed_below) return std::string{scientific};

    std::string text = std::signbit(v) ? "-" : "";
    std::string digits;
    for (const char c : scientific.substr(0, e)) {
        if (is_digit(c)) digits += c;
    }
    if (exponent < 0) return text + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole) return text + digits + std::string(whole - digits.size(), '0');
    return text + digits.substr(0, whole) + "." + digits.substr(whole);
}

template <class Float>
std::optional<Float> parse(std::string_view text) {
    text = trim(text);
    bool negative = false;
    std::string_view rest = text;
    if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
        negative = rest[0] == '-';
        rest.remove_prefix(1);
    }
    if (equals_ignoring_case(text, "nan")) return std::numeric_limits<Float>::quiet_NaN();
    if (equals_ignoring_case(rest, "infinity") || equals_ignoring_case(rest, "inf")) {
        const Float infinite = std::numeric_limits<Float>::infinity();
        return negative ? -infinite : infinite;
    }
    if (rest.empty() || !(is_digit(rest[0]) || rest[0] == '.')) return std::nullopt;
    Float v = 0;
    const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), v);
    if (failed != std::errc{} || end != rest.data() + rest.size()) return std::nullopt;
    return negative ? -v : v;
}

}  // namespace

std::string float_text(double v) {
    return shortest(v, 15);
}
std::string float_text(float v) {
    return shortest(v, 6);
}

std::optional<double> parse_float8(std::string_view text) {
    return parse<double>(text);
}
std::optional<float> parse_float4(std::string_view text) {
    return parse<float>(text);
}

}  // namespace ashlar
