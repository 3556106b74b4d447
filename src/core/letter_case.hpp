// letter_case.hpp: texts in small or capital letters, ASCII only, as PostgreSQL folds keywords. Pure.
#pragma once

#include "core/ascii.hpp"

#include <string>
#include <string_view>

namespace ashlar {

inline std::string lowered(std::string_view text) {
    std::string out{text};
    for (char& c : out) c = to_lower(c);
    return out;
}

inline std::string uppered(std::string_view text) {
    std::string out{text};
    for (char& c : out) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return out;
}

}  // namespace ashlar
