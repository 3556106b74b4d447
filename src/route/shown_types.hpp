// shown_types.hpp: the types of a SELECT's columns on SQLite, which knows those of stored columns alone. Told from the text,
// by PostgreSQL's rules over the declared types; what cannot be told for certain is left to the values. Private to this
// room. Pure.
//
// Sums and means of exact numbers are also written so that SQLite computes them exactly: its own sum() adds doubles.
#pragma once

#include "core/shown_type.hpp"
#include "route/select_parts.hpp"

#include <memory>
#include <string>
#include <vector>

namespace ashlar::route {

// Of an expression's values, wherever it stands. Text is not told: a column of text shows itself.
shown_type shown_type_of(const select_question& q, const select_parts& parts, const sql::expression& e);

// Is the call sum() or avg() of exact numbers, so that it must be computed without doubles?
bool is_exact_sum(const select_question& q, const select_parts& parts, const sql::expression& call);
// The call as SQLite's driver computes it: "ashlar_sum(total, 2)". `what`: "ashlar_sum" or "ashlar_avg".
std::string exact_call(const select_question& q, const select_parts& parts, const sql::expression& call,
                       std::string_view what, const sql::call_parts& at);

// The types of a select list's columns, nothing for a list whose stars cannot be counted.
std::vector<shown_type> shown_items(const select_question& q, const select_parts& parts);

// The statement for one server that gives the whole answer: its text where exact sums changed it, else "".
struct shown_select {
    std::string sql;
    std::shared_ptr<const std::vector<shown_type>> shows;
};
shown_select shown_on_one(const select_question& q);

}  // namespace ashlar::route
