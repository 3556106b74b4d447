#include "driver/mysql/tokens.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <charconv>

namespace ashlar::driver::mysql {

namespace {

bool is_word_char(char c) noexcept {
    return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || is_digit(c) || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}

// "--" begins a comment only before a blank, a control character or the end: 5--3 is 8.
bool is_dash_comment(std::string_view rest) noexcept {
    return rest.starts_with("--") && (rest.size() == 2 || static_cast<unsigned char>(rest[2]) <= ' ' || rest[2] == 127);
}

bool is_executable(std::string_view rest) noexcept {
    return rest.starts_with("/*!") || rest.starts_with("/*M!");
}

}  // namespace

bool token::is(std::string_view keyword) const noexcept {
    return kind == token_kind::word && equals_ignoring_case(text, keyword);
}

// True when it stopped before a comment that is code.
bool tokens::skip_blanks() noexcept {
    while (at_ < sql_.size()) {
        const std::string_view rest = sql_.substr(at_);
        if (is_blank(rest[0])) {
            ++at_;
        } else if (rest[0] == '#' || is_dash_comment(rest)) {
            const std::size_t end = rest.find('\n');
            at_ = end == std::string_view::npos ? sql_.size() : at_ + end + 1;
        } else if (is_executable(rest)) {
            return true;
        } else if (rest.starts_with("/*")) {
            const std::size_t end = rest.find("*/", 2);
            at_ = end == std::string_view::npos ? sql_.size() : at_ + end + 2;
        } else {
            return false;
        }
    }
    return false;
}

std::size_t tokens::after_quote(std::size_t from, char close, bool escapes) const noexcept {
    for (std::size_t i = from; i < sql_.size(); ++i) {
        if (escapes && sql_[i] == '\\') {
            ++i;
        } else if (sql_[i] == close) {
            if (i + 1 >= sql_.size() || sql_[i + 1] != close) return i + 1;
            ++i;  // a doubled quote
        }
    }
    return sql_.size();
}

token tokens::next() noexcept {
    const bool before_code = skip_blanks();
    const std::size_t begin = at_;
    if (begin >= sql_.size()) return token{token_kind::end, {}, sql_.size()};
    const auto take = [&](token_kind kind, std::size_t end) {
        at_ = std::min(end, sql_.size());
        return token{kind, sql_.substr(begin, at_ - begin), begin};
    };
    const auto after_word = [&](std::size_t from) {
        while (from < sql_.size() && is_word_char(sql_[from])) ++from;
        return from;
    };
    const char c = sql_[begin];
    const char second = begin + 1 < sql_.size() ? sql_[begin + 1] : '\0';
    if (before_code) return take(token_kind::executable, begin + (second == '*' && sql_[begin + 2] == 'M' ? 4 : 3));
    if (c == '\'') return take(token_kind::string, after_quote(begin + 1, c, how_.backslash_escapes));
    if (c == '`') return take(token_kind::quoted_word, after_quote(begin + 1, c, false));
    if (c == '"') {
        if (how_.ansi_quotes) return take(token_kind::quoted_word, after_quote(begin + 1, c, false));
        return take(token_kind::string, after_quote(begin + 1, c, how_.backslash_escapes));
    }
    if (c == '?') return take(token_kind::marker, begin + 1);
    if (c == '$' && is_digit(second)) return take(token_kind::parameter, after_word(begin + 1));
    if (is_digit(c) || (c == '.' && is_digit(second))) {
        const auto is_exponent = [&](std::size_t i) {  // 1e-5, but not 0xe-5
            return (sql_[i] == '+' || sql_[i] == '-') && to_lower(sql_[i - 1]) == 'e' && to_lower(second) != 'x' &&
                   i + 1 < sql_.size() && is_digit(sql_[i + 1]);
        };
        std::size_t end = begin + 1;
        while (end < sql_.size() && (is_word_char(sql_[end]) || sql_[end] == '.' || is_exponent(end))) ++end;
        return take(token_kind::number, end);
    }
    if (is_word_char(c)) return take(token_kind::word, after_word(begin));
    return take(token_kind::symbol, begin + 1);
}

namespace {

std::int32_t character_at(std::string_view sql, std::size_t offset) {
    return 1 + static_cast<std::int32_t>(std::ranges::count_if(
                   sql.substr(0, offset), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

result<placed> place_parameters(std::string_view sql, quoting how) {
    placed p;
    p.text.reserve(sql.size());
    std::size_t copied = 0;
    tokens all{sql, how};
    for (token t = all.next(); t.kind != token_kind::end; t = all.next()) {
        if (t.kind == token_kind::marker) {
            return error{errc::syntax, "parameters are written $1, $2 …, not ?"}.at(character_at(sql, t.offset));
        }
        if (t.kind == token_kind::executable) {
            return error{errc::unsupported, "comments that MySQL executes are not taken in a statement"}
                .at(character_at(sql, t.offset))
                .hint("Write what /*! … */ holds as plain text, or send it by a script.");
        }
        if (t.kind != token_kind::parameter) continue;
        std::uint16_t number = 0;
        const auto end = std::from_chars(t.text.data() + 1, t.text.data() + t.text.size(), number);
        if (end.ec != std::errc{} || end.ptr != t.text.data() + t.text.size() || number == 0) {
            return error{errc::syntax, "there is no parameter " + std::string{t.text}}.at(character_at(sql, t.offset));
        }
        p.text += sql.substr(copied, t.offset - copied);
        p.text += '?';
        p.places.push_back(static_cast<std::uint16_t>(number - 1));
        copied = t.offset + t.text.size();
    }
    p.text += sql.substr(copied);
    return p;
}

std::vector<std::string_view> cut_script(std::string_view script, quoting how) {
    std::vector<std::string_view> statements;
    std::size_t begin = 0;
    bool some = false;
    tokens all{script, how};
    for (;;) {
        const token t = all.next();
        const bool ends = t.kind == token_kind::end || t.is_symbol(';');
        if (ends && some) statements.push_back(script.substr(begin, t.offset - begin));
        if (t.kind == token_kind::end) return statements;
        some = !ends;
        if (ends) begin = t.offset + 1;
    }
}

}  // namespace ashlar::driver::mysql
