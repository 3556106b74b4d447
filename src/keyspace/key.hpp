// key.hpp: a shard key in canonical form: values equal in SQL give the same key, however they were spelled.
//
// 7, '7', ' 7', 7.0 (numeric), binary int2/int4/int8 → integer 7. Upper-case UUIDs, UUIDs in braces → the same 128
// bits. What is not certain is refused: char(n), whose trailing blanks do not count; a timestamp without its offset,
// which the server would read in the session's time zone; a float beyond 2^53, which equals several integers.
//
// Pure; a key is a regular value, ordered as PostgreSQL orders its type (text: by bytes).
#pragma once

#include "core/rows.hpp"
#include "keyspace/kinds.hpp"

#include <ashlar/value.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace ashlar::keyspace {

class key {
public:
    key() noexcept : held_(std::int64_t{0}) {}  // integer 0

    // Fails with key_invalid (not of this type), shard_key_null (NULL).
    static result<key> from(const value& v, key_type type);
    // A literal's or text parameter's spelling, read as PostgreSQL's input function of the type reads it.
    static result<key> from_text(std::string_view text, key_type type);
    // A parameter in binary format, of the given PostgreSQL type (0 = not declared: as the key's own type).
    static result<key> from_binary(std::string_view bytes, std::uint32_t parameter_type, key_type type);
    // A bound or value in the configuration: as from_text, but a timestamp without an offset is UTC, since no session's
    // time zone stands behind it.
    static result<key> from_configuration(std::string_view text, key_type type);

    key_type type() const noexcept { return type_; }
    // integer; timestamp: microseconds since 2000-01-01 UTC; date: days since 2000-01-01. Infinities: int64's extremes,
    // for dates int32's, as on the wire.
    std::int64_t integer() const noexcept { return *std::get_if<std::int64_t>(&held_); }
    const std::array<std::uint8_t, 16>& uuid_bytes() const noexcept {
        return *std::get_if<std::array<std::uint8_t, 16>>(&held_);
    }
    const std::string& text() const noexcept { return *std::get_if<std::string>(&held_); }
    std::string to_string() const;  // canonical: what the ring hashes

    friend bool operator==(const key&, const key&) = default;
    friend auto operator<=>(const key&, const key&) = default;

private:
    template <class Held>
    key(key_type type, Held&& held) : type_(type), held_(std::forward<Held>(held)) {}
    static result<key> read(std::string_view text, key_type type, bool none_means_utc);

    key_type type_ = key_type::integer;
    std::variant<std::int64_t, std::array<std::uint8_t, 16>, std::string> held_;
};

}  // namespace ashlar::keyspace
