// clauses.hpp: finds the clauses of a SELECT, the rows of VALUES and the parts of a call in the text, by tokens. So a statement
// can be changed by splicing, and the rest of it stays as the client wrote it. The caller checks each result against the facts:
// it must have as many items as the tree. If it has not, the caller does not rewrite the statement. Pure.
#pragma once

#include "sql/lexer.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace ashlar::sql {

struct list_clause {
    span whole;               // with its keywords
    std::vector<span> items;  // cut at the commas
};

struct select_clauses {
    std::optional<span> distinct;  // the word
    list_clause items;             // whole = the items alone
    std::optional<span> from, where, having;
    std::optional<list_clause> group_by, order_by;
    std::vector<span> limits;  // LIMIT, OFFSET and FETCH, each with its keywords
    std::size_t end = 0;       // of the last clause
};

// A plain SELECT, in parentheses or not, without set operations. nullopt: the text does not have the expected form.
std::optional<select_clauses> cut_select(std::string_view text, const std::vector<token>& all);

// The tuples of an INSERT's VALUES, parentheses included.
std::optional<std::vector<span>> cut_values(std::string_view text, const std::vector<token>& all);

// A sort item without ASC, DESC and NULLS FIRST or LAST.
span without_direction(std::string_view text, const std::vector<token>& all, span item);

struct call_parts {
    span name;       // the last word of the name
    span arguments;  // between the parentheses
    span whole;      // with FILTER (…)
};
// The call that starts at `location`.
std::optional<call_parts> cut_call(std::string_view text, const std::vector<token>& all, std::size_t location);

}  // namespace ashlar::sql
