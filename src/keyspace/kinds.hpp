// kinds.hpp: the names of shard functions and key types. Small, since half the house includes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ashlar::keyspace {

enum class function_kind : std::uint8_t { modulo, ring, hash, range, list };
// integer covers int2/int4/int8, which hash alike. timestamp is timestamptz; without a zone it is taken as UTC.
enum class key_type : std::uint8_t { integer, uuid, text, timestamp, date };

std::string_view name_of(function_kind kind) noexcept;
std::string_view name_of(key_type type) noexcept;
std::optional<function_kind> function_named(std::string_view name) noexcept;
std::optional<key_type> key_type_named(std::string_view name) noexcept;  // "integer", "bigint", "uuid", "text", …

}  // namespace ashlar::keyspace
