// bad_value.hpp: the one way to say that a text cannot be read as its type. It quotes the text, cut to a
// bearable length.
#pragma once

#include <ashlar/error.hpp>

#include <string>
#include <string_view>

namespace ashlar {

inline error bad_value(std::string_view type, std::string_view given, std::string_view why = {}) {
    constexpr std::size_t shown_max = 100;
    std::string shown{given.substr(0, shown_max)};
    if (given.size() > shown_max) shown += "…";
    error e{errc::bad_value, "invalid " + std::string{type} + ": \"" + shown + "\""};
    if (!why.empty()) e.detail(std::string{why});
    return e;
}

}  // namespace ashlar
