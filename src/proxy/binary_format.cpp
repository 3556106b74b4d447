#include "proxy/binary_format.hpp"

#include "core/rows.hpp"
#include "wire/writer.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>
#include <vector>

namespace ashlar::proxy {

namespace {

void write_i64(std::string& into, std::int64_t n) {
    wire::writer w{into};
    const auto u = static_cast<std::uint64_t>(n);
    w.u32(static_cast<std::uint32_t>(u >> 32));
    w.u32(static_cast<std::uint32_t>(u));
}

error not_of_type(std::string_view text, std::string_view type) {
    return error{errc::bad_value, fmt::format("\"{}\" cannot be sent as binary {}", text.substr(0, 40), type)};
}

template <class T>
std::optional<T> read_integer(std::string_view text) {
    T n{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return n;
}

std::optional<double> read_real(std::string_view text) {
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    double d = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), d);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return d;
}

// Digits in base 10,000, as PostgreSQL keeps and sends numerics.
status write_numeric(std::string_view text, std::string& into) {
    wire::writer w{into};
    if (text == "NaN" || text == "Infinity" || text == "-Infinity") {
        w.u16(0);
        w.u16(0);
        w.u16(text == "NaN" ? 0xC000 : text == "Infinity" ? 0xD000 : 0xF000);
        w.u16(0);
        return {};
    }
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::size_t point = text.find('.');
    std::string whole{text.substr(0, point)};
    std::string rest{point == text.npos ? std::string_view{} : text.substr(point + 1)};
    if ((whole.empty() && rest.empty()) || (whole + rest).find_first_not_of("0123456789") != std::string::npos) {
        return not_of_type(text, "numeric");
    }
    const std::size_t scale = rest.size();
    whole.insert(0, (4 - whole.size() % 4) % 4, '0');
    rest.append((4 - rest.size() % 4) % 4, '0');
    std::vector<std::uint16_t> digits;
    for (const std::string& part : {whole, rest}) {
        for (std::size_t i = 0; i < part.size(); i += 4) {
            digits.push_back(*read_integer<std::uint16_t>(std::string_view{part}.substr(i, 4)));
        }
    }
    std::int32_t weight = static_cast<std::int32_t>(whole.size() / 4) - 1;
    std::size_t first = 0;
    while (first < digits.size() && digits[first] == 0) {
        ++first;
        --weight;
    }
    while (digits.size() > first && digits.back() == 0) digits.pop_back();
    const std::size_t count = digits.size() - first;
    if (count == 0) weight = 0;
    w.u16(static_cast<std::uint16_t>(count));
    w.i16(static_cast<std::int16_t>(weight));
    w.u16(negative && count > 0 ? 0x4000 : 0);
    w.u16(static_cast<std::uint16_t>(scale));
    for (std::size_t i = first; i < digits.size(); ++i) w.u16(digits[i]);
    return {};
}

constexpr std::int64_t seconds_1970_to_2000 = 946'684'800;

}  // namespace

bool has_binary_format(std::uint32_t type) noexcept {
    switch (type) {
        case oid::boolean:
        case oid::bytea:
        case oid::name:
        case oid::int8:
        case oid::int2:
        case oid::int4:
        case oid::text:
        case oid::oid:
        case oid::json:
        case oid::float4:
        case oid::float8:
        case oid::unknown:
        case oid::bpchar:
        case oid::varchar:
        case oid::date:
        case oid::timestamp:
        case oid::timestamptz:
        case oid::numeric:
        case oid::uuid:
        case oid::jsonb:
            return true;
        default:
            return false;
    }
}

status to_binary(std::string_view text, std::uint32_t type, std::string& into) {
    wire::writer w{into};
    switch (type) {
        case oid::boolean:
            w.u8(text == "t" || text == "true" || text == "1" ? 1 : 0);
            return {};
        case oid::int2:
            if (auto n = read_integer<std::int16_t>(text)) return w.i16(*n), status{};
            return not_of_type(text, "smallint");
        case oid::int4:
            if (auto n = read_integer<std::int32_t>(text)) return w.i32(*n), status{};
            return not_of_type(text, "integer");
        case oid::oid:
            if (auto n = read_integer<std::uint32_t>(text)) return w.u32(*n), status{};
            return not_of_type(text, "oid");
        case oid::int8:
            if (auto n = read_integer<std::int64_t>(text)) return write_i64(into, *n), status{};
            return not_of_type(text, "bigint");
        case oid::float4:
            if (auto d = read_real(text)) return w.u32(std::bit_cast<std::uint32_t>(static_cast<float>(*d))), status{};
            return not_of_type(text, "real");
        case oid::float8:
            if (auto d = read_real(text)) return write_i64(into, std::bit_cast<std::int64_t>(*d)), status{};
            return not_of_type(text, "double precision");
        case oid::numeric:
            return write_numeric(text, into);
        case oid::uuid: {
            auto id = uuid::parse(text);
            if (!id) return std::move(id).error();
            for (const std::uint8_t byte : id->bytes()) w.u8(byte);
            return {};
        }
        case oid::bytea: {
            auto read = parse_bytes(text);
            if (!read) return std::move(read).error();
            for (const std::uint8_t byte : read->data) w.u8(byte);
            return {};
        }
        case oid::date: {
            auto read = parse_date(text);
            if (!read) return std::move(read).error();
            w.i32(static_cast<std::int32_t>(read->time_since_epoch().count() - seconds_1970_to_2000 / 86'400));
            return {};
        }
        case oid::timestamp:
        case oid::timestamptz: {
            if (text == "infinity" || text == "-infinity") {
                write_i64(into, text == "infinity" ? INT64_MAX : INT64_MIN);
                return {};
            }
            auto read = parse_timestamp(text);
            if (!read) return std::move(read).error();
            write_i64(into, read->time_since_epoch().count() - seconds_1970_to_2000 * 1'000'000);
            return {};
        }
        case oid::jsonb:
            w.u8(1);
            w.bytes(text);
            return {};
        case oid::name:
        case oid::text:
        case oid::json:
        case oid::unknown:
        case oid::bpchar:
        case oid::varchar:
            w.bytes(text);
            return {};
        default:
            return error{errc::unsupported, fmt::format("type {} has no binary form here", type)};
    }
}

}  // namespace ashlar::proxy
