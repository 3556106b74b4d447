// catalogue_text.hpp: rewrites a SELECT on PostgreSQL's system catalogue, as clients send it, for a scratch SQLite database that
// has tables of the same names. It rewrites qualified names, casts, regular expressions and arrays, token by token. Constructs
// that SQLite does not have stay as they are, and SQLite refuses them. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::sql {

std::string for_scratch_catalogue(std::string_view text);

}  // namespace ashlar::sql
