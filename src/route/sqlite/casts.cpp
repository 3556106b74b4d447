// Untyped literals and parameters become values of a type; values of one type are written as those of another.
#include "route/sqlite/translator.hpp"
#include "route/types.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route::sqlite {

namespace {

bool has_length(std::uint32_t type) {
    return type == oid::varchar || type == oid::bpchar;
}

int decimals_in(std::string_view number) {
    const auto read = decimal::parse(number);
    return read ? read->scale() : -1;
}

}  // namespace

typed translator::resolve(typed v, value_type to, conversion how) {
    if (!is_untyped(v)) return v;
    if (to.type == 0 || to.type == oid::unknown) to = {oid::text, -1};
    if (!is_supported(to.type) && to.type != oid::interval) {
        return fail(v.location,
                    fmt::format("values of type {} are not available over SQLite databases", sql_name_of_type(to.type)),
                    "Use text, or a type of numbers, dates, booleans or uuid.");
    }
    const std::uint32_t type = to.type;
    if (v.parameter > 0) {
        parameter_use& use = parameters_[static_cast<std::size_t>(v.parameter) - 1];
        use.type = type;
        v.type = type;
        v.modifier = to.modifier;
        if (to.modifier >= 0 && (has_length(type) || type == oid::numeric)) {
            if (uses_[v.parameter] == 1 && how == conversion::assignment) {
                use.modifier = to.modifier;
                v.scale = type == oid::numeric ? scale_of(to.modifier) : -1;
            } else {
                v.modifier = -1;
                v.parameter = 0;
                const int location = v.location;
                return cast_to(std::move(v), to, location);
            }
        }
        v.parameter = 0;
        return v;
    }
    v.type = type;
    v.modifier = to.modifier;
    if (v.is_null) return v;
    if (!v.literal) return v;
    auto kept = stored_form(*v.literal, type, to.modifier, how);
    if (!kept) return fail(std::move(kept).error(), v.location);
    if (kept->kind == storage::text && kept->text.find('\0') != std::string::npos) {
        return fail(v.location, "a text cannot hold the byte 0", "Use bytea.", "22021");
    }
    v.sql = type == oid::boolean ? (kept->whole != 0 ? "TRUE" : "FALSE") : literal_of(*kept);
    v.holds = v.sql.starts_with('-') ? binding::multiplicative : binding::primary;
    v.not_null = true;
    if (type == oid::numeric) v.scale = to.modifier >= 4 ? scale_of(to.modifier) : decimals_in(*v.literal);
    if (category_of(type) != category::number) v.literal.reset();
    return v;
}

typed translator::settle(typed v) {
    return resolve(std::move(v), {oid::text, -1});
}

typed translator::as_kept(typed v) {
    if (!v.is_decimal) return v;
    v.sql = fmt::format("pg_num({})", v.sql);
    v.is_decimal = false;
    v.holds = binding::primary;
    return v;
}

// An interval's equals may be written in other words.
bool translator::has_equal_texts(const typed& v, std::string_view clause) {
    if (v.type != oid::interval || v.is_null || failed_) return !failed_;
    (void)fail(v.location, fmt::format("{} intervals is not available over SQLite databases", clause),
               "Keep the interval as a number, for example of seconds in a bigint column.");
    return false;
}

typed translator::as_key(typed v) {
    // with as many digits after the point in each, equal numbers are equal texts
    const bool told_apart = v.type == oid::interval || (v.is_decimal && v.scale < 0);
    return told_apart ? as_sorted(std::move(v)) : without_collations(std::move(v));
}

typed translator::without_collations(typed v) {
    const bool is_plain = is_integer(v.type) || is_float(v.type) || v.type == oid::boolean || v.type == oid::interval ||
                          v.is_decimal || v.is_null;
    if (is_plain || v.sql.find(" COLLATE ashlar_") == std::string::npos || v.sql.ends_with(" COLLATE \"binary\""))
        return v;
    v.sql = fmt::format("{} COLLATE \"binary\"", wrap(v, binding::primary));
    v.holds = binding::multiplicative;
    return v;
}

typed translator::as_sorted(typed v) {
    const bool span = v.type == oid::interval && !v.is_null;
    if (!v.is_decimal && !span) return without_collations(std::move(v));
    v.sql = fmt::format("{} COLLATE {}", wrap(v, binding::primary), span ? "ashlar_interval" : "ashlar_decimal");
    v.holds = binding::multiplicative;
    return v;
}

typed translator::as_decimal(typed v) {
    if (v.is_decimal) return v;
    if ((v.type == oid::numeric || is_integer(v.type)) && v.literal) {
        if (auto read = decimal::parse(*v.literal)) {
            v.sql = fmt::format("'{}'", read->to_string());
            v.scale = read->scale();
        }
    } else if (v.type == oid::numeric && v.scale >= 0) {
        v.sql = fmt::format("pg_decimal({}, {})", v.sql, v.scale);
    } else if (v.type == oid::numeric) {
        v.sql = fmt::format("pg_decimal({})", v.sql);
    } else {
        v.scale = is_integer(v.type) ? 0 : -1;
        if (v.is_null) return v;
        v.sql = fmt::format("pg_decimal({})", v.sql);
    }
    v.type = oid::numeric;
    v.is_decimal = true;
    v.literal.reset();
    v.holds = binding::primary;
    return v;
}

typed translator::as_text(typed v) {
    v = settle(std::move(v));
    if (v.is_null) {
        v.type = oid::text;
        return v;
    }
    switch (v.type) {
        case oid::bpchar:
            v.sql = fmt::format("rtrim({}, ' ')", v.sql);
            break;
        case oid::int2:
        case oid::int4:
        case oid::int8:
        case oid::oid:
            v.sql = fmt::format("CAST({} AS TEXT)", v.sql);
            break;
        case oid::numeric:
            v = as_decimal(std::move(v));
            break;
        case oid::float4:
        case oid::float8:
            v.sql = fmt::format("pg_float8_text({})", v.sql);
            break;
        case oid::boolean:
            v.sql = fmt::format("pg_boolean_text({})", v.sql);
            break;
        case oid::date:
        case oid::timestamp:
        case oid::timestamptz:
            v.sql = fmt::format("pg_moment_text({}, {})", v.sql, v.type);
            break;
        case oid::bytea:
            v.sql = fmt::format("pg_bytea_text({})", v.sql);
            break;
        case 0:
            v.sql = fmt::format("CAST({} AS TEXT)", v.sql);
            break;
        default:
            v.type = oid::text;
            v.modifier = -1;
            return v;
    }
    v.type = oid::text;
    v.modifier = -1;
    v.is_decimal = v.is_own = false;
    v.literal.reset();
    v.holds = binding::primary;
    return v;
}

typed translator::implicit(typed v, std::uint32_t to) {
    if (v.type == to || v.is_null) {
        v.type = to;
        return v;
    }
    if (v.type == oid::bpchar) return as_text(std::move(v));
    if (v.type == oid::date && (to == oid::timestamp || to == oid::timestamptz)) {
        v.sql = fmt::format("pg_timestamp_of_date({})", v.sql);
        v.holds = binding::primary;
    }
    if (is_float(to) && !is_float(v.type)) {
        v = as_kept(std::move(v));
        if (!v.literal) {
            v.sql = fmt::format("CAST({} AS REAL)", v.sql);
            v.holds = binding::primary;
        }
    }
    if (to == oid::numeric && is_integer(v.type)) v.scale = 0;
    if (category_of(to) == category::text) v.modifier = -1;
    v.type = to;
    return v;
}

typed translator::boolean(typed v, std::string_view clause) {
    v = resolve(std::move(v), {oid::boolean, -1});
    if (v.type == oid::boolean || v.is_own || failed_) return v;
    return fail(v.location,
                fmt::format("argument of {} must be type boolean, not type {}", clause, sql_name_of_type(v.type)),
                "Write the comparison out, for example x <> 0.", "42804");
}

void translator::unify(std::vector<typed>& values, std::string_view clause, int location) {
    std::uint32_t type = oid::unknown;
    bool own = false;
    for (const typed& v : values) {
        own = own || v.is_own;
        if (is_untyped(v) || v.is_own) continue;
        if (type == oid::unknown) {
            type = v.type;
            continue;
        }
        if (type != v.type && (type == oid::bpchar || v.type == oid::bpchar) && is_text(type) && is_text(v.type)) {
            (void)fail(v.location >= 0 ? v.location : location,
                       fmt::format("{} of char(n) beside text is not available over SQLite databases", clause),
                       "Cast the column to text.");
            return;
        }
        const std::uint32_t both = common_type(type, v.type);
        if (both == 0) {
            (void)fail(v.location >= 0 ? v.location : location,
                       fmt::format("{} types {} and {} cannot be matched", clause, sql_name_of_type(type),
                                   sql_name_of_type(v.type)),
                       "Cast them to one type.", "42804");
            return;
        }
        type = both;
    }
    if (type == oid::unknown) type = oid::text;
    bool decimal = false;
    for (typed& v : values) {
        v = resolve(std::move(v), {type, -1});
        if (!v.is_own) v = implicit(std::move(v), type);
        decimal = decimal || v.is_decimal;
    }
    // each value keeps the digits that it has
    const auto first = std::find_if(values.begin(), values.end(), [](const typed& v) { return !v.is_null; });
    const bool mixed = std::any_of(values.begin(), values.end(),
                                   [&](const typed& v) { return !v.is_null && v.scale != first->scale; });
    decimal = decimal || (type == oid::numeric && mixed && !own);
    for (typed& v : values) {
        if (decimal) v = as_decimal(std::move(v));
        if (own) v.is_own = true;
    }
    // NULL has the digits of the others
    for (typed& v : values) {
        if (v.is_null && first != values.end()) v.scale = first->scale;
    }
}

// --- CAST -------------------------------------------------------------------------------------------------------------

typed translator::cast(const sql::expression& e, const level& here) {
    const sql::type_name& named = *e.type;
    const int location = e.location >= 0 ? e.location : e.inner.front().location;
    value_type to{type_named(named), -1};
    if (!is_supported(to.type) && to.type != oid::interval) {
        return fail(location, fmt::format("SQLite has no cast to {}{}", named.name, named.is_array ? "[]" : ""),
                    "Cast to a type of numbers, text, dates, boolean or uuid, or leave the cast out.");
    }
    if (named.has_modifiers) {
        const auto& m = named.modifiers;
        if (to.type == oid::numeric && !m.empty() && m.size() <= 2) {
            const int scale = m.size() > 1 ? static_cast<int>(m[1]) : 0;
            if (m[0] < 1 || m[0] > 1000 || scale < 0 || scale > m[0]) {
                return fail(location, "a numeric of this precision and scale is not available over SQLite databases",
                            "Write numeric(p, s) with s from 0 to p.");
            }
            to.modifier = numeric_modifier(static_cast<int>(m[0]), scale);
        } else if (has_length(to.type) && m.size() == 1 && m[0] > 0 && m[0] <= 10'485'760) {
            to.modifier = static_cast<std::int32_t>(m[0]) + 4;
        } else {
            return fail(location, fmt::format("SQLite has no cast to {} of this precision", named.name),
                        "Leave the precision out.");
        }
    }
    typed v = write(e.inner.front(), here);
    if (failed_) return v;
    v.location = location;
    if (is_untyped(v)) return resolve(std::move(v), to, conversion::cast);
    return cast_to(std::move(v), to, location);
}

typed translator::cast_to(typed v, value_type to, int location) {
    if (failed_) return v;
    const auto no_cast = [&] {
        return fail(location,
                    fmt::format("cannot cast type {} to {}", sql_name_of_type(v.type), sql_name_of_type(to.type)),
                    "Cast it to text first.", "42846");
    };
    const auto read = [&](const std::string& text) {
        v.sql = fmt::format("pg_read({}, {}, {}, 1)", text, to.type, to.modifier);
        v.type = to.type;
        v.modifier = to.modifier;
        v.is_decimal = v.is_own = false;
        v.scale = -1;
        v.literal.reset();
        v.holds = binding::primary;
        return v;
    };
    const auto as_is = [&](std::string sql) {
        v.sql = std::move(sql);
        v.type = to.type;
        v.modifier = to.modifier;
        v.literal.reset();
        v.holds = binding::primary;
        return v;
    };
    if (v.is_null) {
        v.type = to.type;
        return v;
    }
    if (v.is_own || v.type == 0) return read(v.sql);
    if (v.type == to.type && v.type == oid::interval) return v;
    if (to.type == oid::interval && v.type == oid::time) return as_is(fmt::format("pg_span_of_time({})", v.sql));
    if (v.type == oid::interval && to.type == oid::time)
        return as_is(fmt::format("pg_time_add('00:00:00', {})", v.sql));
    const category from = category_of(v.type), into = category_of(to.type);
    if (into == category::number && (from == category::number || from == category::boolean)) {
        if (from == category::boolean && to.type != oid::int4) return no_cast();
        return number_to(std::move(v), to, location);
    }
    if (into == category::text) {
        const bool same = v.type == to.type;
        if (!(same && v.type == oid::bpchar)) v = as_text(std::move(v));
        if (to.modifier >= 0) return read(v.sql);
        v.type = to.type;
        return v;
    }
    if (from == category::text) {
        v = as_text(std::move(v));
        return read(v.sql);
    }
    if (v.type == to.type) return v;
    if (to.type == oid::boolean) {
        if (v.type != oid::int4) return no_cast();
        return as_is(fmt::format("({} <> 0)", wrap(v, binding::additive)));
    }
    if (from == category::moment && into == category::moment) {
        if (to.type == oid::date && v.type != oid::time) return as_is(fmt::format("pg_date_of_timestamp({})", v.sql));
        if (to.type == oid::time && v.type != oid::date) return as_is(fmt::format("pg_time_of_timestamp({})", v.sql));
        if (v.type == oid::date && to.type != oid::time) return implicit(std::move(v), to.type);
        if (v.type == oid::time || v.type == oid::date) return no_cast();
        return as_is(v.sql);  // timestamp and timestamptz: instants are in UTC
    }
    if ((v.type == oid::json || v.type == oid::jsonb) && (to.type == oid::json || to.type == oid::jsonb)) {
        return as_is(v.sql);
    }
    return no_cast();
}

typed translator::number_to(typed v, value_type to, int) {
    const auto call = [&](std::string sql) {
        v.sql = std::move(sql);
        v.literal.reset();
        v.holds = binding::primary;
        return v;
    };
    if (is_integer(to.type) || to.type == oid::oid) {
        const char* name = to.type == oid::int2   ? "int2"
                           : to.type == oid::int4 ? "int4"
                           : to.type == oid::oid  ? "oid"
                                                  : "int8";
        const std::uint32_t from = v.type;
        v.type = to.type;
        const bool was_decimal = v.is_decimal;
        v.is_decimal = false;
        v.scale = -1;
        if (from == to.type || from == oid::boolean) return v;
        if (is_integer(from) && casts_by_itself(from, to.type)) return v;
        if (is_float(from)) return call(fmt::format("pg_{}_of_float8({})", name, v.sql));
        (void)was_decimal;
        return call(fmt::format("pg_{}({})", name, v.sql));
    }
    if (is_float(to.type)) {
        if (v.type == to.type) return v;
        const bool narrows = to.type == oid::float4;
        if (is_float(v.type) && !narrows) {
            v.type = to.type;
            return v;
        }
        // Infinity is a numeric where extract() gives it.
        const std::string_view as = narrows                  ? "pg_float4({})"
                                    : v.type == oid::numeric ? "pg_float8({})"
                                                             : "CAST({} AS REAL)";
        v.sql = fmt::format(fmt::runtime(as), v.sql);
        v.type = to.type;
        v.is_decimal = false;
        v.scale = -1;
        return call(std::move(v.sql));
    }
    // numeric
    if (is_float(v.type)) {
        v.sql = fmt::format("pg_decimal_of_float8({})", v.sql);
        v.type = oid::numeric;
        v.is_decimal = true;
        v.scale = -1;
        v.literal.reset();
        v.holds = binding::primary;
    }
    if (to.modifier < 0) {
        if (v.type == oid::numeric) {
            v.modifier = -1;
            return v;
        }
        return as_decimal(std::move(v));
    }
    v = as_decimal(std::move(v));
    const int scale = scale_of(to.modifier);
    v.sql = fmt::format("pg_numeric_fit({}, {}, {})", v.sql, precision_of(to.modifier), scale);
    v.scale = scale;
    v.modifier = to.modifier;
    return v;
}

}  // namespace ashlar::route::sqlite
