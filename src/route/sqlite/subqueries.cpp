// Sub-queries as values: EXISTS, IN, and those that give one value.
#include "route/sqlite/translator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::expression_kind;

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
    const std::string_view op = e.path.empty() ? std::string_view{} : std::string_view{e.path.front()};
    const bool is_any = e.name == "any" && op == "=" && e.schema.empty();
    const bool is_none = e.name == "all" && op == "<>" && e.schema.empty();
    const bool is_list = e.name == "in" || is_any || is_none;
    if (!is_list && e.name != "scalar") {
        return fail(e.location, "SQLite has no ANY, ALL or ARRAY over a sub-query", "Write IN or EXISTS.");
    }
    std::optional<typed> test;
    std::vector<typed> row;
    if (is_list) {
        const expression& tested = e.inner.front();
        if (tested.is(expression_kind::row)) {
            for (const expression& each : tested.inner) row.push_back(write(each, here));
        } else {
            row.push_back(write(tested, here));
        }
    }
    written_query q = write_query(*e.sub, &here);
    const bool computed = std::any_of(q.columns.begin(), q.columns.end(), [](const auto& c) { return c.is_decimal; });
    if (is_list && computed && !failed_) {
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
    v.sql = row.size() == 1 ? fmt::format("{} {} ({})", left.front(), is_none ? "NOT IN" : "IN", q.sql)
                            : fmt::format("({}) {} ({})", joined(left), is_none ? "NOT IN" : "IN", q.sql);
    v.holds = binding::comparison;
    return v;
}

}  // namespace ashlar::route::sqlite
