#include "driver/mysql/types.hpp"

#include "core/codec.hpp"

#include <array>
#include <utility>

namespace ashlar::driver::mysql {

namespace {

constexpr unsigned binary_charset = 63;
constexpr unsigned characters_bytes = 4;  // of utf8mb4, in which results come

std::string_view attribute(const MYSQL_FIELD& f, mariadb_field_attr_t which) {
    MARIADB_CONST_STRING text{nullptr, 0};
    if (mariadb_field_attr(&text, &f, which) != 0 || text.str == nullptr) return {};
    return {text.str, text.length};
}

// "uuid", "inet6" …
std::string_view type_word(const MYSQL_FIELD& f) {
    return attribute(f, MARIADB_FIELD_ATTR_DATA_TYPE_NAME);
}
bool says_json(const MYSQL_FIELD& f) {
    return attribute(f, MARIADB_FIELD_ATTR_FORMAT_NAME) == "json";
}

bool is_unsigned(const MYSQL_FIELD& f) {
    return (f.flags & UNSIGNED_FLAG) != 0;
}
// The lengths of an expression are guesses of the server's.
bool is_plain_column(const MYSQL_FIELD& f) {
    return f.org_table != nullptr && f.org_table[0] != '\0';
}

using pair = std::pair<std::uint32_t, reading>;

pair integer(const MYSQL_FIELD& f, std::uint32_t if_signed, std::uint32_t if_unsigned) {
    return is_unsigned(f) ? pair{if_unsigned, reading::unsigned_integer} : pair{if_signed, reading::signed_integer};
}

pair characters(const MYSQL_FIELD& f, bool is_json) {
    const std::string_view word = type_word(f);
    if (word == "uuid") return {oid::uuid, reading::text};
    if (word == "inet4" || word == "inet6") return {oid::inet, reading::text};
    if (is_json || f.type == MYSQL_TYPE_JSON) return {oid::json, reading::text};
    if (f.charsetnr == binary_charset) return {oid::bytea, reading::bytes};
    const bool short_text =
        f.type == MYSQL_TYPE_VAR_STRING || f.type == MYSQL_TYPE_VARCHAR || f.type == MYSQL_TYPE_STRING;
    const bool enumerated = (f.flags & (ENUM_FLAG | SET_FLAG)) != 0;
    return {short_text && !enumerated ? oid::varchar : oid::text, reading::text};
}

pair kind_of(const MYSQL_FIELD& f, bool is_json) {
    switch (f.type) {
        case MYSQL_TYPE_TINY:
        case MYSQL_TYPE_YEAR:
            return integer(f, oid::int2, oid::int2);
        case MYSQL_TYPE_SHORT:
            return integer(f, oid::int2, oid::int4);
        case MYSQL_TYPE_INT24:
            return integer(f, oid::int4, oid::int4);
        case MYSQL_TYPE_LONG:
            return integer(f, oid::int4, oid::int8);
        case MYSQL_TYPE_LONGLONG:
            return integer(f, oid::int8, oid::numeric);
        case MYSQL_TYPE_DECIMAL:
        case MYSQL_TYPE_NEWDECIMAL:
            return {oid::numeric, reading::text};
        case MYSQL_TYPE_FLOAT:
            return {oid::float4, reading::float4};
        case MYSQL_TYPE_DOUBLE:
            return {oid::float8, reading::float8};
        case MYSQL_TYPE_DATE:
        case MYSQL_TYPE_NEWDATE:
            return {oid::date, reading::date};
        case MYSQL_TYPE_DATETIME:
        case MYSQL_TYPE_DATETIME2:
            return {oid::timestamp, reading::timestamp};
        case MYSQL_TYPE_TIMESTAMP:
        case MYSQL_TYPE_TIMESTAMP2:
            return {oid::timestamptz, reading::timestamptz};
        case MYSQL_TYPE_TIME:
        case MYSQL_TYPE_TIME2:
            return {oid::time, reading::time};
        case MYSQL_TYPE_BIT:
            return {oid::bit, reading::bits};
        case MYSQL_TYPE_NULL:
            return {oid::unknown, reading::nothing};
        case MYSQL_TYPE_GEOMETRY:
            return {oid::bytea, reading::bytes};
        default:
            return characters(f, is_json);
    }
}

std::int32_t modifier_of(const MYSQL_FIELD& f, const pair& kind) {
    if (kind.first == oid::bit) return static_cast<std::int32_t>(f.length);
    if (!is_plain_column(f)) return -1;
    if (kind.first == oid::varchar) return static_cast<std::int32_t>(f.length / characters_bytes) + 4;
    if (kind.first == oid::numeric && kind.second == reading::text) {
        // The length counts a sign and a point where there may be one.
        const std::uint32_t scale = f.decimals;
        const auto precision =
            static_cast<std::uint32_t>(f.length) - (scale > 0 ? 1u : 0u) - (is_unsigned(f) ? 0u : 1u);
        return static_cast<std::int32_t>((precision << 16) | scale) + 4;
    }
    return -1;
}

void append_two(std::string& to, unsigned v) {
    to += static_cast<char>('0' + v / 10 % 10);
    to += static_cast<char>('0' + v % 10);
}

void append_clock(std::string& to, const MYSQL_TIME& t) {
    if (t.hour >= 100) to += static_cast<char>('0' + t.hour / 100);
    append_two(to, t.hour);
    to += ':';
    append_two(to, t.minute);
    to += ':';
    append_two(to, t.second);
    if (t.second_part == 0) return;
    std::array<char, 7> digits{'.', '0', '0', '0', '0', '0', '0'};
    std::size_t count = 7;
    for (unsigned long rest = t.second_part, i = 6; i > 0; --i, rest /= 10)
        digits[i] = static_cast<char>('0' + rest % 10);
    while (digits[count - 1] == '0') --count;
    to.append(digits.data(), count);
}

}  // namespace

told_column::told_column(const MYSQL_FIELD& f)
    : name(f.name), word(type_word(f)), is_json(says_json(f)), type(f.type), flags(f.flags), length(f.length) {}

bool told_column::differs(const MYSQL_FIELD& now) const {
    if (name != now.name || word != type_word(now) || (says_json(now) && !is_json)) return true;
    // An expression's type may hang on the parameters.
    return is_plain_column(now) && (type != now.type || flags != now.flags || length != now.length);
}

field_type type_of(const MYSQL_FIELD& f, bool was_json) {
    const pair kind = kind_of(f, was_json || says_json(f));
    field_type t;
    t.how = kind.second;
    t.shape.name = f.name == nullptr ? "" : std::string{f.name, f.name_length};
    t.shape.type = kind.first;
    t.shape.type_size = kind.first == oid::unknown ? std::int16_t{-2} : codec::type_size(kind.first);
    t.shape.type_modifier = modifier_of(f, kind);
    return t;
}

void append_date(std::string& to, const MYSQL_TIME& t) {
    append_two(to, t.year / 100);
    append_two(to, t.year % 100);
    to += '-';
    append_two(to, t.month);
    to += '-';
    append_two(to, t.day);
}

void append_timestamp(std::string& to, const MYSQL_TIME& t, bool with_zone) {
    append_date(to, t);
    to += ' ';
    append_clock(to, t);
    if (with_zone) to += "+00";
}

void append_time(std::string& to, const MYSQL_TIME& t) {
    if (t.neg != 0) to += '-';
    append_clock(to, t);
}

void append_bits(std::string& to, std::string_view bytes, std::size_t count) {
    for (std::size_t i = count; i > 0; --i) {
        const std::size_t place = i - 1, byte = place / 8;
        const bool on = byte < bytes.size() &&
                        ((static_cast<unsigned char>(bytes[bytes.size() - 1 - byte]) >> (place % 8)) & 1) != 0;
        to += on ? '1' : '0';
    }
}

void append_hex(std::string& to, std::string_view bytes) {
    static constexpr char hex[] = "0123456789abcdef";
    to += "\\x";
    for (const char c : bytes) {
        to += hex[static_cast<unsigned char>(c) >> 4];
        to += hex[static_cast<unsigned char>(c) & 15];
    }
}

}  // namespace ashlar::driver::mysql
