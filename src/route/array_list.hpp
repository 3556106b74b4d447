// array_list.hpp: `x IN (SELECT value FROM json_each(pg_array($1, type)))`, which the translation for SQLite makes of
// `x = ANY ($1)`. Clients cannot write it: pg_array() is the driver's own. Pure.
#pragma once

#include "sql/facts.hpp"

namespace ashlar::route {

// The array of such a condition; nullptr for any other.
inline const sql::expression* array_of_list(const sql::expression& e) {
    using sql::expression_kind;
    if (!e.is(expression_kind::subquery) || e.name != "in" || !e.sub || e.sub->from.size() != 1) return nullptr;
    const sql::query& q = *e.sub;
    const sql::from_item& from = q.from.front();
    const bool plain = q.items.size() == 1 && q.items.front().value.is(expression_kind::column) && q.where.empty();
    if (!plain || from.what != sql::from_item::kind::function || from.functions.size() != 1) return nullptr;
    const sql::expression& each = from.functions.front();
    if (!each.is(expression_kind::function) || each.name != "json_each" || each.inner.size() != 1) return nullptr;
    const sql::expression& array = each.inner.front();
    const bool ours = array.is(expression_kind::function) && array.name == "pg_array" && array.inner.size() == 2;
    return ours ? &array.inner.front() : nullptr;
}

}  // namespace ashlar::route
