#include "route/dependence/steps.hpp"
#include "route/dependence/trigger_writes.hpp"
#include "route/hindering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ashlar::route {
void look_at_trigger(dependents& of, const schema_objects::trigger& t) {
    const std::string name = full_name(t.schema, t.table);
    const table_facts* table = of.find(name);
    if (table == nullptr || table->view_of) return;
    const verbs on = fires_on(t);
    const effects does = t.function.empty() ? of.reach.of_text(t.body) : of.reach.of_function(t.function);
    const std::string calls = t.function.empty() ? "" : fmt::format(" calls {}(), which", t.function);
    const std::string why =
        table->kind == table_kind::sharded ? why_it_leaves_its_shard(of, t, *table) : of.in_the_way(*table, does);
    if (!why.empty()) {
        of.forbid(
            name,
            {on,
             hindrance::when::always,
             {},
             fmt::format("whose trigger {}{} {}", t.name, calls, why),
             table->kind == table_kind::unsharded
                 ? "Change the trigger so that it touches only unsharded tables, or do its work in the application."
                 : "Change the trigger so that it touches only its own row, or do its work in the application."});
    } else if (table->kind == table_kind::sharded && does.varies) {
        of.forbid(name, {on,
                         hindrance::when::several,
                         {},
                         fmt::format("whose trigger {}{} gives another value on each shard", t.name, calls),
                         "Fix the shard key to one value."});
    }
    if (may_change_key(of, t, *table)) {
        of.forbid(name, {static_cast<verbs>(on & (verb::insert | verb::update)),
                         hindrance::when::always,
                         {},
                         fmt::format("whose trigger {}{} may change the shard key {}", t.name, calls, table->shard_key),
                         fmt::format("Change the function so that it does not assign {}.", table->shard_key)});
    }
}

void look_at_rule(dependents& of, const schema_objects::rule& r) {
    const std::string name = full_name(r.schema, r.table);
    const table_facts* table = of.find(name);
    if (table == nullptr || table->view_of) return;
    const verb on = r.event == '2' ? verb::update : r.event == '3' ? verb::insert : verb::delete_;
    std::string why;
    if (table->kind == table_kind::unsharded) {
        effects does = of.reach.of_text(r.definition);
        why = in_the_way_on_unsharded(of.known, does);
        if (why.empty()) return;
    } else {
        const bool nothing = r.definition.ends_with("NOTHING;") && r.definition.find("SELECT") == std::string::npos;
        if (nothing) return;
        why = "rewrites the statement on the shard";
    }
    of.forbid(name, {static_cast<verbs>(on),
                     hindrance::when::always,
                     {},
                     fmt::format("whose rule {} {}", r.name, why),
                     "Drop the rule, and write what it does into the statement or into a trigger."});
}

void look_at_event_trigger(dependents& of, const schema_objects::event_trigger& e) {
    const std::string why = in_the_way_on_unsharded(of.known, of.reach.of_function(e.function));
    if (why.empty()) return;
    of.known.on_definitions.push_back(
        {static_cast<verbs>(verb::define),
         hindrance::when::always,
         {},
         fmt::format("whose event trigger {} calls {}(), which {}", e.name, e.function, why),
         "Run it on each database itself: ashlar query --database NAME."});
}

}  // namespace ashlar::route
