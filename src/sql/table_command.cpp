#include "sql/table_command.hpp"

#include "sql/lexer.hpp"

namespace ashlar::sql {

std::optional<written_as_select> table_as_select(std::string_view text) {
    constexpr std::string_view word = "table", select = "SELECT * FROM";
    const auto all = tokens(text);
    for (const token& t : all) {
        if (t.kind == token_kind::symbol && text[t.begin] == '(') continue;
        if (!is_word(text, t, word)) return std::nullopt;
        written_as_select out{std::string{text}, t.begin, select.size() - word.size()};
        out.text.replace(t.begin, word.size(), select);
        return out;
    }
    return std::nullopt;
}

}  // namespace ashlar::sql
