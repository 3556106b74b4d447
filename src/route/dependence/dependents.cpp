#include "route/dependence/dependents.hpp"

#include "route/hindering.hpp"

#include <fmt/format.h>

namespace ashlar::route {
namespace {

schema_objects together(const dependence_input& read) {
    schema_objects out;
    if (read.unsharded) out.add(*read.unsharded);
    for (const schema_objects& each : read.shards) out.add(each);
    return out;
}

}  // namespace

std::string full_name(const std::string& schema, const std::string& name) {
    return schema + "." + name;
}

std::string shown_name(const std::string& schema, const std::string& name) {
    return schema == "public" ? name : full_name(schema, name);
}

std::string described(const table_facts& table) {
    return fmt::format("{} {}",
                       table.kind == table_kind::sharded     ? "the sharded table"
                       : table.kind == table_kind::reference ? "the reference table"
                                                             : "the unsharded table",
                       shown_name(table.schema, table.name));
}

dependents::dependents(catalogue& into, const dependence_input& input)
    : known(into),
      read(input),
      all(together(input)),
      reach(all, into.dialect == dialect::sqlite ? code_language::sqlite : code_language::sql) {}

table_facts* dependents::find(const std::string& relation) const {
    const auto at = known.tables.find(relation);
    return at == known.tables.end() ? nullptr : &at->second;
}

bool dependents::is_spread(const std::string& relation) const {
    const table_facts* t = find(relation);
    return t != nullptr && t->kind != table_kind::unsharded;
}

bool dependents::on_every_shard(const std::string& relation) const {
    return !read.shards.empty() && std::all_of(read.shards.begin(), read.shards.end(),
                                               [&](const auto& s) { return s.relations.contains(relation); });
}

std::string dependents::in_the_way(const table_facts& where, const effects& does) const {
    if (where.kind == table_kind::unsharded) return in_the_way_on_unsharded(known, does);
    if (std::string why = in_the_way_on_shards(known, does); !why.empty()) return why;
    if (where.kind == table_kind::reference && does.varies) return "gives another value on each shard";
    return {};
}

void dependents::enter(const table_facts& relation) {
    known.tables[full_name(relation.schema, relation.name)] = relation;
    if (relation.schema == "public") known.tables[relation.name] = relation;
}

void dependents::forbid(const std::string& relation, const hindrance& what) {
    const auto add = [&](table_facts& to) {
        if (std::find(to.hindrances.begin(), to.hindrances.end(), what) == to.hindrances.end())
            to.hindrances.push_back(what);
    };
    table_facts* t = find(relation);
    if (t == nullptr) return;
    add(*t);
    if (t->schema != "public") return;
    if (table_facts* bare = find(t->name)) add(*bare);
}

}  // namespace ashlar::route
