// INSERT, UPDATE, DELETE and COPY: where the rows live that they make or change.
#include "core/numeric.hpp"
#include "route/defaults.hpp"
#include "route/hindering.hpp"
#include "route/key_column.hpp"
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

constexpr auto name_key = "Give each row its shard key: it decides where the row lives.";

std::optional<error> refuse_conflict(const question& q, const table_facts& table) {
    if (!q.said.conflict) return std::nullopt;
    const sql::conflict_clause& c = *q.said.conflict;
    const auto holds_key = [&](const std::vector<std::string>& columns) {
        return std::find(columns.begin(), columns.end(), table.shard_key) != columns.end();
    };
    const bool by_columns = c.has_target && c.constraint.empty() && !c.by_expression && holds_key(c.columns);
    const bool every_unique =
        !table.columns.empty() && std::all_of(table.unique_keys.begin(), table.unique_keys.end(), holds_key);
    if (!by_columns && !every_unique) {
        return refusal(q.text, c.location, "ON CONFLICT by a key that does not hold the shard key",
                       fmt::format("Name {} among the columns of ON CONFLICT.", table.shard_key));
    }
    for (const sql::assignment& a : c.set) {
        if (a.column != table.shard_key) continue;
        const bool unchanged = !a.indirect && a.value.is(expression_kind::column) &&
                               a.value.path == std::vector<std::string>{"excluded", table.shard_key} && by_columns;
        if (!unchanged) {
            return refusal(q.text, a.location, "a change of the shard key", "Delete the row and insert it anew.");
        }
    }
    return std::nullopt;
}

std::optional<error> refuse_key_type(const question& q, const table_facts& table) {
    const column_facts* key = table.find(table.shard_key);
    if (!key) {
        if (table.columns.empty()) return std::nullopt;
        return refusal_of(
            errc::column_unknown, q.text, q.said.target.location,
            fmt::format("table {} has no column {}, its shard key by the configuration", table.name, table.shard_key),
            "");
    }
    const auto misfit = misfit_of(table, q.known.shards->key_type());
    if (!misfit) return std::nullopt;
    return refusal_of(errc::unsupported, q.text, q.said.target.location, fmt::format("cannot insert: {}", misfit->what),
                      misfit->hint);
}

// A plain value as the shard key of a new row, cast to the column's type as PostgreSQL does it in an assignment.
result<keyspace::key> key_of_new_row(const question& q, const expression& literal) {
    using keyspace::key_type;
    const key_type type = q.known.shards->key_type();
    const bool number = literal.literal == sql::literal_kind::number;
    const bool integer = literal.literal == sql::literal_kind::integer;
    if (number && type == key_type::integer && q.known.dialect == dialect::postgres) {
        const auto exact = numeric::from_text(literal.name);
        const auto rounded = exact ? exact->to_int64() : std::nullopt;
        if (rounded) return keyspace::key::from(value{*rounded}, type);
    }
    if (integer && type == key_type::text) {
        if (const auto whole = keyspace::key::from_text(literal.name, key_type::integer)) {
            return keyspace::key::from_text(whole->to_string(), type);
        }
    }
    const bool spelled =
        literal.literal == sql::literal_kind::string || (type == key_type::integer && (number || integer));
    if (spelled) return keyspace::key::from_text(literal.name, type);
    return error{errc::key_invalid, fmt::format("this value is not a shard key of type {}", keyspace::name_of(type))};
}

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

error placed(const question& q, const error& why, int location) {
    return refusal_of(errc::key_invalid, q.text, location, why.message(), why.hint()).sqlstate(why.sqlstate());
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

// The rows' keys, tuple by tuple.
std::optional<error> take_rows(const question& q, const table_facts& table, prepared_plan::inside& into) {
    const auto columns = columns_of(q.said, table);
    const auto at = std::find(columns.begin(), columns.end(), table.shard_key);
    if (at == columns.end()) {
        if (columns.empty()) {
            return refusal_of(
                errc::shard_key_absent, q.text, q.said.target.location,
                fmt::format("an INSERT into {} without a list of columns, which are not known yet", table.name),
                "List the columns.");
        }
        return refusal_of(errc::shard_key_absent, q.text, q.said.target.location,
                          fmt::format("an INSERT into {} without its shard key {}", table.name, table.shard_key),
                          name_key);
    }
    const auto place = static_cast<std::size_t>(at - columns.begin());
    const auto& rows = q.said.body->values;
    const auto all = sql::tokens(q.text);
    const auto tuples = sql::cut_values(q.text, all);
    const bool cut = tuples && tuples->size() == rows.size();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (place >= rows[i].size()) {
            return refusal_of(errc::shard_key_absent, q.text, q.said.target.location,
                              fmt::format("a row of the INSERT has no value for its shard key {}", table.shard_key),
                              name_key);
        }
        const expression& value = rows[i][place];
        if (is_default(value)) {
            return refusal_of(errc::shard_key_absent, q.text, value.location,
                              fmt::format("DEFAULT for the shard key {}", table.shard_key), name_key);
        }
        insert_row row;
        const expression* bare = without_casts(value, q.known.shards->key_type());
        if (bare != nullptr && bare->is(expression_kind::constant) && bare->literal != sql::literal_kind::null) {
            auto key = key_of_new_row(q, *bare);
            if (!key) return placed(q, key.error(), bare->location);
            row.key.constant = as_stored(std::move(*key), key_length_max(table));
            row.key.location = value.location;
        } else {
            auto key = key_of(value, q.known.shards->key_type(), q.declared);
            if (key && key->values.empty()) {
                return refusal_of(errc::shard_key_null, q.text, value.location, "the shard key of a new row is NULL",
                                  name_key);
            }
            if (!key) {
                return refusal(q.text, value.location, "a shard key that is computed",
                               "Compute it before, and send it as a literal or a parameter.");
            }
            row.key = std::move(key->values.front());
            if (row.key.constant) row.key.constant = as_stored(std::move(*row.key.constant), key_length_max(table));
        }
        if (cut) row.tuple = (*tuples)[i];
        into.rows.push_back(std::move(row));
    }
    if (cut) into.values = {tuples->front().begin, tuples->back().end};
    if (!cut)
        into.why_one =
            refusal(q.text, q.said.target.location, "rows for several shards in this form", "Write VALUES (…), (…).");
    return std::nullopt;
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

// INSERT … SELECT: the key must be known, and everything that is read live with it.
std::optional<error> take_selected_key(const question& q, const analysis& tables, const table_facts& table,
                                       prepared_plan::inside& into) {
    constexpr auto hint = "Fix the shard key to one value in the SELECT, and select it as the new row's key.";
    const auto no = [&](int at, std::string_view what) { return refusal(q.text, at, what, hint); };
    if (!q.said.body || q.said.body->operation != sql::set_operation::none || q.said.body->items.empty()) {
        return no(q.said.target.location, "INSERT without VALUES into a sharded table");
    }
    const auto columns = columns_of(q.said, table);
    const auto at = std::find(columns.begin(), columns.end(), table.shard_key);
    if (at == columns.end())
        return refusal_of(errc::shard_key_absent, q.text, q.said.target.location,
                          fmt::format("an INSERT into {} without its shard key {}", table.name, table.shard_key),
                          name_key);
    const auto place = static_cast<std::size_t>(at - columns.begin());
    const auto& items = q.said.body->items;
    for (std::size_t i = 0; i <= place && i < items.size(); ++i) {
        if (items[i].value.is(expression_kind::star))
            return no(items[i].location, "INSERT … SELECT * into a sharded table");
    }
    if (place >= items.size()) return no(q.said.target.location, "INSERT … SELECT with fewer columns than the table");
    const expression& value = items[place].value;
    std::optional<key_set> keys;
    if (const auto column = tables.resolve(value)) {
        // only a key's own column carries its value unchanged into the new row
        if (tables.is_shard_key(*column) && !tables.relations()[column->relation].nullable) {
            if (const key_set* found = tables.outermost_environment().values_of(*column)) keys = *found;
        }
    } else {
        keys = key_of(value, q.known.shards->key_type(), q.declared);
    }
    if (!keys) return no(value.location, "INSERT … SELECT with a shard key that is not fixed to one value");
    if (keys->values.size() != 1 || keys->values.front().array)
        return no(value.location, "INSERT … SELECT with several shard keys");
    if (into.unpinned) return no(q.said.target.location, "INSERT … SELECT from rows of several shards");
    into.rows.push_back({keys->values.front(), {}});
    into.why_one = no(q.said.target.location, "INSERT … SELECT from one shard into another");
    return std::nullopt;
}

}  // namespace

made_plan plan_insert(const question& q) {
    analysis tables{q.known, q.options.search_path, q.declared};
    if (status s = tables.look_at(q.said); !s) return std::move(s).error();
    contents inside = contents_of(q.said, q.known, tables);
    if (auto no = refuse_hindered(q, tables)) return std::move(*no);
    const table_facts* table = tables.target();
    const bool elsewhere = !table || table->kind == table_kind::unsharded;
    if (elsewhere && !tables.touches_shards()) return plan_elsewhere(q, tables, inside);
    if (!q.known.shards) return error{errc::internal, "sharded tables without shards"};
    if (auto no = refuse_mixture(q, tables)) return std::move(*no);
    if (auto no = refuse_on_one_shard(inside, q.text)) return std::move(*no);
    if (auto no = refuse_oids_on_shards(q, tables, inside)) return std::move(*no);
    if (const column_facts* c = left_to_default(q.said, *table, &column_facts::default_is_oid)) {
        return refusal(q.text, q.said.target.location,
                       fmt::format("column {} left to a default that is a number of the server's own,", c->name),
                       "Give the value in the statement.");
    }
    if (table->kind == table_kind::reference) return plan_reference_write(q, tables, inside, *table);

    if (auto no = refuse_key_type(q, *table)) return std::move(*no);
    if (auto no = refuse_conflict(q, *table)) return std::move(*no);
    for (const sql::column_target& c : q.said.columns) {
        if (c.indirect) return refusal(q.text, c.location, "a part of a column in INSERT", "Insert the whole value.");
    }
    auto out = fresh(q);
    out->writes = true;
    out->may_change_session = inside.may_change_session();
    out->may_change_reading = inside.reading.has_value();
    out->looked_up = inside.looked_up;
    out->table = *table;
    if (auto no = refuse_sequences(q, *table, *out)) return std::move(*no);
    take_pins(tables, *out);
    out->fixed.reset();
    out->single.reset();
    out->drive.reset();
    out->way = way::by_rows;
    out->because = routed_because::insert_key;
    out->key_length_max = key_length_max(*table);
    if (!q.said.body) {
        return refusal_of(errc::shard_key_absent, q.text, q.said.target.location,
                          fmt::format("an INSERT into {} without its shard key {}", table->name, table->shard_key),
                          name_key);
    }
    if (q.said.body->values.empty()) {
        if (auto no = take_selected_key(q, tables, *table, *out)) return std::move(*no);
    } else {
        if (out->unpinned)
            return refusal(q.text, q.said.target.location, "a sub-query over several shards in INSERT",
                           "Fix its shard key to the new row's.");
        if (auto no = take_rows(q, *table, *out)) return std::move(*no);
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
    if (status s = tables.look_at(q.said); !s) return std::move(s).error();
    contents inside = contents_of(q.said, q.known, tables);
    if (auto no = refuse_hindered(q, tables)) return std::move(*no);
    const table_facts* table = tables.target();
    const bool elsewhere = !table || table->kind == table_kind::unsharded;
    if (elsewhere && !tables.touches_shards()) return plan_elsewhere(q, tables, inside);
    if (!q.known.shards) return error{errc::internal, "sharded tables without shards"};
    if (auto no = refuse_mixture(q, tables)) return std::move(*no);
    if (auto no = refuse_on_one_shard(inside, q.text)) return std::move(*no);
    if (auto no = refuse_oids_on_shards(q, tables, inside)) return std::move(*no);
    if (table->kind == table_kind::reference) return plan_reference_write(q, tables, inside, *table);
    for (const sql::assignment& a : q.said.set) {
        if (a.column == table->shard_key) {
            return refusal(q.text, a.location, "a change of the shard key", "Delete the row and insert it anew.");
        }
    }

    auto out = fresh(q);
    out->writes = true;
    out->may_change_session = inside.may_change_session();
    out->may_change_reading = inside.reading.has_value();
    out->looked_up = inside.looked_up;
    out->table = *table;
    if (auto no = refuse_sequences(q, *table, *out)) return std::move(*no);
    take_pins(tables, *out);
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
