#include "core/kept_moment.hpp"

#include "core/ascii.hpp"

#include <fmt/format.h>

#include <charconv>

namespace ashlar {

namespace {

constexpr std::string_view bc = " BC";
constexpr int years_before = 10'000;
constexpr std::size_t usual_digits = 4, late_digits = 7;

// "0044" of "0044-03-15"; 0 = it does not begin with a year.
std::size_t digits_before_hyphen(std::string_view text) {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n])) ++n;
    return n < text.size() && text[n] == '-' ? n : 0;
}

int number_of(std::string_view digits) {
    int n = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), n);
    return n;
}

}  // namespace

std::string kept_moment(std::string_view text) {
    const std::size_t digits = digits_before_hyphen(text);
    if (digits == 0) return std::string{text};
    const int year = number_of(text.substr(0, digits));
    std::string_view rest = text.substr(digits);
    if (rest.ends_with(bc)) {
        rest.remove_suffix(bc.size());
        return fmt::format("/{:0{}}{}", years_before - year, usual_digits, rest);
    }
    return digits <= usual_digits ? std::string{text} : fmt::format(":{:0{}}{}", year, late_digits, rest);
}

std::string moment_text(std::string_view kept) {
    const bool before = kept.starts_with('/'), late = kept.starts_with(':');
    const std::size_t digits = before || late ? digits_before_hyphen(kept.substr(1)) : 0;
    if (digits != (before ? usual_digits : late_digits)) return std::string{kept};
    const int year = number_of(kept.substr(1, digits));
    const std::string_view rest = kept.substr(1 + digits);
    if (late) return fmt::format("{}{}", year, rest);
    return fmt::format("{:0{}}{}{}", years_before - year, usual_digits, rest, bc);
}

}  // namespace ashlar
