#include "route/dependence/steps.hpp"
#include "route/hindering.hpp"
#include "route/keyed_body.hpp"
#include "route/trigger_body.hpp"
#include "sql/lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ashlar::route {
namespace {

bool holds_delete(std::string_view text) {
    const auto all = sql::tokens(text);
    return std::any_of(all.begin(), all.end(), [&](const sql::token& t) { return sql::is_word(text, t, "delete"); });
}

// A trigger of a sharded table that writes to sharded tables, but only where their key is that of its row.
bool stays_on_its_shard(dependents& of, const schema_objects::trigger& t, const table_facts& table,
                        const effects& does) {
    if (table.kind != table_kind::sharded || !does.unknown.empty() || does.sequence || does.session) return false;
    keyed_question ask;
    ask.own_table = table.name;
    ask.own_key = table.shard_key;
    for (const auto& key : table.unique_keys) {
        if (key.size() == 1) ask.own_unique.push_back(key.front());
    }
    ask.sqlite = of.known.dialect == dialect::sqlite;
    std::set<std::string> named;
    ask.key_of = [&](const std::string& schema, const std::string& relation) -> std::string {
        for (const auto& [key, each] : of.known.tables) {
            if (each.name != relation || (!schema.empty() && each.schema != schema)) continue;
            named.insert(full_name(each.schema, each.name));
            if (each.kind == table_kind::sharded) return each.shard_key;
            if (each.view_of) return "a view, which no statement is keyed by";
        }
        return {};
    };
    const auto stays = [&](const std::string& body) { return stays_with_key(body, ask); };
    const auto leaves = [&](const schema_objects::function& f) {
        return f.name == t.function && (f.language != "plpgsql" || !stays(f.body));
    };
    if (t.function.empty() && !stays(t.body)) return false;
    if (std::any_of(of.all.functions.begin(), of.all.functions.end(), leaves)) return false;
    // Without a DELETE, and with the keys unchanged, nothing is done to the rows that refer to those it writes.
    const auto removes = [](const std::string& body) { return holds_delete(body); };
    const auto of_trigger = [&](const schema_objects::function& f) { return f.name == t.function && removes(f.body); };
    const bool cascades = removes(t.body) || std::any_of(of.all.functions.begin(), of.all.functions.end(), of_trigger);
    const auto only_refers = [&](const std::string& each) {
        return !cascades && std::any_of(of.all.foreign_keys.begin(), of.all.foreign_keys.end(), [&](const auto& k) {
            const table_facts* to = of.find(full_name(k.to_schema, k.to_table));
            return full_name(k.schema, k.table) == each && to != nullptr &&
                   named.contains(full_name(k.to_schema, k.to_table)) &&
                   referred_columns(k, *to) == std::vector<std::string>{to->shard_key};
        });
    };
    // whatever else it reaches is reached in another way
    return std::all_of(does.relations.begin(), does.relations.end(), [&](const std::string& each) {
        const table_facts* reached = of.find(each);
        if (only_refers(each)) return true;
        return named.contains(each) && reached != nullptr && reached->kind == table_kind::sharded;
    });
}

bool may_change_key(dependents& of, const schema_objects::trigger& t, const std::string& key) {
    if (t.function.empty()) return false;  // SQLite's cannot
    static constexpr std::string_view harmless[] = {"tsvector_update_trigger", "tsvector_update_trigger_column",
                                                    "suppress_redundant_updates_trigger", "moddatetime"};
    const bool own = std::any_of(of.all.functions.begin(), of.all.functions.end(),
                                 [&](const auto& f) { return f.name == t.function && f.language != "c"; });
    // these assign the columns that they are given
    if (!own && std::find(std::begin(harmless), std::end(harmless), t.function) != std::end(harmless))
        return (" " + t.arguments).find(" " + key + " ") != std::string::npos;
    return !own || std::any_of(of.all.functions.begin(), of.all.functions.end(), [&](const auto& f) {
        return f.name == t.function && (f.language != "plpgsql" || may_change_column(f.body, key));
    });
}

}  // namespace

void look_at_trigger(dependents& of, const schema_objects::trigger& t) {
    const std::string name = full_name(t.schema, t.table);
    const table_facts* table = of.find(name);
    if (table == nullptr || table->view_of) return;
    verbs on = 0;
    if (t.on_insert) on = static_cast<verbs>(on | static_cast<verbs>(verb::insert));
    if (t.on_update) on = static_cast<verbs>(on | static_cast<verbs>(verb::update));
    if (t.on_delete) on = static_cast<verbs>(on | static_cast<verbs>(verb::delete_));
    const effects does = t.function.empty() ? of.reach.of_text(t.body) : of.reach.of_function(t.function);
    const std::string calls = t.function.empty() ? "" : fmt::format(" calls {}(), which", t.function);
    std::string why = of.in_the_way(*table, does);
    if (!why.empty() && stays_on_its_shard(of, t, *table, does)) why.clear();
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
    const bool can_change = t.before && t.of_row && (t.on_insert || t.on_update) && table->kind == table_kind::sharded;
    if (can_change && may_change_key(of, t, table->shard_key)) {
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
