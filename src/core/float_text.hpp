// float_text.hpp: float4 and float8 as PostgreSQL writes them with extra_float_digits = 1: the fewest digits
// that read back as the same number, fixed notation for exponents from -4 to 14 (float8) or 5 (float4), else
// 1e+15. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ashlar {

std::string float_text(double v);
std::string float_text(float v);

// What PostgreSQL's input functions take: blanks around, NaN, Infinity, inf in any case. nullopt for anything
// else, and for what would overflow to infinity or underflow to zero, which the server refuses.
std::optional<double> parse_float8(std::string_view text);
std::optional<float> parse_float4(std::string_view text);

}  // namespace ashlar
