#include "route/dependence/steps.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

// A partition or an heir of a sharded table is one itself, with the same key.
void add_children(dependents& of) {
    for (bool changed = true; changed;) {
        changed = false;
        for (const auto& c : of.all.children) {
            const table_facts* parent = of.find(full_name(c.parent_schema, c.parent));
            const std::string name = full_name(c.schema, c.name);
            const auto there = of.read.on_shards.find(name);
            if (parent == nullptr || parent->kind == table_kind::unsharded || of.is_spread(name)) continue;
            const bool alike = std::all_of(of.read.shards.begin(), of.read.shards.end(),
                                           [&](const auto& s) { return s.children.contains(c); });
            if (there == of.read.on_shards.end() || !alike || of.read.shards.empty()) continue;
            table_facts child = there->second;
            child.kind = parent->kind;
            child.shard_key = parent->shard_key;
            of.enter(child);
            changed = true;
        }
    }
}

void look_at_parent(dependents& of, const schema_objects::child& c) {
    const table_facts* parent = of.find(full_name(c.parent_schema, c.parent));
    const table_facts* child = of.find(full_name(c.schema, c.name));
    const bool parent_spread = parent != nullptr && parent->kind != table_kind::unsharded;
    const bool child_spread = child != nullptr && child->kind != table_kind::unsharded;
    const std::string_view relation = c.partition ? "partition" : "child";
    if (!parent_spread && child_spread) {
        of.forbid(full_name(c.parent_schema, c.parent),
                  {everything,
                   hindrance::when::always,
                   {},
                   fmt::format("whose {} {} is a {} table", relation, shown_name(c.schema, c.name),
                               child->kind == table_kind::sharded ? "sharded" : "reference"),
                   fmt::format("Configure {} like it under [tables].", shown_name(c.parent_schema, c.parent))});
    } else if (parent_spread && !child_spread) {
        of.forbid(full_name(c.schema, c.name),
                  {everything,
                   hindrance::when::always,
                   {},
                   fmt::format("a {} of {} that is not the same on every shard", relation, described(*parent)),
                   "Create it on each shard: ashlar query --each-shard."});
    } else if (parent_spread && (parent->kind != child->kind || parent->shard_key != child->shard_key)) {
        for (const auto& name : {full_name(c.parent_schema, c.parent), full_name(c.schema, c.name)}) {
            of.forbid(name, {everything,
                             hindrance::when::always,
                             {},
                             fmt::format("which is configured otherwise than its {}",
                                         name == full_name(c.schema, c.name) ? "parent" : relation),
                             "Give both the same kind and shard key under [tables]."});
        }
    }
}

// Rows that are written to the parent may be stored in a child.
void look_at_writes_to_children(dependents& of) {
    for (bool changed = true; changed;) {
        changed = false;
        for (const auto& c : of.all.children) {
            const table_facts* child = of.find(full_name(c.schema, c.name));
            const std::string parent = full_name(c.parent_schema, c.parent);
            if (child == nullptr || of.find(parent) == nullptr) continue;
            const std::size_t before = of.find(parent)->hindrances.size();
            for (hindrance h : std::vector<hindrance>{child->hindrances}) {
                h.on &= every_write;
                if (h.on != 0) of.forbid(parent, h);
            }
            changed = changed || of.find(parent)->hindrances.size() != before;
        }
    }
}

}  // namespace ashlar::route
