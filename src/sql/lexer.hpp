// lexer.hpp: our own one-pass lexer for PostgreSQL's SQL. It serves the plan cache's normal form, splitting a text into
// statements, the guards of length and depth, and splicing. It never fails: on text that it does not understand it stops
// with `understood = false`, and the caller then uses the parser. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::sql {

struct span {
    std::size_t begin = 0, end = 0;  // bytes of the text
    friend bool operator==(const span&, const span&) = default;
};

enum class token_kind : std::uint8_t {
    word,         // identifier or keyword, as written
    quoted_word,  // "identifier"
    number,
    string,     // '…', E'…', B'…', X'…', N'…', U&'…', $tag$…$tag$
    parameter,  // $1
    symbol,     // one byte of punctuation or of an operator; `::` comes as one token
    broken,     // an unclosed quote or comment: reaches to the end of the text
};

struct token : span {
    token_kind kind = token_kind::symbol;
    std::uint32_t depth = 0;  // of parentheses and brackets around it; a bracket itself has the depth outside
};

// All tokens but blanks and comments.
std::vector<token> tokens(std::string_view text, bool standard_conforming_strings = true);

// The byte ranges of the statements in a text, without their semicolons; empty ones (only blanks and comments) are kept,
// marked. An unclosed quote or comment makes the rest one statement, for the parser to refuse. A semicolon within
// parentheses (CREATE RULE) or within BEGIN ATOMIC … END does not end a statement.
struct statement_span : span {
    bool empty = false;
};
std::vector<statement_span> split(std::string_view text, bool standard_conforming_strings = true);

struct normalised {
    bool understood = false;
    bool has_comments = false;
    std::string text;            // literals replaced by ?, blanks and comments folded to one blank
    std::vector<span> literals;  // where they were in the original
    std::uint64_t hash = 0;      // xxh3 of text
};
normalised normalise(std::string_view text, bool standard_conforming_strings = true);
// The same into `out`, whose memory is used again.
void normalise(std::string_view text, bool standard_conforming_strings, normalised& out);

// A lower bound of how deeply parentheses, brackets, CASEs and chains of operators nest; it stops counting at `enough`. A
// chain (1+1+1…) counts one level for each operator, because the parser's tree is as deep as the chain is long. Chains of
// AND and of OR count as one level, because the parser keeps them flat.
std::size_t nesting(std::string_view text, std::size_t enough);

// True when `word` (any case) is the keyword `lower`.
bool is_word(std::string_view text, const token& t, std::string_view lower) noexcept;

}  // namespace ashlar::sql
