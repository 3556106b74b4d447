#include "route/new_rows.hpp"

#include "core/numeric.hpp"
#include "route/defaults.hpp"
#include "route/key_column.hpp"
#include "route/refusal.hpp"
#include "sql/clauses.hpp"

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

// INSERT … SELECT: the key must be known, and everything that is read live with it.
std::optional<error> take_selected_key(const question& q, const analysis* tables, const table_facts& table,
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
    if (const auto column = tables != nullptr ? tables->resolve(value) : std::nullopt) {
        // only a key's own column carries its value unchanged into the new row
        if (tables->is_shard_key(*column) && !tables->relations()[column->relation].nullable) {
            if (const key_set* found = tables->outermost_environment().values_of(*column)) keys = *found;
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

error placed(const question& q, const error& why, int location) {
    return refusal_of(errc::key_invalid, q.text, location, why.message(), why.hint()).sqlstate(why.sqlstate());
}

std::optional<error> refuse_insert(const question& q, const table_facts& table) {
    if (const column_facts* c = left_to_default(q.said, table, &column_facts::default_is_oid)) {
        return refusal(q.text, q.said.target.location,
                       fmt::format("column {} left to a default that is a number of the server's own,", c->name),
                       "Give the value in the statement.");
    }
    if (table.kind == table_kind::reference) return std::nullopt;
    if (auto no = refuse_key_type(q, table)) return no;
    if (auto no = refuse_conflict(q, table)) return no;
    for (const sql::column_target& c : q.said.columns) {
        if (c.indirect) return refusal(q.text, c.location, "a part of a column in INSERT", "Insert the whole value.");
    }
    return std::nullopt;
}

std::optional<error> take_new_rows(const question& q, const analysis* tables, const table_facts& table,
                                   prepared_plan::inside& into) {
    if (!q.said.body) {
        return refusal_of(errc::shard_key_absent, q.text, q.said.target.location,
                          fmt::format("an INSERT into {} without its shard key {}", table.name, table.shard_key),
                          name_key);
    }
    return q.said.body->values.empty() ? take_selected_key(q, tables, table, into) : take_rows(q, table, into);
}

}  // namespace ashlar::route
