// CASE, COALESCE, GREATEST, LEAST and NULLIF: several values of one type.
#include "route/sqlite/translator.hpp"

#include <fmt/format.h>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::expression_kind;

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
    if (extreme && !has_equal_texts(values.front(), std::string{what} + " of")) return {};
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

}  // namespace ashlar::route::sqlite
