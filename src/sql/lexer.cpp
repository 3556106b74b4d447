#include "sql/lexer.hpp"

#include "core/ascii.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>

namespace ashlar::sql {
namespace {

// What a byte can be, by table: the lexer runs for every simple query that is not seen twice alike.
enum : std::uint8_t { blank = 1, digit = 2, word_start = 4, word_part = 8 };
constexpr auto classes = [] {
    std::array<std::uint8_t, 256> out{};
    for (int c = 0; c < 256; ++c) {
        std::uint8_t is = 0;
        if (c == ' ' || (c >= '\t' && c <= '\r')) is |= blank;
        if (c >= '0' && c <= '9') is |= digit | word_part;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80) is |= word_start | word_part;
        if (c == '$') is |= word_part;
        out[static_cast<std::size_t>(c)] = is;
    }
    return out;
}();
constexpr bool is_digit(unsigned char c) {
    return (classes[c] & digit) != 0;
}
constexpr bool is_word_start(unsigned char c) {
    return (classes[c] & word_start) != 0;
}
constexpr bool is_word_part(unsigned char c) {
    return (classes[c] & word_part) != 0;
}

// Walks over a text, token by token.
class scanner {
public:
    scanner(std::string_view text, bool standard_strings) : text_(text), standard_strings_(standard_strings) {}

    // False at the end. Blanks and comments before the token are skipped; `after_blank` tells whether there were any.
    bool next(token& out) {
        after_blank = skip_blanks();
        if (at_ >= text_.size()) return false;
        out.begin = at_;
        out.kind = read();
        out.end = at_;
        return true;
    }

    bool after_blank = false;
    bool saw_comment = false;

private:
    unsigned char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? static_cast<unsigned char>(text_[at_ + ahead]) : 0;
    }

    // Past all bytes of this class.
    void skip(std::uint8_t of) {
        const char* p = text_.data() + at_;
        const char* const end = text_.data() + text_.size();
        while (p != end && (classes[static_cast<unsigned char>(*p)] & of) != 0) ++p;
        at_ = static_cast<std::size_t>(p - text_.data());
    }

    bool skip_blanks() {
        const std::size_t start = at_;
        for (;;) {
            skip(blank);
            const unsigned char c = peek();
            if (c == '-' && peek(1) == '-') {
                saw_comment = true;
                while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
            } else if (c == '/' && peek(1) == '*') {
                const std::size_t end = comment_end();
                if (end == std::string_view::npos) break;  // read() reports it as broken
                saw_comment = true;
                at_ = end;
            } else {
                break;
            }
        }
        return at_ != start;
    }

    // Comments nest, as PostgreSQL's do.
    std::size_t comment_end() const {
        std::size_t depth = 0;
        for (std::size_t i = at_; i + 1 < text_.size(); ++i) {
            if (text_[i] == '/' && text_[i + 1] == '*') {
                ++depth, ++i;
            } else if (text_[i] == '*' && text_[i + 1] == '/') {
                ++i;
                if (--depth == 0) return i + 1;
            }
        }
        return std::string_view::npos;
    }

    token_kind broken() {
        at_ = text_.size();
        return token_kind::broken;
    }

    token_kind read() {
        const unsigned char c = peek();
        if (is_word_start(c)) return word();
        if (c == '/' && peek(1) == '*') return broken();
        if (c == '\'') return quoted_string(!standard_strings_);
        if (c == '"') return quoted_word();
        if (c == '$') return dollar();
        // 1..2 is two numbers and two points
        const bool after_point = at_ > 0 && text_[at_ - 1] == '.';
        if (is_digit(c) || (c == '.' && is_digit(peek(1)) && !after_point)) return number();
        if (c == ':' && peek(1) == ':') {
            at_ += 2;
            return token_kind::symbol;
        }
        ++at_;
        return token_kind::symbol;
    }

    token_kind quoted_string(bool backslashes) {
        for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
            if (text_[i] == '\\' && backslashes) {
                ++i;
            } else if (text_[i] == '\'') {
                if (i + 1 < text_.size() && text_[i + 1] == '\'') {
                    ++i;
                    continue;
                }
                at_ = i + 1;
                return token_kind::string;
            }
        }
        return broken();
    }

    token_kind quoted_word() {
        for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
            if (text_[i] != '"') continue;
            if (i + 1 < text_.size() && text_[i + 1] == '"') {
                ++i;
                continue;
            }
            at_ = i + 1;
            return token_kind::quoted_word;
        }
        return broken();
    }

    token_kind dollar() {
        if (is_digit(peek(1))) {
            ++at_;
            skip(digit);
            return token_kind::parameter;
        }
        std::size_t i = at_ + 1;  // $tag$
        if (i < text_.size() && is_word_start(static_cast<unsigned char>(text_[i]))) {
            while (i < text_.size() && is_word_part(static_cast<unsigned char>(text_[i])) && text_[i] != '$') ++i;
        }
        if (i >= text_.size() || text_[i] != '$') {
            ++at_;
            return token_kind::symbol;
        }
        const std::string_view tag = text_.substr(at_, i + 1 - at_);
        const std::size_t end = text_.find(tag, i + 1);
        if (end == std::string_view::npos) return broken();
        at_ = end + tag.size();
        return token_kind::string;
    }

    token_kind number() {
        skip(digit);
        if (peek() == '.' && peek(1) != '.') {
            ++at_;
            skip(digit);
        }
        if ((peek() | 0x20) == 'e') {
            const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
            if (is_digit(peek(1 + sign))) {
                at_ += 1 + sign;
                skip(digit);
            }
        }
        return token_kind::number;
    }

    token_kind word() {
        const unsigned char c = peek() | 0x20, next = peek(1);
        if (next == '\'' && (c == 'e' || c == 'b' || c == 'x' || c == 'n')) {
            ++at_;
            return quoted_string(c == 'e' || (c == 'n' && !standard_strings_));
        }
        if (c == 'u' && next == '&' && (peek(2) == '\'' || peek(2) == '"')) {
            const bool is_word = peek(2) == '"';
            at_ += 2;
            return is_word ? quoted_word() : quoted_string(false);
        }
        skip(word_part);
        return token_kind::word;
    }

    std::string_view text_;
    bool standard_strings_;
    std::size_t at_ = 0;
};

constexpr std::string_view operator_bytes = "+-*/<>=~!@#%^&|`?";

}  // namespace

bool is_word(std::string_view text, const token& t, std::string_view wanted) noexcept {
    if (t.kind != token_kind::word || t.end - t.begin != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (to_lower(text[t.begin + i]) != wanted[i]) return false;
    }
    return true;
}

std::vector<token> tokens(std::string_view text, bool standard_conforming_strings) {
    std::vector<token> out;
    out.reserve(text.size() / 4 + 4);
    scanner scan{text, standard_conforming_strings};
    std::uint32_t depth = 0;
    token t;
    while (scan.next(t)) {
        const char c = t.kind == token_kind::symbol ? text[t.begin] : '\0';
        if ((c == ')' || c == ']') && depth > 0) --depth;
        t.depth = depth;
        if (c == '(' || c == '[') ++depth;
        out.push_back(t);
    }
    return out;
}

std::vector<statement_span> split(std::string_view text, bool standard_conforming_strings) {
    std::vector<statement_span> out;
    scanner scan{text, standard_conforming_strings};
    statement_span now;
    now.empty = true;
    std::size_t depth = 0, atomic = 0;  // atomic: open BEGIN ATOMIC and the CASEs within
    bool begin_before = false, creates = false, first = true;
    token t;
    while (scan.next(t)) {
        const char c = t.kind == token_kind::symbol ? text[t.begin] : '\0';
        if (c == ';' && depth == 0 && atomic == 0) {
            now.end = t.begin;
            out.push_back(now);
            now = {};
            now.begin = t.end;
            now.empty = first = true;
            begin_before = creates = false;
            continue;
        }
        now.empty = false;
        if (c == '(' || c == '[') ++depth;
        if ((c == ')' || c == ']') && depth > 0) --depth;
        if (t.kind != token_kind::word) {
            begin_before = first = false;
            continue;
        }
        if (first) creates = is_word(text, t, "create");
        first = false;
        if (begin_before && creates && is_word(text, t, "atomic")) {
            ++atomic;
        } else if (atomic > 0 && is_word(text, t, "case")) {
            ++atomic;
        } else if (atomic > 0 && is_word(text, t, "end")) {
            --atomic;
        }
        begin_before = is_word(text, t, "begin");
    }
    now.end = text.size();
    if (!now.empty || out.empty()) out.push_back(now);
    return out;
}

normalised normalise(std::string_view text, bool standard_conforming_strings) {
    normalised out;
    normalise(text, standard_conforming_strings, out);
    return out;
}

void normalise(std::string_view text, bool standard_conforming_strings, normalised& out) {
    out.understood = out.has_comments = false;
    out.text.clear();
    out.literals.clear();
    out.hash = 0;
    out.text.reserve(text.size());
    scanner scan{text, standard_conforming_strings};
    std::size_t copied = 0;  // runs are copied whole: text[copied, previous end)
    std::size_t end = 0;
    bool first = true;
    token t;
    while (scan.next(t)) {
        if (t.kind == token_kind::broken) return;
        const bool literal = t.kind == token_kind::string || t.kind == token_kind::number;
        const bool one_blank = t.begin == end + 1 && text[end] == ' ';
        if (literal || (scan.after_blank && !one_blank) || first) {
            out.text.append(text, copied, end - copied);
            if (scan.after_blank && !first) out.text += ' ';
            copied = t.begin;
            if (literal) {
                out.text += '?';
                out.literals.push_back({t.begin, t.end});
                copied = t.end;
            }
        }
        first = false;
        end = t.end;
    }
    out.text.append(text, copied, end - copied);
    out.hash = XXH3_64bits(out.text.data(), out.text.size());
    out.has_comments = scan.saw_comment;
    out.understood = true;
}

std::size_t nesting(std::string_view text, std::size_t enough) {
    // A level has the operators of its chain so far; a comma, AND, OR or clause word starts a new chain.
    static constexpr std::array<std::string_view, 14> breaks = {"and",   "or",   "select", "from",  "where",
                                                                "when",  "then", "else",   "group", "order",
                                                                "limit", "set",  "values", "on"};
    static constexpr std::array<std::string_view, 16> joins = {
        "union", "except", "intersect", "join",    "collate", "is",      "at",      "not",
        "like",  "ilike",  "isnull",    "notnull", "over",    "similar", "between", "in"};
    std::vector<std::size_t> chains{0};
    std::size_t below = 0;  // the sum of the chains of the levels outside
    std::size_t deepest = 0;
    scanner scan{text, true};
    token t;
    char previous = '\0';
    const auto open = [&] {
        below += chains.back() + 1;
        chains.push_back(0);
    };
    const auto close = [&] {
        if (chains.size() == 1) return;
        chains.pop_back();
        below -= chains.back() + 1;
    };
    while (scan.next(t)) {
        const char c = t.kind == token_kind::symbol ? text[t.begin] : '\0';
        if (c == '(' || c == '[') {
            open();
        } else if (c == ')' || c == ']') {
            close();
        } else if (c == ',' || c == ';') {
            chains.back() = 0;
        } else if (c != '\0' && (c == ':' || c == '.' || operator_bytes.find(c) != std::string_view::npos)) {
            // each byte may be an operator of its own: - - - 1
            if (c != '.' || previous == ')' || previous == ']') ++chains.back();
        } else if (t.kind == token_kind::word) {
            if (is_word(text, t, "case")) {
                open();
            } else if (is_word(text, t, "end")) {
                close();
            } else if (std::any_of(breaks.begin(), breaks.end(), [&](auto w) { return is_word(text, t, w); })) {
                if (!is_word(text, t, "select")) chains.back() = 0;
            } else if (std::any_of(joins.begin(), joins.end(), [&](auto w) { return is_word(text, t, w); })) {
                ++chains.back();
            }
        }
        previous = c;
        deepest = std::max(deepest, below + chains.back());
        if (deepest >= enough) return deepest;
    }
    return deepest;
}

}  // namespace ashlar::sql
