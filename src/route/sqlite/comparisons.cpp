// Comparisons, BETWEEN, IN and LIKE: both sides are brought into one form, in which SQLite compares them as PostgreSQL does.
#include "route/sqlite/translator.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::expression_kind;

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
    } else if (is_untyped(a)) {
        a = resolve(std::move(a), {b.is_own ? oid::text : b.type, -1});
    } else if (is_untyped(b)) {
        b = resolve(std::move(b), {a.is_own ? oid::text : a.type, -1});
    }
    if (failed_) return false;
    const auto as_they_are = [&] {
        const bool nested = b.sql.find(" COLLATE ashlar_") != std::string::npos;
        a = without_collations(std::move(a));
        if (nested && a.sql.find(" COLLATE ") == std::string::npos && !a.is_null) {
            a.sql = fmt::format("{} COLLATE \"binary\"", wrap(a, binding::primary));
            a.holds = binding::multiplicative;
        }
        return true;
    };
    if (a.is_own || b.is_own) return as_they_are();
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
            return as_they_are();
        case category::none:
            a = as_sorted(std::move(a));
            return true;
        case category::moment:
            a = implicit(std::move(a), type);
            b = implicit(std::move(b), type);
            return as_they_are();
        default:
            return as_they_are();
    }
}

typed translator::compare(typed a, const std::string& op, typed b, int location) {
    if (!align(a, b, op, location)) return {};
    typed v{oid::boolean, -1, {}, binding::comparison, location};
    v.sql = fmt::format("{} {} {}", wrap(a, binding::additive), op, wrap(b, binding::additive));
    v.not_null = a.not_null && b.not_null;
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
    const bool similar = name == "~";  // SIMILAR TO
    std::vector<const expression*> parts{&e.inner[0], &e.inner[1]};
    const expression& pattern = e.inner[1];
    const bool escapes =
        pattern.is(expression_kind::function) && (pattern.name == "like_escape" || pattern.name == "similar_to_escape");
    if (escapes) {
        parts = {&e.inner[0]};
        for (const expression& each : pattern.inner) parts.push_back(&each);
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
    v.sql = fmt::format("{}{}({})", negated ? "NOT " : "",
                        similar        ? "pg_similar"
                        : name == "~~" ? "pg_like"
                                       : "pg_ilike",
                        joined(arguments));
    return v;
}

// ~ and its kin
typed translator::regex_match(const expression& e, typed text, typed pattern) {
    text = settle(std::move(text));
    pattern = settle(std::move(pattern));
    if (failed_) return {};
    for (const typed* side : {&text, &pattern}) {
        if (!is_text(side->type) && !side->is_own) return no_such_operator(e.name, &text, pattern, e.location);
    }
    const bool negated = e.name.starts_with('!');
    typed v{oid::boolean, -1, {}, negated ? binding::not_ : binding::primary, e.location};
    v.not_null = text.not_null && pattern.not_null;
    v.sql = fmt::format("{}{}({}, {})", negated ? "NOT " : "", e.name.ends_with('*') ? "pg_iregex" : "pg_regex",
                        text.sql, pattern.sql);
    return v;
}

}  // namespace ashlar::route::sqlite
