#include "driver/sqlite/types.hpp"

#include <sqlite3.h>

#include <array>
#include <charconv>
#include <cmath>

namespace ashlar::driver::sqlite {

namespace {

struct type_word {
    std::string_view word;
    std::uint32_t type;
};
constexpr std::array type_words{
    type_word{"integer", oid::int8},
    type_word{"bigint", oid::int8},
    type_word{"int", oid::int8},
    type_word{"int8", oid::int8},
    type_word{"int4", oid::int8},
    type_word{"int2", oid::int8},
    type_word{"smallint", oid::int8},
    type_word{"tinyint", oid::int8},
    type_word{"mediumint", oid::int8},
    type_word{"serial", oid::int8},
    type_word{"bigserial", oid::int8},
    type_word{"boolean", oid::boolean},
    type_word{"bool", oid::boolean},
    type_word{"numeric", oid::numeric},
    type_word{"decimal", oid::numeric},
    type_word{"real", oid::float8},
    type_word{"double", oid::float8},
    type_word{"double precision", oid::float8},
    type_word{"float", oid::float8},
    type_word{"float8", oid::float8},
    type_word{"float4", oid::float8},
    type_word{"timestamp", oid::timestamp},
    type_word{"datetime", oid::timestamp},
    type_word{"timestamp without time zone", oid::timestamp},
    type_word{"timestamptz", oid::timestamptz},
    type_word{"timestamp with time zone", oid::timestamptz},
    type_word{"date", oid::date},
    type_word{"time", oid::time},
    type_word{"uuid", oid::uuid},
    type_word{"json", oid::json},
    type_word{"jsonb", oid::json},
    type_word{"blob", oid::bytea},
    type_word{"bytea", oid::bytea},
};

// "NUMERIC (10, 2) " → "numeric", {10, 2}.
struct type_text {
    std::string word;
    std::array<int, 2> numbers{-1, -1};
};
type_text cut(std::string_view text) {
    type_text t;
    std::size_t number = 0;
    bool inside = false;
    for (const char c : text) {
        if (c == '(') {
            inside = true;
        } else if (c == ')') {
            inside = false;
        } else if (inside && c == ',') {
            ++number;
        } else if (inside && c >= '0' && c <= '9' && number < 2) {
            t.numbers[number] = std::max(t.numbers[number], 0) * 10 + (c - '0');
            if (t.numbers[number] > 10'000) t.numbers[number] = 10'000;
        } else if (!inside && !(c == ' ' && (t.word.empty() || t.word.back() == ' '))) {
            t.word += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
    }
    while (!t.word.empty() && t.word.back() == ' ') t.word.pop_back();
    return t;
}

// SQLite's own rules for the affinity of a word that we do not list.
std::uint32_t by_affinity(const std::string& word) {
    const auto has = [&](std::string_view part) { return word.find(part) != std::string::npos; };
    if (has("int")) return oid::int8;
    if (has("char") || has("clob") || has("text")) return oid::text;
    if (has("blob")) return oid::bytea;
    if (has("real") || has("floa") || has("doub")) return oid::float8;
    return 0;
}

}  // namespace

declared_type declared(std::string_view decltype_text) {
    const type_text t = cut(decltype_text);
    declared_type d;
    if (t.word.empty()) return d;
    for (const type_word& w : type_words) {
        if (t.word == w.word) d.type = w.type;
    }
    if (d.type == 0) d.type = by_affinity(t.word);
    if (d.type == oid::numeric && t.numbers[0] > 0) {
        d.scale = std::max(t.numbers[1], 0);
        d.modifier = ((t.numbers[0] << 16) | d.scale) + 4;
    }
    return d;
}

std::uint8_t fits(std::uint32_t type) noexcept {
    switch (type) {
        case oid::int8:
            return holds_integer;
        case oid::boolean:
            return holds_integer;
        case oid::numeric:
            return holds_integer | holds_real;
        case oid::float8:
            return holds_integer | holds_real;
        case oid::json:
            return holds_integer | holds_real | holds_text;
        case oid::text:
            return holds_integer | holds_real | holds_text;
        case oid::bytea:
            return holds_blob | holds_text;
        case oid::timestamp:
        case oid::timestamptz:
        case oid::date:
        case oid::time:
        case oid::uuid:
            return holds_text;
        default:
            return 0;
    }
}

std::uint32_t type_for(std::uint8_t held) noexcept {
    if (held == 0) return oid::unknown;
    if (held == holds_integer) return oid::int8;
    if (held == holds_blob) return oid::bytea;
    if ((held & holds_blob) != 0) return 0;
    if ((held & holds_text) != 0) return oid::text;
    return oid::float8;
}

namespace {

// The shortest digits and the place of the point: 0.00123 is {"123", -3}.
struct digits {
    std::array<char, 24> text;
    std::size_t count = 0;
    int exponent = 0;  // of the first digit
};
digits shortest(double v) {
    std::array<char, 40> raw;
    const auto end = std::to_chars(raw.data(), raw.data() + raw.size(), std::fabs(v), std::chars_format::scientific);
    digits d;
    const char* at = raw.data();
    for (; at != end.ptr && *at != 'e'; ++at) {
        if (*at != '.') d.text[d.count++] = *at;
    }
    if (at != end.ptr) ++at;
    if (at != end.ptr && *at == '+') ++at;
    std::from_chars(at, end.ptr, d.exponent);
    return d;
}

void append_fixed(std::string& to, const digits& d, int scale) {
    int written = 0;  // digits after the point
    std::size_t at = 0;
    if (d.exponent < 0) to += '0';
    for (int place = d.exponent; place >= 0; --place) to += at < d.count ? d.text[at++] : '0';
    const int zeros = d.exponent < 0 ? -d.exponent - 1 : 0;
    if (at >= d.count && scale <= 0) return;
    to += '.';
    for (; written < zeros; ++written) to += '0';
    for (; at < d.count; ++written) to += d.text[at++];
    for (; written < scale; ++written) to += '0';
}

bool append_special(std::string& to, double v) {
    if (std::isnan(v)) {
        to += "NaN";
    } else if (std::isinf(v)) {
        to += v < 0 ? "-Infinity" : "Infinity";
    } else {
        return false;
    }
    return true;
}

}  // namespace

void append_decimal(std::string& to, double v, int scale) {
    if (append_special(to, v)) return;
    if (v < 0) to += '-';
    append_fixed(to, shortest(v), scale);
}

void append_hex(std::string& to, std::string_view blob) {
    static constexpr char hex[] = "0123456789abcdef";
    to += "\\x";
    for (const char c : blob) {
        to += hex[static_cast<unsigned char>(c) >> 4];
        to += hex[static_cast<unsigned char>(c) & 15];
    }
}

}  // namespace ashlar::driver::sqlite
