#include "route/dependence/steps.hpp"
#include "route/hindering.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {
namespace {

// A default that counts, through a function.
void number(dependents& of, const std::string& table, const std::string& column) {
    table_facts* const t = of.find(table);
    if (t->kind == table_kind::unsharded) return;
    for (table_facts* each : {t, t->schema == "public" ? of.find(t->name) : nullptr}) {
        if (each == nullptr) continue;
        for (column_facts& c : each->columns) {
            if (c.name == column) c.default_is_sequence = c.has_volatile_default = true;
        }
    }
}

}  // namespace

void look_at_expression(dependents& of, const schema_objects::expression& e) {
    using sort = schema_objects::expression::of;
    const std::string name = full_name(e.schema, e.table);
    table_facts* table = of.find(name);
    if (table == nullptr) return;
    effects does = of.reach.of_text(e.text);
    if (e.what == sort::default_value && does.sequence) {
        number(of, name, e.name);
        does.sequence = false;
    }
    if (e.what == sort::policy || e.what == sort::check) does.varies = false;
    std::string why = of.in_the_way(*table, does);
    if (why.empty()) return;
    const auto forbid_this = [&](verbs on, hindrance::when applies, std::string_view what) {
        of.forbid(name, {on,
                         applies,
                         {e.name},
                         fmt::format("whose {} {} {}", what, e.name, why),
                         applies == hindrance::when::left_out ? "Give the column a value in the statement."
                                                              : "Change its definition, or drop it."});
    };
    switch (e.what) {
        case sort::default_value:
            return forbid_this(static_cast<verbs>(verb::insert), hindrance::when::left_out, "default of column");
        case sort::generated:
            return forbid_this(verb::insert | verb::update, hindrance::when::always, "generated column");
        case sort::check:
            return forbid_this(verb::insert | verb::update, hindrance::when::always, "check");
        case sort::index:
            return forbid_this(verb::insert | verb::update, hindrance::when::always, "index");
        case sort::policy:
            return forbid_this(everything, hindrance::when::always, "policy");
    }
}

void look_at_operators(dependents& of) {
    const auto touches = [&](const std::string& function) {
        const effects does = of.reach.of_function(function);
        return !in_the_way_on_shards(of.known, does).empty() || !in_the_way_on_unsharded(of.known, does).empty();
    };
    for (const auto& o : of.all.operators) {
        if (touches(o.function)) of.known.touching_operators[o.name] = o.function;
    }
    for (const auto& c : of.all.casts) {
        if (touches(c.function)) of.known.touching_types[c.target] = c.function;
    }
    for (const auto& d : of.all.domain_checks) {
        for (const auto& [name, f] : of.reach.functions()) {
            if (d.text.find(name) != std::string::npos && touches(name)) of.known.touching_types[d.type] = name;
        }
    }
}

}  // namespace ashlar::route
