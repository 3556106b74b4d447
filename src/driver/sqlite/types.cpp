#include "driver/sqlite/types.hpp"

#include "core/ascii.hpp"
#include "core/calendar.hpp"
#include "core/float_text.hpp"
#include "core/interval.hpp"
#include "core/kept_moment.hpp"
#include "core/moment.hpp"
#include "driver/sqlite/decimals.hpp"

#include <sqlite3.h>

#include <charconv>

namespace ashlar::driver::sqlite {

std::string_view text_at(sqlite3_stmt* from, int index) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(from, index));
    return {text, static_cast<std::size_t>(sqlite3_column_bytes(from, index))};
}

std::string_view blob_at(sqlite3_stmt* from, int index) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(from, index));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(from, index))};
}

void append_hex(std::string& to, std::string_view blob) {
    static constexpr char hex[] = "0123456789abcdef";
    to.reserve(to.size() + 2 + 2 * blob.size());
    to += "\\x";
    for (const char c : blob) {
        to += hex[static_cast<unsigned char>(c) >> 4];
        to += hex[static_cast<unsigned char>(c) & 15];
    }
}

std::string_view class_name(sqlite3_stmt* from, int index) {
    switch (sqlite3_column_type(from, index)) {
        case SQLITE_INTEGER:
            return "an integer";
        case SQLITE_FLOAT:
            return "a real number";
        case SQLITE_TEXT:
            return "a text";
        case SQLITE_BLOB:
            return "a blob";
        default:
            return "NULL";
    }
}

std::uint8_t fits(std::uint32_t type) noexcept {
    switch (type) {
        case oid::int8:
            return holds_integer;
        case oid::float8:
            return holds_integer | holds_real;
        case oid::text:
            return holds_integer | holds_real | holds_text;
        case oid::bytea:
            return holds_blob;
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

void append_integer(std::string& to, std::int64_t v) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, v);
    to.append(digits, end.ptr);
}

bool append_whole(std::string& to, sqlite3_stmt* from, int index, std::int64_t least, std::int64_t most) {
    if (sqlite3_column_type(from, index) != SQLITE_INTEGER) return false;
    const std::int64_t v = sqlite3_column_int64(from, index);
    if (v < least || v > most) return false;
    append_integer(to, v);
    return true;
}

bool append_boolean(std::string& to, sqlite3_stmt* from, int index) {
    if (sqlite3_column_type(from, index) != SQLITE_INTEGER) return false;
    const std::int64_t v = sqlite3_column_int64(from, index);
    if (v != 0 && v != 1) return false;
    to += v != 0 ? 't' : 'f';
    return true;
}

bool append_numeric(std::string& to, sqlite3_stmt* from, int index, int scale) {
    switch (sqlite3_column_type(from, index)) {
        case SQLITE_INTEGER:
            append_integer(to, sqlite3_column_int64(from, index));
            if (scale > 0) to.append(1, '.').append(static_cast<std::size_t>(scale), '0');
            return true;
        case SQLITE_FLOAT:
            append_decimal(to, sqlite3_column_double(from, index), scale);
            return true;
        case SQLITE_TEXT: {  // of our own functions, or beyond what a double keeps
            const auto v = decimal::parse(text_at(from, index));
            if (!v) return false;
            to += v->to_string();
            const bool finite = is_digit(v->to_string().back());
            if (const int has = v->scale(); finite && has < scale) {
                if (has <= 0) to += '.';
                to.append(static_cast<std::size_t>(scale - std::max(has, 0)), '0');
            }
            return true;
        }
        default:
            return false;
    }
}

bool append_float(std::string& to, sqlite3_stmt* from, int index, bool single) {
    const int kind = sqlite3_column_type(from, index);
    if (kind != SQLITE_FLOAT && kind != SQLITE_INTEGER) return false;
    const double v = sqlite3_column_double(from, index);
    to += single ? float_text(static_cast<float>(v)) : float_text(v);
    return true;
}

bool append_characters(std::string& to, sqlite3_stmt* from, int index) {
    switch (sqlite3_column_type(from, index)) {
        case SQLITE_INTEGER:
            append_integer(to, sqlite3_column_int64(from, index));
            return true;
        case SQLITE_FLOAT:
            to += float_text(sqlite3_column_double(from, index));
            return true;
        case SQLITE_TEXT:
            to += text_at(from, index);
            return true;
        default:
            return false;
    }
}

// --- days and clocks --------------------------------------------------------------------------------------------------

// The number that `count` digits at `at` make; -1 where they are no digits.
int number_at(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) return -1;
    int n = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (!is_digit(text[i])) return -1;
        n = n * 10 + (text[i] - '0');
    }
    return n;
}

// "2026-11-22", as it is written back: the usual form, which need not be read and written anew.
bool is_plain_date(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
    const int year = number_at(text, 0, 4), month = number_at(text, 5, 2), day = number_at(text, 8, 2);
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
           day <= static_cast<int>(days_in_month(static_cast<unsigned>(year), static_cast<unsigned>(month)));
}

// "12:30:00", "12:30:00.25": without zeros at the end of the fraction.
bool is_plain_clock(std::string_view text) {
    if (text.size() < 8 || text[2] != ':' || text[5] != ':') return false;
    const int hour = number_at(text, 0, 2), minute = number_at(text, 3, 2), second = number_at(text, 6, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
    if (text.size() == 8) return true;
    const std::size_t fraction = text.size() - 9;
    return text[8] == '.' && fraction >= 1 && fraction <= 6 && number_at(text, 9, fraction) >= 0 && text.back() != '0';
}

bool append_date(std::string& to, std::string_view text) {
    if (is_plain_date(text)) {
        to += text;
        return true;
    }
    const auto days = days_since_2000(moment_text(text));
    if (!days) return false;
    to += text_of_days(*days);
    return true;
}

// Instants are kept as UTC.
bool append_timestamp(std::string& to, std::string_view text, bool with_zone) {
    constexpr std::string_view utc = "+00";
    if (text.size() >= 19 && text[10] == ' ' && is_plain_date(text.substr(0, 10)) && is_plain_clock(text.substr(11))) {
        to += text;
        if (with_zone) to += utc;
        return true;
    }
    const auto v = microseconds_since_2000(moment_text(text));
    if (!v) return false;
    std::string whole = text_of_microseconds(*v);
    if (const std::size_t zone = whole.find(utc); !with_zone && zone != whole.npos) whole.erase(zone, utc.size());
    to += whole;
    return true;
}

// "12:30", "12:30:00.250" → "12:30:00.25"; 24:00:00 is the end of the day.
bool append_time(std::string& to, std::string_view text) {
    if (is_plain_clock(text)) {
        to += text;
        return true;
    }
    std::string whole{trim(text)};
    if (whole == "24:00" || whole == "24:00:00") {
        to += "24:00:00";
        return true;
    }
    if (whole.size() == 5) whole += ":00";
    if (whole.find('.') != std::string::npos) {
        while (whole.back() == '0') whole.pop_back();
        if (whole.back() == '.') whole.pop_back();
    }
    if (!is_plain_clock(whole)) return false;
    to += whole;
    return true;
}

bool append_uuid(std::string& to, std::string_view text) {
    const auto v = uuid::parse(text);
    if (!v) return false;
    to += v->to_string();
    return true;
}

}  // namespace

bool append_text_form(std::string& to, std::string_view text, std::uint32_t type) {
    switch (type) {
        case oid::date:
            return append_date(to, text);
        case oid::timestamp:
        case oid::timestamptz:
            return append_timestamp(to, text, type == oid::timestamptz);
        case oid::time:
            return append_time(to, text);
        case oid::uuid:
            return append_uuid(to, text);
        case oid::interval: {
            const auto span = parse_interval(text);
            if (span) to += to_string(*span);
            return span.has_value();
        }
        default:
            to += text;
            return true;
    }
}

bool append_as(std::string& to, sqlite3_stmt* from, int index, const declared_type& as) {
    switch (as.type) {
        case oid::int2:
            return append_whole(to, from, index, INT16_MIN, INT16_MAX);
        case oid::int4:
            return append_whole(to, from, index, INT32_MIN, INT32_MAX);
        case oid::int8:
            return append_whole(to, from, index, INT64_MIN, INT64_MAX);
        case oid::boolean:
            return append_boolean(to, from, index);
        case oid::numeric:
            return append_numeric(to, from, index, as.scale);
        case oid::float4:
        case oid::float8:
            return append_float(to, from, index, as.type == oid::float4);
        case oid::text:
        case oid::varchar:
        case oid::bpchar:
        case oid::name:
        case oid::json:
        case oid::jsonb:
            return append_characters(to, from, index);
        case oid::bytea: {
            const int kind = sqlite3_column_type(from, index);
            if (kind != SQLITE_BLOB && kind != SQLITE_TEXT) return false;
            append_hex(to, kind == SQLITE_BLOB ? blob_at(from, index) : text_at(from, index));
            return true;
        }
        default:
            return sqlite3_column_type(from, index) == SQLITE_TEXT &&
                   append_text_form(to, text_at(from, index), as.type);
    }
}

}  // namespace ashlar::driver::sqlite
