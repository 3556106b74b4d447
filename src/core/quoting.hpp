// quoting.hpp: names and texts as parts of SQL that we write. The only quoting in the program; it is in core because the
// drivers, the test kit and the command line need it beside sql and route. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ashlar {

// Between two quotes, those inside doubled. A name may hold any byte but NUL, which no server accepts.
inline std::string between_quotes(char quote, std::string_view text) {
    std::string out(1, quote);
    for (const char c : text) out.append(c == quote ? 2 : 1, c);
    return out += quote;
}

// "name": PostgreSQL, SQLite, and MariaDB with ANSI_QUOTES.
inline std::string quoted_name(std::string_view name) {
    return between_quotes('"', name);
}
// `name`: MariaDB and MySQL.
inline std::string backquoted_name(std::string_view name) {
    return between_quotes('`', name);
}
// 'text' where backslashes are ordinary characters: SQLite, and PostgreSQL with standard_conforming_strings on.
inline std::string quoted_text(std::string_view text) {
    return between_quotes('\'', text);
}
// A literal that every PostgreSQL server reads as `text`, whatever standard_conforming_strings is. A text with backslashes is
// written E'…', after a blank: `…=E'` would otherwise be read as one word.
inline std::string quoted_literal(std::string_view text) {
    if (text.find('\\') == text.npos) return quoted_text(text);
    std::string out = " E'";
    for (const char c : text) out.append(c == '\'' || c == '\\' ? 2 : 1, c);
    return out += '\'';
}

}  // namespace ashlar
