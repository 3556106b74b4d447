// order_bytes.hpp: values written so that comparing the bytes is comparing the values. Every key of merging, grouping and
// sorting is made of these, so that one memcmp does what the server's comparison functions do. Apart from key_order,
// which knows columns and types: here are only values. Pure.
//
// Each form ends by itself (fixed size, or a terminator), so that forms can be joined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::merge::order_bytes {

void append_integer(std::string& out, std::int64_t v);
// -0.0 equals 0.0; every NaN is equal and greater than Infinity.
void append_float(std::string& out, double v);
// Any text that ashlar::decimal gives: 1.5 equals 1.50; -Infinity < … < Infinity < NaN.
void append_numeric(std::string& out, std::string_view canonical);
// Characters or raw bytes, compared as unsigned; a prefix comes first.
void append_bytes(std::string& out, std::string_view bytes);
// SQLite compares an integer with a real exactly, beyond 2^53 too.
void append_sqlite_integer(std::string& out, std::int64_t v);
void append_sqlite_real(std::string& out, double v);

// Turns the order of what stands from `begin` on round.
void reverse(std::string& out, std::size_t begin);

}  // namespace ashlar::merge::order_bytes
