// json_text.hpp: is a text JSON, as PostgreSQL's type json takes it? Pure.
#pragma once

#include <string_view>

namespace ashlar {

// Any value may stand alone; blanks may surround it. Nested more than some thousand deep it is none.
bool is_json(std::string_view text) noexcept;

}  // namespace ashlar
