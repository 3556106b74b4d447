#include "core/ascii.hpp"
#include "core/bad_value.hpp"

#include <ashlar/types.hpp>

namespace ashlar {

namespace {

result<bytes> parse_hex(std::string_view digits, std::string_view given) {
    bytes b;
    b.data.reserve(digits.size() / 2);
    for (std::size_t i = 0; i < digits.size();) {
        if (is_blank(digits[i])) {
            ++i;
            continue;
        }
        const int high = hex_digit(digits[i]);
        const int low = i + 1 < digits.size() ? hex_digit(digits[i + 1]) : -1;
        if (high < 0 || low < 0) return bad_value("bytea", given);
        b.data.push_back(static_cast<std::uint8_t>(high << 4 | low));
        i += 2;
    }
    return b;
}

// One byte of the escape form at `i`, which moves behind it; -1 when it is malformed.
int take_escaped(std::string_view text, std::size_t& i) {
    if (text[i] != '\\') return static_cast<std::uint8_t>(text[i++]);
    if (i + 1 < text.size() && text[i + 1] == '\\') {
        i += 2;
        return '\\';
    }
    if (i + 3 >= text.size() || text[i + 1] < '0' || text[i + 1] > '3') return -1;
    int v = 0;
    for (std::size_t k = 1; k <= 3; ++k) {
        if (text[i + k] < '0' || text[i + k] > '7') return -1;
        v = v * 8 + (text[i + k] - '0');
    }
    i += 4;
    return v;
}

}  // namespace

std::string to_string(const bytes& b) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string text = "\\x";
    text.reserve(2 + 2 * b.data.size());
    for (const std::uint8_t byte : b.data) {
        text += hex[byte >> 4];
        text += hex[byte & 0x0f];
    }
    return text;
}

result<bytes> parse_bytes(std::string_view text) {
    if (text.substr(0, 2) == "\\x") return parse_hex(text.substr(2), text);
    bytes b;
    for (std::size_t i = 0; i < text.size();) {
        const int byte = take_escaped(text, i);
        if (byte < 0) return bad_value("bytea", text);
        b.data.push_back(static_cast<std::uint8_t>(byte));
    }
    return b;
}

}  // namespace ashlar
