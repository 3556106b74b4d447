// codec.hpp: cells of built-in types ↔ C++ numbers, in PostgreSQL's text and binary formats. Apart from value.hpp, which
// users hold: here the bytes are a server's or a client's, and nothing is copied that need not be. Pure.
//
// Failure   bad_value, for bytes that are not of the type (a server that lies, or a client's parameter).
#pragma once

#include "core/numeric.hpp"
#include "core/rows.hpp"

#include <ashlar/types.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ashlar {

// Numbers in network order. Precondition of the readers: enough bytes.
namespace wire {
inline std::uint16_t read16(std::string_view b) noexcept {
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(b[0]) << 8 | static_cast<std::uint8_t>(b[1]));
}
inline std::uint32_t read32(std::string_view b) noexcept {
    return static_cast<std::uint32_t>(read16(b)) << 16 | read16(b.substr(2));
}
inline std::uint64_t read64(std::string_view b) noexcept {
    return static_cast<std::uint64_t>(read32(b)) << 32 | read32(b.substr(4));
}
inline void append16(std::string& out, std::uint16_t v) {
    out += static_cast<char>(v >> 8);
    out += static_cast<char>(v);
}
inline void append32(std::string& out, std::uint32_t v) {
    append16(out, static_cast<std::uint16_t>(v >> 16));
    append16(out, static_cast<std::uint16_t>(v));
}
inline void append64(std::string& out, std::uint64_t v) {
    append32(out, static_cast<std::uint32_t>(v >> 32));
    append32(out, static_cast<std::uint32_t>(v));
}
}  // namespace wire

namespace codec {

constexpr bool is_integer(std::uint32_t type) noexcept {
    return type == oid::int2 || type == oid::int4 || type == oid::int8 || type == oid::oid;
}
constexpr bool is_float(std::uint32_t type) noexcept {
    return type == oid::float4 || type == oid::float8;
}
// Types whose bytes are characters, in either format.
constexpr bool is_text(std::uint32_t type) noexcept {
    return type == oid::text || type == oid::varchar || type == oid::bpchar || type == oid::name;
}
// "bigint", "timestamp with time zone"; "type with oid 3802" for what is not known here.
std::string type_name(std::uint32_t type);
// As RowDescription reports it: bytes of a fixed-size type, -1 for one that varies.
std::int16_t type_size(std::uint32_t type) noexcept;

result<bool> read_boolean(std::string_view bytes, cell_format format);
// Precondition: is_integer(type).
result<std::int64_t> read_integer(std::string_view bytes, std::uint32_t type, cell_format format);
// Precondition: is_float(type).
result<double> read_float(std::string_view bytes, std::uint32_t type, cell_format format);
result<numeric> read_numeric(std::string_view bytes, cell_format format);
result<uuid> read_uuid(std::string_view bytes, cell_format format);
// date, timestamp and timestamptz as PostgreSQL counts them (core/moment.hpp), which orders them. Text is read in ISO style
// only: another DateStyle is bad_value.
result<std::int64_t> read_moment(std::string_view bytes, std::uint32_t type, cell_format format);
result<std::string> read_bytea(std::string_view bytes, cell_format format);

// Appended in the given format. Integers as `type` (int2, int4, int8, oid), floats as float4 or float8.
void write_boolean(std::string& out, bool v, cell_format format);
void write_integer(std::string& out, std::int64_t v, std::uint32_t type, cell_format format);
void write_float(std::string& out, double v, std::uint32_t type, cell_format format);
void write_numeric(std::string& out, const numeric& v, cell_format format);

}  // namespace codec
}  // namespace ashlar
