#include "route/dependence.hpp"

#include "route/dependence/steps.hpp"

#include <algorithm>

namespace ashlar::route {
namespace {

using object = schema_objects;

void find_copies(dependents& of) {
    of.known.unsharded_database_has_copies =
        of.read.unsharded && std::any_of(of.read.unsharded->relations.begin(), of.read.unsharded->relations.end(),
                                         [&](const std::string& r) { return of.is_spread(r); });
}

// What forbids writes of one table forbids those of another, from which it is written.
void pass_on(dependents& of) {
    const auto hindrances = [&] {
        std::size_t all = 0;
        for (const auto& [_, t] : of.known.tables) all += t.hindrances.size();
        return all;
    };
    for (std::size_t before = 0, now = hindrances() + 1; before != now;) {
        before = hindrances();
        look_at_writes_to_children(of);
        look_at_cascades(of);
        now = hindrances();
    }
}

// Relations first, then what belongs to them, then what passes from one to another.
void look_at_all(dependents& of) {
    of.known.own_functions = of.reach.functions();
    add_children(of);
    find_copies(of);
    for (const auto& v : of.all.views) add_view(of, v);
    for (const auto& c : of.all.children) look_at_parent(of, c);
    for (const auto& r : of.all.rules) {
        if (of.counts(&object::rules, r, r.schema, r.table)) look_at_rule(of, r);
    }
    for (const auto& k : of.all.foreign_keys) look_at_foreign_key(of, k);
    for (const auto& e : of.all.expressions) {
        if (of.counts(&object::expressions, e, e.schema, e.table)) look_at_expression(of, e);
    }
    pass_on(of);  // triggers ask what else is forbidden
    for (const auto& t : of.all.triggers) {
        if (of.counts(&object::triggers, t, t.schema, t.table)) look_at_trigger(of, t);
    }
    pass_on(of);
    look_at_writes_through_views(of);
    add_written_views(of);
    look_at_operators(of);
    for (const auto& e : of.all.event_triggers) look_at_event_trigger(of, e);
}

}  // namespace

void add_dependence(catalogue& into, const dependence_input& read) {
    const auto spread = [](const auto& each) { return each.second.kind != table_kind::unsharded; };
    if (std::none_of(into.tables.begin(), into.tables.end(), spread)) return;
    dependents of{into, read};
    look_at_all(of);
}

}  // namespace ashlar::route
