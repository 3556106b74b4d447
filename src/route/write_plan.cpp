// INSERT, UPDATE, DELETE and COPY: where the rows live that they make or change.
#include "route/defaults.hpp"
#include "route/hindering.hpp"
#include "route/key_column.hpp"
#include "route/new_rows.hpp"
#include "route/planning.hpp"
#include "route/refusal.hpp"
#include "sql/clauses.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

using sql::expression;
using sql::expression_kind;

namespace {

// A reference table gets the same rows on every shard, so nothing in the statement may differ from shard to shard.
made_plan plan_reference_write(const question& q, const analysis& tables, const contents& inside,
                               const table_facts& table) {
    if (q.one_only) return *q.one_only;
    constexpr auto hint = "Send the values as parameters, and write reference tables from values alone.";
    if (auto no = refuse_on_several(inside, q.text)) return std::move(*no);
    if (!tables.sharded().empty())
        return refusal(q.text, tables.sharded().front().location, "a reference table written from a sharded one", hint);
    bool subqueries = false;
    const auto look = [&](const expression& e) { subqueries = subqueries || e.is(expression_kind::subquery); };
    sql::visit(q.said, look);
    const bool from_query = q.said.kind == statement_kind::insert && q.said.body && q.said.body->values.empty();
    if (subqueries || from_query || !q.said.with.empty() ||
        (q.said.kind == statement_kind::update && !q.said.from.empty())) {
        return refusal(q.text, q.said.target.location, "a reference table written from a query", hint);
    }
    if (!q.said.returning.empty()) {
        return refusal(q.text, q.said.returning.front().location, "RETURNING from a reference table",
                       "Read the row afterwards.");
    }
    if (q.said.kind == statement_kind::insert) {
        const column_facts* c = left_to_default(q.said, table, &column_facts::has_volatile_default);
        if (c) {
            return refusal(q.text, q.said.target.location,
                           fmt::format("column {} left to a default that differs from shard to shard,", c->name),
                           "Give the value in the statement.");
        }
        if (table.columns.empty()) {
            return refusal(q.text, q.said.target.location,
                           fmt::format("an insert into {}, whose defaults are not known,", table.name),
                           "Wait until the catalogue has been read.");
        }
    }
    if (q.said.kind == statement_kind::update) {
        for (const sql::assignment& a : q.said.set) {
            const column_facts* c = table.find(a.column);
            if (is_default(a.value) && (!c || c->has_volatile_default)) {
                return refusal(q.text, a.location, "a default that differs from shard to shard",
                               "Give the value in the statement.");
            }
        }
    }
    auto out = fresh(q);
    if (auto no = refuse_sequences(q, table, *out)) return std::move(*no);
    out->writes = true;
    out->looked_up = inside.looked_up;
    out->table = table;
    out->way = way::every;
    out->where = target::all_shards;
    out->because = routed_because::reference_write;
    several_plan several;
    several.sql = out->text_for_one();
    auto merge = std::make_shared<recipe>();
    merge->dialect = q.known.dialect;
    merge->count_once = true;
    several.merge = std::move(merge);
    out->several = std::move(several);
    return out;
}

// A change of the rows whose key equals a literal that spells none: the servers might know which one is meant, but only one of
// them may change its rows.
std::optional<error> refuse_unspelled_key(const question& q, const analysis& tables) {
    std::optional<error> no;
    const keyspace::key_type type = q.known.shards->key_type();
    const auto compared = [&](const expression& with, const expression& literal) {
        const auto column = tables.resolve(with);
        if (no || !column || !tables.is_shard_key(*column) || !literal.is(expression_kind::constant)) return;
        if (literal.literal == sql::literal_kind::null || key_of(literal, type, q.declared)) return;
        const auto key = keyspace::key::from_text(literal.name, type);
        if (key) return;
        no = placed(q, key.error(), literal.location);
        // A number that is no key is a valid value, which equals none.
        if (literal.literal != sql::literal_kind::string) no->sqlstate("0A000");
    };
    const auto each = [&](const expression& e) {
        if (!e.is(expression_kind::operation) || e.name != "=" || !e.schema.empty() || e.inner.size() != 2) return;
        compared(e.inner[0], e.inner[1]);
        compared(e.inner[1], e.inner[0]);
    };
    sql::visit(q.said, each);
    return no;
}

// Why rows for several shards must not be cut up.
std::optional<error> refuse_cut(const question& q, const contents& inside, const table_facts& table) {
    if (!q.said.returning.empty()) {
        return refusal(q.text, q.said.returning.front().location, "RETURNING from several shards",
                       "Insert the rows of one shard key at a time.");
    }
    if (!q.said.with.empty())
        return refusal(q.text, q.said.with.front().location, "WITH before rows for several shards",
                       "Insert the rows of one shard key at a time.");
    if (auto no = refuse_on_several(inside, q.text)) return no;
    const bool ordered = !q.said.body->order.empty() || !q.said.body->limit.empty() || !q.said.body->offset.empty();
    if (ordered)
        return refusal(q.text, q.said.target.location, "VALUES with ORDER BY or LIMIT", "Send the rows alone.");
    if (table.columns.empty()) return std::nullopt;
    if (const column_facts* c = left_to_default(q.said, table, &column_facts::has_volatile_default)) {
        return refusal(
            q.text, q.said.target.location,
            fmt::format("column {} of rows for several shards, left to a default that differs from shard to shard,",
                        c->name),
            "Give the value in each row, or insert the rows of one shard key at a time.");
    }
    return std::nullopt;
}

// The plan for rows of `table`, with the keys that the statement fixes. Its way is not chosen yet.
made_plan begin_write(const question& q, const analysis& tables, const contents& inside, const table_facts& table) {
    auto out = fresh(q);
    out->writes = true;
    out->may_change_session = inside.may_change_session();
    out->may_change_reading = inside.reading.has_value();
    out->looked_up = inside.looked_up;
    out->table = table;
    if (auto no = refuse_sequences(q, table, *out)) return std::move(*no);
    take_pins(tables, *out);
    return out;
}

// How INSERT, UPDATE and DELETE begin: looks at the tables. The whole plan, or the refusal, where it does not depend on which rows
// of a table on the shards are written.
std::optional<made_plan> plan_before_rows(const question& q, analysis& tables, contents& inside) {
    if (status s = tables.look_at(q.said); !s) return made_plan{std::move(s).error()};
    inside = contents_of(q.said, q.known, tables);
    if (auto no = refuse_hindered(q, tables)) return made_plan{std::move(*no)};
    const table_facts* table = tables.target();
    const bool elsewhere = !table || table->kind == table_kind::unsharded;
    if (elsewhere && !tables.touches_shards()) return plan_elsewhere(q, tables, inside);
    if (!q.known.shards) return made_plan{error{errc::internal, "sharded tables without shards"}};
    if (auto no = refuse_on_shards(q, tables, inside)) return made_plan{std::move(*no)};
    if (tables.writes_in_with()) return plan_changes_in_with(q, tables, inside);
    return std::nullopt;
}

}  // namespace

made_plan plan_insert(const question& q) {
    analysis tables{q.known, q.options.search_path, q.declared};
    contents inside;
    if (auto made = plan_before_rows(q, tables, inside)) return std::move(*made);
    const table_facts* table = tables.target();
    if (auto no = refuse_insert(q, *table)) return std::move(*no);
    if (table->kind == table_kind::reference) return plan_reference_write(q, tables, inside, *table);
    auto begun = begin_write(q, tables, inside, *table);
    if (!begun) return std::move(begun).error();
    auto out = std::move(*begun);
    out->fixed.reset();
    out->single.reset();
    out->drive.reset();
    out->way = way::by_rows;
    out->because = routed_because::insert_key;
    out->key_length_max = key_length_max(*table);
    const bool has_values = q.said.body && !q.said.body->values.empty();
    if (has_values && out->unpinned)
        return refusal(q.text, q.said.target.location, "a sub-query over several shards in INSERT",
                       "Fix its shard key to the new row's.");
    if (auto no = take_new_rows(q, &tables, *table, *out)) return std::move(*no);
    if (has_values) {
        if (q.one_only) out->why_one = *q.one_only;
        if (!out->pins.empty() && !out->why_one) {
            out->why_one = refusal(q.text, q.said.target.location, "a sub-query on another shard than the new rows",
                                   "Fix its shard key to the new row's.");
        }
        if (auto no = refuse_cut(q, inside, *table); no && !out->why_one) out->why_one = std::move(*no);
        if (auto no = refuse_hindered(q, tables, true); no && !out->why_one) out->why_one = std::move(*no);
    }
    out->where = out->rows.size() == 1 ? target::one_shard : target::some_shards;
    if (out->rows.size() == 1 && out->pins.empty()) {
        out->single = out->rows.front().key;
        if (out->single->constant) {
            auto shard = out->map->shard_of(*out->single->constant);
            if (shard) out->fixed = *shard;
        }
    }
    return out;
}

made_plan plan_change(const question& q) {
    analysis tables{q.known, q.options.search_path, q.declared};
    contents inside;
    if (auto made = plan_before_rows(q, tables, inside)) return std::move(*made);
    const table_facts* table = tables.target();
    if (table->kind == table_kind::reference) return plan_reference_write(q, tables, inside, *table);
    for (const sql::assignment& a : q.said.set) {
        if (a.column == table->shard_key) {
            return refusal(q.text, a.location, "a change of the shard key", "Delete the row and insert it anew.");
        }
    }

    auto begun = begin_write(q, tables, inside, *table);
    if (!begun) return std::move(begun).error();
    auto out = std::move(*begun);
    out->way = out->unpinned && !out->drive ? way::every : way::by_key;
    out->where = out->way == way::every          ? target::all_shards
                 : out->unpinned || !out->single ? target::some_shards
                                                 : target::one_shard;
    if (out->single && !out->unpinned) return out;
    if (out->unpinned && out->map->size() > 1 && q.known.dialect == dialect::postgres) {
        if (auto no = refuse_unspelled_key(q, tables)) return std::move(*no);
    }

    std::optional<error> no;
    if (q.one_only) no = *q.one_only;
    if (!no) no = refuse_spread(tables, q.text);
    if (!no) no = refuse_on_several(inside, q.text);
    if (!no) no = refuse_hindered(q, tables, true);
    if (!no && !q.said.with.empty())
        no = refusal(q.text, q.said.with.front().location, "WITH before a change on several shards",
                     "Fix the shard key to one value in WHERE.");
    if (!no && !q.said.returning.empty())
        no = refusal(q.text, q.said.returning.front().location, "RETURNING from several shards",
                     "Fix the shard key to one value in WHERE.");
    for (const sql::assignment& a : q.said.set) {
        const column_facts* c = table->find(a.column);
        if (!no && is_default(a.value) && (!c || c->has_volatile_default))
            no = refusal(q.text, a.location, "a default that differs from shard to shard",
                         "Give the value in the statement.");
    }
    if (no) {
        if (out->unpinned && out->map->size() > 1) return std::move(*no);
        out->why_one = std::move(*no);
        return out;
    }
    several_plan several;
    several.sql = out->text_for_one();
    auto merge = std::make_shared<recipe>();
    merge->dialect = q.known.dialect;
    several.merge = std::move(merge);
    out->several = std::move(several);
    return out;
}

}  // namespace ashlar::route
