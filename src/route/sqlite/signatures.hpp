// signatures.hpp: PostgreSQL's functions that can mean the same over SQLite, by their types, with what is written for them.
// Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ashlar::route::sqlite {

// Types by a letter: t text, h smallint, i integer, I bigint, n numeric, f double precision, b boolean, d date, s timestamp,
// z timestamptz, T time, u uuid, y bytea, v interval.
struct signature {
    std::string_view name, arguments;
    char result;
    // {0} {1} … are the arguments. A numeric argument is decimal text, and so is a numeric result.
    // "" = PostgreSQL has the function, and there is nothing here that computes the same.
    std::string_view written;
};

std::span<const signature> signatures() noexcept;  // ordered by name
std::uint32_t type_of_letter(char letter) noexcept;

// Functions that only SQLite has: they compare and compute as SQLite does.
bool is_own_function(std::string_view name, std::size_t arguments) noexcept;
bool is_own_aggregate(std::string_view name) noexcept;

}  // namespace ashlar::route::sqlite
