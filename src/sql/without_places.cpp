#include "sql/without_places.hpp"

namespace ashlar::sql {
namespace {

void strip(query& q);
void strip(expression& e);
void strip(sort_item& s);
void strip(call_facts& c);
void strip(from_item& f);
void strip(select_item& i);
void strip(assignment& a);
void strip(common_table& c);

template <class Part>
void strip_shared(std::shared_ptr<const Part>& at) {
    if (!at) return;
    Part copy = *at;
    strip(copy);
    at = std::make_shared<const Part>(std::move(copy));
}

template <class Part>
void strip_all(std::vector<Part>& list) {
    for (Part& each : list) strip(each);
}

void strip(sort_item& s) {
    strip(s.value);
}

void strip(call_facts& c) {
    strip_all(c.filter);
    strip_all(c.order);
    strip_all(c.window);
}

void strip(expression& e) {
    e.location = -1;
    strip_all(e.inner);
    strip_shared(e.call);
    strip_shared(e.sub);
}

void strip(from_item& f) {
    f.location = -1;
    f.table.location = -1;
    strip_shared(f.sub);
    strip_all(f.functions);
    strip_all(f.sides);
    strip_all(f.on);
}

void strip(select_item& i) {
    i.location = -1;
    strip(i.value);
}

void strip(assignment& a) {
    a.location = -1;
    strip(a.value);
}

void strip(common_table& c) {
    c.location = -1;
    if (c.body) c.body = std::make_shared<const statement>(without_places(*c.body));
}

void strip(query& q) {
    q.location = -1;
    strip_all(q.with);
    strip_shared(q.left);
    strip_shared(q.right);
    for (auto& row : q.values) strip_all(row);
    strip_all(q.distinct_on);
    strip_all(q.items);
    strip_all(q.from);
    strip_all(q.where);
    strip_all(q.group_by);
    strip_all(q.having);
    strip_all(q.window_parts);
    strip_all(q.order);
    strip_all(q.limit);
    strip_all(q.offset);
}

}  // namespace

statement without_places(statement s) {
    s.location = -1;
    strip_shared(s.body);
    strip_all(s.with);
    strip(s.target);
    for (column_target& c : s.columns) c.location = -1;
    if (s.conflict) {
        s.conflict->location = -1;
        strip_all(s.conflict->set);
        strip_all(s.conflict->where);
    }
    strip_all(s.set);
    strip_all(s.from);
    strip_all(s.where);
    strip_all(s.returning);
    for (table_name& t : s.tables) t.location = -1;
    return s;
}

}  // namespace ashlar::sql
