// statement_words.hpp: what the session's own statements (BEGIN, SAVEPOINT a, SET …) say, word by word. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

// The words and quoted names of a short statement that is known to be grammatical; words in lower case, comments left out.
std::vector<std::string> words_of(std::string_view sql);
bool has(const std::vector<std::string>& words, std::string_view word);
// "… read only", "… read write" among a transaction's modes; untouched when neither is there.
void take_read_only(const std::vector<std::string>& words, std::optional<bool>& into);
// Without the blanks and semicolons that end it.
std::string without_end(std::string_view sql);

}  // namespace ashlar::proxy
