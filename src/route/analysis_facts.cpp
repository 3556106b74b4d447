// The half of analysis that reads conditions and resolves columns.
#include "route/analysis.hpp"

#include "route/array_list.hpp"
#include "route/functions.hpp"
#include "route/types.hpp"
#include "sql/names.hpp"
#include "sql/visit.hpp"

#include <algorithm>

namespace ashlar::route {

using sql::expression;
using sql::expression_kind;

// Conditions.

void analysis::add_facts(const expression& e, const scope& level, environment& facts) const {
    const bool plain_equality = e.schema.empty() && e.name == "=";
    switch (e.kind) {
        case expression_kind::and_:
            for (const expression& part : e.inner) add_facts(part, level, facts);
            return;
        case expression_kind::or_:
            return add_alternatives(e, level, facts);
        case expression_kind::operation:
            if (plain_equality && e.inner.size() == 2) add_equality(e.inner[0], e.inner[1], level, facts);
            return;
        // IS NOT DISTINCT FROM is left out on purpose: it can hold of the NULLs that an outer join makes
        case expression_kind::in_list:
            if (plain_equality && !e.negated) add_list(e, level, facts);
            return;
        case expression_kind::any_of: {
            if (!plain_equality || e.inner.size() != 2 || !known_.shards) return;
            const auto column = resolve_in(e.inner[0], level);
            if (!column || !may_hold_key(*column)) return;
            if (auto keys = keys_of_array(e.inner[1], known_.shards->key_type(), declared_)) {
                facts.restrict(*column, std::move(*keys));
            }
            return;
        }
        case expression_kind::subquery: {
            const expression* array = known_.dialect == dialect::sqlite ? array_of_list(e) : nullptr;
            if (array == nullptr || !known_.shards) return;
            const auto column = resolve_in(e.inner[0], level);
            if (!column || !may_hold_key(*column)) return;
            if (auto keys = keys_of_array(*array, known_.shards->key_type(), declared_)) {
                facts.restrict(*column, std::move(*keys));
            }
            return;
        }
        default:
            return;
    }
}

void analysis::add_equality(const expression& a, const expression& b, const scope& level, environment& facts) const {
    if (a.is(expression_kind::row) && b.is(expression_kind::row)) {
        if (a.inner.size() != b.inner.size()) return;
        for (std::size_t i = 0; i < a.inner.size(); ++i) add_equality(a.inner[i], b.inner[i], level, facts);
        return;
    }
    if (!known_.shards) return;
    const auto left = resolve_in(a, level), right = resolve_in(b, level);
    if (left && right) {
        if (may_hold_key(*left) && may_hold_key(*right)) facts.unite(*left, *right);
        return;
    }
    const auto restrict = [&](const column_id& column, const expression& value) {
        if (!may_hold_key(column)) return;
        if (auto keys = key_of(value, known_.shards->key_type(), declared_)) facts.restrict(column, std::move(*keys));
    };
    if (left) restrict(*left, b);
    if (right) restrict(*right, a);
}

// x IN (1, 2) and (x, y) IN ((1, 2), (3, 4)).
void analysis::add_list(const expression& e, const scope& level, environment& facts) const {
    if (!known_.shards || e.inner.size() < 2) return;
    const auto restrict = [&](const expression& to, auto&& value_of) {
        const auto column = resolve_in(to, level);
        if (!column || !may_hold_key(*column)) return;
        key_set all;
        all.listed = true;
        for (std::size_t i = 1; i < e.inner.size(); ++i) {
            const expression* value = value_of(e.inner[i]);
            auto one = value ? key_of(*value, known_.shards->key_type(), declared_) : std::nullopt;
            if (!one) return;
            for (key_source& s : one->values) all.values.push_back(std::move(s));
        }
        facts.restrict(*column, std::move(all));
    };
    const expression& to = e.inner.front();
    if (!to.is(expression_kind::row)) {
        restrict(to, [](const expression& v) { return &v; });
        return;
    }
    for (std::size_t at = 0; at < to.inner.size(); ++at) {
        restrict(to.inner[at], [&](const expression& v) -> const expression* {
            return v.is(expression_kind::row) && v.inner.size() == to.inner.size() ? &v.inner[at] : nullptr;
        });
    }
}

// OR: a column that every arm fixes has one of their values.
void analysis::add_alternatives(const expression& e, const scope& level, environment& facts) const {
    std::vector<std::pair<column_id, key_set>> common;
    for (std::size_t i = 0; i < e.inner.size(); ++i) {
        environment arm;
        add_facts(e.inner[i], level, arm);
        if (i == 0) {
            common = arm.restricted();
            continue;
        }
        std::erase_if(common, [&](auto& each) {
            const key_set* here = arm.values_of(each.first);
            if (!here) return true;
            each.second.values.insert(each.second.values.end(), here->values.begin(), here->values.end());
            return false;
        });
    }
    for (auto& [column, values] : common) {
        values.listed = true;
        for (key_source& v : values.values) v.location = -1;
        facts.restrict(column, std::move(values));
    }
}

bool analysis::may_hold_key(const column_id& column) const {
    if (!known_.shards) return false;
    const relation& r = relations_[column.relation];
    if (!r.table) return false;
    if (const column_facts* facts = r.table->find(column.column)) {
        return carries_key(facts->type, facts->collation, known_.shards->key_type());
    }
    if (!r.table->columns.empty()) return false;
    // the columns have not been read: the key's own type is the configuration's word; text might have any collation
    return column.column == r.table->shard_key && r.table->kind == table_kind::sharded &&
           (known_.shards->key_type() != keyspace::key_type::text ||
            known_.default_collation.kind != collation_kind::nondeterministic);
}

// Columns.

analysis::has analysis::has_column(const relation& r, const std::string& name) const {
    if (r.renamed) return has::maybe;
    if (r.table) {
        if (!r.table->columns.empty()) return r.table->find(name) ? has::yes : has::no;
        return r.table->kind == table_kind::sharded && name == r.table->shard_key ? has::yes : has::maybe;
    }
    const bool found = std::any_of(r.columns.begin(), r.columns.end(), [&](const auto& c) { return c.name == name; });
    if (found) return has::yes;
    return r.columns_known ? has::no : has::maybe;
}

std::optional<column_id> analysis::column_of(std::size_t at, const std::string& name) const {
    const relation& r = relations_[at];
    if (r.renamed) return std::nullopt;
    if (r.table) {
        if (!r.table->columns.empty() && !r.table->find(name)) return std::nullopt;
        return column_id{at, name};
    }
    std::optional<column_id> found;
    for (const relation::column& c : r.columns) {
        if (c.name != name) continue;
        if (found || !c.origin) return std::nullopt;
        found = c.origin;
    }
    return found;
}

std::optional<column_id> analysis::resolve(const expression& column) const {
    return resolve_in(column, outermost_scope_);
}

std::optional<column_id> analysis::resolve_in(const expression& column, const scope& level) const {
    if (!column.is(expression_kind::column) || column.path.empty() || column.path.size() > 3) return std::nullopt;
    const std::string& name = column.path.back();
    for (const scope* s = &level; s; s = s->outer) {
        std::vector<std::size_t> certain;
        bool uncertain = false;
        for (const std::size_t at : s->relations) {
            const relation& r = relations_[at];
            if (column.path.size() >= 2 && r.name != column.path[column.path.size() - 2]) continue;
            if (column.path.size() == 3 && (!r.table || r.table->schema != column.path[0] || r.table->name != r.name))
                continue;
            if (column.path.size() >= 2) {
                certain.push_back(at);
                continue;
            }
            const has it = has_column(r, name);
            if (it == has::yes) certain.push_back(at);
            if (it == has::maybe) uncertain = true;
        }
        if (uncertain) return std::nullopt;
        if (certain.empty()) continue;
        if (certain.size() == 1) return column_of(certain.front(), name);
        if (column.path.size() > 1) return std::nullopt;
        // USING made them one: its value is the leftmost one's
        for (std::size_t i = 1; i < certain.size(); ++i) {
            const bool merged = std::any_of(s->merged.begin(), s->merged.end(), [&](const auto& m) {
                return m.name == name && m.right == certain[i] && m.left == certain.front();
            });
            if (!merged) return std::nullopt;
        }
        return column_of(certain.front(), name);
    }
    return std::nullopt;
}

const column_facts* analysis::facts_of(const column_id& column) const {
    const relation& r = relations_[column.relation];
    if (r.table) return r.table->find(column.column);
    return r.view ? r.view->find(column.column) : nullptr;
}

bool analysis::is_shard_key(const column_id& column) const {
    const relation& r = relations_[column.relation];
    return r.table && r.table->kind == table_kind::sharded && r.table->shard_key == column.column;
}

bool analysis::has_table(std::string_view name) const {
    return std::any_of(relations_.begin(), relations_.end(), [&](const relation& r) { return r.name == name; });
}

// What a query's FROM-neighbours see of it. A column passes its origin on where a condition on it from outside is a
// condition on the rows inside: not behind LIMIT or windows, and behind GROUP BY only for a group's key.
namespace {

// What an item of GROUP BY groups by: a position stands for the column of the select list.
const expression& grouped_by(const sql::query& q, const expression& g) {
    if (!g.is(expression_kind::constant) || g.literal != sql::literal_kind::integer || g.name.size() > 4) return g;
    const auto place = static_cast<std::size_t>(std::stoul(g.name));
    return place == 0 || place > q.items.size() ? g : q.items[place - 1].value;
}

}  // namespace

relation analysis::columns_out(const sql::query& q, const scope& level, bool& simple) const {
    bool aggregates = false, windows = q.windows, sets = false;
    const auto each = [&](const expression& e) {
        if (!e.is(expression_kind::function)) return;
        const function_facts f = facts_of_function(known_, e.schema, e.name, e.inner.size());
        if (e.call->over) {
            windows = true;
        } else {
            aggregates = aggregates || f.aggregate || f.how == behaviour::unknown || f.how == behaviour::own;
        }
        sets = sets || f.returns_set;
    };
    sql::visit_level(q, each, sql::into_queries::no);
    const bool grouped = !q.group_by.empty();
    const bool opaque = windows || sets || !q.limit.empty() || !q.offset.empty() || !q.distinct_on.empty() || q.locks ||
                        (aggregates && !grouped) || (!q.having.empty() && !grouped);
    simple = !opaque && !grouped && !aggregates && !q.distinct;

    relation out;
    out.columns_known = true;
    for (const sql::select_item& item : q.items) {
        if (item.value.is(expression_kind::star)) {
            star_columns(item.value, level, opaque || grouped, out);
            continue;
        }
        relation::column c;
        c.name = sql::output_name(item);
        const bool passes =
            !opaque && (!grouped || std::any_of(q.group_by.begin(), q.group_by.end(), [&](const auto& g) {
                return sql::same(grouped_by(q, g), item.value);
            }));
        if (passes) c.origin = resolve_in(item.value, level);
        out.columns.push_back(std::move(c));
    }
    return out;
}

// Grouping by the shard key, or DISTINCT with it, makes no row of rows that live on several shards.
bool analysis::stays_by_key(const sql::query& q, const scope& level, const seen_query& rows) const {
    if (rows.rows.how != spreading::sharded || !rows.rows.key || q.group_distinct || !q.distinct_on.empty())
        return false;
    if (!q.limit.empty() || !q.offset.empty() || q.windows || q.locks) return false;
    const column_id& key = *rows.rows.key;
    const auto is_key = [&](const expression& e) {
        const auto column = resolve_in(e, level);
        return column && !relations_[column->relation].nullable && !relations_[key.relation].nullable &&
               rows.facts.same(*column, key);
    };
    const auto is_plain = [&](const expression& g) {
        return !g.is(expression_kind::unknown) && !g.is(expression_kind::row);
    };
    bool windows = false;
    const auto look = [&](const expression& e) {
        windows = windows || (e.is(expression_kind::function) && e.call->over) || e.is(expression_kind::unknown);
    };
    sql::visit_level(q, look, sql::into_queries::no);
    if (windows || !std::all_of(q.group_by.begin(), q.group_by.end(), is_plain)) return false;
    if (!q.group_by.empty()) {
        return std::any_of(q.group_by.begin(), q.group_by.end(),
                           [&](const expression& g) { return is_key(grouped_by(q, g)); });
    }
    if (!q.distinct || !q.having.empty()) return false;
    return std::any_of(q.items.begin(), q.items.end(), [&](const auto& i) { return is_key(i.value); });
}

void analysis::star_columns(const expression& star, const scope& level, bool opaque, relation& out) const {
    for (const std::size_t at : level.relations) {
        const relation& r = relations_[at];
        if (!star.path.empty() && r.name != star.path.back()) continue;
        if (r.renamed) {
            out.columns_known = false;
        } else if (r.table && !r.table->columns.empty()) {
            for (const column_facts& c : r.table->columns) {
                out.columns.push_back({c.name, opaque ? std::nullopt : std::optional{column_id{at, c.name}}});
            }
        } else if (r.table) {
            out.columns_known = false;
            if (r.table->kind == table_kind::sharded && !opaque) {
                out.columns.push_back({r.table->shard_key, column_id{at, r.table->shard_key}});
            }
        } else {
            out.columns_known = out.columns_known && r.columns_known;
            for (relation::column c : r.columns) {
                if (opaque) c.origin.reset();
                out.columns.push_back(std::move(c));
            }
        }
    }
}

}  // namespace ashlar::route
