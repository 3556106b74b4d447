#include "route/dependence/steps.hpp"
#include "route/hindering.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

std::vector<std::string> referred_columns(const schema_objects::foreign_key& k, const table_facts& to) {
    if (!k.to_columns.empty() || to.unique_keys.empty()) return k.to_columns;
    return to.unique_keys.front();
}

void look_at_foreign_key(dependents& of, const schema_objects::foreign_key& k) {
    const std::string child_name = full_name(k.schema, k.table), parent_name = full_name(k.to_schema, k.to_table);
    const table_facts *child = of.find(child_name), *parent = of.find(parent_name);
    if (child == nullptr || parent == nullptr) return;
    if (child->kind == table_kind::unsharded && parent->kind == table_kind::unsharded) {
        // what a cascade does
        if (std::string why = in_the_way_on_unsharded(of.known, of.reach.of_writing(child_name)); !why.empty()) {
            of.forbid(parent_name, {verb::update | verb::delete_,
                                    hindrance::when::always,
                                    {},
                                    fmt::format("whose rows {} refers to; a change of that table {}", k.table, why),
                                    "Run it on each database itself: ashlar query --database NAME."});
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
    of.forbid(
        child_name,
        {verb::insert | verb::update, hindrance::when::given, k.columns,
         fmt::format("whose foreign key {} refers to {}, on another database", k.name, described(*parent)), hint});
    const std::string referred =
        fmt::format("to which the foreign key {} of {} refers, on another database", k.name, described(*child));
    of.forbid(parent_name, {static_cast<verbs>(verb::delete_), hindrance::when::always, {}, referred, hint});
    of.forbid(parent_name, {static_cast<verbs>(verb::update), hindrance::when::given, to_columns, referred, hint});
}

}  // namespace ashlar::route
