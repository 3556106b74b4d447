#include "route/analysis.hpp"

#include "route/functions.hpp"
#include "route/own_tables.hpp"
#include "route/refusal.hpp"
#include "route/types.hpp"
#include "sql/names.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

using sql::expression;
using sql::expression_kind;
using sql::from_item;

namespace {

spread broken(std::string why, std::string hint, int location) {
    spread out;
    out.how = spreading::broken;
    out.why = std::move(why);
    out.hint = std::move(hint);
    out.location = location;
    return out;
}

constexpr auto join_hint = "Join sharded tables by their shard keys, or fix the key to one value in WHERE.";

}  // namespace

analysis::analysis(const catalogue& known, std::span<const std::string> search_path,
                   std::span<const std::uint32_t> declared)
    : known_(known), search_path_(search_path), declared_(declared) {}

void analysis::obstacle(std::string what, int location) {
    if (!obstacle_.empty()) return;
    obstacle_ = std::move(what);
    obstacle_location_ = location;
}

const table_facts* analysis::find_table(const sql::table_name& name) const {
    if (!name.catalog.empty()) return nullptr;
    if (!name.schema.empty()) {
        if (known_.dialect == dialect::sqlite && name.schema == "main") return known_.find("public", name.name);
        return known_.find(name.schema, name.name);
    }
    for (const std::string& schema : search_path_) {
        if (const table_facts* found = known_.find(schema, name.name)) return found;
    }
    return nullptr;
}

const table_facts* analysis::find_target(const sql::table_name& name) const {
    const table_facts* table = find_table(name);
    return table != nullptr && table->written_as ? table->written_as.get() : table;
}

status analysis::look_at(const sql::statement& s) {
    if (s.kind == sql::statement_kind::select) {
        outermost_ = look(*s.body, nullptr, true, true).rows;
    } else if (s.kind == sql::statement_kind::insert) {
        look_at_insert(s, nullptr, true);
    } else {
        look_at_change(s, nullptr, true);
    }
    if (own_target_) return refuse_own_table({}, *own_target_);
    for (const relation& each : relations_) {
        if (each.table != nullptr && each.table->differs != nullptr) return refuse_differing(*each.table);
    }
    return {};
}

// Queries.

analysis::seen_query analysis::look(const sql::query& q, const scope* outer, bool chain, bool top) {
    const std::size_t visible = common_.size(), first = occurrences_.size();
    look_at_common(q.with, q.recursive, outer);
    seen_query out;
    if (q.operation != sql::set_operation::none) {
        if (q.left) look(*q.left, outer, false, false);
        if (q.right) look(*q.right, outer, false, false);
        const scope nothing{outer, {}, {}};
        look_at_clauses(q, nothing, {});
        out.columns.columns_known = false;
        if (occurrences_.size() > first) {
            out.rows = broken("UNION, INTERSECT or EXCEPT over several shards",
                              "Fix the shard key to one value in each part, or run the parts one by one.", q.location);
        }
    } else if (!q.values.empty()) {
        const scope nothing{outer, {}, {}};
        look_at_clauses(q, nothing, {});
    } else {
        out = look_at_select(q, outer, chain, top);
    }
    out.first = first;
    out.last = occurrences_.size();
    if (!q.with.empty()) out.simple = out.by_key = false;
    common_.resize(visible);
    return out;
}

void analysis::look_at_common(const std::vector<sql::common_table>& with, bool recursive, const scope* outer) {
    const std::size_t base = common_.size();
    if (recursive) {
        for (const sql::common_table& c : with) common_.push_back({c.name, {}, true, {}});
    }
    for (std::size_t i = 0; i < with.size(); ++i) {
        const std::size_t first = occurrences_.size();
        const sql::statement& body = *with[i].body;
        common_table made{with[i].name, {}, false, {}};
        if (body.kind == sql::statement_kind::select) {
            made.columns = look(*body.body, outer, false, false).columns;
            for (relation::column& c : made.columns.columns) c.origin.reset();
            // a column list after the name would rename them
            made.columns.columns_known = false;
        } else {
            written_in_with_.push_back(&with[i]);
            if (body.kind == sql::statement_kind::insert) {
                look_at_insert(body, outer, false);
            } else {
                returned rows = look_at_change(body, outer, false);
                if (with[i].columns.empty()) made.columns = std::move(rows.columns);
                made.facts = std::move(rows.facts);
            }
        }
        made.sharded = occurrences_.size() > first || recursive;
        if (recursive) {
            common_[base + i] = std::move(made);
        } else {
            common_.push_back(std::move(made));
        }
    }
}

analysis::seen_query analysis::look_at_select(const sql::query& q, const scope* outer, bool chain, bool top) {
    seen_query out;
    scope level{outer, {}, {}};
    from_state state;
    state.level = &level;
    state.chain = chain;
    for (const from_item& item : q.from) enter(item, state);
    for (const from_item& item : q.from) gather(item, state, out.facts);
    for (const expression& e : q.where) add_facts(e, level, out.facts);
    for (const from_item& item : q.from) {
        out.rows = join_spreads(std::move(out.rows), settle(item, state, out.facts, false), out.facts, item.location);
    }
    look_at_clauses(q, level, out.facts);
    out.columns = columns_out(q, level, out.simple);
    out.by_key = stays_by_key(q, level, out);
    if (top) {
        outermost_scope_ = level;
        outermost_environment_ = out.facts;
    }
    return out;
}

void analysis::look_at_clauses(const sql::query& q, const scope& level, const environment& facts) {
    for (const auto& row : q.values) look_at_subqueries(row, level, facts);
    for (const sql::select_item& i : q.items) look_at_subqueries(i.value, level, facts);
    for (const auto* list : {&q.distinct_on, &q.where, &q.group_by, &q.having, &q.window_parts, &q.limit, &q.offset}) {
        look_at_subqueries(*list, level, facts);
    }
    for (const sql::sort_item& s : q.order) look_at_subqueries(s.value, level, facts);
}

void analysis::look_at_subqueries(const std::vector<expression>& list, const scope& level, const environment& facts) {
    for (const expression& e : list) look_at_subqueries(e, level, facts);
}

void analysis::look_at_subqueries(const expression& e, const scope& level, const environment& facts) {
    const auto each = [&](const expression& found) {
        if (found.is(expression_kind::unknown)) obstacle(found.name, found.location);
        if (found.is(expression_kind::current_of)) obstacle("WHERE CURRENT OF", found.location);
        if (!found.is(expression_kind::subquery) || !found.sub) return;
        const seen_query inside = look(*found.sub, &level, false, false);
        environment known = facts;
        // x IN (select key …): only rows whose key is x can matter, for a shard key is never NULL; an x that an outer
        // join made NULL would ask whether there are any rows at all
        const bool equality =
            found.name == "in" || (found.name == "any" && found.path == std::vector<std::string>{"="});
        if (equality && found.inner.size() == 1 && inside.columns.columns.size() == 1) {
            const auto outside = resolve_in(found.inner.front(), level);
            const auto& passed_on = inside.columns.columns.front().origin;
            if (outside && passed_on && (inside.simple || inside.by_key) && is_shard_key(*passed_on) &&
                may_hold_key(*outside) && !relations_[passed_on->relation].nullable &&
                !relations_[outside->relation].nullable) {
                known.unite(*outside, *passed_on);
            }
        }
        for (std::size_t i = inside.first; i < inside.last; ++i) occurrences_[i].where.absorb(known);
    };
    sql::visit(e, each, sql::into_queries::no);
}

// FROM.

scope analysis::from_state::visible_in(const from_item& item) const {
    const entered& e = items.at(&item);
    scope out{level->outer, {}, level->merged};
    out.relations.assign(level->relations.begin() + static_cast<std::ptrdiff_t>(e.begin),
                         level->relations.begin() + static_cast<std::ptrdiff_t>(e.end));
    return out;
}

void analysis::enter(const from_item& item, from_state& state) {
    from_state::entered& here = state.items[&item];
    here.begin = state.level->relations.size();
    if (item.sampled) obstacle("TABLESAMPLE", item.location);
    switch (item.what) {
        case from_item::kind::table:
            enter_table(item, state);
            break;
        case from_item::kind::join:
            enter_join(item, state);
            break;
        case from_item::kind::subquery: {
            if (item.lateral && state.level->outer) obstacle("LATERAL inside a sub-query", item.location);
            seen_query seen = look(*item.sub, item.lateral ? state.level : state.level->outer, state.chain, false);
            relation r = seen.columns;
            r.name = item.alias;
            if (!item.column_aliases.empty()) {
                r.renamed = !r.columns_known || item.column_aliases.size() > r.columns.size();
                for (std::size_t i = 0; !r.renamed && i < item.column_aliases.size(); ++i) {
                    r.columns[i].name = item.column_aliases[i];
                }
            }
            state.level->relations.push_back(relations_.size());
            relations_.push_back(std::move(r));
            here.query = std::move(seen);
            break;
        }
        case from_item::kind::function: {
            relation r;
            r.name = item.alias;
            if (r.name.empty() && !item.functions.empty()) r.name = item.functions.front().name;
            state.level->relations.push_back(relations_.size());
            relations_.push_back(std::move(r));
            break;
        }
        case from_item::kind::unknown:
            obstacle(item.name, item.location);
            break;
    }
    state.items[&item].end = state.level->relations.size();
}

bool analysis::enter_common(const from_item& item, from_state& state) {
    if (!item.table.schema.empty()) return false;
    const auto at =
        std::find_if(common_.rbegin(), common_.rend(), [&](const auto& c) { return c.name == item.table.name; });
    if (at == common_.rend()) return false;
    relation r = at->columns;
    r.name = item.alias.empty() ? item.table.name : item.alias;
    r.renamed = !item.column_aliases.empty();
    r.location = item.location;
    state.level->relations.push_back(relations_.size());
    relations_.push_back(std::move(r));
    seen_query seen;
    if (at->sharded) {
        seen.rows = broken("a common table (WITH) over sharded tables",
                           "Fix the shard key to one value inside it, or write it as a plain join.", item.location);
    }
    seen.simple = true;
    seen.facts = at->facts;
    state.items[&item].query = std::move(seen);
    return true;
}

// A view is planned as the sub-query that it stands for; its names are its own.
void analysis::enter_view(const from_item& item, const table_facts& view, from_state& state) {
    constexpr std::size_t views_max = 32;
    const bool is_inner = inside_views_ > 0;  // named in another view's text
    views_.push_back({&view, verb::read, is_inner ? -1 : item.location, nullptr});
    if (inside_views_ == views_max) return obstacle("views that nest so deeply", item.location);
    std::vector<common_table> outside;
    std::swap(outside, common_);
    ++inside_views_;
    const bool clear = obstacle_.empty();
    seen_query seen = look(*view.view_of->body, nullptr, state.chain, false);
    --inside_views_;
    std::swap(outside, common_);
    if (clear && !obstacle_.empty()) obstacle_location_ = item.location;
    for (std::size_t i = seen.first; i < seen.last; ++i) occurrences_[i].location = item.location;
    if (unsharded_ && first_unsharded_location_ < 0) first_unsharded_location_ = item.location;
    seen.rows.location = item.location;

    const std::size_t own = relations_.size();
    relation r = seen.columns;
    r.name = item.alias.empty() ? item.table.name : item.alias;
    r.view = &view;
    r.location = item.location;
    r.renamed = !item.column_aliases.empty();
    if (!r.columns_known || r.columns.size() != view.columns.size()) {
        r.renamed = true;  // nothing is certain of its columns
    } else {
        for (std::size_t i = 0; i < r.columns.size(); ++i) {
            r.columns[i].name = view.columns[i].name;
            if (!r.columns[i].origin) r.columns[i].origin = column_id{own, view.columns[i].name};
        }
    }
    state.level->relations.push_back(own);
    relations_.push_back(std::move(r));
    state.items[&item].query = std::move(seen);
}

void analysis::enter_table(const from_item& item, from_state& state) {
    if (enter_common(item, state)) return;
    relation r;
    r.table = find_table(item.table);
    if (&item == changed_ && r.table && r.table->written_as) {
        views_.push_back({r.table, verb::read, item.location, nullptr});
        r.table = r.table->written_as.get();
    }
    if (r.table) touched_.push_back({r.table, verb::read, item.location, nullptr});
    if (r.table && r.table->view_of) return enter_view(item, *r.table, state);
    r.name = item.alias.empty() ? item.table.name : item.alias;
    r.renamed = !item.column_aliases.empty();
    r.location = item.location;
    const bool system =
        !r.table &&
        (item.table.schema == "pg_catalog" || item.table.schema == "information_schema" ||
         (item.table.schema.empty() && (item.table.name.starts_with("pg_") || item.table.name.starts_with("sqlite_"))));
    const bool of_postgres = item.table.schema == "pg_catalog" || item.table.schema == "information_schema" ||
                             (item.table.schema.empty() && item.table.name.starts_with("pg_"));
    if (system) {
        system_ = true;
        if (of_postgres && !postgres_catalogue_) postgres_catalogue_ = item.location;
    } else if (!r.table || r.table->kind == table_kind::unsharded) {
        if (!r.table) unknown_names_.push_back(item.table.name);
        const std::string& database =
            r.table && !r.table->database.empty() ? r.table->database : known_.unsharded_database;
        if (unsharded_ && database != database_) obstacle("tables of two databases in one statement", item.location);
        if (!unsharded_) {
            first_unsharded_ = item.table.name;
            first_unsharded_location_ = item.location;
        }
        unsharded_ = true;
        database_ = database;
    } else if (r.table->kind == table_kind::reference) {
        reference_ = true;
    } else {
        occurrence o;
        o.relation = relations_.size();
        o.key = {o.relation, r.table->shard_key};
        o.outermost = state.chain;
        o.location = item.location;
        if (r.renamed) obstacle("names for the columns of a sharded table", item.location);
        state.items[&item].occurrence = occurrences_.size();
        occurrences_.push_back(std::move(o));
    }
    state.level->relations.push_back(relations_.size());
    relations_.push_back(std::move(r));
}

void analysis::enter_join(const from_item& item, from_state& state) {
    for (const from_item& side : item.sides) enter(side, state);
    if (!item.alias.empty()) obstacle("an alias over a join", item.location);
    if (item.join == sql::join_kind::right || item.join == sql::join_kind::full) return;
    for (const std::string& name : item.using_columns) {
        const auto holder = [&](const from_item& side) -> std::optional<std::size_t> {
            const auto& e = state.items.at(&side);
            for (std::size_t i = e.begin; i < e.end; ++i) {
                const std::size_t r = state.level->relations[i];
                if (has_column(relations_[r], name) == has::yes) return r;  // the leftmost: USING's own value
            }
            return std::nullopt;
        };
        const auto left = holder(item.sides[0]), right = holder(item.sides[1]);
        if (left && right) state.level->merged.push_back({name, *left, *right});
    }
}

void analysis::add_join_facts(const from_item& item, const from_state& state, environment& facts) {
    const scope visible = state.visible_in(item);
    for (const expression& e : item.on) add_facts(e, visible, facts);
    for (const std::string& name : item.using_columns) {
        expression column;
        column.kind = expression_kind::column;
        column.path = {name};
        const auto left = resolve_in(column, state.visible_in(item.sides[0]));
        const auto right = resolve_in(column, state.visible_in(item.sides[1]));
        if (left && right && may_hold_key(*left) && may_hold_key(*right)) facts.unite(*left, *right);
    }
}

// What holds of every row of a FROM item that is not on the nullable side of an outer join.
void analysis::gather(const from_item& item, const from_state& state, environment& facts) {
    if (item.what != from_item::kind::join) {  // a view and a common table are sub-queries, too
        if (const auto& q = state.items.at(&item).query) facts.absorb(q->facts);
        return;
    }
    switch (item.join) {
        case sql::join_kind::inner:
            gather(item.sides[0], state, facts);
            gather(item.sides[1], state, facts);
            add_join_facts(item, state, facts);
            return;
        case sql::join_kind::left:
            return gather(item.sides[0], state, facts);
        case sql::join_kind::right:
            return gather(item.sides[1], state, facts);
        case sql::join_kind::full:
            return;
    }
}

spread analysis::settle(const from_item& item, const from_state& state, const environment& facts, bool nullable) {
    const auto& entered = state.items.at(&item);
    for (std::size_t i = entered.begin; nullable && i < entered.end; ++i) {
        relation& r = relations_[state.level->relations[i]];
        r.nullable = true;
        for (const relation::column& c : r.columns) {
            if (c.origin) relations_[c.origin->relation].nullable = true;
        }
    }
    if (item.what == from_item::kind::join) return settle_join(item, state, facts, nullable);
    look_at_subqueries(item.functions, *state.level, facts);
    if (entered.occurrence) {
        occurrence& o = occurrences_[*entered.occurrence];
        o.where.absorb(facts);
        spread out;
        out.how = spreading::sharded;
        out.key = o.key;
        out.location = item.location;
        return out;
    }
    if (!entered.query) return {};
    const seen_query& q = *entered.query;
    for (std::size_t i = q.first; i < q.last; ++i) occurrences_[i].where.absorb(facts);
    if (q.last > q.first && !q.simple && !q.by_key && q.rows.how != spreading::broken) {
        return broken("a sub-query in FROM that groups, sorts out or limits rows of several shards",
                      "Fix the shard key to one value inside it.", item.location);
    }
    if (q.rows.how == spreading::replicated && q.last == q.first && !q.simple && item.sub && !item.sub->limit.empty()) {
        // each shard may choose other rows
        return broken("a sub-query with LIMIT beside rows of several shards", "Fix the shard key to one value.",
                      item.location);
    }
    return q.rows;
}

spread analysis::settle_join(const from_item& item, const from_state& state, const environment& facts, bool nullable) {
    const from_item& left = item.sides[0];
    const from_item& right = item.sides[1];
    const scope visible = state.visible_in(item);
    if (item.join == sql::join_kind::inner) {
        spread l = settle(left, state, facts, nullable), r = settle(right, state, facts, nullable);
        look_at_subqueries(item.on, visible, facts);
        return join_spreads(std::move(l), std::move(r), facts, item.location);
    }
    if (item.join == sql::join_kind::full) {
        environment in_left = facts, in_right = facts, only_on;
        gather(left, state, in_left);
        gather(right, state, in_right);
        add_join_facts(item, state, only_on);
        spread l = settle(left, state, in_left, true), r = settle(right, state, in_right, true);
        look_at_subqueries(item.on, visible, facts);
        if ((l.how == spreading::sharded) != (r.how == spreading::sharded) && l.how != spreading::broken &&
            r.how != spreading::broken) {
            return broken("a FULL JOIN of a sharded table with rows that every shard has", join_hint, item.location);
        }
        return join_spreads(std::move(l), std::move(r), only_on, item.location);
    }
    const bool flipped = item.join == sql::join_kind::right;
    const from_item& kept = flipped ? right : left;
    const from_item& optional = flipped ? left : right;
    // of the nullable side only matched rows matter, so the ON holds for them
    environment in_optional = facts;
    gather(optional, state, in_optional);
    add_join_facts(item, state, in_optional);
    spread k = settle(kept, state, facts, nullable), o = settle(optional, state, in_optional, true);
    look_at_subqueries(item.on, visible, in_optional);
    if (k.how == spreading::replicated && o.how == spreading::sharded) {
        return broken("an outer join that keeps rows which every shard has, beside a sharded table",
                      "Put the sharded table on the side that is kept, or fix the shard key to one value in ON.",
                      item.location);
    }
    return join_spreads(std::move(k), std::move(o), in_optional, item.location);
}

spread analysis::join_spreads(spread left, spread right, const environment& facts, int location) const {
    if (left.how == spreading::broken) return left;
    if (right.how == spreading::broken) return right;
    if (left.how == spreading::replicated) return right;
    if (right.how == spreading::replicated) return left;
    if (left.key && right.key && facts.same(*left.key, *right.key)) return left;
    return broken("a join of sharded tables that is not by their shard keys", join_hint, location);
}

// Changes.

analysis::returned analysis::look_at_change(const sql::statement& s, const scope* outer, bool top) {
    const std::size_t visible = common_.size();
    look_at_common(s.with, s.recursive, outer);
    scope level{outer, {}, {}};
    from_state state;
    state.level = &level;
    state.chain = top;
    environment facts;
    if (is_own_table(s.target.table, known_.dialect, search_path_)) own_target_ = s.target.table;
    changed_ = &s.target;
    enter(s.target, state);
    changed_ = nullptr;
    const table_facts* const table = find_target(s.target.table);
    if (top) target_ = table;
    const bool updates = s.kind == sql::statement_kind::update;
    if (table) touched_.push_back({table, updates ? verb::update : verb::delete_, s.target.location, &s});
    for (const from_item& item : s.from) enter(item, state);
    for (const from_item& item : s.from) gather(item, state, facts);
    for (const expression& e : s.where) add_facts(e, level, facts);
    spread rows = settle(s.target, state, facts, false);
    for (const from_item& item : s.from) {
        rows = join_spreads(std::move(rows), settle(item, state, facts, false), facts, item.location);
    }
    look_at_subqueries(s.where, level, facts);
    for (const sql::assignment& a : s.set) look_at_subqueries(a.value, level, facts);
    for (const sql::select_item& i : s.returning) look_at_subqueries(i.value, level, facts);
    if (top) {
        outermost_ = std::move(rows);
        outermost_scope_ = level;
        outermost_environment_ = facts;
    }
    common_.resize(visible);
    returned out;
    out.columns = columns_returned(s, level, facts);
    out.facts = std::move(facts);
    return out;
}

// Of a change inside WITH, which may be named several times: only a column that has one value in all its rows, a fixed shard key,
// is the same column wherever it is named.
relation analysis::columns_returned(const sql::statement& s, const scope& level, const environment& facts) const {
    relation out;
    out.columns_known = true;
    for (const sql::select_item& item : s.returning) {
        if (item.value.is(expression_kind::star)) return {};
        relation::column c;
        c.name = sql::output_name(item);
        const auto origin = resolve_in(item.value, level);
        const key_set* fixed = origin && is_shard_key(*origin) ? facts.values_of(*origin) : nullptr;
        if (fixed != nullptr && fixed->values.size() == 1 && !fixed->values.front().array) c.origin = origin;
        out.columns.push_back(std::move(c));
    }
    return out;
}

void analysis::look_at_insert(const sql::statement& s, const scope* outer, bool top) {
    const std::size_t visible = common_.size();
    look_at_common(s.with, s.recursive, outer);
    if (is_own_table(s.target.table, known_.dialect, search_path_)) own_target_ = s.target.table;
    // the table's rows are not read, unless by ON CONFLICT, which sees those of the same key only
    const table_facts* const named = find_table(s.target.table);
    if (named && named->written_as) views_.push_back({named, verb::read, s.target.location, nullptr});
    const table_facts* const table = find_target(s.target.table);
    if (top) target_ = table;
    if (table) touched_.push_back({table, verb::insert, s.target.location, &s});
    if (table && s.conflict && s.conflict->updates) touched_.push_back({table, verb::update, s.target.location, &s});
    if (!table) unknown_names_.push_back(s.target.table.name);
    if (!table || table->kind == table_kind::unsharded) {
        const std::string& database = table && !table->database.empty() ? table->database : known_.unsharded_database;
        unsharded_ = true;
        database_ = database;
        first_unsharded_ = s.target.table.name;
        first_unsharded_location_ = s.target.location;
    } else if (table->kind == table_kind::reference) {
        reference_ = true;
    } else {
        inserts_ = true;
    }
    if (s.body) {
        const seen_query source = look(*s.body, outer, false, top);
        if (top) outermost_ = source.rows;
    }
    relation r;
    r.table = table;
    r.name = s.target.alias.empty() ? s.target.table.name : s.target.alias;
    scope level{outer, {relations_.size()}, {}};
    relations_.push_back(std::move(r));
    if (s.conflict) {
        for (const sql::assignment& a : s.conflict->set) look_at_subqueries(a.value, level, {});
        look_at_subqueries(s.conflict->where, level, {});
    }
    for (const sql::select_item& i : s.returning) look_at_subqueries(i.value, level, {});
    common_.resize(visible);
}

}  // namespace ashlar::route
