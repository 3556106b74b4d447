#include "keyspace/key.hpp"

#include "keyspace/key_text.hpp"

#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

namespace ashlar::keyspace {

namespace {

constexpr std::int64_t microseconds_to_2000 = 946'684'800'000'000;
constexpr std::int64_t days_to_2000 = 10'957;

error no_key(std::string_view given, key_type type) {
    error e{errc::key_invalid, fmt::format("{} is not a shard key of type {}", given, name_of(type))};
    // The server may know what is meant, by settings of the session that are not known here.
    if (type == key_type::timestamp) e.sqlstate("0A000").hint("Write it with its offset: 2024-02-29 12:30:00+00.");
    if (type == key_type::date) e.sqlstate("0A000").hint("Write it as year-month-day: 2024-02-29.");
    return e;
}

std::string shown(std::string_view text) {
    constexpr std::size_t enough = 60;
    return text.size() <= enough ? fmt::format("'{}'", text) : fmt::format("'{}…'", text.substr(0, enough));
}

// A float that equals one integer and no other.
std::optional<std::int64_t> exact_integer(double number) {
    constexpr double beyond = 9'007'199'254'740'992.0;  // 2^53
    if (!(std::fabs(number) < beyond) || number != std::trunc(number)) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

template <class Unsigned>
Unsigned big_endian(std::string_view bytes) {
    Unsigned value = 0;
    for (char c : bytes) value = static_cast<Unsigned>((value << 8) | static_cast<std::uint8_t>(c));
    return value;
}

std::optional<std::int64_t> signed_of(std::string_view bytes) {
    switch (bytes.size()) {
        case 2:
            return static_cast<std::int16_t>(big_endian<std::uint16_t>(bytes));
        case 4:
            return static_cast<std::int32_t>(big_endian<std::uint32_t>(bytes));
        case 8:
            return static_cast<std::int64_t>(big_endian<std::uint64_t>(bytes));
        default:
            return std::nullopt;
    }
}

// PostgreSQL's binary numeric: count, weight, sign, scale, then base-10000 digits. nullopt unless a whole int64.
std::optional<std::int64_t> integer_of_numeric(std::string_view bytes) {
    if (bytes.size() < 8 || bytes.size() % 2) return std::nullopt;
    auto word = [&](std::size_t i) { return big_endian<std::uint16_t>(bytes.substr(2 * i, 2)); };
    const std::size_t count = word(0);
    const int weight = static_cast<std::int16_t>(word(1));
    const std::uint16_t sign = word(2);
    if (bytes.size() != 8 + 2 * count || (sign != 0 && sign != 0x4000) || weight > 4) return std::nullopt;
    __extension__ __int128 total = 0;
    for (int place = 0; place <= weight || place < static_cast<int>(count); ++place) {
        const std::uint16_t digit = place < static_cast<int>(count) ? word(4 + static_cast<std::size_t>(place)) : 0;
        if (digit > 9999) return std::nullopt;
        if (place > weight) {
            if (digit != 0) return std::nullopt;  // a fraction
        } else {
            total = total * 10'000 + digit;
        }
    }
    if (sign) total = -total;
    if (total < std::numeric_limits<std::int64_t>::min() || total > std::numeric_limits<std::int64_t>::max()) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(total);
}

std::optional<std::int64_t> integer_of_binary(std::string_view bytes, std::uint32_t type) {
    switch (type) {
        case 0:
            return signed_of(bytes);
        case oid::int2:
            return bytes.size() == 2 ? signed_of(bytes) : std::nullopt;
        case oid::int4:
            return bytes.size() == 4 ? signed_of(bytes) : std::nullopt;
        case oid::int8:
            return bytes.size() == 8 ? signed_of(bytes) : std::nullopt;
        case oid::float8:
            if (bytes.size() != 8) return std::nullopt;
            return exact_integer(std::bit_cast<double>(big_endian<std::uint64_t>(bytes)));
        case oid::numeric:
            return integer_of_numeric(bytes);
        default:
            return std::nullopt;
    }
}

std::int64_t since_2000(timestamp t) {
    if (t == timestamp::max() || t == timestamp::min()) return t.time_since_epoch().count();
    return t.time_since_epoch().count() - microseconds_to_2000;
}

// Text keys are what servers can store as text: no zero bytes.
bool storable(std::string_view text) {
    return text.find('\0') == std::string_view::npos;
}

}  // namespace

result<key> key::from(const value& v, key_type type) {
    if (v.is_null()) return error{errc::shard_key_null};
    const value::held& held = v.get();
    if (const auto* text = std::get_if<std::string>(&held)) return from_text(*text, type);
    switch (type) {
        case key_type::integer:
            if (const auto* i = std::get_if<std::int64_t>(&held)) return key{type, *i};
            if (const auto* d = std::get_if<double>(&held)) {
                if (auto whole = exact_integer(*d)) return key{type, *whole};
            }
            if (const auto* n = std::get_if<decimal>(&held)) {
                if (auto whole = read_integer(n->to_string())) return key{type, *whole};
            }
            break;
        case key_type::uuid:
            if (const auto* id = std::get_if<ashlar::uuid>(&held)) return key{type, id->bytes()};
            break;
        case key_type::text:  // what an engine stores of these in a text column is their text
            if (const auto* i = std::get_if<std::int64_t>(&held)) return key{type, std::to_string(*i)};
            if (const auto* id = std::get_if<ashlar::uuid>(&held)) return key{type, id->to_string()};
            break;
        case key_type::timestamp:
            if (const auto* t = std::get_if<ashlar::timestamp>(&held)) return key{type, since_2000(*t)};
            break;
        case key_type::date:
            if (const auto* d = std::get_if<ashlar::date>(&held)) {
                return key{type, static_cast<std::int64_t>(d->time_since_epoch().count()) - days_to_2000};
            }
            break;
    }
    return no_key(v.to_text().value_or("NULL"), type);
}

result<key> key::from_text(std::string_view text, key_type type) {
    return read(text, type, false);
}

result<key> key::from_configuration(std::string_view text, key_type type) {
    return read(text, type, true);
}

result<key> key::read(std::string_view text, key_type type, bool none_means_utc) {
    std::optional<std::int64_t> number;
    switch (type) {
        case key_type::text:
            if (!storable(text)) return no_key("a text with a zero byte", type);
            return key{type, std::string{text}};
        case key_type::uuid: {
            auto id = ashlar::uuid::parse(text);
            if (!id) return no_key(shown(text), type);
            return key{type, id->bytes()};
        }
        case key_type::integer:
            number = read_integer(text);
            break;
        case key_type::timestamp:
            number = read_timestamp(text, none_means_utc);
            break;
        case key_type::date:
            number = read_date(text);
            break;
    }
    if (!number) return no_key(shown(text), type);
    return key{type, *number};
}

result<key> key::from_binary(std::string_view bytes, std::uint32_t parameter_type, key_type type) {
    const std::uint32_t given = parameter_type;
    if (given == oid::unknown) return from_text(bytes, type);
    switch (type) {
        case key_type::integer:
            if (auto whole = integer_of_binary(bytes, given)) return key{type, *whole};
            break;
        case key_type::uuid:
            if ((given == 0 || given == oid::uuid) && bytes.size() == 16) {
                std::array<std::uint8_t, 16> id{};
                for (std::size_t i = 0; i < 16; ++i) id[i] = static_cast<std::uint8_t>(bytes[i]);
                return key{type, id};
            }
            break;
        case key_type::text:
            if ((given == 0 || given == oid::text || given == oid::varchar) && storable(bytes)) {
                return key{type, std::string{bytes}};
            }
            break;
        case key_type::timestamp:
            if ((given == 0 || given == oid::timestamptz) && bytes.size() == 8) return key{type, *signed_of(bytes)};
            break;
        case key_type::date:
            if ((given == 0 || given == oid::date) && bytes.size() == 4) return key{type, *signed_of(bytes)};
            break;
    }
    return no_key(fmt::format("a binary parameter of type {} and {} bytes", given, bytes.size()), type);
}

std::string key::to_string() const {
    switch (type_) {
        case key_type::integer:
            return std::to_string(integer());
        case key_type::uuid:
            return ashlar::uuid{uuid_bytes()}.to_string();
        case key_type::text:
            return text();
        case key_type::timestamp:
            return timestamp_text(integer());
        case key_type::date:
            return date_text(integer());
    }
    return {};
}

}  // namespace ashlar::keyspace
