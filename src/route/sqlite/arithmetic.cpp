// Operators: numbers, dates and texts, computed by the checked functions of SQLite's driver.
#include "route/sqlite/translator.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route::sqlite {

using sql::expression;

namespace {

bool is_comparison(std::string_view name) {
    return name == "=" || name == "<>" || name == "<" || name == ">" || name == "<=" || name == ">=";
}

}  // namespace

typed translator::operation(const expression& e, const level& here) {
    if (!e.schema.empty()) {
        return fail(e.location,
                    fmt::format("the operator {}.{} is not available over SQLite databases", e.schema, e.name),
                    "Use PostgreSQL's own operators.");
    }
    if (e.inner.size() == 2 && is_comparison(e.name)) return comparison(e, here);
    if (e.inner.size() == 2) {
        typed a = write(e.inner[0], here), b = write(e.inner[1], here);
        if (failed_) return {};
        if (e.name == "||") return concatenation(std::move(a), std::move(b), e.location);
        if (e.name.size() == 1 && std::string_view{"+-*/%"}.find(e.name[0]) != std::string_view::npos)
            return arithmetic(std::move(a), e.name[0], std::move(b), e.location);
        if (e.name == "~" || e.name == "!~" || e.name == "~*" || e.name == "!~*")
            return regex_match(e, std::move(a), std::move(b));
        if (e.name == "&" || e.name == "|") {
            if (is_untyped(a)) a = resolve(std::move(a), {b.type, -1});
            if (is_untyped(b)) b = resolve(std::move(b), {a.type, -1});
            const std::uint32_t type = arithmetic_type(a.type, b.type);
            if (!is_integer(type)) return no_such_operator(e.name, &a, b, e.location);
            typed v{type, -1, {}, binding::additive, e.location};
            v.sql = fmt::format("{} {} {}", wrap(a, binding::primary), e.name, wrap(b, binding::primary));
            return v;
        }
        const bool json = e.name.starts_with("->") || e.name.starts_with("#>") || e.name.starts_with("@");
        return fail(e.location, fmt::format("the operator {} is not available over SQLite databases", e.name),
                    json ? "Use json_extract(document, '$.path')." : "Compute it in the program.");
    }
    if (e.inner.size() != 1) return fail(e.location, "an operator of this form", "Rewrite it.");
    typed v = write(e.inner[0], here);
    if (failed_) return {};
    if (is_untyped(v) && !v.is_null) {
        return fail(e.location, fmt::format("operator is not unique: {} unknown", e.name), "Cast the operand.",
                    "42725");
    }
    if (v.type == oid::interval && e.name == "-") {
        v.sql = fmt::format("pg_span_neg({})", v.sql);
        v.holds = binding::primary;
        return v;
    }
    const bool number = category_of(v.type) == category::number || v.is_own;
    if (!number) return no_such_operator(e.name, nullptr, v, e.location);
    if (e.name == "+") return v;
    if (e.name == "-") {
        if (is_float(v.type) || v.is_own) {
            v.sql = fmt::format("-{}", wrap(v, binding::primary));
            v.holds = binding::multiplicative;
            v.literal.reset();
            return v;
        }
        typed zero{oid::int2, -1, "0", binding::primary, e.location};
        return arithmetic(std::move(zero), '-', std::move(v), e.location);
    }
    if (e.name == "~" && is_integer(v.type)) {
        v.sql = fmt::format("~{}", wrap(v, binding::primary));
        v.holds = binding::multiplicative;
        return v;
    }
    return fail(e.location, fmt::format("the operator {} is not available over SQLite databases", e.name),
                "Compute it in the program.");
}

typed translator::arithmetic(typed a, char op, typed b, int location) {
    if (failed_) return {};
    const std::string name(1, op);
    if (a.type == oid::interval || b.type == oid::interval)
        return span_arithmetic(std::move(a), op, std::move(b), location);
    if (is_untyped(a) && is_untyped(b)) {
        return fail(location, fmt::format("operator is not unique: unknown {} unknown", op),
                    "Cast one operand, for example CAST($1 AS integer).", "42725");
    }
    if (category_of(a.type) == category::moment || category_of(b.type) == category::moment)
        return moment_arithmetic(std::move(a), op, std::move(b), location);
    if (is_untyped(a)) a = resolve(std::move(a), {b.is_own ? oid::numeric : b.type, -1});
    if (is_untyped(b)) b = resolve(std::move(b), {a.is_own ? oid::numeric : a.type, -1});
    if (failed_) return {};
    typed v{0, -1, {}, binding::primary, location};
    v.not_null = a.not_null && b.not_null;
    if (a.is_own || b.is_own) {
        v.is_own = true;
        v.sql = fmt::format("({} {} {})", wrap(as_kept(a), binding::primary), op, wrap(as_kept(b), binding::primary));
        return v;
    }
    v.type = arithmetic_type(a.type, b.type);
    if (v.type == 0 || (op == '%' && is_float(v.type))) return no_such_operator(name, &a, b, location);
    const char* verb = op == '+' ? "add" : op == '-' ? "sub" : op == '*' ? "mul" : op == '/' ? "div" : "mod";
    if (v.type == oid::numeric) {
        a = as_decimal(std::move(a));
        b = as_decimal(std::move(b));
        v.is_decimal = true;
        const bool fixed = a.scale >= 0 && b.scale >= 0;
        if (fixed && op == '*') v.scale = a.scale + b.scale;
        if (fixed && (op == '+' || op == '-' || op == '%')) v.scale = std::max(a.scale, b.scale);
        v.sql = fmt::format("pg_numeric_{}({}, {})", verb, a.sql, b.sql);
        return v;
    }
    a = as_kept(std::move(a));
    b = as_kept(std::move(b));
    const char* prefix = v.type == oid::int2   ? "int2"
                         : v.type == oid::int4 ? "int4"
                         : is_float(v.type)    ? "float8"
                                               : "int8";
    v.sql = fmt::format("pg_{}_{}({}, {})", prefix, verb, a.sql, b.sql);
    return v;
}

// A date and a number of days, or two moments; an interval comes of some.
typed translator::moment_arithmetic(typed a, char op, typed b, int location) {
    const std::string name(1, op);
    const auto call = [&](std::uint32_t type, std::string sql) {
        typed v{type, -1, std::move(sql), binding::primary, location};
        v.not_null = a.not_null && b.not_null;
        return v;
    };
    if (op == '-' && is_untyped(b) && a.type == oid::date) b = resolve(std::move(b), {oid::date, -1});
    if (op == '-' && is_untyped(a) && b.type == oid::date) a = resolve(std::move(a), {oid::date, -1});
    if (failed_) return {};
    // integers of every width are bigint here
    const auto days = [](const typed& v) { return is_integer(v.type); };
    if (op == '-' && a.type == oid::date && b.type == oid::date)
        return call(oid::int4, fmt::format("pg_date_diff({}, {})", a.sql, b.sql));
    if (op == '-' && a.type == oid::date && days(b))
        return call(oid::date, fmt::format("pg_date_add({}, pg_int8_sub(0, {}))", a.sql, b.sql));
    if (op == '+' && a.type == oid::date && days(b))
        return call(oid::date, fmt::format("pg_date_add({}, {})", a.sql, b.sql));
    if (op == '+' && days(a) && b.type == oid::date)
        return call(oid::date, fmt::format("pg_date_add({}, {})", b.sql, a.sql));
    const auto instant = [](const typed& v) { return v.type == oid::timestamp || v.type == oid::timestamptz; };
    // beside an instant, + is of an interval, and - of an instant
    if (op == '+' && instant(a) && is_untyped(b)) {
        b = resolve(std::move(b), {oid::interval, -1});
        return span_arithmetic(std::move(a), op, std::move(b), location);
    }
    if (op == '+' && is_untyped(a) && instant(b)) {
        a = resolve(std::move(a), {oid::interval, -1});
        return span_arithmetic(std::move(a), op, std::move(b), location);
    }
    if (op == '-' && is_untyped(b)) b = resolve(std::move(b), {a.type, -1});
    if (op == '-' && is_untyped(a)) a = resolve(std::move(a), {b.type, -1});
    if (failed_) return {};
    if (op == '-' && a.type == oid::time && b.type == oid::time)
        return call(oid::interval, fmt::format("pg_time_diff({}, {})", a.sql, b.sql));
    if (op == '-' && (instant(a) || instant(b)) && (instant(a) || a.type == oid::date) &&
        (instant(b) || b.type == oid::date)) {
        a = implicit(std::move(a), oid::timestamp);
        b = implicit(std::move(b), oid::timestamp);
        return call(oid::interval, fmt::format("pg_moment_diff({}, {})", a.sql, b.sql));
    }
    const auto is_time = [](const typed& v) { return v.type == oid::time; };
    if (op == '+' && (is_time(a) || is_time(b)) && !(is_time(a) && is_time(b)) && !is_untyped(a) && !is_untyped(b)) {
        typed& time = is_time(a) ? a : b;
        time.sql = fmt::format("pg_span_of_time({})", time.sql);
        time.type = oid::interval;
        return span_arithmetic(std::move(a), op, std::move(b), location);
    }
    if (op == '-' && is_time(b) && (instant(a) || a.type == oid::date)) {
        b.sql = fmt::format("pg_span_of_time({})", b.sql);
        b.type = oid::interval;
        return span_arithmetic(std::move(a), op, std::move(b), location);
    }
    if (is_untyped(a) || is_untyped(b)) {
        return fail(
            location,
            fmt::format("operator is not unique: {} {} {}", is_untyped(a) ? "unknown" : sql_name_of_type(a.type), op,
                        is_untyped(b) ? "unknown" : sql_name_of_type(b.type)),
            "Cast the operand, for example CAST($1 AS interval).", "42725");
    }
    return no_such_operator(name, &a, b, location);
}

// At least one side is an interval.
typed translator::span_arithmetic(typed a, char op, typed b, int location) {
    if (failed_) return {};
    const bool sum = op == '+' || op == '-';
    const auto is_span = [](const typed& v) { return v.type == oid::interval; };
    if (sum && is_untyped(a)) a = resolve(std::move(a), {oid::interval, -1});
    if (sum && is_untyped(b)) b = resolve(std::move(b), {oid::interval, -1});
    if (!sum && is_untyped(a)) a = resolve(std::move(a), {oid::float8, -1});
    if (!sum && is_untyped(b)) b = resolve(std::move(b), {oid::float8, -1});
    if (failed_) return {};
    const auto call = [&](std::uint32_t type, std::string_view name, typed first, typed second) {
        typed v{type, -1, {}, binding::primary, location};
        v.not_null = first.not_null && second.not_null;
        v.sql = fmt::format("{}({}, {})", name, first.sql, second.sql);
        return v;
    };
    if (sum && is_span(a) && is_span(b))
        return call(oid::interval, op == '+' ? "pg_span_add" : "pg_span_sub", std::move(a), std::move(b));
    if (op == '+' && is_span(a) && category_of(b.type) == category::moment) std::swap(a, b);
    if (sum && is_span(b) && category_of(a.type) == category::moment) {
        if (a.type == oid::time)
            return call(oid::time, op == '+' ? "pg_time_add" : "pg_time_sub", std::move(a), std::move(b));
        if (a.type == oid::date) a = implicit(std::move(a), oid::timestamp);
        const std::uint32_t type = a.type;
        return call(type, op == '+' ? "pg_moment_add" : "pg_moment_sub", std::move(a), std::move(b));
    }
    const auto is_number = [](const typed& v) { return category_of(v.type) == category::number; };
    if (op == '*' && is_number(a) && is_span(b)) std::swap(a, b);
    if ((op == '*' || op == '/') && is_span(a) && is_number(b)) {
        b = implicit(std::move(b), oid::float8);
        return call(oid::interval, op == '*' ? "pg_span_mul" : "pg_span_div", std::move(a), std::move(b));
    }
    return no_such_operator(std::string(1, op), &a, b, location);
}

typed translator::concatenation(typed a, typed b, int location) {
    if (failed_) return {};
    const auto texts = [](const typed& v) { return is_untyped(v) || is_text(v.type) || v.is_own; };
    const auto convertible = [](const typed& v) {
        return is_untyped(v) || v.is_own || v.type == oid::interval ||
               (is_supported(v.type) && v.type != oid::bytea && v.type != oid::jsonb);
    };
    if ((!texts(a) && !texts(b)) || !convertible(a) || !convertible(b)) return no_such_operator("||", &a, b, location);
    a = as_text(std::move(a));
    b = as_text(std::move(b));
    typed v{oid::text, -1, {}, binding::additive, location};
    v.not_null = a.not_null && b.not_null;
    v.sql = fmt::format("{} || {}", wrap(a, binding::primary), wrap(b, binding::primary));
    return v;
}

}  // namespace ashlar::route::sqlite
