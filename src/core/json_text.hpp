// json_text.hpp: JSON as text: is a text JSON, as PostgreSQL's type json takes it; and texts as JSON strings. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ashlar {

// Any value may stand alone; blanks may surround it. Nested more than some thousand deep it is none.
bool is_json(std::string_view text) noexcept;

// In quotes. Control characters are escaped, and what is not UTF-8 becomes U+FFFD, so that the result always is JSON.
std::string json_string(std::string_view text);
void append_json_string(std::string& to, std::string_view text);

}  // namespace ashlar
