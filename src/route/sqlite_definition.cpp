#include "route/sqlite_definition.hpp"

#include "core/ascii.hpp"
#include "core/letter_case.hpp"
#include "sql/lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace ashlar::route {

namespace {

using sql::token_kind;

// The tokens of a definition, read from left to right.
class definition_text {
public:
    explicit definition_text(std::string_view text) : text_(text), tokens_(sql::tokens(text)) {}

    std::size_t size() const { return tokens_.size(); }
    const sql::token& operator[](std::size_t i) const { return tokens_[i]; }
    std::string_view text(std::size_t i) const {
        return text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
    }
    bool is_word(std::size_t i, std::string_view word) const {
        return i < size() && tokens_[i].kind == token_kind::word && equals_ignoring_case(text(i), word);
    }
    bool is_symbol(std::size_t i, char c) const {
        return i < size() && tokens_[i].kind == token_kind::symbol && text(i) == std::string_view{&c, 1};
    }
    // A name, without its quotes.
    std::string name(std::size_t i) const {
        if (i >= size()) return {};
        const std::string_view as_written = text(i);
        if (tokens_[i].kind != token_kind::quoted_word && tokens_[i].kind != token_kind::string)
            return std::string{as_written};
        std::string out;
        for (std::size_t c = 1; c + 1 < as_written.size(); ++c) {
            out += as_written[c];
            if (as_written[c] == as_written.front() && as_written[c + 1] == as_written.front()) ++c;
        }
        return out;
    }
    // Behind the bracket that closes the one at `i`.
    std::size_t behind(std::size_t i) const {
        const std::uint32_t depth = tokens_[i].depth;
        for (++i; i < size(); ++i) {
            if (tokens_[i].depth == depth && is_symbol(i, ')')) return i + 1;
        }
        return size();
    }
    // What stands between the bracket at `i` and the one that closes it.
    std::string inside(std::size_t i) const {
        const std::size_t end = behind(i);
        const std::size_t to = end > 0 && is_symbol(end - 1, ')') ? tokens_[end - 1].begin : text_.size();
        return std::string{trim(text_.substr(tokens_[i].end, to - tokens_[i].end))};
    }
    std::string rest(std::size_t i) const {
        return i >= size() ? std::string{} : std::string{trim(text_.substr(tokens_[i].begin))};
    }

private:
    std::string_view text_;
    std::vector<sql::token> tokens_;
};

// Calls `each` for every token of the definitions of columns and constraints, with the first token of its definition.
template <class Each>
void for_each_part(const definition_text& d, Each each) {
    std::size_t open = 0;
    while (open < d.size() && !(d.is_symbol(open, '(') && d[open].depth == 0)) ++open;
    if (open == d.size()) return;
    std::size_t begin = open + 1;
    const std::size_t end = d.behind(open);
    for (std::size_t i = begin; i + 1 < end; ++i) {
        if (d[i].depth != 1) continue;
        if (d.is_symbol(i, ',')) {
            begin = i + 1;
            continue;
        }
        each(i, begin);
    }
}

// The name that CONSTRAINT gives to what begins at `i`.
std::optional<std::string> given_name(const definition_text& d, std::size_t i) {
    if (i >= 2 && d.is_word(i - 2, "constraint")) return d.name(i - 1);
    return std::nullopt;
}

bool begins_constraint(const definition_text& d, std::size_t i) {
    return d.is_word(i, "constraint") || d.is_word(i, "check") || d.is_word(i, "foreign") || d.is_word(i, "primary") ||
           d.is_word(i, "unique");
}

}  // namespace

std::vector<shown_definition::check> checks_in(std::string_view create, const std::string& table) {
    const definition_text d{create};
    std::vector<shown_definition::check> out;
    for_each_part(d, [&](std::size_t i, std::size_t begin) {
        if (!d.is_word(i, "check") || !d.is_symbol(i + 1, '(')) return;
        shown_definition::check c;
        c.condition = d.inside(i + 1);
        if (const auto name = given_name(d, i)) {
            c.name = *name;
        } else {
            const std::string stem =
                begins_constraint(d, begin) ? table + "_check" : fmt::format("{}_{}_check", table, d.name(begin));
            c.name = stem;
            const auto taken = [&] {
                return std::any_of(out.begin(), out.end(), [&](const auto& each) { return each.name == c.name; });
            };
            for (int n = 1; taken(); ++n) c.name = stem + std::to_string(n);
        }
        out.push_back(std::move(c));
    });
    return out;
}

std::vector<std::string> foreign_key_names_in(std::string_view create) {
    const definition_text d{create};
    std::vector<std::string> out;
    for_each_part(d, [&](std::size_t i, std::size_t begin) {
        const bool of_table = d.is_word(i, "foreign");
        const bool of_column = d.is_word(i, "references") && !begins_constraint(d, begin);
        if (of_table || of_column) out.push_back(given_name(d, i).value_or(std::string{}));
    });
    return out;
}

std::string query_of_view(std::string_view create) {
    const definition_text d{create};
    for (std::size_t i = 0; i + 1 < d.size(); ++i) {
        if (d[i].depth == 0 && d.is_word(i, "as")) return d.rest(i + 1);
    }
    return {};
}

std::string predicate_of_index(std::string_view create) {
    const definition_text d{create};
    for (std::size_t i = 0; i + 1 < d.size(); ++i) {
        if (d[i].depth == 0 && d.is_word(i, "where")) return d.rest(i + 1);
    }
    return {};
}

std::string columns_of_index(std::string_view create) {
    const definition_text d{create};
    for (std::size_t i = 0; i < d.size(); ++i) {
        if (d[i].depth == 0 && d.is_symbol(i, '(')) return d.inside(i);
    }
    return {};
}

}  // namespace ashlar::route
