#include "driver/sqlite/exact_sum.hpp"

#include "driver/sqlite/decimals.hpp"

#include <algorithm>
#include <cmath>

namespace ashlar::driver::sqlite {

void exact_sum::add_number(const numeric& v) {
    scale_ = std::max(scale_, v.scale());
    if (!rest_) rest_.emplace();
    *rest_ += v;
}

// mantissa times ten to the power; the text says the same, for what does not fit.
void exact_sum::add_units(wide mantissa, int power_of_ten, std::string_view as_text) {
    const int shift = power_of_ten + unit_scale;
    wide units = mantissa;
    bool fits = shift >= 0 && shift <= 20;
    for (int i = 0; fits && i < shift; ++i) fits = !__builtin_mul_overflow(units, wide{10}, &units);
    if (fits && !__builtin_add_overflow(units_, units, &units)) {
        units_ = units;
        scale_ = std::max(scale_, -power_of_ten);
        return;
    }
    if (const auto v = numeric::from_text(as_text)) add_number(*v);
}

void exact_sum::add(std::int64_t v) {
    ++count_;
    add_units(v, 0, std::to_string(v));
}

void exact_sum::add(double v) {
    ++count_;
    if (!std::isfinite(v)) {
        add_number(numeric{std::isnan(v) ? numeric::kind::nan
                           : v < 0       ? numeric::kind::minus_infinity
                                         : numeric::kind::infinity});
        return;
    }
    const decimal_digits d = digits_of(v, scale_);
    wide mantissa = 0;
    for (std::size_t i = 0; i < d.count; ++i) mantissa = mantissa * 10 + (d.text[i] - '0');
    const int power = d.exponent - static_cast<int>(d.count) + 1;
    std::string text;
    const bool usual = power >= -unit_scale && power <= unit_scale;
    if (!usual) append_decimal(text, v, scale_);
    add_units(v < 0 ? -mantissa : mantissa, power, text);
}

bool exact_sum::add(std::string_view decimal) {
    const auto v = numeric::from_text(decimal);
    if (!v) return false;
    ++count_;
    add_number(*v);
    return true;
}

void exact_sum::remove(std::int64_t v) {
    if (v == INT64_MIN) {
        (void)add(std::string_view{"9223372036854775808"});
    } else {
        add(-v);
    }
    count_ -= 2;
}

void exact_sum::remove(double v) {
    add(-v);
    count_ -= 2;
}

bool exact_sum::remove(std::string_view decimal) {
    const bool negative = decimal.starts_with('-');
    if (!add(negative ? decimal.substr(1) : "-" + std::string{decimal})) return false;
    count_ -= 2;
    return true;
}

numeric exact_sum::total() const {
    const bool negative = units_ < 0;
    std::string digits;
    for (wide left = units_; left != 0 || digits.size() <= unit_scale; left /= 10) {
        const int digit = static_cast<int>(left % 10);
        digits += static_cast<char>('0' + (negative ? -digit : digit));
    }
    std::ranges::reverse(digits);
    digits.insert(digits.size() - unit_scale, 1, '.');
    const auto wanted = static_cast<std::size_t>(std::max(scale_, 0));
    std::size_t after_point = unit_scale;
    for (; after_point > wanted && digits.back() == '0'; --after_point) digits.pop_back();
    if (after_point == 0) digits.pop_back();
    if (after_point < wanted) digits.append(wanted - after_point, '0');
    if (after_point == 0 && wanted > 0) digits.insert(digits.size() - wanted, 1, '.');
    numeric all = numeric::from_text(negative ? "-" + digits : digits).value();
    if (rest_) all += *rest_;
    return all;
}

}  // namespace ashlar::driver::sqlite
