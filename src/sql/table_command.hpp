// table_command.hpp: rewrites TABLE name as SELECT * FROM name. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::sql {

struct written_as_select {
    std::string text;
    std::size_t begin = 0;   // where TABLE was
    std::size_t longer = 0;  // the text behind it has moved by so many bytes
};

// For a statement that begins with TABLE, in parentheses or not; nullopt for any other.
std::optional<written_as_select> table_as_select(std::string_view text);

}  // namespace ashlar::sql
