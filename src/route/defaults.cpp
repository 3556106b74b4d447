#include "route/defaults.hpp"

#include "route/refusal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

using sql::expression;
using sql::expression_kind;

namespace {

error no_number(const question& q, const table_facts& table, const column_facts& c, int location) {
    const bool sqlite = q.known.dialect == dialect::sqlite;
    return refusal(
        q.text, location,
        fmt::format("column {} of {} left to {}, of which each shard has its own,", c.name, table.name,
                    sqlite ? "the numbers of its rows" : "a sequence"),
        sqlite || q.known.unsharded_database.empty()
            ? "Give the column a value in each row: a number made by the application, or a UUID."
            : "Give the column a value in each row: a UUID, or a number from nextval() in a separate statement.");
}

// What SQLite would number when it is NULL.
std::optional<error> refuse_null(const question& q, const table_facts& table, const column_facts& c,
                                 const expression& value, prepared_plan::inside& into) {
    if (q.known.dialect != dialect::sqlite) return std::nullopt;
    if (value.is(expression_kind::parameter)) {
        into.numbered.push_back({static_cast<std::size_t>(value.number) - 1, c.name});
        return std::nullopt;
    }
    const bool certain = value.is(expression_kind::constant) && value.literal != sql::literal_kind::null;
    if (certain) return std::nullopt;
    return no_number(q, table, c, value.location >= 0 ? value.location : q.said.target.location);
}

}  // namespace

bool is_default(const expression& e) {
    return e.is(expression_kind::default_);
}

std::vector<std::string> columns_of(const sql::statement& s, const table_facts& table) {
    std::vector<std::string> out;
    for (const sql::column_target& c : s.columns) out.push_back(c.name);
    if (out.empty()) {
        for (const column_facts& c : table.columns) out.push_back(c.name);
    }
    return out;
}

bool is_left(const sql::statement& s, const std::vector<std::string>& columns, const std::string& name) {
    const auto at = std::find(columns.begin(), columns.end(), name);
    if (at == columns.end() || !s.body) return true;
    const auto place = static_cast<std::size_t>(at - columns.begin());
    if (!s.body->values.empty()) {
        return std::any_of(s.body->values.begin(), s.body->values.end(),
                           [&](const auto& row) { return place >= row.size() || is_default(row[place]); });
    }
    // INSERT … SELECT with fewer columns; a star may stand for any number
    const auto& items = s.body->items;
    const bool starred =
        std::any_of(items.begin(), items.end(), [](const auto& i) { return i.value.is(expression_kind::star); });
    return !items.empty() && !starred && place >= items.size();
}

const column_facts* left_to_default(const sql::statement& s, const table_facts& table, bool column_facts::*bad) {
    const auto columns = columns_of(s, table);
    const auto it = std::find_if(table.columns.begin(), table.columns.end(),
                                 [&](const column_facts& c) { return c.*bad && is_left(s, columns, c.name); });
    return it == table.columns.end() ? nullptr : &*it;
}

std::optional<error> refuse_sequences(const question& q, const table_facts& table, prepared_plan::inside& into) {
    const auto assigned = [&](const std::vector<sql::assignment>& set) -> std::optional<error> {
        for (const sql::assignment& a : set) {
            const column_facts* c = table.find(a.column);
            if (c == nullptr || !c->default_is_sequence) continue;
            if (is_default(a.value)) return no_number(q, table, *c, a.location);
        }
        return std::nullopt;
    };
    if (q.said.kind != sql::statement_kind::insert) return assigned(q.said.set);

    const auto numbered = [](const column_facts& c) { return c.default_is_sequence; };
    if (q.said.overriding_user && std::any_of(table.columns.begin(), table.columns.end(), numbered)) {
        return refusal(q.text, q.said.target.location, "OVERRIDING USER VALUE",
                       "Write OVERRIDING SYSTEM VALUE: each shard has its own sequences.");
    }
    const auto columns = columns_of(q.said, table);
    for (const column_facts& c : table.columns) {
        // a row without its shard key is refused as such
        if (!c.default_is_sequence || c.name == table.shard_key) continue;
        if (is_left(q.said, columns, c.name)) return no_number(q, table, c, q.said.target.location);
        const auto place =
            static_cast<std::size_t>(std::find(columns.begin(), columns.end(), c.name) - columns.begin());
        for (const auto& row : q.said.body->values) {
            if (auto no = refuse_null(q, table, c, row[place], into)) return no;
        }
        if (q.said.body->values.empty()) {
            const auto& items = q.said.body->items;
            const expression unknown;
            if (auto no = refuse_null(q, table, c, place < items.size() ? items[place].value : unknown, into))
                return no;
        }
    }
    if (q.said.conflict) return assigned(q.said.conflict->set);
    return std::nullopt;
}

}  // namespace ashlar::route
