#include "core/json_text.hpp"

#include "core/ascii.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace ashlar {

namespace {

class json_reader {
public:
    explicit json_reader(std::string_view text) noexcept : text_(text) {}

    // What stands open is kept in a bit string, and not on the stack.
    bool whole() noexcept {
        constexpr std::size_t depth_max = 6'000;
        std::string open;  // of '{' and '['
        for (;;) {
            blanks();
            const char c = next();
            if (c == '{' || c == '[') {
                if (open.size() == depth_max) return false;
                ++at_;
                blanks();
                if (next() == (c == '{' ? '}' : ']')) {
                    ++at_;
                } else {
                    open += c;
                    if (c == '{' && !name()) return false;
                    continue;
                }
            } else if (!scalar(c)) {
                return false;
            }
            // behind a value
            for (;;) {
                blanks();
                if (open.empty()) return at_ == text_.size();
                const char close = open.back() == '{' ? '}' : ']';
                if (next() == close) {
                    ++at_;
                    open.pop_back();
                    continue;
                }
                if (next() != ',') return false;
                ++at_;
                if (open.back() == '{' && !name()) return false;
                break;
            }
        }
    }

private:
    char next() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
    void blanks() noexcept {
        while (at_ < text_.size() && (next() == ' ' || next() == '\t' || next() == '\n' || next() == '\r')) ++at_;
    }
    bool word(std::string_view expected) noexcept {
        if (text_.substr(at_, expected.size()) != expected) return false;
        at_ += expected.size();
        return true;
    }
    bool scalar(char c) noexcept {
        if (c == '"') return string();
        if (c == 't') return word("true");
        if (c == 'f') return word("false");
        if (c == 'n') return word("null");
        return number();
    }
    // "key":
    bool name() noexcept {
        blanks();
        if (!string()) return false;
        blanks();
        if (next() != ':') return false;
        ++at_;
        return true;
    }
    bool digits() noexcept {
        const std::size_t begun = at_;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
        return at_ > begun;
    }
    bool number() noexcept {
        if (next() == '-') ++at_;
        if (next() == '0') {
            ++at_;
        } else if (!digits()) {
            return false;
        }
        if (next() == '.') {
            ++at_;
            if (!digits()) return false;
        }
        if (next() == 'e' || next() == 'E') {
            ++at_;
            if (next() == '+' || next() == '-') ++at_;
            if (!digits()) return false;
        }
        return true;
    }
    bool string() noexcept {
        if (next() != '"') return false;
        for (++at_; at_ < text_.size(); ++at_) {
            const auto c = static_cast<unsigned char>(text_[at_]);
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c < 0x20) return false;
            if (c != '\\') continue;
            if (++at_ == text_.size()) return false;
            const char escaped = text_[at_];
            if (escaped == 'u') {
                for (int i = 0; i < 4; ++i) {
                    if (++at_ >= text_.size() || !is_hex(text_[at_])) return false;
                }
            } else if (std::string_view{"\"\\/bfnrt"}.find(escaped) == std::string_view::npos) {
                return false;
            }
        }
        return false;
    }
    static bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

    std::string_view text_;
    std::size_t at_ = 0;
};

// How many bytes the first character has; 0 = it is not UTF-8.
std::size_t utf8_size(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
    const bool outside = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
    return overlong || outside ? 0 : size;
}

}  // namespace

bool is_json(std::string_view text) noexcept {
    return json_reader{text}.whole();
}

void append_json_string(std::string& to, std::string_view text) {
    to += '"';
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        const std::size_t size = utf8_size(text.substr(i));
        if (size == 0) {
            to += "\xef\xbf\xbd";
            ++i;
            continue;
        }
        if (const std::size_t at = std::string_view{"\"\\\b\t\n\f\r"}.find(c); at != std::string_view::npos) {
            to += '\\';
            to += std::string_view{"\"\\btnfr"}[at];
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            constexpr std::string_view digits = "0123456789abcdef";
            to += "\\u00";
            to += digits[static_cast<unsigned char>(c) >> 4];
            to += digits[static_cast<unsigned char>(c) & 15];
        } else {
            to += text.substr(i, size);
        }
        i += size;
    }
    to += '"';
}

std::string json_string(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

}  // namespace ashlar
