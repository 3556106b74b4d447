// types.hpp: what the planner can tell of an expression's type, and which types a shard key's equality carries over.
// Pure. A type that cannot be told for certain is 0, and everybody who decides by it is then careful.
#pragma once

#include "core/rows.hpp"
#include "route/catalogue.hpp"
#include "sql/facts.hpp"

#include <cstdint>
#include <string_view>

namespace ashlar::route {

// The oid of a type as the grammar names it (int4, text, timestamptz …); 0 = unknown here, or an array.
std::uint32_t type_named(const sql::type_name& type);
// A type of PostgreSQL's own, or an array of one, whose name and number are the same on every server.
bool is_builtin_type(const sql::type_name& type);

// The types that name objects and hold their oids: "regclass" for regclass and its arrays; "" for what is none of them.
std::string_view object_type_name(std::uint32_t type) noexcept;
bool is_object_array(std::uint32_t type) noexcept;
bool is_object_type(const sql::type_name& type) noexcept;  // or an array
bool holds_objects(const column_facts& column) noexcept;   // itself, or in parts of a type of the user's own

bool is_text_like(std::uint32_t type) noexcept;
// Is it text, or an array of it, so that a collation says how values are compared?
bool is_collated(std::uint32_t type) noexcept;
// By which a column's values are compared: of a domain the type below it. 0: not built in.
std::uint32_t compared_type(const column_facts& column) noexcept;
bool is_number(std::uint32_t type) noexcept;

// Whether equality of two values of these types means that they are the same shard key: columns that may stand in one
// class of equal values with a shard key of this type.
bool carries_key(std::uint32_t column_type, const collation& text, keyspace::key_type key) noexcept;

}  // namespace ashlar::route
