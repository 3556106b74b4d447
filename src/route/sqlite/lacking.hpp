// lacking.hpp: definitions and commands of PostgreSQL's for which SQLite has nothing, whoever they would go to. Private to this room.
#pragma once

#include <ashlar/error.hpp>

#include <optional>
#include <string_view>

namespace ashlar::route::sqlite {

// "SQLite has no CREATE FUNCTION", with what to do in its place; nothing for what SQLite has, in whatever form.
std::optional<error> lacking(std::string_view text);
// The same for what SQLite would take and not do: `id serial`, a type that numbers nothing there. Quick to say no.
std::optional<error> misread(std::string_view text);

}  // namespace ashlar::route::sqlite
