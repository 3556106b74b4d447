// types.hpp: the SQL types that C++ has no word for: uuid, decimal, date, timestamp, bytes, json.
//
// All are regular values: copied, compared, hashed where that makes sense, thread-safe as any value. Text forms are
// PostgreSQL's (ISO date style). Parsing never throws: bad input is errc::bad_value, quoting what was given.
#pragma once

#include <ashlar/result.hpp>

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar {

// 128 bits, most significant byte first, as RFC 9562 writes them.
class uuid {
public:
    constexpr uuid() noexcept = default;  // the nil UUID
    constexpr explicit uuid(const std::array<std::uint8_t, 16>& bytes) noexcept : bytes_(bytes) {}

    // Version 4, from the operating system's random source.
    static uuid random();
    // Version 7 (RFC 9562): 48 bits of Unix milliseconds, then random bits; ids made later sort later.
    static uuid time_ordered();
    // Every spelling that PostgreSQL takes: any case, in braces or not, hyphens after any group of four digits or none.
    static result<uuid> parse(std::string_view text);

    std::string to_string() const;  // lower case, 8-4-4-4-12
    constexpr const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }

    friend constexpr auto operator<=>(const uuid&, const uuid&) noexcept = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
};

// A numeric exactly as SQL has it: a sign, any number of digits, a scale (digits after the point, kept: 1.50 is not
// written 1.5), or NaN, or ±Infinity. Equality and order are by value: 1.5 equals 1.50; NaN equals itself and is
// greater than everything, as in PostgreSQL.
class decimal {
public:
    decimal() : decimal(0) {}
    decimal(std::int64_t whole) : digits_(std::to_string(whole)) {}  // NOLINT: an integer is a decimal

    static result<decimal> parse(std::string_view text);

    const std::string& to_string() const noexcept { return digits_; }
    double to_double() const;
    int scale() const noexcept;
    bool is_nan() const noexcept { return digits_ == "NaN"; }

    friend bool operator==(const decimal& a, const decimal& b) noexcept { return (a <=> b) == 0; }
    friend std::weak_ordering operator<=>(const decimal& a, const decimal& b) noexcept;

private:
    std::string digits_;  // canonical: [-]digits[.digits], no leading zeros but one, no "-0"
};

// Microseconds, or days, since 1970-01-01 00:00 UTC. min() and max() of either stand for -infinity and infinity.
using timestamp = std::chrono::sys_time<std::chrono::microseconds>;
using date = std::chrono::sys_days;

std::string to_string(timestamp t);                        // "2026-11-22 12:30:00.25+00"
std::string to_string(date d);                             // "2026-11-22"
result<timestamp> parse_timestamp(std::string_view text);  // with or without an offset; none means UTC
result<date> parse_date(std::string_view text);

// bytea. A type of its own, so that text and bytes are never mistaken for each other.
struct bytes {
    std::vector<std::uint8_t> data;
    friend bool operator==(const bytes&, const bytes&) = default;
};
std::string to_string(const bytes& b);             // "\x68656c6c6f"
result<bytes> parse_bytes(std::string_view text);  // PostgreSQL's hex and escape forms

// A document, kept as its text.
struct json {
    std::string text;
    friend bool operator==(const json&, const json&) = default;
};

}  // namespace ashlar

template <>
struct std::hash<ashlar::uuid> {
    std::size_t operator()(const ashlar::uuid& id) const noexcept;
};
