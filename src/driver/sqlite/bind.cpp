// Parameters → SQLite's storage classes. What a text means is told by its type: SQLite compares an integer and a text
// by class before value, so a number bound as text is found in a typed column and missed in an expression.
#include "core/float_text.hpp"
#include "driver/sqlite/types.hpp"

#include <sqlite3.h>

#include <bit>
#include <charconv>
#include <cmath>

namespace ashlar::driver::sqlite {

namespace {

error not_readable(std::string_view as, int index) {
    return error{errc::bad_value, "parameter $" + std::to_string(index) + " cannot be read as " + std::string{as}};
}

status bound(int code, int index) {
    if (code == SQLITE_OK) return {};
    return error{code == SQLITE_TOOBIG ? errc::limit_reached : errc::internal,
                 "parameter $" + std::to_string(index) + " cannot be bound: " + sqlite3_errstr(code)};
}

// The statement is done with the bytes before they change: parameters live as long as the run.
status bind_text(sqlite3_stmt* to, int index, std::string_view text) {
    return bound(sqlite3_bind_text64(to, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8), index);
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

template <class N>
bool read_number(std::string_view text, N& into) {
    text = trimmed(text);
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto end = std::from_chars(text.data(), text.data() + text.size(), into);
    return end.ec == std::errc{} && end.ptr == text.data() + text.size();
}

status bind_integer(sqlite3_stmt* to, int index, std::string_view text) {
    std::int64_t v = 0;
    if (!read_number(text, v)) return not_readable("integer", index);
    return bound(sqlite3_bind_int64(to, index, v), index);
}

status bind_real(sqlite3_stmt* to, int index, std::string_view text) {
    const auto v = parse_float8(text);
    if (!v || std::isnan(*v)) return not_readable("double precision", index);  // SQLite would take NaN as NULL
    return bound(sqlite3_bind_double(to, index, *v), index);
}

// An integer that fits is one; a fraction of at most 15 digits is the same number as a double. Others stay text, for
// the column's affinity to decide about.
status bind_numeric(sqlite3_stmt* to, int index, std::string_view text) {
    const auto read = decimal::parse(text);
    if (!read) return not_readable("numeric", index);
    const std::string& canonical = read->to_string();
    std::int64_t whole = 0;
    if (read_number(canonical, whole)) return bound(sqlite3_bind_int64(to, index, whole), index);
    double v = 0;
    if (canonical.size() <= 16 && !read->is_nan() && read_number(canonical, v) && std::isfinite(v)) {
        return bound(sqlite3_bind_double(to, index, v), index);
    }
    return bind_text(to, index, canonical);
}

status bind_boolean(sqlite3_stmt* to, int index, std::string_view text) {
    const std::string_view word = trimmed(text);
    for (const std::string_view yes : {"t", "true", "1", "yes", "y", "on", "TRUE", "True"}) {
        if (word == yes) return bound(sqlite3_bind_int(to, index, 1), index);
    }
    for (const std::string_view no : {"f", "false", "0", "no", "n", "off", "FALSE", "False"}) {
        if (word == no) return bound(sqlite3_bind_int(to, index, 0), index);
    }
    return not_readable("boolean", index);
}

status bind_blob(sqlite3_stmt* to, int index, std::string_view bytes) {
    // A null pointer would bind NULL.
    const char* at = bytes.empty() ? "" : bytes.data();
    return bound(sqlite3_bind_blob64(to, index, at, bytes.size(), SQLITE_TRANSIENT), index);
}

// SQLite has no time zones: instants are kept as UTC, written so that their text sorts as they do.
std::string utc_text(timestamp t) {
    std::string text = to_string(t);
    if (text.ends_with("+00")) text.resize(text.size() - 3);
    return text;
}

status bind_timestamp(sqlite3_stmt* to, int index, std::string_view text) {
    const auto t = parse_timestamp(text);
    if (!t) return not_readable("timestamp", index);
    return bind_text(to, index, utc_text(*t));
}

status bind_text_form(sqlite3_stmt* to, int index, std::uint32_t type, std::string_view text) {
    switch (type) {
        case oid::int2:
        case oid::int4:
        case oid::int8:
        case oid::oid:
            return bind_integer(to, index, text);
        case oid::float4:
        case oid::float8:
            return bind_real(to, index, text);
        case oid::numeric:
            return bind_numeric(to, index, text);
        case oid::boolean:
            return bind_boolean(to, index, text);
        case oid::timestamp:
        case oid::timestamptz:
            return bind_timestamp(to, index, text);
        case oid::bytea: {
            const auto b = parse_bytes(text);
            if (!b) return not_readable("bytea", index);
            const auto* at = reinterpret_cast<const char*>(b->data.data());
            return bind_blob(to, index, std::string_view{at, b->data.size()});
        }
        case oid::uuid: {
            const auto id = uuid::parse(text);
            if (!id) return not_readable("uuid", index);
            return bind_text(to, index, id->to_string());
        }
        default:
            return bind_text(to, index, text);
    }
}

// The first `Int` of a binary value: network order.
template <class Int>
bool read_binary(std::string_view bytes, Int& into) {
    if (bytes.size() != sizeof(Int)) return false;
    std::make_unsigned_t<Int> v = 0;
    for (const char c : bytes) v = static_cast<std::make_unsigned_t<Int>>((v << 8) | static_cast<unsigned char>(c));
    into = static_cast<Int>(v);
    return true;
}

template <class Int>
status bind_binary_integer(sqlite3_stmt* to, int index, std::string_view bytes) {
    Int v = 0;
    if (!read_binary(bytes, v)) return not_readable("integer", index);
    return bound(sqlite3_bind_int64(to, index, v), index);
}

constexpr std::chrono::sys_days postgres_epoch{std::chrono::year{2000} / 1 / 1};

status bind_binary(sqlite3_stmt* to, int index, std::uint32_t type, std::string_view bytes) {
    switch (type) {
        case oid::boolean:
            if (bytes.size() != 1) return not_readable("boolean", index);
            return bound(sqlite3_bind_int(to, index, bytes[0] != 0 ? 1 : 0), index);
        case oid::int2:
            return bind_binary_integer<std::int16_t>(to, index, bytes);
        case oid::int4:
            return bind_binary_integer<std::int32_t>(to, index, bytes);
        case oid::int8:
            return bind_binary_integer<std::int64_t>(to, index, bytes);
        case oid::float4: {
            std::int32_t bits = 0;
            if (!read_binary(bytes, bits)) return not_readable("real", index);
            return bound(sqlite3_bind_double(to, index, std::bit_cast<float>(bits)), index);
        }
        case oid::float8: {
            std::int64_t bits = 0;
            if (!read_binary(bytes, bits)) return not_readable("double precision", index);
            return bound(sqlite3_bind_double(to, index, std::bit_cast<double>(bits)), index);
        }
        case oid::text:
        case oid::varchar:
        case oid::bpchar:
        case oid::name:
        case oid::json:
        case oid::unknown:
            return bind_text(to, index, bytes);
        case oid::jsonb:
            if (!bytes.starts_with('\1')) return not_readable("jsonb", index);
            return bind_text(to, index, bytes.substr(1));
        case oid::bytea:
            return bind_blob(to, index, bytes);
        case oid::uuid: {
            if (bytes.size() != 16) return not_readable("uuid", index);
            std::array<std::uint8_t, 16> raw{};
            std::copy(bytes.begin(), bytes.end(), raw.begin());
            return bind_text(to, index, uuid{raw}.to_string());
        }
        case oid::timestamp:
        case oid::timestamptz: {
            std::int64_t since_2000 = 0;
            if (!read_binary(bytes, since_2000)) return not_readable("timestamp", index);
            if (since_2000 == INT64_MIN || since_2000 == INT64_MAX) return not_readable("a finite timestamp", index);
            return bind_text(to, index, utc_text(timestamp{postgres_epoch} + microseconds{since_2000}));
        }
        case oid::date: {
            std::int32_t since_2000 = 0;
            if (!read_binary(bytes, since_2000)) return not_readable("date", index);
            return bind_text(to, index, to_string(date{postgres_epoch + std::chrono::days{since_2000}}));
        }
        default:
            return error{errc::unsupported, "parameter $" + std::to_string(index) + " of type " + std::to_string(type) +
                                                " comes in binary, which SQLite's driver cannot read"}
                .hint("Send it as text, or declare it as a common type.");
    }
}

}  // namespace

status bind(sqlite3_stmt* to, int index, const parameter& p) {
    if (!p.bytes) return bound(sqlite3_bind_null(to, index), index);
    const std::uint32_t type = p.type != 0 && p.type != oid::unknown ? p.type : p.meant;
    if (p.format == cell_format::text) return bind_text_form(to, index, type, *p.bytes);
    return bind_binary(to, index, type == 0 ? oid::text : type, *p.bytes);
}

}  // namespace ashlar::driver::sqlite
