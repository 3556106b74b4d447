// binary_format.hpp: PostgreSQL's text form of a value → its binary form, for clients who ask for binary results of rows that
// we have as text (SQLite's, merged ones). Pure.
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::proxy {

// Types that to_binary() can write.
bool has_binary_format(std::uint32_t type) noexcept;
// Appends the value's binary form. Fails with bad_value when the text is not of the type.
status to_binary(std::string_view text, std::uint32_t type, std::string& into);

}  // namespace ashlar::proxy
