// table_command.hpp: TABLE name, which is SELECT * FROM name. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::sql {

struct written_as_select {
    std::string text;
    std::size_t begin = 0;   // where TABLE stood
    std::size_t longer = 0;  // by so many bytes, from there on
};

// A statement that begins with TABLE, in parentheses or not; nullopt: it does not.
std::optional<written_as_select> table_as_select(std::string_view text);

}  // namespace ashlar::sql
