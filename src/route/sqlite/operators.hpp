// operators.hpp: PostgreSQL's rules for the types of operands, over the built-in types that a SQLite file can keep: which
// casts happen by themselves, which type several values have in common, what arithmetic gives. Pure.
#pragma once

#include "core/rows.hpp"

#include <cstdint>

namespace ashlar::route::sqlite {

// As pg_type.typcategory has them; `other` for uuid, bytea, json.
enum class category : std::uint8_t { none, number, text, boolean, moment, other };
category category_of(std::uint32_t type) noexcept;

bool is_integer(std::uint32_t type) noexcept;
bool is_float(std::uint32_t type) noexcept;
bool is_text(std::uint32_t type) noexcept;
// A type whose values have a stored form here.
bool is_supported(std::uint32_t type) noexcept;

// pg_cast's contexts. A type casts to itself.
bool casts_by_itself(std::uint32_t from, std::uint32_t to) noexcept;
bool casts_on_assignment(std::uint32_t from, std::uint32_t to) noexcept;

// select_common_type() of two types that are both known (CASE, COALESCE, UNION, IN …); 0 = they have none.
std::uint32_t common_type(std::uint32_t a, std::uint32_t b) noexcept;
// The type in which =, < and their kin compare two known types; 0 = there is no such operator.
std::uint32_t comparison_type(std::uint32_t a, std::uint32_t b) noexcept;
// Of + - * / % over two numbers; 0 = not numbers.
std::uint32_t arithmetic_type(std::uint32_t a, std::uint32_t b) noexcept;

}  // namespace ashlar::route::sqlite
