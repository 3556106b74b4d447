// text_to_binary.hpp: PostgreSQL's text form of a value → its binary form, for clients who ask for binary where the engine has
// text only (SQLite, Ashlar's own rows). A PostgreSQL server is asked for the format that the client wants instead. Pure.
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::codec {

// Types that text_to_binary() can write.
bool has_text_to_binary(std::uint32_t type) noexcept;
// The very bytes that PostgreSQL sends for the value, special values too. Fails with bad_value when the text is not of the
// type (dates in another style than ISO are not), and with unsupported for a type that it cannot write.
result<std::string> text_to_binary(std::string_view text, std::uint32_t type);

}  // namespace ashlar::codec
