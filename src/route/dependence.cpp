#include "route/dependence.hpp"

#include "route/hindering.hpp"
#include "route/keyed_body.hpp"
#include "route/reach.hpp"
#include "route/trigger_body.hpp"
#include "sql/lexer.hpp"
#include "sql/parse.hpp"
#include "sql/without_places.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {
namespace {

using object = schema_objects;

std::string full(const std::string& schema, const std::string& name) {
    return schema + "." + name;
}

std::string display(const std::string& schema, const std::string& name) {
    return schema == "public" ? name : full(schema, name);
}

constexpr auto on_each_database = "Run it on each database itself: ashlar query --database NAME.";

bool holds_delete(std::string_view text) {
    const auto all = sql::tokens(text);
    return std::any_of(all.begin(), all.end(), [&](const sql::token& t) { return sql::is_word(text, t, "delete"); });
}

std::vector<std::string> referred_columns(const object::foreign_key& k, const table_facts& to) {
    if (!k.to_columns.empty() || to.unique_keys.empty()) return k.to_columns;
    return to.unique_keys.front();
}

class builder {
public:
    builder(catalogue& into, const dependence_input& read)
        : known_(into),
          read_(read),
          all_(together(read)),
          reach_(all_, into.dialect == dialect::sqlite ? code_language::sqlite : code_language::sql) {}

    void run() {
        known_.own_functions = reach_.functions();
        add_children();
        find_copies();
        for (const auto& v : all_.views) add_view(v);
        for (const auto& c : all_.children) look_at_parent(c);
        for (const auto& t : all_.triggers) {
            if (counts(&object::triggers, t, t.schema, t.table)) look_at_trigger(t);
        }
        for (const auto& r : all_.rules) {
            if (counts(&object::rules, r, r.schema, r.table)) look_at_rule(r);
        }
        for (const auto& k : all_.foreign_keys) look_at_foreign_key(k);
        for (const auto& e : all_.expressions) {
            if (counts(&object::expressions, e, e.schema, e.table)) look_at_expression(e);
        }
        look_at_writes_to_children();
        look_at_writes_through_views();
        look_at_operators();
        for (const auto& e : all_.event_triggers) {
            if (std::string why = in_the_way_on_unsharded(known_, reach_.of_function(e.function)); !why.empty()) {
                known_.on_definitions.push_back(
                    {static_cast<verbs>(verb::define),
                     hindrance::when::always,
                     {},
                     fmt::format("whose event trigger {} calls {}(), which {}", e.name, e.function, why),
                     on_each_database});
            }
        }
    }

private:
    static schema_objects together(const dependence_input& read) {
        schema_objects out;
        if (read.unsharded) out.add(*read.unsharded);
        for (const schema_objects& each : read.shards) out.add(each);
        return out;
    }

    // Does what belongs to a table matter? What the other databases have of the table is an empty copy.
    template <class Object>
    bool counts(const std::set<Object> object::*among, const Object& each, const std::string& schema,
                const std::string& table) const {
        const auto at = known_.tables.find(full(schema, table));
        if (at == known_.tables.end()) return false;
        const auto has = [&](const schema_objects& there) { return (there.*among).contains(each); };
        if (at->second.kind == table_kind::unsharded) return read_.unsharded && has(*read_.unsharded);
        return std::any_of(read_.shards.begin(), read_.shards.end(), has);
    }

    table_facts* find(const std::string& name) {
        const auto at = known_.tables.find(name);
        return at == known_.tables.end() ? nullptr : &at->second;
    }
    bool is_spread(const std::string& name) {
        const table_facts* t = find(name);
        return t != nullptr && t->kind != table_kind::unsharded;
    }
    static std::string kind_of(const table_facts& t) {
        return fmt::format("{} {}",
                           t.kind == table_kind::sharded     ? "the sharded table"
                           : t.kind == table_kind::reference ? "the reference table"
                                                             : "the unsharded table",
                           display(t.schema, t.name));
    }

    void enter(const table_facts& t) {
        known_.tables[full(t.schema, t.name)] = t;
        if (t.schema == "public") known_.tables[t.name] = t;
    }

    void forbid(const std::string& relation, hindrance what) {
        const auto add = [&](table_facts& to) {
            if (std::find(to.hindrances.begin(), to.hindrances.end(), what) == to.hindrances.end())
                to.hindrances.push_back(what);
        };
        table_facts* t = find(relation);
        if (t == nullptr) return;
        add(*t);
        if (t->schema == "public") {
            if (table_facts* bare = find(t->name)) add(*bare);
        }
    }

    bool on_every_shard(const std::string& relation) const {
        return !read_.shards.empty() && std::all_of(read_.shards.begin(), read_.shards.end(),
                                                    [&](const auto& s) { return s.relations.contains(relation); });
    }

    // A partition or an heir of a sharded table is one itself, with the same key.
    void add_children() {
        for (bool changed = true; changed;) {
            changed = false;
            for (const auto& c : all_.children) {
                const table_facts* parent = find(full(c.parent_schema, c.parent));
                const std::string name = full(c.schema, c.name);
                const auto there = read_.on_shards.find(name);
                if (parent == nullptr || parent->kind == table_kind::unsharded || is_spread(name)) continue;
                const bool alike = std::all_of(read_.shards.begin(), read_.shards.end(),
                                               [&](const auto& s) { return s.children.contains(c); });
                if (there == read_.on_shards.end() || !alike || read_.shards.empty()) continue;
                table_facts child = there->second;
                child.kind = parent->kind;
                child.shard_key = parent->shard_key;
                enter(child);
                changed = true;
            }
        }
    }

    void find_copies() {
        known_.unsharded_database_has_copies =
            read_.unsharded && std::any_of(read_.unsharded->relations.begin(), read_.unsharded->relations.end(),
                                           [&](const std::string& r) { return is_spread(r); });
    }

    // Views.

    void add_view(const object::view& v) {
        const std::string name = full(v.schema, v.name);
        const effects does = reach_.of_reading(name);
        const auto spread = std::find_if(does.relations.begin(), does.relations.end(),
                                         [&](const std::string& r) { return is_spread(r); });
        table_facts* t = find(name);
        if (spread == does.relations.end()) {
            if (t == nullptr) return;
            if (std::string why = in_the_way_on_unsharded(known_, does); !why.empty()) {
                forbid(name, {everything,
                              hindrance::when::always,
                              {},
                              fmt::format("a view that {}", why),
                              "Write its query out, without that function."});
            }
            return;
        }
        if (on_every_shard(name) && !read_.shards.front().views.contains(v)) return;
        const bool directly = read_.on_shards.contains(name) && on_every_shard(name);
        table_facts view = directly ? read_.on_shards.at(name) : t != nullptr ? *t : table_facts{};
        view.schema = v.schema;
        view.name = v.name;
        view.is_view = true;
        view.kind = table_kind::unsharded;
        view.database.clear();
        enter(view);
        const std::string of = kind_of(*find(*spread));
        forbid(name, {every_write | verb::define,
                      hindrance::when::always,
                      {},
                      fmt::format("a view over {}", of),
                      fmt::format("Write to the table itself; define the view {}",
                                  "on each shard: ashlar query --each-shard.")});
        const auto no = [&](std::string why, std::string hint) {
            forbid(name,
                   {static_cast<verbs>(verb::read), hindrance::when::always, {}, std::move(why), std::move(hint)});
        };
        constexpr auto write_out = "Write its query out in the statement.";
        if (v.materialized) return no(fmt::format("a materialized view over {}", of), write_out);
        if (!directly) {
            return no(fmt::format("a view over {} that not every shard has", of),
                      "Create it on each shard: ashlar query --each-shard.");
        }
        const auto same = [&](const object::view& other) {
            return full(other.schema, other.name) == name && other != v;
        };
        const auto differs = [&](const schema_objects& s) { return std::any_of(s.views.begin(), s.views.end(), same); };
        if (std::any_of(read_.shards.begin(), read_.shards.end(), differs)) {
            return no(fmt::format("a view over {} that differs from shard to shard", of),
                      "Create it on each shard alike: ashlar query --each-shard.");
        }
        const auto numbered = [](const column_facts& c) { return c.holds_oids || c.type == oid::oid; };
        if (std::any_of(view.columns.begin(), view.columns.end(), numbered))
            return no(fmt::format("a view over {} with object ids among its columns", of), write_out);
        auto said = sql::parse(v.query);
        if (!said || !said->body) return no(fmt::format("a view over {} whose query cannot be read", of), write_out);
        const auto body = std::make_shared<const sql::statement>(sql::without_places(*said));
        find(name)->view_of = body;
        if (v.schema == "public") find(v.name)->view_of = body;
    }

    // Rows that are written to the parent may be stored in a child.
    void look_at_writes_to_children() {
        for (bool changed = true; changed;) {
            changed = false;
            for (const auto& c : all_.children) {
                const table_facts* child = find(full(c.schema, c.name));
                const std::string parent = full(c.parent_schema, c.parent);
                if (child == nullptr || find(parent) == nullptr) continue;
                const std::size_t before = find(parent)->hindrances.size();
                for (hindrance h : std::vector<hindrance>{child->hindrances}) {
                    h.on &= every_write;
                    if (h.on != 0) forbid(parent, std::move(h));
                }
                changed = changed || find(parent)->hindrances.size() != before;
            }
        }
    }

    // A view over unsharded tables can be written: what happens then happens to its tables.
    void look_at_writes_through_views() {
        for (const auto& v : all_.views) {
            const std::string name = full(v.schema, v.name);
            const table_facts* t = find(name);
            if (t == nullptr || t->kind != table_kind::unsharded || t->view_of) continue;
            for (const std::string& each : reach_.of_reading(name).relations) {
                const table_facts* under = find(each);
                if (under == nullptr || under->kind != table_kind::unsharded) continue;
                for (hindrance h : std::vector<hindrance>{under->hindrances}) {
                    h.on &= every_write;
                    h.applies = hindrance::when::always;
                    h.columns.clear();
                    h.what = fmt::format("a view over {}, {}", display(under->schema, under->name), h.what);
                    if (h.on != 0) forbid(name, std::move(h));
                }
            }
        }
    }

    // Tables.

    void look_at_parent(const object::child& c) {
        const table_facts* parent = find(full(c.parent_schema, c.parent));
        const table_facts* child = find(full(c.schema, c.name));
        const bool parent_spread = parent != nullptr && parent->kind != table_kind::unsharded;
        const bool child_spread = child != nullptr && child->kind != table_kind::unsharded;
        const std::string_view relation = c.partition ? "partition" : "child";
        if (!parent_spread && child_spread) {
            forbid(full(c.parent_schema, c.parent),
                   {everything,
                    hindrance::when::always,
                    {},
                    fmt::format("whose {} {} is a {} table", relation, display(c.schema, c.name),
                                child->kind == table_kind::sharded ? "sharded" : "reference"),
                    fmt::format("Configure {} like it under [tables].", display(c.parent_schema, c.parent))});
        } else if (parent_spread && !child_spread) {
            forbid(full(c.schema, c.name),
                   {everything,
                    hindrance::when::always,
                    {},
                    fmt::format("a {} of {} that not every shard has alike", relation, kind_of(*parent)),
                    "Create it on each shard: ashlar query --each-shard."});
        } else if (parent_spread && (parent->kind != child->kind || parent->shard_key != child->shard_key)) {
            for (const auto& name : {full(c.parent_schema, c.parent), full(c.schema, c.name)}) {
                forbid(name, {everything,
                              hindrance::when::always,
                              {},
                              fmt::format("which is configured otherwise than its {}",
                                          name == full(c.schema, c.name) ? "parent" : relation),
                              "Give both the same kind and shard key under [tables]."});
            }
        }
    }

    // Code that runs where the relation lives: what is in its way.
    std::string in_the_way(const table_facts& where, const effects& does) const {
        if (where.kind == table_kind::unsharded) return in_the_way_on_unsharded(known_, does);
        if (std::string why = in_the_way_on_shards(known_, does); !why.empty()) return why;
        if (where.kind == table_kind::reference && does.varies) return "gives another value on each shard";
        return {};
    }

    void look_at_trigger(const object::trigger& t) {
        const std::string name = full(t.schema, t.table);
        const table_facts* table = find(name);
        if (table == nullptr || table->view_of) return;
        verbs on = 0;
        if (t.on_insert) on = static_cast<verbs>(on | static_cast<verbs>(verb::insert));
        if (t.on_update) on = static_cast<verbs>(on | static_cast<verbs>(verb::update));
        if (t.on_delete) on = static_cast<verbs>(on | static_cast<verbs>(verb::delete_));
        const effects does = t.function.empty() ? reach_.of_text(t.body) : reach_.of_function(t.function);
        const std::string calls = t.function.empty() ? "" : fmt::format(" calls {}(), which", t.function);
        std::string why = in_the_way(*table, does);
        if (!why.empty() && stays_on_its_shard(t, *table, does)) why.clear();
        if (!why.empty()) {
            forbid(
                name,
                {on,
                 hindrance::when::always,
                 {},
                 fmt::format("whose trigger {}{} {}", t.name, calls, why),
                 table->kind == table_kind::unsharded
                     ? "Change the trigger so that it touches only unsharded tables, or do its work in the application."
                     : "Change the trigger so that it touches only its own row, or do its work in the application."});
        } else if (table->kind == table_kind::sharded && does.varies) {
            forbid(name, {on,
                          hindrance::when::several,
                          {},
                          fmt::format("whose trigger {}{} gives another value on each shard", t.name, calls),
                          "Fix the shard key to one value."});
        }
        const bool can_change =
            t.before && t.of_row && (t.on_insert || t.on_update) && table->kind == table_kind::sharded;
        if (can_change && may_change_key(t, table->shard_key)) {
            forbid(name,
                   {static_cast<verbs>(on & (verb::insert | verb::update)),
                    hindrance::when::always,
                    {},
                    fmt::format("whose trigger {}{} may change the shard key {}", t.name, calls, table->shard_key),
                    fmt::format("Change the function so that it does not assign {}.", table->shard_key)});
        }
    }

    // A trigger of a sharded table that writes to sharded tables, but only where their key is that of its row.
    bool stays_on_its_shard(const object::trigger& t, const table_facts& table, const effects& does) {
        if (table.kind != table_kind::sharded || !does.unknown.empty() || does.sequence || does.session) return false;
        keyed_question ask;
        ask.own_table = table.name;
        ask.own_key = table.shard_key;
        for (const auto& key : table.unique_keys) {
            if (key.size() == 1) ask.own_unique.push_back(key.front());
        }
        ask.sqlite = known_.dialect == dialect::sqlite;
        std::set<std::string> named;
        ask.key_of = [&](const std::string& schema, const std::string& relation) -> std::string {
            for (const auto& [key, each] : known_.tables) {
                if (each.name != relation || (!schema.empty() && each.schema != schema)) continue;
                named.insert(full(each.schema, each.name));
                if (each.kind == table_kind::sharded) return each.shard_key;
                if (each.view_of) return "a view, which no statement is keyed by";
            }
            return {};
        };
        const auto stays = [&](const std::string& body) { return stays_with_key(body, ask); };
        const auto leaves = [&](const object::function& f) {
            return f.name == t.function && (f.language != "plpgsql" || !stays(f.body));
        };
        if (t.function.empty() && !stays(t.body)) return false;
        if (std::any_of(all_.functions.begin(), all_.functions.end(), leaves)) return false;
        // Without a DELETE, and with the keys unchanged, nothing is done to the rows that refer to those it writes.
        const auto removes = [](const std::string& body) { return holds_delete(body); };
        const auto of_trigger = [&](const object::function& f) { return f.name == t.function && removes(f.body); };
        const bool cascades = removes(t.body) || std::any_of(all_.functions.begin(), all_.functions.end(), of_trigger);
        const auto only_refers = [&](const std::string& each) {
            return !cascades && std::any_of(all_.foreign_keys.begin(), all_.foreign_keys.end(), [&](const auto& k) {
                const table_facts* to = find(full(k.to_schema, k.to_table));
                return full(k.schema, k.table) == each && to != nullptr &&
                       named.contains(full(k.to_schema, k.to_table)) &&
                       referred_columns(k, *to) == std::vector<std::string>{to->shard_key};
            });
        };
        // whatever else it reaches is reached in another way
        return std::all_of(does.relations.begin(), does.relations.end(), [&](const std::string& each) {
            const table_facts* reached = find(each);
            if (only_refers(each)) return true;
            return named.contains(each) && reached != nullptr && reached->kind == table_kind::sharded;
        });
    }

    bool may_change_key(const object::trigger& t, const std::string& key) const {
        if (t.function.empty()) return false;  // SQLite's cannot
        static constexpr std::string_view harmless[] = {"tsvector_update_trigger", "tsvector_update_trigger_column",
                                                        "suppress_redundant_updates_trigger", "moddatetime"};
        const bool own = std::any_of(all_.functions.begin(), all_.functions.end(),
                                     [&](const auto& f) { return f.name == t.function && f.language != "c"; });
        // these assign the columns that they are given
        if (!own && std::find(std::begin(harmless), std::end(harmless), t.function) != std::end(harmless))
            return (" " + t.arguments).find(" " + key + " ") != std::string::npos;
        return !own || std::any_of(all_.functions.begin(), all_.functions.end(), [&](const auto& f) {
            return f.name == t.function && (f.language != "plpgsql" || may_change_column(f.body, key));
        });
    }

    void look_at_rule(const object::rule& r) {
        const std::string name = full(r.schema, r.table);
        const table_facts* table = find(name);
        if (table == nullptr || table->view_of) return;
        const verb on = r.event == '2' ? verb::update : r.event == '3' ? verb::insert : verb::delete_;
        std::string why;
        if (table->kind == table_kind::unsharded) {
            effects does = reach_.of_text(r.definition);
            why = in_the_way_on_unsharded(known_, does);
            if (why.empty()) return;
        } else {
            const bool nothing = r.definition.ends_with("NOTHING;") && r.definition.find("SELECT") == std::string::npos;
            if (nothing) return;
            why = "rewrites the statement on the shard";
        }
        forbid(name, {static_cast<verbs>(on),
                      hindrance::when::always,
                      {},
                      fmt::format("whose rule {} {}", r.name, why),
                      "Drop the rule, and write what it does into the statement or into a trigger."});
    }

    void look_at_foreign_key(const object::foreign_key& k) {
        const std::string child_name = full(k.schema, k.table), parent_name = full(k.to_schema, k.to_table);
        const table_facts *child = find(child_name), *parent = find(parent_name);
        if (child == nullptr || parent == nullptr) return;
        if (child->kind == table_kind::unsharded && parent->kind == table_kind::unsharded) {
            // what a cascade does
            if (std::string why = in_the_way_on_unsharded(known_, reach_.of_writing(child_name)); !why.empty()) {
                forbid(parent_name, {verb::update | verb::delete_,
                                     hindrance::when::always,
                                     {},
                                     fmt::format("whose rows {} refers to; a change of that table {}", k.table, why),
                                     on_each_database});
            }
            return;
        }
        if (child->kind != table_kind::unsharded && parent->kind == table_kind::reference) return;
        const std::vector<std::string> to_columns = referred_columns(k, *parent);
        if (child->kind == table_kind::sharded && parent->kind == table_kind::sharded) {
            for (std::size_t i = 0; i < std::min(k.columns.size(), to_columns.size()); ++i) {
                if (k.columns[i] == child->shard_key && to_columns[i] == parent->shard_key) return;
            }
        }
        const std::string hint =
            child->kind == table_kind::sharded && parent->kind == table_kind::sharded
                ? "Drop the foreign key, or make both shard keys part of it, so that the rows live together."
                : "Drop the foreign key: the rows that it compares live on different databases.";
        forbid(child_name,
               {verb::insert | verb::update, hindrance::when::given, k.columns,
                fmt::format("whose foreign key {} refers to {}, on another database", k.name, kind_of(*parent)), hint});
        const std::string referred =
            fmt::format("to which the foreign key {} of {} refers, on another database", k.name, kind_of(*child));
        forbid(parent_name, {static_cast<verbs>(verb::delete_), hindrance::when::always, {}, referred, hint});
        forbid(parent_name, {static_cast<verbs>(verb::update), hindrance::when::given, to_columns, referred, hint});
    }

    void look_at_expression(const object::expression& e) {
        using of = object::expression::of;
        const std::string name = full(e.schema, e.table);
        table_facts* table = find(name);
        if (table == nullptr) return;
        effects does = reach_.of_text(e.text);
        if (e.what == of::default_value && does.sequence) {
            number(name, e.name);
            does.sequence = false;
        }
        if (e.what == of::policy || e.what == of::check) does.varies = false;
        std::string why = in_the_way(*table, does);
        if (why.empty()) return;
        const auto forbid_this = [&](verbs on, hindrance::when applies, std::string_view what) {
            forbid(name, {on,
                          applies,
                          {e.name},
                          fmt::format("whose {} {} {}", what, e.name, why),
                          applies == hindrance::when::left_out ? "Give the column a value in the statement."
                                                               : "Change its definition, or drop it."});
        };
        switch (e.what) {
            case of::default_value:
                return forbid_this(static_cast<verbs>(verb::insert), hindrance::when::left_out, "default of column");
            case of::generated:
                return forbid_this(verb::insert | verb::update, hindrance::when::always, "generated column");
            case of::check:
                return forbid_this(verb::insert | verb::update, hindrance::when::always, "check");
            case of::index:
                return forbid_this(verb::insert | verb::update, hindrance::when::always, "index");
            case of::policy:
                return forbid_this(everything, hindrance::when::always, "policy");
        }
    }

    // A default that counts, through a function.
    void number(const std::string& table, const std::string& column) {
        table_facts* const t = find(table);
        if (t->kind == table_kind::unsharded) return;
        for (table_facts* each : {t, t->schema == "public" ? find(t->name) : nullptr}) {
            if (each == nullptr) continue;
            for (column_facts& c : each->columns) {
                if (c.name == column) c.default_is_sequence = c.has_volatile_default = true;
            }
        }
    }

    void look_at_operators() {
        const auto touches = [&](const std::string& function) {
            const effects does = reach_.of_function(function);
            return !in_the_way_on_shards(known_, does).empty() || !in_the_way_on_unsharded(known_, does).empty();
        };
        for (const auto& o : all_.operators) {
            if (touches(o.function)) known_.touching_operators[o.name] = o.function;
        }
        for (const auto& c : all_.casts) {
            if (touches(c.function)) known_.touching_types[c.target] = c.function;
        }
        for (const auto& d : all_.domain_checks) {
            for (const auto& [name, f] : reach_.functions()) {
                if (d.text.find(name) != std::string::npos && touches(name)) known_.touching_types[d.type] = name;
            }
        }
    }

    catalogue& known_;
    const dependence_input& read_;
    const schema_objects all_;
    const reach reach_;
};

}  // namespace

void schema_objects::add(const schema_objects& other) {
    const auto merge = [](auto& to, const auto& from) { to.insert(from.begin(), from.end()); };
    merge(functions, other.functions);
    merge(views, other.views);
    merge(children, other.children);
    merge(triggers, other.triggers);
    merge(rules, other.rules);
    merge(foreign_keys, other.foreign_keys);
    merge(expressions, other.expressions);
    merge(domain_checks, other.domain_checks);
    merge(operators, other.operators);
    merge(casts, other.casts);
    merge(event_triggers, other.event_triggers);
    merge(relations, other.relations);
}

void add_dependence(catalogue& into, const dependence_input& read) {
    const auto spread = [](const auto& each) { return each.second.kind != table_kind::unsharded; };
    if (std::any_of(into.tables.begin(), into.tables.end(), spread)) builder{into, read}.run();
}

}  // namespace ashlar::route
