#include "driver/sqlite/array_parameter.hpp"

#include "core/array_value.hpp"
#include "core/float_text.hpp"
#include "core/interval.hpp"
#include "core/moment.hpp"
#include "core/numeric.hpp"
#include "core/stored_form.hpp"
#include "driver/sqlite/pg_functions.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

namespace ashlar::driver::sqlite {

namespace {

template <class Int>
std::optional<Int> whole_in(std::string_view bytes) {
    if (bytes.size() != sizeof(Int)) return std::nullopt;
    std::make_unsigned_t<Int> v = 0;
    for (const char c : bytes) v = static_cast<std::make_unsigned_t<Int>>((v << 8) | static_cast<unsigned char>(c));
    return static_cast<Int>(v);
}

template <class Int>
std::optional<std::string> whole_text(std::string_view bytes) {
    const auto n = whole_in<Int>(bytes);
    return n ? std::optional{std::to_string(*n)} : std::nullopt;
}

std::optional<std::string> day_text(std::string_view bytes) {
    const auto days = whole_in<std::int32_t>(bytes);
    if (!days) return std::nullopt;
    return text_of_days(*days == INT32_MAX ? INT64_MAX : *days == INT32_MIN ? INT64_MIN : *days);
}

// An element in PostgreSQL's text form; nothing where it cannot be read.
std::optional<std::string> element_text(std::uint32_t type, std::string_view bytes) {
    switch (type) {
        case oid::int2:
            return whole_text<std::int16_t>(bytes);
        case oid::int4:
            return whole_text<std::int32_t>(bytes);
        case oid::int8:
            return whole_text<std::int64_t>(bytes);
        case oid::boolean:
            return bytes.size() != 1 ? std::nullopt : std::optional<std::string>{bytes[0] != 0 ? "t" : "f"};
        case oid::text:
        case oid::varchar:
        case oid::bpchar:
        case oid::name:
            return std::string{bytes};
        case oid::float8: {
            const auto bits = whole_in<std::int64_t>(bytes);
            return bits ? std::optional{fmt::format("{}", std::bit_cast<double>(*bits))} : std::nullopt;
        }
        case oid::float4: {
            const auto bits = whole_in<std::int32_t>(bytes);
            return bits ? std::optional{fmt::format("{}", std::bit_cast<float>(*bits))} : std::nullopt;
        }
        case oid::numeric: {
            const auto n = numeric::from_binary(bytes);
            return n ? std::optional{n->to_text()} : std::nullopt;
        }
        case oid::date:
            return day_text(bytes);
        case oid::timestamp:
        case oid::timestamptz: {
            const auto all = whole_in<std::int64_t>(bytes);
            return all ? std::optional{text_of_microseconds(*all)} : std::nullopt;
        }
        case oid::uuid: {
            if (bytes.size() != 16) return std::nullopt;
            std::array<std::uint8_t, 16> raw{};
            std::copy(bytes.begin(), bytes.end(), raw.begin());
            return uuid{raw}.to_string();
        }
        default:
            return std::nullopt;
    }
}

void append_json(std::string& out, const stored_value& v) {
    switch (v.kind) {
        case storage::integer:
            out += std::to_string(v.whole);
            return;
        case storage::real:
            out += fmt::format("{:.17g}", v.real);
            if (out.find_first_of(".e", out.rfind(',') + 1) == out.npos) out += ".0";
            return;
        default:
            out += '"';
            for (const char c : v.text) {
                if (c == '"' || c == '\\') out += '\\';
                if (static_cast<unsigned char>(c) < 0x20)
                    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
                else
                    out += c;
            }
            out += '"';
    }
}

void array(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (any_null(1, arguments)) return;
    const std::string_view text = text_of_value(arguments[0]);
    const auto type = static_cast<std::uint32_t>(sqlite3_value_int64(arguments[1]));
    const auto elements = array_elements(text);
    if (!elements) return fail_in_function(context, "22P02", fmt::format("malformed array literal: \"{}\"", text));
    std::string out = "[";
    for (const auto& each : *elements) {
        if (out.size() > 1) out += ',';
        if (!each) {
            out += "null";
            continue;
        }
        const auto kept = stored_form(*each, type);
        if (!kept) return fail_in_function(context, kept.error());
        append_json(out, *kept);
    }
    give_text(context, out + "]");
}

}  // namespace

void add_pg_arrays(sqlite3* to) {
    add_function(to, {"pg_array", 2, array});
}

result<std::string> array_text(std::string_view binary) {
    const auto all = array_elements_in_binary(binary);
    if (!all) return error{errc::bad_value, "an array in binary that cannot be read"}.sqlstate("22P03");
    std::string out = "{";
    for (const auto& each : all->values) {
        if (out.size() > 1) out += ',';
        if (!each) {
            out += "NULL";
            continue;
        }
        const auto text = element_text(all->type, *each);
        if (!text) {
            return error{errc::unsupported, fmt::format("an array of {} in binary cannot be read over SQLite databases",
                                                        sql_name_of_type(all->type))}
                .hint("Send it as text.");
        }
        out += '"';
        for (const char c : *text) {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
        out += '"';
    }
    return out + "}";
}

}  // namespace ashlar::driver::sqlite
