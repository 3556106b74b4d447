// Expressions, typed as PostgreSQL types them and written so that SQLite computes the same.
#include "core/ascii.hpp"
#include "core/letter_case.hpp"
#include "route/sqlite/translator.hpp"
#include "sql/parse.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::expression_kind;
using sql::literal_kind;

typed translator::write(const expression& e, const level& here) {
    constexpr int depth_max = 200;  // a level takes some kilobytes of stack
    if (failed_) return {};
    if (depth_ >= depth_max) {
        return fail(error{errc::statement_too_complex, "the expression is nested too deeply for SQLite databases"},
                    e.location);
    }
    ++depth_;
    typed v = write_one(e, here);
    --depth_;
    return v;
}

typed translator::write_one(const expression& e, const level& here) {
    switch (e.kind) {
        case expression_kind::column:
            return column(e, here);
        case expression_kind::constant:
            return constant(e);
        case expression_kind::parameter:
            return parameter(e);
        case expression_kind::operation:
            return operation(e, here);
        case expression_kind::in_list:
            return in_list(e, here);
        case expression_kind::between:
            return between(e, here);
        case expression_kind::like:
            return like(e, here);
        case expression_kind::distinct_from: {
            typed v = compare(write(e.inner[0], here), e.negated ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM",
                              write(e.inner[1], here), e.location);
            v.not_null = true;
            return v;
        }
        case expression_kind::null_if:
            return null_if(e, here);
        case expression_kind::and_:
        case expression_kind::or_:
        case expression_kind::not_:
            return logic(e, here);
        case expression_kind::null_test: {
            if (e.inner.front().is(expression_kind::row)) {
                return fail(e.location, "IS NULL of a row is not available over SQLite databases",
                            "Test each column by itself.");
            }
            typed v = write(e.inner.front(), here);
            if (v.parameter == 0) v = settle(std::move(v));  // PostgreSQL infers nothing from IS NULL
            v.sql = fmt::format("{} IS {}NULL", wrap(v, binding::additive), e.negated ? "NOT " : "");
            return {oid::boolean, -1, std::move(v.sql), binding::comparison, e.location, {}, 0, false, true};
        }
        case expression_kind::boolean_test: {
            std::string name = uppered(e.name);
            typed v = boolean(write(e.inner.front(), here), name);
            if (name == "IS UNKNOWN") name = "IS NULL";
            if (name == "IS NOT UNKNOWN") name = "IS NOT NULL";
            v.sql = fmt::format("{} {}", wrap(v, binding::additive), name);
            return {oid::boolean, -1, std::move(v.sql), binding::comparison, e.location, {}, 0, false, true};
        }
        case expression_kind::function:
            return call(e, here);
        case expression_kind::cast:
            return cast(e, here);
        case expression_kind::case_:
            return case_of(e, here);
        case expression_kind::coalesce:
            return choice(e, here, "COALESCE");
        case expression_kind::greatest:
            return choice(e, here, "GREATEST");
        case expression_kind::least:
            return choice(e, here, "LEAST");
        case expression_kind::collate:
            return collate(e, here);
        case expression_kind::subquery:
            return subquery(e, here);
        case expression_kind::value_keyword:
            return keyword(e);
        case expression_kind::any_of:
        case expression_kind::all_of:
            return fail(e.location, "SQLite has no ANY or ALL over an array", "Write IN (…).");
        case expression_kind::array:
            return fail(e.location, "SQLite has no arrays", "Write IN (…), or several columns.");
        case expression_kind::row:
            return fail(e.location, "a row as a value is not available over SQLite databases", "Name its columns.");
        case expression_kind::star:
            return fail(e.location, "a row as a value is not available over SQLite databases", "Name its columns.");
        case expression_kind::indirection:
            return fail(e.location, "SQLite has no fields or subscripts of a value", "Use columns of their own.");
        case expression_kind::default_:
            return fail(e.location, "DEFAULT as a value is not available over SQLite databases",
                        "Leave the column out of the list of columns.");
        case expression_kind::grouping:
            return fail(e.location, "SQLite has no GROUPING", "Group in separate statements.");
        case expression_kind::current_of:
            return fail(e.location, "SQLite has no WHERE CURRENT OF", "Name the row by its key.");
        case expression_kind::unknown:
            break;
    }
    return fail(e.location, fmt::format("{} is not available over SQLite databases", e.name.empty() ? "this" : e.name),
                "Rewrite it without this construct.");
}

// --- leaves -----------------------------------------------------------------------------------------------------------

typed translator::constant(const expression& e) {
    typed v;
    v.location = e.location;
    v.not_null = true;
    switch (e.literal) {
        case literal_kind::null:
            v.type = oid::unknown;
            v.sql = "NULL";
            v.is_null = true;
            v.not_null = false;
            return v;
        case literal_kind::boolean:
            v.type = oid::boolean;
            v.sql = e.name == "t" ? "TRUE" : "FALSE";
            return v;
        case literal_kind::string:
            v.type = oid::unknown;
            v.literal = e.name;
            v.sql = literal_of({storage::text, 0, 0, e.name});
            return v;
        case literal_kind::bits:
            return fail(e.location, "SQLite has no bit strings", "Write a number, or bytea as '\\x…'.");
        case literal_kind::integer:
            v.type = oid::int4;
            break;
        case literal_kind::number: {
            std::int64_t whole = 0;
            const auto end = std::from_chars(e.name.data(), e.name.data() + e.name.size(), whole);
            v.type = end.ec == std::errc{} && end.ptr == e.name.data() + e.name.size() ? oid::int8 : oid::numeric;
            break;
        }
    }
    v.sql = e.name;
    v.literal = e.name;
    v.holds = e.name.starts_with('-') ? binding::multiplicative : binding::primary;
    if (v.type != oid::numeric) return v;
    const auto read = decimal::parse(e.name);
    if (!read) return fail(e.location, "a number of this form is not available", "Write it without an exponent.");
    v.scale = read->scale();
    stored_value kept;
    if (!keeps_numeric(read->to_string(), kept)) return as_decimal(std::move(v));
    return v;
}

typed translator::parameter(const expression& e) {
    typed v;
    v.location = e.location;
    v.sql = fmt::format("${}", e.number);
    v.parameter = e.number;
    v.type = oid::unknown;
    if (e.number < 1 || static_cast<std::size_t>(e.number) > parameters_.size()) return v;
    const value_type known = parameters_[static_cast<std::size_t>(e.number) - 1];
    if (known.type == 0 || known.type == oid::unknown) return v;
    if (!is_supported(known.type)) {
        return fail(e.location,
                    fmt::format("parameter ${} has {}, which is not available over SQLite databases", e.number,
                                sql_name_of_type(known.type)),
                    "Send it as text, a number, a date, a boolean or a uuid.");
    }
    v.type = known.type;
    v.parameter = 0;
    return v;
}

typed translator::session_value(session_name which, std::uint32_t type, int location) {
    session_names_.push_back(which);
    typed v;
    v.type = type;
    v.location = location;
    v.not_null = true;
    v.sql = fmt::format("${}", client_parameters_ + static_cast<int>(session_names_.size()));
    return v;
}

typed translator::keyword(const expression& e) {
    typed v;
    v.location = e.location;
    v.not_null = true;
    if (e.name == "current_timestamp" || e.name == "localtimestamp") {
        v.type = e.name == "localtimestamp" ? oid::timestamp : oid::timestamptz;
        v.sql = "now()";
        return v;
    }
    if (e.name == "current_date") {
        v.type = oid::date;
        v.sql = "date(now())";
        return v;
    }
    if (e.name == "current_user" || e.name == "user" || e.name == "session_user" || e.name == "current_role") {
        return session_value(session_name::user, oid::name, e.location);
    }
    if (e.name == "current_catalog") return session_value(session_name::database, oid::name, e.location);
    if (e.name == "current_schema") {
        v.type = oid::name;
        v.sql = "'public'";
        return v;
    }
    return fail(e.location, fmt::format("{} is not available over SQLite databases", e.name),
                "Send it as a parameter.");
}

// --- operators --------------------------------------------------------------------------------------------------------

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

typed translator::no_such_operator(const std::string& op, const typed* a, const typed& b, int location) {
    if (failed_) return {};
    const auto named = [](const typed& v) {
        return v.type == 0 ? "a type that is not known" : sql_name_of_type(v.type);
    };
    const std::string what =
        a == nullptr ? fmt::format("{} {}", op, named(b)) : fmt::format("{} {} {}", named(*a), op, named(b));
    return fail(location, "operator does not exist: " + what,
                op == "=" || op == "<>" || op == "||" || op == "~~"
                    ? "Cast one side so that both have the same type, for example CAST(… AS text)."
                    : "Cast one side to the type of the other.",
                "42883");
}

typed translator::comparison(const expression& e, const level& here) {
    const bool rows = e.inner[0].is(expression_kind::row) || e.inner[1].is(expression_kind::row);
    if (!rows) return compare(write(e.inner[0], here), e.name, write(e.inner[1], here), e.location);
    const auto &a = e.inner[0], &b = e.inner[1];
    if (!a.is(expression_kind::row) || !b.is(expression_kind::row) || a.inner.size() != b.inner.size()) {
        return fail(e.location, "a comparison of a row with something else is not available over SQLite databases",
                    "Compare the columns one by one.");
    }
    std::vector<std::string> left, right;
    for (std::size_t i = 0; i < a.inner.size(); ++i) {
        typed x = write(a.inner[i], here), y = write(b.inner[i], here);
        if (!align(x, y, e.name, e.location)) return {};
        left.push_back(x.sql);
        right.push_back(y.sql);
    }
    typed v{oid::boolean, -1, {}, binding::comparison, e.location};
    v.sql = fmt::format("({}) {} ({})", joined(left), e.name, joined(right));
    return v;
}

bool translator::align(typed& a, typed& b, const std::string& op, int location) {
    if (failed_) return false;
    if (is_untyped(a) && is_untyped(b)) {
        a = settle(std::move(a));
        b = settle(std::move(b));
    } else if (!has_order(a, "the comparison of") || !has_order(b, "the comparison of")) {
        return false;
    } else if (is_untyped(a)) {
        a = resolve(std::move(a), {b.is_own ? oid::text : b.type, -1});
    } else if (is_untyped(b)) {
        b = resolve(std::move(b), {a.is_own ? oid::text : a.type, -1});
    }
    if (failed_) return false;
    if (a.is_own || b.is_own) return true;
    const std::uint32_t type = comparison_type(a.type, b.type);
    if (type == 0) {
        (void)no_such_operator(op, &a, b, location);
        return false;
    }
    switch (category_of(type)) {
        case category::number: {
            const bool inexact = is_float(a.type) != is_float(b.type);
            if (!inexact && (a.is_decimal || b.is_decimal)) {
                a = as_sorted(as_decimal(std::move(a)));
                b = as_decimal(std::move(b));
                return true;
            }
            for (typed* side : {&a, &b}) {
                if (side->is_decimal) *side = number_to(std::move(*side), {oid::float8, -1}, location);
                // PostgreSQL compares them as doubles; SQLite would compare exactly
                if (inexact && side->type == oid::int8 && !side->literal) {
                    side->sql = fmt::format("CAST({} AS REAL)", side->sql);
                    side->holds = binding::primary;
                }
            }
            return true;
        }
        case category::text:
            if (a.type == oid::bpchar || b.type == oid::bpchar) {
                // PostgreSQL compares char(n) with varchar as char(n), and with text as text
                const bool padded =
                    a.type != oid::text && b.type != oid::text && a.type != oid::name && b.type != oid::name;
                for (typed* side : {&a, &b}) {
                    if (side->type != oid::bpchar && !padded) continue;
                    side->type = oid::bpchar;
                    *side = as_text(std::move(*side));
                }
            }
            return true;
        case category::moment:
            a = implicit(std::move(a), type);
            b = implicit(std::move(b), type);
            return true;
        default:
            return true;
    }
}

typed translator::compare(typed a, const std::string& op, typed b, int location) {
    if (!align(a, b, op, location)) return {};
    typed v{oid::boolean, -1, {}, binding::comparison, location};
    v.sql = fmt::format("{} {} {}", wrap(a, binding::additive), op, wrap(b, binding::additive));
    v.not_null = a.not_null && b.not_null;
    return v;
}

typed translator::arithmetic(typed a, char op, typed b, int location) {
    if (failed_) return {};
    const std::string name(1, op);
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

// A date and a number of days, or two dates.
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
    if (is_untyped(a) || is_untyped(b) ||
        (category_of(a.type) == category::moment && category_of(b.type) == category::moment)) {
        return fail(
            location,
            fmt::format("{} {} {} gives or takes an interval, which is not available over SQLite databases",
                        sql_name_of_type(a.type), op, sql_name_of_type(b.type)),
            "Compute the moment in the program and send it as a parameter; a date takes + and - of an integer.");
    }
    return no_such_operator(name, &a, b, location);
}

typed translator::concatenation(typed a, typed b, int location) {
    if (failed_) return {};
    const auto texts = [](const typed& v) { return is_untyped(v) || is_text(v.type) || v.is_own; };
    const auto convertible = [](const typed& v) {
        return is_untyped(v) || v.is_own || (is_supported(v.type) && v.type != oid::bytea && v.type != oid::jsonb);
    };
    if ((!texts(a) && !texts(b)) || !convertible(a) || !convertible(b)) return no_such_operator("||", &a, b, location);
    a = as_text(std::move(a));
    b = as_text(std::move(b));
    typed v{oid::text, -1, {}, binding::additive, location};
    v.not_null = a.not_null && b.not_null;
    v.sql = fmt::format("{} || {}", wrap(a, binding::primary), wrap(b, binding::primary));
    return v;
}

typed translator::between(const expression& e, const level& here) {
    if (e.name == "symmetric") {
        return fail(e.location, "SQLite has no BETWEEN SYMMETRIC", "Write BETWEEN least(…) AND greatest(…).");
    }
    // two comparisons, whose untyped sides are typed apart
    typed first = write(e.inner[0], here), low = write(e.inner[1], here);
    if (!align(first, low, ">=", e.location)) return {};
    typed second = write(e.inner[0], here), high = write(e.inner[2], here);
    if (!align(second, high, "<=", e.location)) return {};
    typed v{oid::boolean, -1, {}, binding::comparison, e.location};
    v.not_null = first.not_null && low.not_null && high.not_null;
    if (first.sql == second.sql) {
        v.sql = fmt::format("{} {}BETWEEN {} AND {}", wrap(first, binding::additive), e.negated ? "NOT " : "",
                            wrap(low, binding::additive), wrap(high, binding::additive));
        return v;
    }
    v.sql = fmt::format("{}({} >= {} AND {} <= {})", e.negated ? "NOT " : "", wrap(first, binding::additive),
                        wrap(low, binding::additive), wrap(second, binding::additive), wrap(high, binding::additive));
    v.holds = e.negated ? binding::not_ : binding::primary;
    return v;
}

typed translator::in_list(const expression& e, const level& here) {
    if (e.inner.front().is(expression_kind::row)) return in_rows(e, here);
    typed value = write(e.inner.front(), here);
    std::vector<typed> elements;
    for (std::size_t i = 1; i < e.inner.size(); ++i) elements.push_back(write(e.inner[i], here));
    if (failed_) return {};
    // several elements have one type with the value, if there is one
    std::uint32_t common = is_untyped(value) ? 0 : value.type;
    for (const typed& each : elements) {
        if (is_untyped(each) || each.is_own) continue;
        const std::uint32_t both = common == 0 ? each.type : common_type(common, each.type);
        if (both != 0) common = both;
    }
    if (common != 0 && !value.is_own) {
        value = resolve(std::move(value), {common, -1});
        for (typed& each : elements) each = resolve(std::move(each), {common, -1});
    }
    if (is_untyped(value)) value = settle(std::move(value));
    std::vector<std::string> parts, equalities;
    bool same = true;
    std::string left;
    typed v{oid::boolean, -1, {}, binding::comparison, e.location};
    for (typed& each : elements) {
        typed side = value;
        if (!align(side, each, "=", e.location)) return {};
        const std::string this_left = wrap(side, binding::additive);
        if (left.empty()) left = this_left;
        same = same && left == this_left;
        parts.push_back(each.sql);
        equalities.push_back(fmt::format("{} = {}", this_left, wrap(each, binding::additive)));
    }
    if (same) {
        v.sql = fmt::format("{} {}IN ({})", left, e.negated ? "NOT " : "", joined(parts));
    } else {
        v.sql = fmt::format("{}({})", e.negated ? "NOT " : "", joined(equalities, " OR "));
        v.holds = e.negated ? binding::not_ : binding::primary;
    }
    return v;
}

// (a, b) IN ((1, 2), …)
typed translator::in_rows(const expression& e, const level& here) {
    std::vector<std::string> rows;
    const auto& left = e.inner.front().inner;
    for (std::size_t i = 1; i < e.inner.size(); ++i) {
        const expression& row = e.inner[i];
        if (!row.is(expression_kind::row) || row.inner.size() != left.size()) {
            return fail(row.location,
                        "a comparison of a row with something else is not available over SQLite databases",
                        "Compare the columns one by one.");
        }
        std::vector<std::string> columns;
        for (std::size_t c = 0; c < left.size(); ++c) {
            const typed one = compare(write(left[c], here), "=", write(row.inner[c], here), e.location);
            if (failed_) return {};
            columns.push_back(one.sql);
        }
        rows.push_back(fmt::format("({})", joined(columns, " AND ")));
    }
    typed v{oid::boolean, -1, {}, e.negated ? binding::not_ : binding::primary, e.location};
    v.sql = fmt::format("{}({})", e.negated ? "NOT " : "", joined(rows, " OR "));
    return v;
}

typed translator::like(const expression& e, const level& here) {
    const bool negated = e.name.starts_with('!');
    const std::string name = negated ? e.name.substr(1) : e.name;
    if (name != "~~" && name != "~~*") return fail(e.location, "SQLite has no SIMILAR TO", "Write LIKE.");
    std::vector<const expression*> parts{&e.inner[0], &e.inner[1]};
    const expression& pattern = e.inner[1];
    if (pattern.is(expression_kind::function) && pattern.name == "like_escape" && pattern.inner.size() == 2) {
        parts = {&e.inner[0], &pattern.inner[0], &pattern.inner[1]};
    }
    std::vector<std::string> arguments;
    for (const expression* each : parts) {
        typed v = settle(write(*each, here));
        if (failed_) return {};
        if (!is_text(v.type) && !v.is_own) {
            typed text{oid::text, -1, {}, binding::primary, -1};
            return no_such_operator(e.name, &v, text, e.location);
        }
        arguments.push_back(std::move(v.sql));
    }
    typed v{oid::boolean, -1, {}, negated ? binding::not_ : binding::primary, e.location};
    v.sql = fmt::format("{}{}({})", negated ? "NOT " : "", name == "~~" ? "pg_like" : "pg_ilike", joined(arguments));
    return v;
}

typed translator::logic(const expression& e, const level& here) {
    typed v{oid::boolean, -1, {}, binding::not_, e.location};
    if (e.is(expression_kind::not_)) {
        const typed inner = boolean(write(e.inner.front(), here), "NOT");
        v.sql = fmt::format("NOT {}", wrap(inner, binding::comparison));
        v.not_null = inner.not_null;
        return v;
    }
    const bool is_and = e.is(expression_kind::and_);
    v.holds = is_and ? binding::and_ : binding::or_;
    std::vector<std::string> parts;
    v.not_null = true;
    for (const expression& each : e.inner) {
        const typed one = boolean(write(each, here), is_and ? "AND" : "OR");
        if (failed_) return {};
        parts.push_back(wrap(one, is_and ? binding::not_ : binding::and_));
        v.not_null = v.not_null && one.not_null;
    }
    v.sql = joined(parts, is_and ? " AND " : " OR ");
    return v;
}

// --- choices ----------------------------------------------------------------------------------------------------------

typed translator::case_of(const expression& e, const level& here) {
    std::size_t at = 0;
    std::optional<typed> test;
    if (e.number == 1) {
        test = write(e.inner[at++], here);
        if (is_untyped(*test)) test = settle(std::move(*test));
    }
    std::vector<typed> conditions, results;
    for (; at + 1 < e.inner.size(); at += 2) {
        typed when = write(e.inner[at], here);
        if (test) {
            conditions.push_back(compare(*test, "=", std::move(when), e.inner[at].location));
        } else {
            conditions.push_back(boolean(std::move(when), "CASE/WHEN"));
        }
        results.push_back(write(e.inner[at + 1], here));
    }
    const bool has_else = at < e.inner.size();
    if (has_else) results.push_back(write(e.inner[at], here));
    if (failed_) return {};
    unify(results, "CASE", e.location);
    if (failed_) return {};
    typed v = results.front();
    v.holds = binding::primary;
    v.location = e.location;
    v.literal.reset();
    v.modifier = -1;
    v.not_null = false;
    v.is_null = false;
    v.sql = "CASE";
    for (std::size_t i = 0; i < conditions.size(); ++i) {
        v.sql += fmt::format(" WHEN {} THEN {}", conditions[i].sql, results[i].sql);
        if (results[i].scale != v.scale) v.scale = -1;
    }
    if (has_else) {
        v.sql += " ELSE " + results.back().sql;
        if (results.back().scale != v.scale) v.scale = -1;
    }
    v.sql += " END";
    return v;
}

typed translator::choice(const expression& e, const level& here, const char* what) {
    std::vector<typed> values;
    for (const expression& each : e.inner) values.push_back(write(each, here));
    if (failed_) return {};
    unify(values, what, e.location);
    if (failed_) return {};
    const bool extreme = !e.is(expression_kind::coalesce);
    if (extreme && !has_order(values.front(), std::string{what} + " of")) return {};
    typed v = values.front();
    std::vector<std::string> parts;
    bool some_not_null = false;
    for (typed& each : values) {
        parts.push_back(each.sql);
        some_not_null = some_not_null || each.not_null;
        if (each.scale != v.scale) v.scale = -1;
    }
    if (e.is(expression_kind::coalesce) && parts.size() == 1) parts.emplace_back("NULL");
    const char* name = !extreme                          ? "coalesce"
                       : e.is(expression_kind::greatest) ? (v.is_decimal ? "pg_numeric_greatest" : "pg_greatest")
                                                         : (v.is_decimal ? "pg_numeric_least" : "pg_least");
    v.sql = fmt::format("{}({})", name, joined(parts));
    v.holds = binding::primary;
    v.location = e.location;
    v.literal.reset();
    v.modifier = -1;
    v.is_null = false;
    v.not_null = some_not_null;
    return v;
}

typed translator::null_if(const expression& e, const level& here) {
    typed a = write(e.inner[0], here), b = write(e.inner[1], here);
    typed left = a;
    if (!align(left, b, "=", e.location)) return {};
    if (is_untyped(a)) a = left;
    // the operator's type where both sides are cast to it: = compares integers of all widths as they are, and others not
    const std::uint32_t compared = common_type(a.type, b.type);
    if (!a.is_own && a.type != compared && (compared == oid::numeric || (is_float(compared) && !is_float(a.type))))
        a = implicit(std::move(a), compared);
    if (left.sql == a.sql) {
        a.sql = fmt::format("nullif({}, {})", left.sql, b.sql);
    } else {
        a.sql = fmt::format("CASE WHEN {} = {} THEN NULL ELSE {} END", wrap(left, binding::additive),
                            wrap(b, binding::additive), a.sql);
    }
    a.holds = binding::primary;
    a.location = e.location;
    a.not_null = false;
    a.literal.reset();
    return a;
}

typed translator::collate(const expression& e, const level& here) {
    typed v = settle(write(e.inner.front(), here));
    if (failed_) return {};
    const bool bytes =
        e.name == "C" || e.name == "POSIX" || e.name == "ucs_basic" || e.name == "binary" || e.name == "default";
    const bool own = e.name == "nocase" || e.name == "rtrim";
    if (!e.schema.empty() || (!bytes && !own)) {
        return fail(e.location, fmt::format("the collation \"{}\" is not available over SQLite databases", e.name),
                    "Text is ordered by its bytes there, as by COLLATE \"C\".");
    }
    if (!is_text(v.type) && !v.is_own) {
        return fail(e.location, fmt::format("collations are not supported by type {}", sql_name_of_type(v.type)),
                    "Leave COLLATE out.", "42804");
    }
    v.sql = fmt::format("{} COLLATE {}", wrap(v, binding::primary), bytes ? "\"binary\"" : e.name);
    v.holds = binding::multiplicative;
    return v;
}

typed translator::subquery(const expression& e, const level& here) {
    const bool names = std::exchange(names_, false);
    typed v = subquery_value(e, here);
    names_ = names;
    return v;
}

typed translator::subquery_value(const expression& e, const level& here) {
    typed v{oid::boolean, -1, {}, binding::primary, e.location};
    if (e.name == "exists") {
        const written_query q = write_query(*e.sub, &here);
        v.sql = fmt::format("EXISTS ({})", q.sql);
        v.not_null = true;
        return v;
    }
    if (e.name != "in" && e.name != "scalar") {
        return fail(e.location, "SQLite has no ANY, ALL or ARRAY over a sub-query", "Write IN or EXISTS.");
    }
    std::optional<typed> test;
    std::vector<typed> row;
    if (e.name == "in") {
        const expression& tested = e.inner.front();
        if (tested.is(expression_kind::row)) {
            for (const expression& each : tested.inner) row.push_back(write(each, here));
        } else {
            row.push_back(write(tested, here));
        }
    }
    written_query q = write_query(*e.sub, &here);
    const bool computed = std::any_of(q.columns.begin(), q.columns.end(), [](const auto& c) { return c.is_decimal; });
    if (e.name == "in" && computed && !failed_) {
        std::vector<value_type> kept;
        for (const known_column& c : q.columns) kept.push_back({c.is_own ? 0 : c.type, -1});
        q = write_query(*e.sub, &here, kept);
    }
    if (failed_) return {};
    if (e.name == "scalar") {
        if (q.columns.size() != 1) {
            return fail(e.location, "subquery must return only one column", "Name one column.", "42601");
        }
        const known_column& c = q.columns.front();
        v = typed{c.type, c.modifier, fmt::format("({})", q.sql), binding::primary, e.location};
        v.scale = c.scale;
        v.is_decimal = c.is_decimal;
        v.is_own = c.is_own;
        return v;
    }
    if (q.columns.size() != row.size()) {
        return fail(e.location,
                    fmt::format("subquery has too {} columns", q.columns.size() > row.size() ? "many" : "few"),
                    "Name as many columns as stand before IN.", "42601");
    }
    std::vector<std::string> left;
    for (std::size_t i = 0; i < row.size(); ++i) {
        const known_column& c = q.columns[i];
        row[i] = as_kept(std::move(row[i]));  // as the sub-query's column is
        typed right{c.type, c.modifier, "x", binding::primary, e.location};
        right.is_decimal = c.is_decimal;
        right.is_own = c.is_own;
        if (!align(row[i], right, "=", e.location)) return {};
        if (right.sql != "x") {
            return fail(e.location, "IN over a sub-query of another type is not available over SQLite databases",
                        "Cast the column of the sub-query.");
        }
        left.push_back(row.size() == 1 ? wrap(row[i], binding::additive) : row[i].sql);
    }
    v.sql = row.size() == 1 ? fmt::format("{} IN ({})", left.front(), q.sql)
                            : fmt::format("({}) IN ({})", joined(left), q.sql);
    v.holds = binding::comparison;
    return v;
}

}  // namespace ashlar::route::sqlite
