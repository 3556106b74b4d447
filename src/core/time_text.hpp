// time_text.hpp: spans of time as messages spell them: 250ms, 4.1s.
#pragma once

#include "core/time.hpp"

#include <fmt/format.h>

#include <string>

namespace ashlar {

inline std::string spoken(nanoseconds span) {
    const auto ms = std::chrono::duration_cast<milliseconds>(span).count();
    return ms < 1'000 ? fmt::format("{}ms", ms) : fmt::format("{:.1f}s", static_cast<double>(ms) / 1'000);
}

}  // namespace ashlar
