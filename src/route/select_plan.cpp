#include "route/select_plan.hpp"

#include "route/group_plan.hpp"
#include "route/refusal.hpp"
#include "route/row_plan.hpp"
#include "route/select_parts.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

using sql::expression;
using sql::expression_kind;

namespace {

constexpr auto fix_key = "Fix the shard key to one value in WHERE.";

std::optional<error> refuse_shape(const select_question& q) {
    const sql::query& s = q.query;
    const auto no = [&](int at, std::string_view what, std::string hint) {
        return refusal(q.text, at, what, std::move(hint));
    };
    if (s.operation != sql::set_operation::none)
        return no(s.location, "UNION, INTERSECT or EXCEPT", "Run the parts one by one, or fix the shard key in each.");
    if (!s.with.empty()) return no(s.with.front().location, "a common table (WITH) over sharded tables", fix_key);
    if (!s.values.empty()) return no(s.location, "VALUES beside sharded tables", fix_key);
    if (!s.distinct_on.empty()) return no(s.distinct_on.front().location, "DISTINCT ON", fix_key);
    if (s.windows) return no(s.location, "WINDOW", fix_key);
    if (s.with_ties)
        return no(s.limit.empty() ? -1 : s.limit.front().location, "FETCH … WITH TIES",
                  "Use LIMIT, or fix the shard key to one value.");
    if (s.group_distinct) return no(s.location, "GROUP BY DISTINCT", fix_key);
    if (s.items.empty()) return no(s.location, "a SELECT without columns", "Select at least one column.");
    for (const expression& g : s.group_by) {
        if (g.is(expression_kind::unknown) || g.is(expression_kind::row))
            return no(g.location, "GROUPING SETS, ROLLUP, CUBE or a row in GROUP BY",
                      "Write plain expressions in GROUP BY.");
    }
    return std::nullopt;
}

// A table's name used as a value: the row's type has another oid on each shard.
std::optional<error> refuse_whole_rows(const select_question& q) {
    std::optional<error> out;
    const auto each = [&](const expression& e) {
        if (out || !e.is(expression_kind::column) || e.path.size() != 1 || q.tables.resolve(e)) return;
        if (q.tables.has_table(e.path[0]))
            out = refusal(q.text, e.location, "a whole row as a value", "Name its columns.");
    };
    sql::visit(q.query, each);
    return out;
}

}  // namespace

std::optional<error> refuse_spread(const analysis& tables, std::string_view text) {
    const spread& rows = tables.outermost();
    if (rows.how == spreading::broken) return refusal(text, rows.location, rows.why, rows.hint);
    for (const occurrence& o : tables.sharded()) {
        if (o.outermost) continue;
        if (rows.key && o.where.same(o.key, *rows.key)) continue;
        return refusal(text, o.location, "a sub-query whose rows are not tied to the outer ones by the shard key",
                       "Compare the shard keys of both with =, or fix the shard key to one value in both.");
    }
    return std::nullopt;
}

result<several_plan> plan_several(const select_question& q) {
    if (auto no = refuse_shape(q)) return std::move(*no);
    if (auto no = refuse_spread(q.tables, q.text)) return std::move(*no);
    if (auto no = refuse_on_several(q.inside, q.text)) return std::move(*no);
    if (auto no = refuse_whole_rows(q)) return std::move(*no);
    const select_parts parts{q};
    auto text = select_text::cut(q);
    if (!text) return std::move(text).error();
    if (!parts.aggregated()) return plan_rows(q, parts, std::move(*text));
    const bool whole = std::any_of(q.query.group_by.begin(), q.query.group_by.end(), [&](const expression& g) {
        return parts.is_whole_key(group_expression(q, parts, g));
    });
    return whole ? plan_rows(q, parts, std::move(*text)) : plan_groups(q, parts, std::move(*text));
}

}  // namespace ashlar::route
