#include "merge/further_types.hpp"

#include "core/ascii.hpp"
#include "core/bad_value.hpp"
#include "core/calendar.hpp"
#include "core/codec.hpp"
#include "core/moment.hpp"
#include "core/text_to_binary.hpp"
#include "merge/order_bytes.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace ashlar::merge {

namespace {

// pg_type.dat
namespace number {
constexpr std::uint32_t tid = 27, xid = 28, cid = 29, oidvector = 30, cidr = 650, macaddr8 = 774, money = 790,
                        macaddr = 829, pg_lsn = 3220, tsvector = 3614, xid8 = 5069;
}  // namespace number

__extension__ using wide = __int128;

error not_of(std::uint32_t type, std::string_view bytes) {
    return error{errc::bad_value, "a value of " + codec::type_name(type) + " cannot be compared across shards"}.detail(
        "The shard sent " + std::to_string(bytes.size()) + " bytes that are not of the type, or of another style.");
}

template <class Number>
std::optional<Number> whole(std::string_view text, int base = 10) {
    Number v{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), v, base);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return v;
}

status append_time(std::string& out, std::string_view bytes, cell_format format) {
    if (format == cell_format::binary) {
        if (bytes.size() != 8) return not_of(oid::time, bytes);
        order_bytes::append_integer(out, static_cast<std::int64_t>(wire::read64(bytes)));
        return {};
    }
    const auto at = microseconds_of_day(bytes);
    if (!at) return at.error();
    order_bytes::append_integer(out, *at);
    return {};
}

// By the instant, then by the zone (timetz_cmp_internal); a zone is seconds west of Greenwich.
status append_time_with_zone(std::string& out, std::string_view bytes, cell_format format) {
    std::int64_t time = 0, west = 0;
    if (format == cell_format::binary) {
        if (bytes.size() != 12) return not_of(oid::timetz, bytes);
        time = static_cast<std::int64_t>(wire::read64(bytes));
        west = static_cast<std::int32_t>(wire::read32(bytes.substr(8)));
    } else {
        const std::size_t sign = bytes.find_last_of("+-");
        if (sign == bytes.npos) return not_of(oid::timetz, bytes);
        const auto at = microseconds_of_day(bytes.substr(0, sign));
        if (!at) return at.error();
        time = *at;
        std::string_view rest = bytes.substr(sign + 1);
        for (std::int64_t unit = 3600; !rest.empty(); unit /= 60) {
            const auto part = whole<std::uint16_t>(rest.substr(0, 2));
            if (!part || unit == 0) return not_of(oid::timetz, bytes);
            west += unit * *part;
            rest.remove_prefix(std::min<std::size_t>(rest.size(), 3));
        }
        if (bytes[sign] == '+') west = -west;
    }
    order_bytes::append_integer(out, time + west * 1'000'000);
    order_bytes::append_integer(out, west);
    return {};
}

// "1 year 2 mons -3 days 04:05:06.789", the style `postgres`: microseconds, a month being 30 days.
std::optional<wide> span_of(std::string_view text) {
    wide span = 0;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        const bool negative = word.starts_with('-');
        std::string_view digits = word.substr(negative || word.starts_with('+') ? 1 : 0);
        if (const std::size_t colon = digits.find(':'); colon != digits.npos) {
            const auto hours = whole<std::int64_t>(digits.substr(0, colon));
            const auto rest = microseconds_of_day("0" + std::string{digits.substr(colon)});
            if (!hours || *hours < 0 || !rest || !text.empty()) return std::nullopt;
            const wide time = static_cast<wide>(*hours) * 3'600'000'000 + *rest;
            return span + (negative ? -time : time);
        }
        const auto count = whole<std::int64_t>(digits);
        std::string_view unit = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), unit.size() + 1));
        if (unit.ends_with('s')) unit.remove_suffix(1);
        const wide days = unit == "year" ? 360 : unit == "mon" ? 30 : unit == "day" ? 1 : 0;
        if (!count || *count < 0 || days == 0) return std::nullopt;
        const wide part = days * *count * microseconds_per_day;
        span += negative ? -part : part;
    }
    return span;
}

status append_interval(std::string& out, std::string_view bytes, cell_format format) {
    std::optional<wide> span;
    if (format == cell_format::text) {
        if (!bytes.empty()) span = span_of(bytes);
    } else if (bytes.size() == 16) {
        const auto time = static_cast<std::int64_t>(wire::read64(bytes));
        const auto day = static_cast<std::int32_t>(wire::read32(bytes.substr(8)));
        const auto month = static_cast<std::int32_t>(wire::read32(bytes.substr(12)));
        span = time + (static_cast<wide>(month) * 30 + day) * microseconds_per_day;
    }
    if (!span) return not_of(oid::interval, bytes);
    order_bytes::append_integer(out, static_cast<std::int64_t>(*span >> 64));
    wire::append64(out, static_cast<std::uint64_t>(*span));
    return {};
}

struct network {
    bool v6 = false;
    std::size_t bits = 0;
    std::string address;  // 4 or 16 bytes
};

std::optional<network> network_of_text(std::string_view text) {
    network n;
    const std::size_t slash = text.find('/');
    const std::string address{text.substr(0, slash)};
    n.v6 = address.find(':') != address.npos;
    std::array<char, 16> raw{};
    if (::inet_pton(n.v6 ? AF_INET6 : AF_INET, address.c_str(), raw.data()) != 1) return std::nullopt;
    n.address.assign(raw.data(), n.v6 ? 16 : 4);
    n.bits = n.address.size() * 8;
    if (slash == text.npos) return n;
    const auto bits = whole<std::size_t>(text.substr(slash + 1));
    if (!bits || *bits > n.bits) return std::nullopt;
    n.bits = *bits;
    return n;
}

// Family, bits, is it a cidr, size, address (network_send).
std::optional<network> network_of_binary(std::string_view bytes) {
    network n;
    if (bytes.size() != 8 && bytes.size() != 20) return std::nullopt;
    n.v6 = bytes.size() == 20;
    n.bits = static_cast<std::uint8_t>(bytes[1]);
    n.address = bytes.substr(4);
    return n.bits <= n.address.size() * 8 ? std::optional{n} : std::nullopt;
}

// The common bits of both networks first, then the shorter network, then the whole address (network_cmp_internal).
status append_network(std::string& out, std::string_view bytes, std::uint32_t type, cell_format format) {
    const auto n = format == cell_format::text ? network_of_text(bytes) : network_of_binary(bytes);
    if (!n) return not_of(type, bytes);
    out += n->v6 ? '\2' : '\1';
    for (std::size_t i = 0; i < n->bits; ++i) out += (n->address[i / 8] >> (7 - i % 8) & 1) != 0 ? '\2' : '\1';
    out += '\0';
    out += n->address;
    return {};
}

// The bytes with zeros at the end, then the length (bit_cmp).
status append_bits(std::string& out, std::string_view bytes, std::uint32_t type, cell_format format) {
    std::string packed;
    std::uint32_t length = 0;
    if (format == cell_format::binary) {
        if (bytes.size() < 4) return not_of(type, bytes);
        length = wire::read32(bytes);
        packed = bytes.substr(4);
        if (packed.size() != (std::uint64_t{length} + 7) / 8) return not_of(type, bytes);
    } else {
        length = static_cast<std::uint32_t>(bytes.size());
        packed.assign((bytes.size() + 7) / 8, '\0');
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (bytes[i] != '0' && bytes[i] != '1') return not_of(type, bytes);
            if (bytes[i] == '1') packed[i / 8] = static_cast<char>(packed[i / 8] | 1 << (7 - i % 8));
        }
    }
    order_bytes::append_bytes(out, packed);
    wire::append32(out, length);
    return {};
}

// pg_lsn ("16/B374D848") and xid8: 64 bits without a sign.
status append_unsigned(std::string& out, std::string_view bytes, std::uint32_t type, cell_format format) {
    if (format == cell_format::binary) {
        if (bytes.size() != 8) return not_of(type, bytes);
        out += bytes;
        return {};
    }
    std::optional<std::uint64_t> v;
    if (type == number::pg_lsn) {
        const std::size_t slash = bytes.find('/');
        if (slash == bytes.npos) return not_of(type, bytes);
        const auto high = whole<std::uint32_t>(bytes.substr(0, slash), 16);
        const auto low = whole<std::uint32_t>(bytes.substr(slash + 1), 16);
        if (high && low) v = std::uint64_t{*high} << 32 | *low;
    } else {
        v = whole<std::uint64_t>(bytes);
    }
    if (!v) return not_of(type, bytes);
    wire::append64(out, *v);
    return {};
}

// Binary: 64 bits. Text: as lc_monetary writes it, which is the same on all servers: each value has as many digits behind the
// point, so that the digits alone are the number of the smallest units.
status append_money(std::string& out, std::string_view bytes, cell_format format) {
    if (format == cell_format::binary) {
        if (bytes.size() != 8) return not_of(number::money, bytes);
        order_bytes::append_integer(out, static_cast<std::int64_t>(wire::read64(bytes)));
        return {};
    }
    std::string digits;
    for (const char c : bytes) {
        if (is_digit(c)) digits += c;
    }
    // glibc's locales have these signs; an amount without any is not negative
    const bool negative = bytes.find_first_of("-(") != bytes.npos || bytes.find("\u2212") != bytes.npos;
    const auto units = whole<std::uint64_t>(digits);
    if (!units || *units > std::uint64_t{1} << 63) return not_of(number::money, bytes);
    const std::uint64_t value = negative ? 0 - *units : *units;
    order_bytes::append_integer(out, static_cast<std::int64_t>(value));
    return {};
}

// By block, then by place: "(4294967295,65535)".
status append_tid(std::string& out, std::string_view bytes, cell_format format) {
    if (format == cell_format::binary) {
        if (bytes.size() != 6) return not_of(number::tid, bytes);
        out += bytes;
        return {};
    }
    const std::size_t comma = bytes.find(',');
    if (comma == bytes.npos || !bytes.starts_with('(') || !bytes.ends_with(')')) return not_of(number::tid, bytes);
    const auto block = whole<std::uint32_t>(bytes.substr(1, comma - 1));
    const auto place = whole<std::uint16_t>(bytes.substr(comma + 1, bytes.size() - comma - 2));
    if (!block || !place) return not_of(number::tid, bytes);
    wire::append32(out, *block);
    wire::append16(out, *place);
    return {};
}

// By the number of them first (btoidvectorcmp). Binary: an array of one dimension.
status append_oids(std::string& out, std::string_view bytes, cell_format format) {
    std::string oids;
    if (format == cell_format::binary) {
        constexpr std::size_t header = 20, each = 8;
        if (bytes.size() < header || (bytes.size() - header) % each != 0) return not_of(number::oidvector, bytes);
        for (bytes.remove_prefix(header); !bytes.empty(); bytes.remove_prefix(each)) oids += bytes.substr(4, 4);
    } else {
        while (!bytes.empty()) {
            const std::size_t end = std::min(bytes.find(' '), bytes.size());
            const auto one = whole<std::uint32_t>(bytes.substr(0, end));
            if (!one) return not_of(number::oidvector, bytes);
            wire::append32(oids, *one);
            bytes.remove_prefix(std::min(end + 1, bytes.size()));
        }
    }
    wire::append32(out, static_cast<std::uint32_t>(oids.size() / 4));
    out += oids;
    return {};
}

}  // namespace

comparable further_type(std::uint32_t type) noexcept {
    switch (type) {
        case oid::time:
        case oid::timetz:
        case oid::interval:
        case oid::inet:
        case number::cidr:
        case number::macaddr:
        case number::macaddr8:
        case oid::bit:
        case oid::varbit:
        case oid::char1:
        case number::pg_lsn:
        case number::xid8:
            return comparable::in_order;
        case number::money:
        case number::tid:
        case number::oidvector:
            return comparable::in_order;
        case number::tsvector:
        case number::xid:
        case number::cid:
            return comparable::as_equal;
        default:
            return comparable::no;
    }
}

status append_further(std::string& out, std::string_view bytes, std::uint32_t type, cell_format format) {
    switch (type) {
        case oid::time:
            return append_time(out, bytes, format);
        case oid::timetz:
            return append_time_with_zone(out, bytes, format);
        case oid::interval:
            return append_interval(out, bytes, format);
        case oid::inet:
        case number::cidr:
            return append_network(out, bytes, type, format);
        case oid::bit:
        case oid::varbit:
            return append_bits(out, bytes, type, format);
        case number::pg_lsn:
        case number::xid8:
            return append_unsigned(out, bytes, type, format);
        case number::money:
            return append_money(out, bytes, format);
        case number::tid:
            return append_tid(out, bytes, format);
        case number::oidvector:
            return append_oids(out, bytes, format);
        case oid::char1: {
            if (format == cell_format::binary) {
                if (bytes.size() != 1) return not_of(type, bytes);
                out += bytes;
                return {};
            }
            const auto byte = codec::text_to_binary(bytes, type);
            if (!byte) return byte.error();
            out += *byte;
            return {};
        }
        default:  // macaddr and its like, whose digits order as they do; and what is equal when its bytes are
            break;
    }
    order_bytes::append_bytes(out, bytes);
    return {};
}

}  // namespace ashlar::merge
