// select_text.hpp: the text of a SELECT on its way to the shards: helper columns appended, LIMIT rewritten, clauses taken
// out. Private to this room. Pure.
#pragma once

#include "core/shown_type.hpp"
#include "route/select_plan.hpp"
#include "sql/clauses.hpp"
#include "sql/splice.hpp"

#include <optional>
#include <string>
#include <vector>

namespace ashlar::route {

class select_text {
public:
    // Refused when the tokens and the facts disagree about the clauses.
    static result<select_text> cut(const select_question& q);

    std::string_view of(sql::span s) const { return text_.substr(s.begin, s.end - s.begin); }
    sql::span item(std::size_t i) const { return clauses_.items.items[i]; }
    sql::span group_item(std::size_t i) const { return clauses_.group_by->items[i]; }
    // Without ASC, DESC, NULLS …
    sql::span order_item(std::size_t i) const;
    result<sql::call_parts> call(const sql::expression& e) const;

    // Appends a column behind the last one; its index among the helpers. `shown`: its type, for SQLite.
    std::size_t add_helper(std::string_view expression, shown_type shown = {});
    // SQLite: the types of the columns before the helpers; nothing where these cannot be counted.
    void show(std::vector<shown_type> items) { shows_ = std::move(items); }
    void show_item(std::size_t i, shown_type as) { shows_.at(i) = as; }
    std::size_t helpers() const noexcept { return helpers_.size(); }
    void replace(sql::span where, std::string by) { edits_.replace(where, std::move(by)); }
    void insert(std::size_t at, std::string what) { edits_.insert(at, std::move(what)); }

    void drop_distinct();
    void drop_order();
    void drop_having();
    void drop_limits();
    // Each shard returns as many rows as LIMIT and OFFSET together can reach.
    void push_limits(const row_count& limit, const row_count& offset);

    // Everything said so far, made.
    several_plan finish(recipe&& merge);

private:
    select_text(const select_question& q)
        : text_(q.text), edits_(q.text), parameter_count_(q.parameter_count), dialect_(q.known.dialect) {}

    std::string_view text_;
    std::vector<sql::token> tokens_;
    sql::select_clauses clauses_;
    sql::splice edits_;
    std::vector<std::string> helpers_;
    std::vector<shown_type> shows_, helpers_show_;
    std::size_t parameter_count_ = 0;
    dialect dialect_;
};

// LIMIT's or OFFSET's value: a constant or a parameter; NULL and ALL are no limit.
result<row_count> read_count(const select_question& q, const std::vector<sql::expression>& clause,
                             std::string_view name);

}  // namespace ashlar::route
