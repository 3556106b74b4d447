// Parameters → SQLite's storage classes. What a text means is told by its type: SQLite compares an integer and a text
// by class before value, so a number bound as text is found in a typed column and missed in an expression.
#include "core/array_value.hpp"
#include "core/interval.hpp"
#include "core/moment.hpp"
#include "core/numeric.hpp"
#include "core/stored_form.hpp"
#include "driver/sqlite/array_parameter.hpp"
#include "driver/sqlite/types.hpp"

#include <sqlite3.h>

#include <bit>
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

status bind_blob(sqlite3_stmt* to, int index, std::string_view bytes) {
    // A null pointer would bind NULL.
    const char* at = bytes.empty() ? "" : bytes.data();
    return bound(sqlite3_bind_blob64(to, index, at, bytes.size(), SQLITE_TRANSIENT), index);
}

// The form that the file keeps, checked: core/stored_form.hpp.
status bind_text_form(sqlite3_stmt* to, int index, std::uint32_t type, std::string_view text) {
    const auto kept = stored_form(text, type);
    if (!kept) {
        error why = kept.error();
        return why.detail("It is the value of parameter $" + std::to_string(index) + ".");
    }
    switch (kept->kind) {
        case storage::integer:
            return bound(sqlite3_bind_int64(to, index, kept->whole), index);
        case storage::real:
            return bound(sqlite3_bind_double(to, index, kept->real), index);
        case storage::blob:
            return bind_blob(to, index, kept->text);
        default:
            return bind_text(to, index, kept->text);
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

// SQLite would take NaN as NULL.
status bind_double(sqlite3_stmt* to, int index, double v) {
    if (std::isnan(v)) return not_readable("a number, for SQLite has no NaN", index);
    return bound(sqlite3_bind_double(to, index, v), index);
}

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
            return bind_double(to, index, std::bit_cast<float>(bits));
        }
        case oid::float8: {
            std::int64_t bits = 0;
            if (!read_binary(bytes, bits)) return not_readable("double precision", index);
            return bind_double(to, index, std::bit_cast<double>(bits));
        }
        case oid::text:
        case oid::varchar:
        case oid::bpchar:
        case oid::name:
        case oid::json:
        case oid::unknown:
            return bind_text_form(to, index, type, bytes);
        case oid::numeric: {
            const auto n = numeric::from_binary(bytes);
            if (!n) return not_readable("numeric", index);
            return bind_text_form(to, index, type, n->to_text());
        }
        case oid::time: {
            std::int64_t since_midnight = 0;
            if (!read_binary(bytes, since_midnight)) return not_readable("time", index);
            const std::string text = to_string(timestamp{microseconds{since_midnight}});
            return bind_text_form(to, index, type, text.substr(11, text.size() - 14));
        }
        case oid::interval: {
            if (bytes.size() != 16) return not_readable("interval", index);
            interval span;
            (void)read_binary(bytes.substr(0, 8), span.microseconds);
            (void)read_binary(bytes.substr(8, 4), span.days);
            (void)read_binary(bytes.substr(12, 4), span.months);
            return bind_text(to, index, to_string(span));
        }
        case oid::jsonb:
            if (!bytes.starts_with('\1')) return not_readable("jsonb", index);
            return bind_text_form(to, index, type, bytes.substr(1));
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
            return bind_text_form(to, index, type, text_of_microseconds(since_2000));
        }
        case oid::date: {
            std::int32_t since_2000 = 0;
            if (!read_binary(bytes, since_2000)) return not_readable("date", index);
            const bool finite = since_2000 != INT32_MIN && since_2000 != INT32_MAX;
            const std::int64_t days = finite ? since_2000 : since_2000 < 0 ? INT64_MIN : INT64_MAX;
            return bind_text_form(to, index, type, text_of_days(days));
        }
        default:
            if (element_type_of(type) != 0) {
                const auto text = array_text(bytes);
                if (!text)
                    return error{text.error()}.detail("It is the value of parameter $" + std::to_string(index) + ".");
                return bind_text(to, index, *text);
            }
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
