// errno_text.hpp: what the system says of an errno, on any thread (std::strerror may hand out one buffer to all).
#pragma once

#include <cstring>
#include <string>

namespace ashlar {

inline std::string errno_text(int code) {
    char buffer[128];
    return ::strerror_r(code, buffer, sizeof buffer);
}

}  // namespace ashlar
