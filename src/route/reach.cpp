#include "route/reach.hpp"

#include "core/ascii.hpp"
#include "route/functions.hpp"

#include <algorithm>
#include <array>

namespace ashlar::route {
namespace {

// Extensions that come with PostgreSQL or are widely used, whose functions in C read no tables that they are not given.
constexpr auto harmless_extensions = std::to_array<std::string_view>({
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_trgm",
    "pgcrypto",
    "seg",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "uuid-ossp",
    "vector",
    "pg_uuidv7",
    "moddatetime",
    "sslinfo",
    "pg_stat_statements",
    "pg_buffercache",
    "pg_freespacemap",
    "pgrowlocks",
    "jsonb_plperl",
    "hstore_plperl",
});

bool comes_with_harmless(std::string_view extension) {
    return std::find(harmless_extensions.begin(), harmless_extensions.end(), extension) != harmless_extensions.end();
}

bool holds(std::string_view text, std::string_view part) {
    const auto same = [](char a, char b) { return to_lower(a) == b; };
    return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

void add_builtin(std::string_view name, effects& to) {
    switch (behaviour_of_builtin(name).value_or(behaviour::pure)) {
        case behaviour::pure:
        case behaviour::own:
            return;
        case behaviour::clock:
        case behaviour::local:
        case behaviour::random:
            to.varies = true;
            return;
        case behaviour::sequence:
            to.sequence = true;
            return;
        case behaviour::lock:
        case behaviour::session:
            to.session = true;
            return;
        case behaviour::unknown:
            if (to.unknown.empty())
                to.unknown = "calls " + std::string{name} + "(), which reads what its arguments name";
            return;
    }
}

}  // namespace

void effects::add(const effects& other) {
    if (unknown.empty()) unknown = other.unknown;
    writes |= other.writes;
    sequence |= other.sequence;
    varies |= other.varies;
    session |= other.session;
    relations.insert(other.relations.begin(), other.relations.end());
}

reach::reach(const schema_objects& all, code_language language) : language_(language) {
    for (const std::string& full : all.relations) by_name_[full.substr(full.find('.') + 1)].push_back(full);
    for (const auto& v : all.views) {
        if (!v.materialized && !v.foreign) views_.insert(v.schema + "." + v.name);
    }
    for (const auto& f : all.functions) function_names_.insert(f.name);
    for (const auto& o : all.operators) own_operators_[o.name] = o.function;
    const auto reading = [&](const std::string& text) { return make_node(read_code(text, language_)); };
    for (const auto& d : all.domain_checks) {
        for (const std::string& f : reading(d.text).calls) own_types_[d.type].push_back(f);
    }
    for (const auto& c : all.casts) {
        own_types_[c.target].push_back(c.function);
    }

    for (const auto& f : all.functions) {
        add("f " + f.name, make_function(f));
        own_function& known = functions_.try_emplace(f.name).first->second;
        known.immutable = known.immutable && f.immutable;
        known.takes_row = known.takes_row || f.takes_row;
    }
    for (const auto& v : all.views) add("r " + v.schema + "." + v.name, reading(v.query));
    for (const auto& c : all.children) {
        // who reads or writes the parent does so with the child
        for (const char* how : {"r ", "w "}) {
            node n;
            n.relations.insert(c.schema + "." + c.name);
            n.does.writes = *how == 'w';
            add(how + c.parent_schema + "." + c.parent, std::move(n));
        }
    }
    for (const auto& t : all.triggers) {
        node n = t.body.empty() ? node{} : reading(t.body);
        if (!t.function.empty()) n.calls.insert(t.function);
        add("w " + t.schema + "." + t.table, std::move(n));
    }
    for (const auto& r : all.rules) add("w " + r.schema + "." + r.table, reading(r.definition));
    for (const auto& k : all.foreign_keys) {
        node n;
        n.relations.insert(k.schema + "." + k.table);
        n.does.writes = true;
        add("w " + k.to_schema + "." + k.to_table, std::move(n));
    }
    for (const auto& e : all.expressions) {
        const bool policy = e.what == schema_objects::expression::of::policy;
        const std::string table = e.schema + "." + e.table;
        if (policy) add("r " + table, reading(e.text));
        add("w " + table, reading(e.text));
    }
    settle();
    for (auto& [name, f] : functions_) f.does = nodes_.at("f " + name).does;
}

void reach::add(const std::string& name, node made) {
    node& n = nodes_[name];
    n.does.add(made.does);
    n.calls.merge(made.calls);
    n.relations.merge(made.relations);
}

reach::node reach::make_node(const code_facts& code) const {
    node out;
    out.does.unknown = code.unknown;
    out.does.writes = code.writes;
    out.does.session = code.session;
    out.does.varies = code.varies;
    for (const auto& r : code.relations) {
        const auto at = by_name_.find(r.name);
        if (at == by_name_.end()) continue;
        for (const std::string& full : at->second) {
            if (r.schema.empty() || full == r.schema + "." + r.name) out.relations.insert(full);
        }
    }
    const auto call = [&](const std::string& name) {
        if (function_names_.contains(name)) out.calls.insert(name);
    };
    for (const auto& c : code.calls) {
        call(c.name);
        add_builtin(c.name, out.does);
    }
    for (const auto& w : code.words) {
        if (!w.schema.empty()) call(w.name);  // row.function
        const auto type = own_types_.find(w.name);
        if (type == own_types_.end()) continue;
        for (const std::string& f : type->second) call(f);
    }
    for (const std::string& o : code.operators) {
        for (const auto& [name, function] : own_operators_) {
            if (o.find(name) != o.npos) call(function);
        }
    }
    return out;
}

reach::node reach::make_function(const schema_objects::function& f) const {
    if (f.language == "sql" || f.language == "aggregate") return make_node(read_code(f.body, code_language::sql));
    if (f.language == "plpgsql") return make_node(read_code(f.body, code_language::plpgsql));
    node out;
    out.does.varies = !f.immutable;
    if (f.language == "internal") {
        add_builtin(f.body, out.does);
        return out;
    }
    const bool uses_tables = holds(f.body, "spi") || holds(f.body, "plpy");
    const bool trusted =
        f.language == "c" ? f.immutable || comes_with_harmless(f.extension) : f.immutable && !uses_tables;
    if (!trusted) out.does.unknown = "is written in " + f.language + ", which is not read here";
    return out;
}

// Until nothing more is reached.
void reach::settle() {
    for (auto& [name, n] : nodes_) n.own = n.does;
    for (bool changed = true; changed;) {
        changed = false;
        for (auto& [name, n] : nodes_) {
            effects now = everything_of(n);
            if (now == n.does) continue;
            n.does = std::move(now);
            changed = true;
        }
    }
}

effects reach::everything_of(const node& n) const {
    effects out = n.does;
    const auto add = [&](const std::string& name) {
        if (const auto at = nodes_.find(name); at != nodes_.end()) out.add(at->second.does);
    };
    for (const std::string& f : n.calls) add("f " + f);
    for (const std::string& r : n.relations) {
        if (!views_.contains(r)) out.relations.insert(r);
        add("r " + r);
        if (out.writes) add("w " + r);
    }
    return out;
}

effects reach::of_text(std::string_view text) const {
    return everything_of(make_node(read_code(text, language_)));
}

effects reach::of_function(const std::string& name) const {
    const auto at = nodes_.find("f " + name);
    return at == nodes_.end() ? effects{} : at->second.does;
}

effects reach::beside(node n, const std::set<std::string>& relations) const {
    for (const std::string& each : relations) n.relations.erase(each);
    return everything_of(n);
}

effects reach::of_text_beside(std::string_view text, const std::set<std::string>& relations) const {
    return beside(make_node(read_code(text, language_)), relations);
}

effects reach::of_function_beside(const std::string& name, const std::set<std::string>& relations) const {
    const auto at = nodes_.find("f " + name);
    if (at == nodes_.end()) return {};
    node n = at->second;
    n.does = n.own;
    return beside(std::move(n), relations);
}

effects reach::of_reading(const std::string& relation) const {
    const auto at = nodes_.find("r " + relation);
    return at == nodes_.end() ? effects{} : at->second.does;
}

}  // namespace ashlar::route
