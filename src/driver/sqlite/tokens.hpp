// tokens.hpp: SQLite's text, cut into tokens as SQLite cuts it. For what must be known of a statement before SQLite has
// it: its verb, and where its tables stand. It never fails; an unclosed quote or comment reaches to the end. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::driver::sqlite {

enum class token_kind : std::uint8_t { word, quoted_word, string, number, parameter, symbol, end };

struct token {
    token_kind kind = token_kind::end;
    std::string_view text;  // as it stands, quotes included
    std::size_t offset = 0;

    bool is(std::string_view keyword) const noexcept;  // a bare word, in any case; `keyword` in lower case
    bool is_symbol(char c) const noexcept { return kind == token_kind::symbol && text.size() == 1 && text[0] == c; }
    bool is_name() const noexcept { return kind == token_kind::word || kind == token_kind::quoted_word; }
    std::string name() const;  // of a word, without its quotes
};

class tokens {
public:
    explicit tokens(std::string_view sql) noexcept : sql_(sql) {}
    token next() noexcept;  // blanks and comments are passed over

private:
    void skip_blanks() noexcept;
    std::string_view sql_;
    std::size_t at_ = 0;
};

// What a statement does, by its words alone.
enum class verb : std::uint8_t {
    none,    // nothing but blanks and comments
    select,  // SELECT, VALUES, EXPLAIN, WITH … SELECT
    insert,  // REPLACE too
    update,
    remove,
    define,  // CREATE, DROP, ALTER, REINDEX, ANALYZE
    begin,
    commit,     // END too
    rollback,   // the whole transaction
    savepoint,  // SAVEPOINT, RELEASE, ROLLBACK TO
    other,      // PRAGMA, VACUUM, ATTACH …: SQLite knows
};

struct statement_kind {
    verb what = verb::none;
    std::string tag;  // PostgreSQL's command tag, without counts: "INSERT 0", "CREATE TABLE"
};
statement_kind kind_of(std::string_view sql);
// VACUUM of the file itself; VACUUM INTO writes another one.
bool is_plain_vacuum(std::string_view sql);

bool changes_rows(verb v) noexcept;

// True when nothing but blanks, comments and semicolons is there.
bool is_blank(std::string_view sql) noexcept;

}  // namespace ashlar::driver::sqlite
