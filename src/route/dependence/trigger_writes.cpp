#include "route/dependence/trigger_writes.hpp"

#include "route/dependence/steps.hpp"
#include "route/hindering.hpp"
#include "route/keyed_body.hpp"
#include "route/trigger_body.hpp"
#include "sql/facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace ashlar::route {
namespace {

using object = schema_objects;

struct set_off_write {
    std::string relation;  // "schema.name"
    verb how = verb::update;
    std::optional<columns_written> columns;  // none: they are not known
};

// What one trigger does by itself.
struct own_doing {
    std::string why;
    std::vector<set_off_write> writes;
};

// The sharded tables that a name in a trigger's body may mean; the search path of whoever runs it is not known.
class named_tables {
public:
    explicit named_tables(const dependents& of) : of_(of) {}

    std::string key_of(const std::string& schema, const std::string& name) {
        std::set<std::string> keys;
        for (const auto& [_, each] : of_.known.tables) {
            if (each.name != name || (!schema.empty() && each.schema != schema)) continue;
            const bool sharded = each.kind == table_kind::sharded;
            if (sharded) found_.insert(full_name(each.schema, each.name));
            keys.insert(sharded ? each.shard_key : each.view_of ? "a view, which no statement is keyed by" : "");
        }
        if (keys.empty()) return {};
        return keys.size() == 1 ? *keys.begin() : "not the same for all tables of this name";
    }
    const std::set<std::string>& found() const noexcept { return found_; }

private:
    const dependents& of_;
    std::set<std::string> found_;
};

std::vector<std::string> meant(const dependents& of, const sql::table_name& table) {
    std::vector<std::string> out;
    for (const auto& [key, each] : of.known.tables) {
        const std::string full = full_name(each.schema, each.name);
        if (key == full && each.name == table.name && (table.schema.empty() || each.schema == table.schema))
            out.push_back(full);
    }
    return out;
}

void add_writes(const dependents& of, const sql::statement& s, std::vector<set_off_write>& to) {
    const auto add = [&](const std::string& relation, verb how) {
        to.push_back({relation, how, columns_written_by(s, *of.find(relation), how)});
    };
    for (const std::string& each : meant(of, s.target.table)) {
        if (s.kind == sql::statement_kind::delete_) add(each, verb::delete_);
        if (s.kind == sql::statement_kind::update) add(each, verb::update);
        if (s.kind != sql::statement_kind::insert) continue;
        add(each, verb::insert);
        if (s.conflict && !s.conflict->set.empty()) add(each, verb::update);
    }
}

// The bodies of a trigger's function, or the trigger's own; nothing when one is not in PL/pgSQL.
std::vector<const std::string*> bodies_of(const dependents& of, const object::trigger& t) {
    std::vector<const std::string*> out;
    if (t.function.empty()) return {&t.body};
    for (const auto& f : of.all.functions) {
        if (f.name != t.function) continue;
        if (f.language != "plpgsql") return {};
        out.push_back(&f.body);
    }
    return out;
}

own_doing doing_of(const dependents& of, const object::trigger& t, const table_facts& table) {
    own_doing out;
    named_tables names{of};
    keyed_question ask;
    ask.own_table = table.name;
    ask.own_key = table.shard_key;
    for (const auto& key : table.unique_keys) {
        if (key.size() == 1) ask.own_unique.push_back(key.front());
    }
    ask.key_of = [&](const std::string& schema, const std::string& name) { return names.key_of(schema, name); };
    ask.sqlite = of.known.dialect == dialect::sqlite;
    ask.on_write = [&](const sql::statement& s) { add_writes(of, s, out.writes); };
    const auto bodies = bodies_of(of, t);
    const auto keeps_key = [&](const std::string& body) {
        return ask.sqlite || !may_assign_column(body, table.shard_key);
    };
    const bool stays = table.kind == table_kind::sharded &&
                       std::all_of(bodies.begin(), bodies.end(),
                                   [&](const auto* b) { return keeps_key(*b) && stays_with_key(*b, ask); });
    if (!stays) out.writes.clear();
    const std::set<std::string> apart = stays && !bodies.empty() ? names.found() : std::set<std::string>{};
    const effects does =
        t.function.empty() ? of.reach.of_text_beside(t.body, apart) : of.reach.of_function_beside(t.function, apart);
    out.why = of.in_the_way(table, does);
    return out;
}

// Follows the writes of a trigger until nothing new is set off.
class trigger_follower {
public:
    explicit trigger_follower(const dependents& of) : of_(of) {}

    std::string why_not(const object::trigger& t, const table_facts& table) {
        own_doing first = doing_of(of_, t, table);
        if (!first.why.empty()) return first.why;
        to_do_ = std::move(first.writes);
        while (!to_do_.empty()) {
            const set_off_write next = std::move(to_do_.back());
            to_do_.pop_back();
            if (std::string why = follow(next); !why.empty())
                return fmt::format("writes to {}, {}", shown(next.relation), why);
        }
        return {};
    }

private:
    static std::string shown(const std::string& relation) {
        return relation.starts_with("public.") ? relation.substr(7) : relation;
    }

    std::string follow(const set_off_write& w) {
        const table_facts* table = of_.find(w.relation);
        if (table == nullptr) return {};
        if (const hindrance* h = first_hindrance(*table, w.how, w.columns ? &*w.columns : nullptr)) return h->what;
        for (const auto& t : of_.all.triggers) {
            if (full_name(t.schema, t.table) != w.relation || (fires_on(t) & static_cast<verbs>(w.how)) == 0) continue;
            if (!of_.counts(&object::triggers, t, t.schema, t.table) || !seen_.insert(&t).second) continue;
            if (may_change_key(of_, t, *table))
                return fmt::format("whose trigger {} may change the shard key {}", t.name, table->shard_key);
            own_doing next = doing_of(of_, t, *table);
            if (!next.why.empty()) return fmt::format("whose trigger {} {}", t.name, next.why);
            std::move(next.writes.begin(), next.writes.end(), std::back_inserter(to_do_));
        }
        follow_to_others(w);
        return {};
    }

    // To partitions and heirs, and to the rows that refer to the written ones.
    void follow_to_others(const set_off_write& w) {
        for (const auto& c : of_.all.children) {
            if (full_name(c.parent_schema, c.parent) == w.relation)
                once({full_name(c.schema, c.name), w.how, w.columns});
        }
        if (w.how == verb::insert) return;
        for (const auto& k : of_.all.foreign_keys) {
            if (full_name(k.to_schema, k.to_table) != w.relation) continue;
            const char act = w.how == verb::delete_ ? k.on_delete : k.on_update;
            if (act == 'a' || act == 'r') continue;
            const bool goes = w.how == verb::delete_ && act == 'c';
            if (goes || w.how == verb::delete_ || changes_referred(k, w))
                once({full_name(k.schema, k.table), goes ? verb::delete_ : verb::update, {}});
        }
    }

    bool changes_referred(const object::foreign_key& k, const set_off_write& w) const {
        const std::vector<std::string> columns = referred_columns(k, *of_.find(w.relation));
        return !w.columns || std::any_of(columns.begin(), columns.end(), [&](const std::string& c) {
            return std::find(w.columns->named.begin(), w.columns->named.end(), c) != w.columns->named.end();
        });
    }

    void once(set_off_write w) {
        if (passed_.insert({w.relation, w.how}).second) to_do_.push_back(std::move(w));
    }

    const dependents& of_;
    std::vector<set_off_write> to_do_;
    std::set<const object::trigger*> seen_;
    std::set<std::pair<std::string, verb>> passed_;
};

}  // namespace

verbs fires_on(const object::trigger& t) {
    verbs on = 0;
    if (t.on_insert) on = static_cast<verbs>(on | static_cast<verbs>(verb::insert));
    if (t.on_update) on = static_cast<verbs>(on | static_cast<verbs>(verb::update));
    if (t.on_delete) on = static_cast<verbs>(on | static_cast<verbs>(verb::delete_));
    return on;
}

std::string why_it_leaves_its_shard(const dependents& of, const object::trigger& t, const table_facts& table) {
    return trigger_follower{of}.why_not(t, table);
}

bool may_change_key(const dependents& of, const object::trigger& t, const table_facts& table) {
    if (!t.before || !t.of_row || (!t.on_insert && !t.on_update) || table.kind != table_kind::sharded) return false;
    if (t.function.empty()) return false;  // SQLite's cannot
    static constexpr std::string_view harmless[] = {"tsvector_update_trigger", "tsvector_update_trigger_column",
                                                    "suppress_redundant_updates_trigger", "moddatetime"};
    const std::string& key = table.shard_key;
    const bool own = std::any_of(of.all.functions.begin(), of.all.functions.end(),
                                 [&](const auto& f) { return f.name == t.function && f.language != "c"; });
    // these assign the columns that they are given
    if (!own && std::find(std::begin(harmless), std::end(harmless), t.function) != std::end(harmless))
        return (" " + t.arguments).find(" " + key + " ") != std::string::npos;
    return !own || std::any_of(of.all.functions.begin(), of.all.functions.end(), [&](const auto& f) {
        return f.name == t.function && (f.language != "plpgsql" || may_change_column(f.body, key));
    });
}

}  // namespace ashlar::route
