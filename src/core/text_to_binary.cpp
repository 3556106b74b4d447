#include "core/text_to_binary.hpp"

#include "core/bad_value.hpp"
#include "core/codec.hpp"
#include "core/interval.hpp"
#include "core/moment.hpp"

namespace ashlar::codec {

namespace {

bool is_characters(std::uint32_t type) noexcept {
    return is_text(type) || type == oid::json || type == oid::unknown || type == oid::xml;
}

result<std::string> moment_to_binary(std::string_view text, std::uint32_t type) {
    const auto at = read_moment(text, type, cell_format::text);
    if (!at) return at.error();
    std::string out;
    if (type == oid::date) {
        const std::int64_t days = *at == INT64_MAX ? INT32_MAX : *at == INT64_MIN ? INT32_MIN : *at;
        wire::append32(out, static_cast<std::uint32_t>(days));
    } else {
        wire::append64(out, static_cast<std::uint64_t>(*at));
    }
    return out;
}

// charout(): one byte, in octal when it is not ASCII, nothing for zero.
result<std::string> char_to_binary(std::string_view text) {
    const auto octal = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '7'; };
    if (text.empty()) return std::string(1, '\0');
    if (text.size() == 1) return std::string{text};
    if (text.size() != 4 || text[0] != '\\' || !octal(1) || !octal(2) || !octal(3)) return bad_value("\"char\"", text);
    return std::string(1, static_cast<char>((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0')));
}

}  // namespace

bool has_text_to_binary(std::uint32_t type) noexcept {
    switch (type) {
        case oid::boolean:
        case oid::bytea:
        case oid::char1:
        case oid::date:
        case oid::interval:
        case oid::jsonb:
        case oid::numeric:
        case oid::time:
        case oid::timestamp:
        case oid::timestamptz:
        case oid::uuid:
            return true;
        default:
            return is_characters(type) || is_integer(type) || is_float(type);
    }
}

result<std::string> text_to_binary(std::string_view text, std::uint32_t type) {
    std::string out;
    if (is_characters(type)) return std::string{text};
    if (is_integer(type)) {
        const auto v = read_integer(text, type, cell_format::text);
        if (!v) return v.error();
        write_integer(out, *v, type, cell_format::binary);
        return out;
    }
    if (is_float(type)) {
        const auto v = read_float(text, type, cell_format::text);
        if (!v) return v.error();
        write_float(out, *v, type, cell_format::binary);
        return out;
    }
    switch (type) {
        case oid::boolean: {
            const auto v = read_boolean(text, cell_format::text);
            if (!v) return v.error();
            write_boolean(out, *v, cell_format::binary);
            return out;
        }
        case oid::numeric: {
            const auto v = numeric::from_text(text);
            if (!v) return v.error();
            return v->to_binary();
        }
        case oid::uuid: {
            const auto v = uuid::parse(text);
            if (!v) return v.error();
            out.assign(v->bytes().begin(), v->bytes().end());
            return out;
        }
        case oid::time: {
            const auto v = microseconds_of_day(text);
            if (!v) return v.error();
            wire::append64(out, static_cast<std::uint64_t>(*v));
            return out;
        }
        case oid::interval: {
            const auto v = parse_interval(text);
            if (!v) return v.error();
            wire::append64(out, static_cast<std::uint64_t>(v->microseconds));
            wire::append32(out, static_cast<std::uint32_t>(v->days));
            wire::append32(out, static_cast<std::uint32_t>(v->months));
            return out;
        }
        case oid::jsonb:
            return '\x01' + std::string{text};
        case oid::bytea:
            return read_bytea(text, cell_format::text);
        case oid::char1:
            return char_to_binary(text);
        case oid::date:
        case oid::timestamp:
        case oid::timestamptz:
            return moment_to_binary(text, type);
        default:
            return error{errc::unsupported, "a value of " + type_name(type) + " cannot be sent in binary format"}.hint(
                "Ask for this column in text format.");
    }
}

}  // namespace ashlar::codec
