// declared_type.hpp: PostgreSQL's type for a column type as a SQLite table declares it. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace ashlar::driver {

// "INTEGER" → int8, "varchar(20)" → varchar, "numeric(10,2)" → numeric, … SQLite takes any words: what is
// unknown is text.
std::uint32_t type_of_declaration(std::string_view declared) noexcept;

}  // namespace ashlar::driver
