// visit.hpp: walks over all expressions below a node, including those of sub-queries and common table expressions. It answers
// questions such as "is there a parameter anywhere?". Pure.
#pragma once

#include "sql/facts.hpp"

#include <type_traits>

namespace ashlar::sql {

enum class into_queries : bool { no, yes };

template <class Each>
void visit(const query& q, Each&& each);
template <class Each>
void visit(const statement& s, Each&& each);

// Each expression, parents first; and each query, if `each` takes queries too.
template <class Each>
void visit(const expression& e, Each&& each, into_queries deep = into_queries::yes) {
    each(e);
    for (const expression& i : e.inner) visit(i, each, deep);
    if (e.call) {
        for (const expression& i : e.call->filter) visit(i, each, deep);
        for (const sort_item& i : e.call->order) visit(i.value, each, deep);
        for (const expression& i : e.call->window) visit(i, each, deep);
    }
    if (e.sub && deep == into_queries::yes) visit(*e.sub, each);
}

template <class Each>
void visit(const from_item& f, Each&& each, into_queries deep = into_queries::yes) {
    for (const expression& e : f.functions) visit(e, each, deep);
    for (const expression& e : f.on) visit(e, each, deep);
    for (const from_item& s : f.sides) visit(s, each, deep);
    if (f.sub && deep == into_queries::yes) visit(*f.sub, each);
}

// The expressions of one query level: those of its FROM and of its other clauses.
template <class Each>
void visit_level(const query& q, Each&& each, into_queries deep) {
    const auto all = [&](const std::vector<expression>& list) {
        for (const expression& e : list) visit(e, each, deep);
    };
    for (const auto& row : q.values) all(row);
    all(q.distinct_on);
    for (const select_item& i : q.items) visit(i.value, each, deep);
    for (const from_item& f : q.from) visit(f, each, deep);
    all(q.where);
    all(q.group_by);
    all(q.having);
    all(q.window_parts);
    for (const sort_item& s : q.order) visit(s.value, each, deep);
    all(q.limit);
    all(q.offset);
}

template <class Each>
void visit(const query& q, Each&& each) {
    if constexpr (std::is_invocable_v<Each&, const query&>) each(q);
    for (const common_table& c : q.with) visit(*c.body, each);
    if (q.left) visit(*q.left, each);
    if (q.right) visit(*q.right, each);
    visit_level(q, each, into_queries::yes);
}

template <class Each>
void visit(const statement& s, Each&& each) {
    for (const common_table& c : s.with) visit(*c.body, each);
    if (s.body) visit(*s.body, each);
    visit(s.target, each);
    const auto assignments = [&](const std::vector<assignment>& list) {
        for (const assignment& a : list) visit(a.value, each);
    };
    assignments(s.set);
    if (s.conflict) {
        assignments(s.conflict->set);
        for (const expression& e : s.conflict->where) visit(e, each);
    }
    for (const from_item& f : s.from) visit(f, each);
    for (const expression& e : s.where) visit(e, each);
    for (const select_item& i : s.returning) visit(i.value, each);
    if (s.inner) visit(*s.inner, each);
}

// Takes expressions by one function and queries by another.
template <class Expressions, class Queries>
struct visitor {
    Expressions expressions;
    Queries queries;
    void operator()(const expression& e) const { expressions(e); }
    void operator()(const query& q) const { queries(q); }
};
template <class Expressions, class Queries>
visitor(Expressions, Queries) -> visitor<Expressions, Queries>;

}  // namespace ashlar::sql
