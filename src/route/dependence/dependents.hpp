// dependents.hpp: the objects of all databases beside the catalogue that they are held against, and the few questions and verbs
// that every step of the work needs. What follows from each kind of object is in steps.hpp. Pure.
#pragma once

#include "route/catalogue.hpp"
#include "route/dependence.hpp"
#include "route/reach.hpp"
#include "route/schema_objects.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace ashlar::route {

std::string full_name(const std::string& schema, const std::string& name);
std::string shown_name(const std::string& schema, const std::string& name);  // without "public."
// "the sharded table orders"
std::string described(const table_facts& table);

class dependents {
public:
    // Both outlive it.
    dependents(catalogue& into, const dependence_input& read);

    catalogue& known;
    const dependence_input& read;
    const schema_objects all;  // of all databases, taken together
    const route::reach reach;

    // By "schema.name"; nullptr when the catalogue has no such relation.
    table_facts* find(const std::string& relation) const;
    bool is_spread(const std::string& relation) const;  // sharded or reference
    bool on_every_shard(const std::string& relation) const;
    // Does what belongs to a table matter? What the other databases have of the table is an empty copy.
    template <class Object>
    bool counts(const std::set<Object> schema_objects::*among, const Object& each, const std::string& schema,
                const std::string& table) const {
        const auto at = known.tables.find(full_name(schema, table));
        if (at == known.tables.end()) return false;
        const auto has = [&](const schema_objects& there) { return (there.*among).contains(each); };
        if (at->second.kind == table_kind::unsharded) return read.unsharded && has(*read.unsharded);
        return std::any_of(read.shards.begin(), read.shards.end(), has);
    }
    // Code that runs where the relation lives: what is in its way; "" = nothing.
    std::string in_the_way(const table_facts& where, const effects& does) const;

    void enter(const table_facts& relation);
    void forbid(const std::string& relation, const hindrance& what);
};

}  // namespace ashlar::route
