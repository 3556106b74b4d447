// quantities.hpp: durations and sizes as people write them: "250ms", "1h30m", "256MiB". Pure.
//
// Units    ms s m (min) h d; B, KiB MiB GiB TiB (1024), kB MB GB TB (1000). A number without a unit is refused, but 0.
// Failure  bad_value, with what was expected as the message.
#pragma once

#include <ashlar/result.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::config {

inline constexpr std::chrono::milliseconds one_day = std::chrono::hours{24};

result<std::chrono::milliseconds> parse_duration(std::string_view text);
result<std::uint64_t> parse_size(std::string_view text);

std::string duration_text(std::chrono::milliseconds d);  // the largest unit that divides it: "5s", "250ms", "1h"
std::string size_text(std::uint64_t bytes);              // "256MiB", "1000B"

}  // namespace ashlar::config
