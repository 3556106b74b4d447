// catalogue_text.hpp: a SELECT of PostgreSQL's system catalogue, as clients send it → the same for a scratch database of
// SQLite that holds tables of those names. Qualified names, casts, regular expressions and arrays are rewritten by their
// tokens; what has no like there is left, and SQLite refuses it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::sql {

std::string for_scratch_catalogue(std::string_view text);

}  // namespace ashlar::sql
