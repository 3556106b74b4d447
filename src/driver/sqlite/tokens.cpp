#include "driver/sqlite/tokens.hpp"

#include "core/letter_case.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ashlar::driver::sqlite {

namespace {

bool is_blank_char(char c) noexcept {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_word_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

bool token::is(std::string_view keyword) const noexcept {
    return kind == token_kind::word && equals_ignoring_case(text, keyword);
}

std::string token::name() const {
    if (kind != token_kind::quoted_word || text.size() < 2) return std::string{text};
    const char close = text[0] == '[' ? ']' : text[0];
    std::string plain;
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
        plain += text[i];
        if (close != ']' && text[i] == close) ++i;  // a doubled quote
    }
    return plain;
}

void tokens::skip_blanks() noexcept {
    while (at_ < sql_.size()) {
        const std::string_view rest = sql_.substr(at_);
        if (is_blank_char(rest[0])) {
            ++at_;
        } else if (rest.starts_with("--")) {
            const std::size_t end = rest.find('\n');
            at_ = end == std::string_view::npos ? sql_.size() : at_ + end + 1;
        } else if (rest.starts_with("/*")) {
            const std::size_t end = rest.find("*/", 2);
            at_ = end == std::string_view::npos ? sql_.size() : at_ + end + 2;
        } else {
            return;
        }
    }
}

token tokens::next() noexcept {
    skip_blanks();
    const std::size_t begin = at_;
    if (begin >= sql_.size()) return token{token_kind::end, {}, sql_.size()};
    const auto take = [&](token_kind kind, std::size_t end) {
        at_ = std::min(end, sql_.size());
        return token{kind, sql_.substr(begin, at_ - begin), begin};
    };
    const auto after_quote = [&](std::size_t from, char close) {
        for (std::size_t i = from; i < sql_.size(); ++i) {
            if (sql_[i] != close) continue;
            if (close != ']' && i + 1 < sql_.size() && sql_[i + 1] == close) {
                ++i;
                continue;
            }
            return i + 1;
        }
        return sql_.size();
    };
    const auto after_word = [&](std::size_t from) {
        while (from < sql_.size() && is_word_char(sql_[from])) ++from;
        return from;
    };

    const char c = sql_[begin];
    const char second = begin + 1 < sql_.size() ? sql_[begin + 1] : '\0';
    if (c == '\'') return take(token_kind::string, after_quote(begin + 1, '\''));
    if ((c == 'x' || c == 'X') && second == '\'') return take(token_kind::string, after_quote(begin + 2, '\''));
    if (c == '"' || c == '`') return take(token_kind::quoted_word, after_quote(begin + 1, c));
    if (c == '[') return take(token_kind::quoted_word, after_quote(begin + 1, ']'));
    if (is_digit(c) || (c == '.' && is_digit(second))) {
        std::size_t end = begin;
        while (end < sql_.size() && (is_word_char(sql_[end]) || sql_[end] == '.' ||
                                     ((sql_[end] == '+' || sql_[end] == '-') && to_lower(sql_[end - 1]) == 'e'))) {
            ++end;
        }
        return take(token_kind::number, end);
    }
    if (c == '$' || c == '?' || c == '@' || (c == ':' && is_word_char(second))) {
        return take(token_kind::parameter, after_word(begin + 1));
    }
    if (is_word_char(c)) return take(token_kind::word, after_word(begin));
    return take(token_kind::symbol, begin + 1);
}

namespace {

struct verb_word {
    std::string_view word;
    verb what;
    std::string_view tag;
};
constexpr std::array verb_words{
    verb_word{"select", verb::select, "SELECT"},      verb_word{"values", verb::select, "SELECT"},
    verb_word{"explain", verb::select, "EXPLAIN"},    verb_word{"insert", verb::insert, "INSERT 0"},
    verb_word{"replace", verb::insert, "INSERT 0"},   verb_word{"update", verb::update, "UPDATE"},
    verb_word{"delete", verb::remove, "DELETE"},      verb_word{"create", verb::define, "CREATE"},
    verb_word{"drop", verb::define, "DROP"},          verb_word{"alter", verb::define, "ALTER"},
    verb_word{"reindex", verb::define, "REINDEX"},    verb_word{"analyze", verb::define, "ANALYZE"},
    verb_word{"begin", verb::begin, "BEGIN"},         verb_word{"commit", verb::commit, "COMMIT"},
    verb_word{"end", verb::commit, "COMMIT"},         verb_word{"savepoint", verb::savepoint, "SAVEPOINT"},
    verb_word{"release", verb::savepoint, "RELEASE"},
};

const verb_word* find_verb(const token& t) noexcept {
    for (const verb_word& v : verb_words) {
        if (t.is(v.word)) return &v;
    }
    return nullptr;
}

// WITH …: the first verb outside parentheses.
statement_kind kind_after_with(tokens& all) {
    int depth = 0;
    for (token t = all.next(); t.kind != token_kind::end; t = all.next()) {
        if (t.is_symbol('(')) ++depth;
        if (t.is_symbol(')')) --depth;
        if (depth != 0) continue;
        const verb_word* v = find_verb(t);
        if (v != nullptr && (v->what == verb::select || changes_rows(v->what))) return {v->what, std::string{v->tag}};
    }
    return {verb::other, ""};
}

// "CREATE UNIQUE INDEX" is tagged "CREATE INDEX", as PostgreSQL does.
std::string definition_tag(std::string_view first, tokens& all) {
    for (token t = all.next(); t.kind == token_kind::word; t = all.next()) {
        if (t.is("unique") || t.is("temp") || t.is("temporary") || t.is("virtual")) continue;
        return std::string{first} + " " + uppered(t.text);
    }
    return std::string{first};
}

}  // namespace

bool changes_rows(verb v) noexcept {
    return v == verb::insert || v == verb::update || v == verb::remove;
}

statement_kind kind_of(std::string_view sql) {
    tokens all{sql};
    token first = all.next();
    while (first.is_symbol(';') || first.is_symbol('(')) first = all.next();
    if (first.kind == token_kind::end) return {};
    if (first.is("with")) return kind_after_with(all);
    if (first.is("rollback")) {
        for (token t = all.next(); t.kind == token_kind::word; t = all.next()) {
            if (t.is("to")) return {verb::savepoint, "ROLLBACK"};
        }
        return {verb::rollback, "ROLLBACK"};
    }
    const verb_word* v = find_verb(first);
    if (v == nullptr) return {verb::other, uppered(first.text)};
    const bool names_a_thing =
        v->what == verb::define && (v->word == "create" || v->word == "drop" || v->word == "alter");
    return {v->what, names_a_thing ? definition_tag(v->tag, all) : std::string{v->tag}};
}

bool is_plain_vacuum(std::string_view sql) {
    tokens all{sql};
    token t = all.next();
    while (t.is_symbol(';')) t = all.next();
    if (!t.is("vacuum")) return false;
    for (t = all.next(); t.kind != token_kind::end; t = all.next()) {
        if (t.is("into")) return false;
    }
    return true;
}

bool is_blank(std::string_view sql) noexcept {
    tokens all{sql};
    token t = all.next();
    while (t.is_symbol(';')) t = all.next();
    return t.kind == token_kind::end;
}

}  // namespace ashlar::driver::sqlite
