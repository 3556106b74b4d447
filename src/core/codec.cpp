#include "core/codec.hpp"

#include "core/ascii.hpp"
#include "core/bad_value.hpp"
#include "core/float_text.hpp"
#include "core/moment.hpp"

#include <charconv>
#include <cmath>
#include <limits>

namespace ashlar::codec {

namespace {

struct type_facts {
    std::uint32_t type;
    std::string_view name;
    std::int16_t size;
};
constexpr type_facts known_types[] = {
    {oid::boolean, "boolean", 1},
    {oid::bytea, "bytea", -1},
    {oid::char1, "\"char\"", 1},
    {oid::name, "name", 64},
    {oid::int8, "bigint", 8},
    {oid::int2, "smallint", 2},
    {oid::int4, "integer", 4},
    {oid::text, "text", -1},
    {oid::oid, "oid", 4},
    {oid::json, "json", -1},
    {oid::xml, "xml", -1},
    {oid::float4, "real", 4},
    {oid::float8, "double precision", 8},
    {oid::unknown, "unknown", -2},
    {oid::inet, "inet", -1},
    {oid::bpchar, "character", -1},
    {oid::varchar, "character varying", -1},
    {oid::date, "date", 4},
    {oid::time, "time without time zone", 8},
    {oid::timestamp, "timestamp without time zone", 8},
    {oid::timestamptz, "timestamp with time zone", 8},
    {oid::interval, "interval", 16},
    {oid::timetz, "time with time zone", 12},
    {oid::bit, "bit", -1},
    {oid::varbit, "bit varying", -1},
    {oid::numeric, "numeric", -1},
    {oid::uuid, "uuid", 16},
    {oid::jsonb, "jsonb", -1},
};

const type_facts* find(std::uint32_t type) noexcept {
    for (const type_facts& t : known_types) {
        if (t.type == type) return &t;
    }
    return nullptr;
}

error wrong_size(std::uint32_t type, std::size_t size) {
    return error{errc::bad_value,
                 "invalid " + type_name(type) + " in binary format: " + std::to_string(size) + " bytes"};
}

struct bounds {
    std::int64_t min, max;
};
bounds range_of(std::uint32_t type) {
    switch (type) {
        case oid::int2:
            return {INT16_MIN, INT16_MAX};
        case oid::int4:
            return {INT32_MIN, INT32_MAX};
        case oid::oid:
            return {0, UINT32_MAX};
        default:
            return {INT64_MIN, INT64_MAX};
    }
}

}  // namespace

std::string type_name(std::uint32_t type) {
    const type_facts* t = find(type);
    return t != nullptr ? std::string{t->name} : "type with oid " + std::to_string(type);
}

std::int16_t type_size(std::uint32_t type) noexcept {
    const type_facts* t = find(type);
    return t != nullptr ? t->size : static_cast<std::int16_t>(-1);
}

result<bool> read_boolean(std::string_view bytes, cell_format format) {
    if (format == cell_format::binary) {
        if (bytes.size() != 1) return wrong_size(oid::boolean, bytes.size());
        return bytes[0] != 0;
    }
    const std::string_view text = trim(bytes);
    for (const std::string_view yes : {"t", "true", "1", "yes", "on", "y"}) {
        if (equals_ignoring_case(text, yes)) return true;
    }
    for (const std::string_view no : {"f", "false", "0", "no", "off", "n"}) {
        if (equals_ignoring_case(text, no)) return false;
    }
    return bad_value("boolean", bytes);
}

result<std::int64_t> read_integer(std::string_view bytes, std::uint32_t type, cell_format format) {
    if (format == cell_format::binary) {
        if (bytes.size() != static_cast<std::size_t>(type_size(type))) return wrong_size(type, bytes.size());
        switch (type) {
            case oid::int2:
                return static_cast<std::int64_t>(static_cast<std::int16_t>(wire::read16(bytes)));
            case oid::int4:
                return static_cast<std::int64_t>(static_cast<std::int32_t>(wire::read32(bytes)));
            case oid::oid:
                return static_cast<std::int64_t>(wire::read32(bytes));
            default:
                return static_cast<std::int64_t>(wire::read64(bytes));
        }
    }
    std::string_view text = trim(bytes);
    if (text.size() > 1 && text[0] == '+' && is_digit(text[1])) text.remove_prefix(1);
    std::int64_t v = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (failed == std::errc::result_out_of_range ||
        (failed == std::errc{} && (v < range_of(type).min || v > range_of(type).max))) {
        return bad_value(type_name(type), bytes, "The value is out of range.").sqlstate("22003");
    }
    if (failed != std::errc{} || end != text.data() + text.size()) return bad_value(type_name(type), bytes);
    return v;
}

result<double> read_float(std::string_view bytes, std::uint32_t type, cell_format format) {
    if (format == cell_format::binary) {
        if (bytes.size() != static_cast<std::size_t>(type_size(type))) return wrong_size(type, bytes.size());
        if (type == oid::float4) return static_cast<double>(std::bit_cast<float>(wire::read32(bytes)));
        return std::bit_cast<double>(wire::read64(bytes));
    }
    if (type == oid::float4) {
        const auto v = parse_float4(bytes);
        if (!v) return bad_value("real", bytes);
        return static_cast<double>(*v);
    }
    const auto v = parse_float8(bytes);
    if (!v) return bad_value("double precision", bytes);
    return *v;
}

result<numeric> read_numeric(std::string_view bytes, cell_format format) {
    return format == cell_format::binary ? numeric::from_binary(bytes) : numeric::from_text(bytes);
}

result<uuid> read_uuid(std::string_view bytes, cell_format format) {
    if (format == cell_format::text) return uuid::parse(bytes);
    std::array<std::uint8_t, 16> raw{};
    if (bytes.size() != raw.size()) return wrong_size(oid::uuid, bytes.size());
    std::memcpy(raw.data(), bytes.data(), raw.size());
    return uuid{raw};
}

result<std::int64_t> read_moment(std::string_view bytes, std::uint32_t type, cell_format format) {
    if (format == cell_format::text) {
        return type == oid::date ? days_since_2000(bytes) : microseconds_since_2000(bytes);
    }
    if (bytes.size() != static_cast<std::size_t>(type_size(type))) return wrong_size(type, bytes.size());
    if (type == oid::date) {
        const auto days = static_cast<std::int32_t>(wire::read32(bytes));
        if (days == INT32_MAX) return INT64_MAX;
        if (days == INT32_MIN) return INT64_MIN;
        return static_cast<std::int64_t>(days);
    }
    return static_cast<std::int64_t>(wire::read64(bytes));
}

result<std::string> read_bytea(std::string_view bytes, cell_format format) {
    if (format == cell_format::binary) return std::string{bytes};
    auto parsed = parse_bytes(bytes);
    if (!parsed) return std::move(parsed).error();
    return std::string{parsed->data.begin(), parsed->data.end()};
}

void write_boolean(std::string& out, bool v, cell_format format) {
    out += format == cell_format::binary ? static_cast<char>(v) : v ? 't' : 'f';
}

void write_integer(std::string& out, std::int64_t v, std::uint32_t type, cell_format format) {
    if (format == cell_format::text) {
        out += std::to_string(v);
    } else if (type == oid::int2) {
        wire::append16(out, static_cast<std::uint16_t>(v));
    } else if (type == oid::int4 || type == oid::oid) {
        wire::append32(out, static_cast<std::uint32_t>(v));
    } else {
        wire::append64(out, static_cast<std::uint64_t>(v));
    }
}

void write_float(std::string& out, double v, std::uint32_t type, cell_format format) {
    if (std::isnan(v))
        v = std::numeric_limits<double>::quiet_NaN();  // sums of infinities carry a sign that PostgreSQL has not
    if (type == oid::float4) {
        const auto single = static_cast<float>(v);
        if (format == cell_format::text) {
            out += float_text(single);
        } else {
            wire::append32(out, std::bit_cast<std::uint32_t>(single));
        }
    } else if (format == cell_format::text) {
        out += float_text(v);
    } else {
        wire::append64(out, std::bit_cast<std::uint64_t>(v));
    }
}

void write_numeric(std::string& out, const numeric& v, cell_format format) {
    out += format == cell_format::binary ? v.to_binary() : v.to_text();
}

}  // namespace ashlar::codec
