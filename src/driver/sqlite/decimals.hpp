// decimals.hpp: a double as the decimal number that it stands for. A numeric column of SQLite keeps its values as doubles,
// and the decimal that was stored is the shortest one that reads back as the same double. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace ashlar::driver::sqlite {

// Significant digits, without zeros at the end, and the place of the first: 0.00123 is {"123", -3}.
struct decimal_digits {
    std::array<char, 24> text{};
    std::size_t count = 0;
    int exponent = 0;
    int scale() const noexcept;  // digits after the point
};

// The digits of |v|. With a scale (numeric(p, s)), noise of binary arithmetic behind its fifteenth digit is left away where
// the rest then fits the scale: 0.1 + 0.2 is 0.3 in numeric(12,2). Precondition: v is finite.
decimal_digits digits_of(double v, int scale);

// As a numeric's text: no exponent, at least `scale` digits after the point; NaN, Infinity, -Infinity.
void append_decimal(std::string& to, double v, int scale);

}  // namespace ashlar::driver::sqlite
