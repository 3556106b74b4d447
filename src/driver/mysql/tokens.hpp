// tokens.hpp: MySQL's text, cut into tokens as MySQL cuts it, and our $1 turned into its ?. Pure.
//
// How a text is cut hangs on the session's sql_mode: whether a backslash escapes inside quotes, and whether double quotes
// hold a name or a string. The server reports both with every answer. The tokens never fail: an unclosed quote or comment
// reaches to the end, where the server refuses it.
#pragma once

#include <ashlar/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::driver::mysql {

struct quoting {
    bool backslash_escapes = false;  // off under NO_BACKSLASH_ESCAPES, which our sessions have
    bool ansi_quotes = true;         // "x" is a name; else it is a string

    friend bool operator==(const quoting&, const quoting&) = default;
};

enum class token_kind : std::uint8_t {
    word,         // keywords and names; may hold digits and $, as in a$1
    quoted_word,  // `x`, and "x" under ANSI_QUOTES
    string,       // without a prefix such as x or _utf8mb4, which is a word of its own
    number,
    parameter,   // $1
    marker,      // ?
    executable,  // /*! or /*M!: a comment that MySQL runs. The tokens after it are the comment's
    symbol,      // one character
    end
};

struct token {
    token_kind kind = token_kind::end;
    std::string_view text;  // as it stands, quotes included
    std::size_t offset = 0;

    bool is(std::string_view keyword) const noexcept;  // a bare word, in any case; `keyword` in lower case
    bool is_symbol(char c) const noexcept { return kind == token_kind::symbol && text[0] == c; }
};

class tokens {
public:
    tokens(std::string_view sql, quoting how) noexcept : sql_(sql), how_(how) {}
    token next() noexcept;  // blanks and comments are passed over

private:
    bool skip_blanks() noexcept;
    std::size_t after_quote(std::size_t from, char close, bool escapes) const noexcept;
    const std::string_view sql_;
    const quoting how_;
    std::size_t at_ = 0;
};

// A statement as the server gets it.
struct placed {
    std::string text;                   // each $n replaced by ?
    std::vector<std::uint16_t> places;  // for each ?, in order: which of our parameters it takes, from 0
};
// Refuses a ? of the caller's own and comments that MySQL executes, whose ends hang on the server's version.
result<placed> place_parameters(std::string_view sql, quoting how);

// The statements of a script, cut at the semicolons outside of quotes. A routine's body is cut, too: good enough to look
// at the words that statements begin with, not to run them.
std::vector<std::string_view> cut_script(std::string_view script, quoting how);

}  // namespace ashlar::driver::mysql
