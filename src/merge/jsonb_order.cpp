#include "merge/jsonb_order.hpp"

#include "core/codec.hpp"
#include "merge/order_bytes.hpp"

#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::merge {

namespace {

// As jbvType has them, which is their order.
constexpr char null_value = 0, string_value = 1, number_value = 2, boolean_value = 3, array_value = 0x10,
               object_value = 0x11;

void append_utf8(std::string& out, std::uint32_t c) {
    const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) return add(c);
    if (c < 0x800) {
        add(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            add(0xe0 | c >> 12);
        } else {
            add(0xf0 | c >> 18);
            add(0x80 | (c >> 12 & 0x3f));
        }
        add(0x80 | (c >> 6 & 0x3f));
    }
    add(0x80 | (c & 0x3f));
}

// Walks the text from left to right. Nested documents stand on a stack of its own, since nothing but the server's bounds says
// how deep they are.
class jsonb_walk {
public:
    jsonb_walk(key_writer& out, std::string_view text, text_way strings) : out_(out), rest_(text), strings_(strings) {}

    bool run() {
        do {
            if (!step()) return false;
            skip_blanks();
        } while (!open_.empty());
        return rest_.empty();
    }

private:
    struct container {
        bool is_object = false;
        bool key_next = false;
        std::uint32_t count = 0;
        std::size_t count_at = 0;  // where it is written
    };

    bool step() {
        skip_blanks();
        if (rest_.empty()) return false;
        const char c = rest_.front();
        if (c == '}' || c == ']') return close(c == '}');
        if (!open_.empty()) {
            if (c == ',' || c == ':') return rest_.remove_prefix(1), true;
            container& in = open_.back();
            if (in.key_next) {
                in.key_next = false;
                ++in.count;
                return string();
            }
            if (in.is_object)
                in.key_next = true;
            else
                ++in.count;
        }
        if (c == '{' || c == '[') return open(c == '{');
        // A scalar by itself is an array of one: behind arrays of none, before other arrays of one.
        if (open_.empty()) begin_array(1, true);
        return scalar(c);
    }

    void skip_blanks() {
        while (!rest_.empty() &&
               (rest_.front() == ' ' || rest_.front() == '\n' || rest_.front() == '\t' || rest_.front() == '\r')) {
            rest_.remove_prefix(1);
        }
    }

    void begin_array(std::uint32_t count, bool is_scalar) {
        std::string& raw = out_.raw();
        raw += array_value;
        wire::append32(raw, count);
        raw += is_scalar ? '\0' : '\1';
    }

    bool open(bool object) {
        rest_.remove_prefix(1);
        container& in = open_.emplace_back();
        in.is_object = in.key_next = object;
        std::string& raw = out_.raw();
        in.count_at = raw.size() + 1;
        if (object) {
            raw += object_value;
            wire::append32(raw, 0);
        } else {
            begin_array(0, false);
        }
        return true;
    }

    bool close(bool object) {
        if (open_.empty() || open_.back().is_object != object) return false;
        if (object && !open_.back().key_next) return false;
        std::string count;
        wire::append32(count, open_.back().count);
        out_.raw().replace(open_.back().count_at, count.size(), count);
        open_.pop_back();
        rest_.remove_prefix(1);
        return true;
    }

    bool scalar(char first) {
        if (first == '"') return out_.raw() += string_value, string();
        if (word("null")) return out_.raw() += null_value, true;
        for (const bool truth : {false, true}) {
            if (!word(truth ? "true" : "false")) continue;
            std::string& raw = out_.raw();
            raw += boolean_value;
            raw += static_cast<char>(truth);
            return true;
        }
        return number();
    }

    bool word(std::string_view wanted) {
        if (!rest_.starts_with(wanted)) return false;
        rest_.remove_prefix(wanted.size());
        return true;
    }

    bool number() {
        std::size_t end = rest_.starts_with('-') ? 1 : 0;
        const std::size_t digits = end;
        std::size_t points = 0;
        for (; end < rest_.size() && ((rest_[end] >= '0' && rest_[end] <= '9') || rest_[end] == '.'); ++end) {
            if (rest_[end] == '.') ++points;
        }
        if (end == digits || points > 1) return false;
        std::string& raw = out_.raw();
        raw += number_value;
        order_bytes::append_numeric(raw, rest_.substr(0, end));
        rest_.remove_prefix(end);
        return true;
    }

    bool string() {
        if (!word("\"")) return false;
        std::string characters;
        while (!rest_.empty()) {
            const std::size_t plain = std::min(rest_.find_first_of("\"\\"), rest_.size());
            characters += rest_.substr(0, plain);
            rest_.remove_prefix(plain);
            if (rest_.empty()) return false;
            const bool ends = rest_.front() == '"';
            rest_.remove_prefix(1);
            if (ends) return out_.text(strings_, characters), true;
            if (!escaped(characters)) return false;
        }
        return false;
    }

    // Behind a backslash.
    bool escaped(std::string& into) {
        if (rest_.empty()) return false;
        const char c = rest_.front();
        rest_.remove_prefix(1);
        constexpr std::string_view written = "bfnrt", meant = "\b\f\n\r\t";
        if (const std::size_t at = written.find(c); at != written.npos) {
            into += meant[at];
        } else if (c == 'u') {
            const auto unit = code_unit();
            if (!unit) return false;
            std::uint32_t all = *unit;
            if (all >= 0xd800 && all < 0xdc00) {
                const auto low = word("\\u") ? code_unit() : std::nullopt;
                if (!low || *low < 0xdc00 || *low > 0xdfff) return false;
                all = 0x10000 + ((all - 0xd800) << 10) + (*low - 0xdc00);
            }
            append_utf8(into, all);
        } else {
            into += c;
        }
        return true;
    }

    std::optional<std::uint32_t> code_unit() {
        std::uint32_t unit = 0;
        if (rest_.size() < 4) return std::nullopt;
        const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + 4, unit, 16);
        if (failed != std::errc{} || end != rest_.data() + 4) return std::nullopt;
        rest_.remove_prefix(4);
        return unit;
    }

    key_writer& out_;
    std::string_view rest_;
    const text_way strings_;
    std::vector<container> open_;
};

}  // namespace

bool append_jsonb(key_writer& out, std::string_view text, text_way strings) {
    return jsonb_walk{out, text, strings}.run();
}

}  // namespace ashlar::merge
