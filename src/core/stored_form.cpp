#include "core/stored_form.hpp"

#include "core/array_value.hpp"
#include "core/ascii.hpp"
#include "core/float_text.hpp"
#include "core/interval.hpp"
#include "core/json_text.hpp"
#include "core/kept_moment.hpp"
#include "core/moment.hpp"
#include "core/numeric.hpp"
#include "core/quoting.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace ashlar {

namespace {

constexpr std::size_t exact_digits = 15;  // a decimal fraction of so many digits survives a double and back

std::string shown(std::string_view text) {
    constexpr std::size_t shown_max = 100;
    std::string out{text.substr(0, shown_max)};
    if (text.size() > shown_max) out += "…";
    return out;
}

error bad_syntax(std::uint32_t type, std::string_view text, std::string_view sqlstate = "22P02") {
    return error{errc::bad_value,
                 fmt::format("invalid input syntax for type {}: \"{}\"", sql_name_of_type(type), shown(text))}
        .sqlstate(sqlstate);
}

error out_of_range(std::uint32_t type, std::string_view text) {
    return error{errc::bad_value,
                 fmt::format("value \"{}\" is out of range for type {}", shown(text), sql_name_of_type(type))}
        .sqlstate("22003");
}

error not_kept(std::string_view what, std::string hint) {
    return error{errc::unsupported, fmt::format("SQLite cannot keep {}", what)}.hint(std::move(hint));
}

stored_value text_value(std::string text) {
    stored_value v;
    v.text = std::move(text);
    return v;
}

stored_value whole_value(std::int64_t n) {
    stored_value v;
    v.kind = storage::integer;
    v.whole = n;
    return v;
}

stored_value real_value(double d) {
    stored_value v;
    v.kind = storage::real;
    v.real = d;
    return v;
}

// --- numbers ------------------------------------------------------------------------------------------------------

result<stored_value> integer_form(std::string_view text, std::uint32_t type) {
    std::string_view digits = trim(text);
    const bool plus = digits.starts_with('+');
    if (plus) digits.remove_prefix(1);
    if (plus && digits.starts_with('-')) return bad_syntax(type, text);
    std::int64_t n = 0;
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (end.ptr != digits.data() + digits.size() || digits.empty()) return bad_syntax(type, text);
    if (end.ec == std::errc::result_out_of_range) return out_of_range(type, text);
    if (end.ec != std::errc{}) return bad_syntax(type, text);
    const auto within = [&](std::int64_t low, std::int64_t high) { return n >= low && n <= high; };
    const bool fits = type == oid::int2   ? within(INT16_MIN, INT16_MAX)
                      : type == oid::int4 ? within(INT32_MIN, INT32_MAX)
                      : type == oid::oid  ? within(0, UINT32_MAX)
                                          : true;
    if (!fits) return out_of_range(type, text);
    return whole_value(n);
}

result<stored_value> float_form(std::string_view text, std::uint32_t type) {
    const auto v = parse_float8(text);
    if (!v) {
        if (decimal::parse(trim(text))) return out_of_range(type, text);
        return bad_syntax(type, text);
    }
    if (std::isnan(*v)) return not_kept("NaN", "Store NULL instead.");
    if (type == oid::float4) {
        const auto narrow = parse_float4(text);
        if (!narrow) return out_of_range(type, text);
        return real_value(*narrow);
    }
    return real_value(*v);
}

// Rounded half away from zero to `scale` digits, by the digits of the text.
std::string rounded(std::string_view canonical, int scale) {
    const std::size_t point = canonical.find('.');
    if (point == std::string_view::npos || static_cast<int>(canonical.size() - point - 1) <= scale)
        return std::string{canonical};
    const std::size_t cut = point + 1 + static_cast<std::size_t>(scale);
    const bool up = canonical[cut] >= '5';
    std::string out{canonical.substr(0, scale == 0 ? point : cut)};
    if (!up) return out;
    for (std::size_t i = out.size(); i-- > 0;) {
        if (!is_digit(out[i])) continue;
        if (out[i] != '9') {
            ++out[i];
            return out;
        }
        out[i] = '0';
    }
    out.insert(out.starts_with('-') ? 1 : 0, "1");
    return out;
}

std::size_t whole_digits(std::string_view canonical) {
    if (canonical.starts_with('-')) canonical.remove_prefix(1);
    const std::size_t n = canonical.substr(0, canonical.find('.')).size();
    return n == 1 && canonical.front() == '0' ? 0 : n;
}

result<stored_value> numeric_form(std::string_view text, std::int32_t modifier) {
    const auto read = decimal::parse(text);
    if (!read) return bad_syntax(oid::numeric, text);
    std::string canonical = read->to_string();
    if (!is_digit(canonical.back())) return not_kept(canonical + " as numeric", "Store NULL instead.");
    if (modifier >= 4) {
        const int precision = precision_of(modifier), scale = scale_of(modifier);
        canonical = decimal::parse(rounded(canonical, scale)).value().to_string();
        if (whole_digits(canonical) > static_cast<std::size_t>(std::max(precision - scale, 0))) {
            return error{errc::bad_value, "numeric field overflow"}
                .detail(fmt::format("A field with precision {}, scale {} must round to an absolute value less than "
                                    "10^{}.",
                                    precision, scale, precision - scale))
                .sqlstate("22003");
        }
    }
    stored_value out;
    if (keeps_numeric(canonical, out)) return out;
    return not_kept(fmt::format("the numeric {} exactly: it has more than {} digits", shown(canonical), exact_digits),
                    "Round it, or store it as text.");
}

result<stored_value> boolean_form(std::string_view text) {
    std::string word;
    for (const char c : trim(text)) word += to_lower(c);
    const auto begins = [&](std::string_view whole, std::size_t least) {
        return word.size() >= least && whole.starts_with(word);
    };
    if (begins("true", 1) || begins("yes", 1) || word == "on" || word == "1") return whole_value(1);
    if (begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0") return whole_value(0);
    return bad_syntax(oid::boolean, text);
}

// --- text ---------------------------------------------------------------------------------------------------------

std::size_t characters_in(std::string_view text) {
    std::size_t n = 0;
    for (const char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    return n;
}

std::string_view first_characters(std::string_view text, std::size_t count) {
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 && count-- == 0) break;
    }
    return text.substr(0, i);
}

// varchar(n) and char(n), whose modifier is n + 4.
result<stored_value> limited_form(std::string_view text, std::uint32_t type, std::int32_t modifier, conversion how) {
    if (modifier < 5) return text_value(std::string{text});
    const auto n = static_cast<std::size_t>(modifier - 4);
    const std::size_t length = characters_in(text);
    if (length > n) {
        const std::string_view kept = first_characters(text, n);
        const bool only_blanks = text.find_first_not_of(' ', kept.size()) == std::string_view::npos;
        if (how == conversion::assignment && !only_blanks) {
            return error{errc::bad_value, fmt::format("value too long for type {}({})", sql_name_of_type(type), n)}
                .sqlstate("22001");
        }
        return text_value(std::string{kept});
    }
    std::string out{text};
    if (type == oid::bpchar) out.append(n - length, ' ');
    return text_value(std::move(out));
}

// --- dates and times ----------------------------------------------------------------------------------------------

// "2023-02-30": spelled like a date, and none.
bool looks_like_a_day(std::string_view text) {
    text = trim(text);
    std::size_t i = 0, groups = 0;
    while (i < text.size() && groups < 3) {
        const std::size_t begun = i;
        while (i < text.size() && is_digit(text[i])) ++i;
        if (i == begun) return false;
        ++groups;
        if (groups < 3 && (i >= text.size() || text[i++] != '-')) return false;
    }
    return groups == 3;
}

// A moment's text in the form that the readers take: what PostgreSQL has words for is written in numbers.
struct spelled_moment {
    std::string text;
    std::optional<error> why;  // PostgreSQL accepts it, and it is not supported here
};

bool is_zone_word(std::string_view word) {
    static constexpr auto zones = std::to_array<std::string_view>({"z", "utc", "gmt", "zulu", "uct", "ut"});
    return std::any_of(zones.begin(), zones.end(), [&](std::string_view z) { return equals_ignoring_case(z, word); });
}

// "Europe/Berlin", "EST"
bool looks_like_a_zone(std::string_view word) {
    const bool capitals = std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return word.find('/') != word.npos || (capitals && word.size() >= 3 && word.size() <= 5);
}

// "2024-05-06 UTC" is "2024-05-06 00:00:00+00".
spelled_moment spelled(std::string_view text) {
    std::string_view bare = trim(text);
    if (equals_ignoring_case(bare, "epoch")) return {"1970-01-01 00:00:00", std::nullopt};
    for (const std::string_view word : {"now", "today", "tomorrow", "yesterday"}) {
        if (!equals_ignoring_case(bare, word)) continue;
        return {
            {},
            error{errc::unsupported, fmt::format("'{}' as a moment is not available over SQLite databases", word)}.hint(
                "Use now() or current_date.")};
    }
    if (bare.empty() || !is_digit(bare.front())) return {std::string{text}, std::nullopt};
    std::string_view era;
    if (bare.size() > 3 && equals_ignoring_case(bare.substr(bare.size() - 3), " bc")) {
        era = " BC";
        bare = trim(bare.substr(0, bare.size() - 3));
    }
    const bool has_time = bare.find(':') != bare.npos;
    std::size_t letters = bare.size();
    const auto is_of_zone = [](char c) { return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '/' || c == '_'; };
    while (letters > 0 && is_of_zone(bare[letters - 1])) --letters;
    std::string_view zone = bare.substr(letters);
    std::string_view moment = trim(bare.substr(0, letters));
    if (zone.empty() && !has_time && bare.find('+') != bare.npos) {
        zone = bare.substr(bare.find('+'));
        moment = trim(bare.substr(0, bare.find('+')));
    } else if (is_zone_word(zone)) {
        zone = "+00";
    } else if (looks_like_a_zone(zone) && looks_like_a_day(moment.substr(0, moment.find(' ')))) {
        return {
            {},
            error{errc::unsupported, fmt::format("the time zone \"{}\" is not available over SQLite databases", zone)}
                .hint("Write the offset in numbers, as in 2026-11-30 12:34:56+01.")};
    }
    if (zone.empty()) return {std::string{text}, std::nullopt};
    return {fmt::format("{}{}{}{}", moment, has_time ? "" : " 00:00:00", zone, era), std::nullopt};
}

error bad_moment(std::uint32_t type, std::string_view text) {
    if (looks_like_a_day(text)) {
        return error{errc::bad_value, fmt::format("date/time field value out of range: \"{}\"", shown(text))}.sqlstate(
            "22008");
    }
    return bad_syntax(type, text, "22007")
        .hint("Dates over SQLite databases are read in the form 2026-11-30 12:34:56.");
}

result<stored_value> date_form(std::string_view text) {
    const spelled_moment as = spelled(text);
    if (as.why) return *as.why;
    if (equals_ignoring_case(trim(text), "epoch")) return text_value("1970-01-01");
    const auto days = days_since_2000(text);
    if (!days) return bad_moment(oid::date, text);
    return text_value(kept_moment(text_of_days(*days)));
}

// "… 12:30:00+02 BC" as a timestamp without time zone: the zone is read and ignored.
std::string without_zone(std::string_view text) {
    text = trim(text);
    const std::size_t colon = text.find(':');
    const std::size_t zone = colon == text.npos ? text.npos : text.find_first_of("+-zZuUgG", colon);
    if (zone == text.npos) return std::string{text};
    std::string out{text.substr(0, zone)};
    if (text.size() > 3 && equals_ignoring_case(text.substr(text.size() - 3), " bc")) out += " BC";
    return out;
}

result<stored_value> timestamp_form(std::string_view text, std::uint32_t type) {
    const spelled_moment as = spelled(text);
    if (as.why) return *as.why;
    auto since_2000 = microseconds_since_2000(as.text);
    if (since_2000 && type == oid::timestamp) since_2000 = microseconds_since_2000(without_zone(as.text));
    if (!since_2000) return bad_moment(type, text);
    std::string out = text_of_microseconds(*since_2000);
    if (const std::size_t zone = out.find("+00"); zone != out.npos) out.erase(zone, 3);
    return text_value(kept_moment(out));
}

result<stored_value> time_form(std::string_view text) {
    const std::string_view bare = trim(text);
    const auto t = parse_timestamp("2000-01-01 " + std::string{bare});
    if (!t || bare.find(':') == std::string_view::npos) {
        const bool numbers = bare.find_first_not_of("0123456789:.") == std::string_view::npos && !bare.empty();
        if (numbers && bare.find(':') != std::string_view::npos) {
            return error{errc::bad_value, fmt::format("date/time field value out of range: \"{}\"", shown(text))}
                .sqlstate("22008");
        }
        return bad_syntax(oid::time, text, "22007").hint("Times over SQLite databases are read in the form 12:34:56.");
    }
    std::string out = to_string(*parse_timestamp(without_zone("2000-01-01 " + std::string{bare}))).substr(11);
    out.resize(out.size() - 3);
    return text_value(std::move(out));
}

}  // namespace

bool keeps_numeric(std::string_view canonical, stored_value& into) {
    std::string_view value = canonical;
    if (value.find('.') != std::string_view::npos) {
        while (value.ends_with('0')) value.remove_suffix(1);
        if (value.ends_with('.')) value.remove_suffix(1);
    }
    std::int64_t whole = 0;
    if (const auto end = std::from_chars(value.data(), value.data() + value.size(), whole);
        end.ec == std::errc{} && end.ptr == value.data() + value.size()) {
        into = whole_value(whole);
        return true;
    }
    std::size_t digits = 0;
    for (const char c : value) {
        if (is_digit(c) && (digits > 0 || c != '0')) ++digits;
    }
    double d = 0;
    const auto end = std::from_chars(value.data(), value.data() + value.size(), d);
    if (digits > exact_digits || end.ec != std::errc{} || end.ptr != value.data() + value.size() || !std::isfinite(d)) {
        return false;
    }
    into = real_value(d);
    return true;
}

std::string sql_name_of_type(std::uint32_t type) {
    if (const std::uint32_t element = element_type_of(type); element != 0) return sql_name_of_type(element) + "[]";
    switch (type) {
        case oid::boolean:
            return "boolean";
        case oid::bytea:
            return "bytea";
        case oid::name:
            return "name";
        case oid::int2:
            return "smallint";
        case oid::int4:
            return "integer";
        case oid::int8:
            return "bigint";
        case oid::text:
            return "text";
        case oid::oid:
            return "oid";
        case oid::json:
            return "json";
        case oid::jsonb:
            return "jsonb";
        case oid::float4:
            return "real";
        case oid::float8:
            return "double precision";
        case oid::unknown:
            return "unknown";
        case oid::bpchar:
            return "character";
        case oid::varchar:
            return "character varying";
        case oid::date:
            return "date";
        case oid::time:
            return "time without time zone";
        case oid::timestamp:
            return "timestamp without time zone";
        case oid::timestamptz:
            return "timestamp with time zone";
        case oid::interval:
            return "interval";
        case oid::numeric:
            return "numeric";
        case oid::uuid:
            return "uuid";
        default:
            return fmt::format("the type with oid {}", type);
    }
}

result<stored_value> stored_form(std::string_view text, std::uint32_t type, std::int32_t modifier, conversion how) {
    switch (type) {
        case oid::int2:
        case oid::int4:
        case oid::int8:
        case oid::oid:
            return integer_form(text, type);
        case oid::float4:
        case oid::float8:
            return float_form(text, type);
        case oid::numeric:
            return numeric_form(text, modifier);
        case oid::boolean:
            return boolean_form(text);
        case oid::varchar:
        case oid::bpchar:
            return limited_form(text, type, modifier, how);
        case oid::date:
            return date_form(text);
        case oid::timestamp:
        case oid::timestamptz:
            return timestamp_form(text, type);
        case oid::time:
            return time_form(text);
        case oid::uuid: {
            const auto id = uuid::parse(text);
            if (!id) return bad_syntax(type, text);
            return text_value(id->to_string());
        }
        case oid::interval: {
            const auto span = parse_interval(text);
            if (!span) return span.error();
            return text_value(to_string(*span));
        }
        case oid::json:
        case oid::jsonb:
            if (!is_json(text)) {
                return error{errc::bad_value, fmt::format("invalid input syntax for type {}", sql_name_of_type(type))}
                    .detail(fmt::format("The value is: {}", shown(text)))
                    .sqlstate("22P02");
            }
            return text_value(std::string{text});
        case oid::bytea: {
            auto b = parse_bytes(text);
            if (!b) return bad_syntax(type, text);
            stored_value v;
            v.kind = storage::blob;
            v.text.assign(b->data.begin(), b->data.end());
            return v;
        }
        default:
            return text_value(std::string{text});
    }
}

std::string literal_of(const stored_value& value) {
    switch (value.kind) {
        case storage::integer:
            return std::to_string(value.whole);
        case storage::real: {
            if (std::isinf(value.real)) return value.real > 0 ? "9e999" : "-9e999";
            std::array<char, 40> digits{};
            const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value.real);
            std::string out{digits.data(), end.ptr};
            if (out.find_first_of(".e") == std::string::npos) out += ".0";
            return out;
        }
        case storage::blob: {
            std::string out = "X'";
            for (const char c : value.text) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
            return out + "'";
        }
        default:
            return quoted_text(value.text);
    }
}

}  // namespace ashlar
