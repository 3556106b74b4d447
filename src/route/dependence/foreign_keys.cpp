#include "route/dependence/steps.hpp"

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
    if (child->kind == table_kind::unsharded && parent->kind == table_kind::unsharded) return;
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

namespace {

// Does SET NULL or SET DEFAULT take the shard key from rows that stay where they are?
bool takes_the_key(const schema_objects::foreign_key& k, const table_facts& child, bool on_delete) {
    const char act = on_delete ? k.on_delete : k.on_update;
    if (child.kind != table_kind::sharded || (act != 'n' && act != 'd')) return false;
    const auto& set = on_delete && !k.set_columns.empty() ? k.set_columns : k.columns;
    return std::find(set.begin(), set.end(), child.shard_key) != set.end();
}

void look_at_cascade(dependents& of, const schema_objects::foreign_key& k, bool on_delete) {
    const char act = on_delete ? k.on_delete : k.on_update;
    const table_facts* child = of.find(full_name(k.schema, k.table));
    const std::string parent_name = full_name(k.to_schema, k.to_table);
    const table_facts* parent = of.find(parent_name);
    if (child == nullptr || parent == nullptr || act == 'a' || act == 'r') return;
    const auto pass_on = [&](std::string what, std::string hint) {
        hindrance h{static_cast<verbs>(on_delete ? verb::delete_ : verb::update),
                    hindrance::when::always,
                    {},
                    std::move(what),
                    std::move(hint)};
        if (!on_delete) {
            h.applies = hindrance::when::given;
            h.columns = referred_columns(k, *parent);
        }
        // once is enough; tables may refer to one another in a circle
        const auto stands = [&](const hindrance& other) {
            return (other.on & h.on) != 0 && (other.applies == hindrance::when::always ||
                                              (other.applies == h.applies && other.columns == h.columns));
        };
        if (std::none_of(parent->hindrances.begin(), parent->hindrances.end(), stands)) of.forbid(parent_name, h);
    };
    const std::string what = fmt::format("whose changes the foreign key {} passes on to {}", k.name, described(*child));
    if (takes_the_key(k, *child, on_delete)) {
        pass_on(fmt::format("{}, which would lose the shard key {}", what, child->shard_key),
                fmt::format("Let the foreign key leave {} as it is, or make it ON DELETE CASCADE.", child->shard_key));
    }
    const verb done = on_delete && act == 'c' ? verb::delete_ : verb::update;
    for (const hindrance& h : std::vector<hindrance>{child->hindrances}) {
        if ((h.on & static_cast<verbs>(done)) == 0 || h.applies == hindrance::when::left_out) continue;
        const bool of_others = h.applies == hindrance::when::given &&
                               std::none_of(h.columns.begin(), h.columns.end(), [&](const std::string& c) {
                                   return std::find(k.columns.begin(), k.columns.end(), c) != k.columns.end();
                               });
        if (!of_others) pass_on(fmt::format("{}, {}", what, h.what), h.hint);
    }
}

// TRUNCATE … CASCADE empties every table that refers to this one, whatever the foreign key does on DELETE.
void look_at_truncate(dependents& of, const schema_objects::foreign_key& k) {
    const table_facts* child = of.find(full_name(k.schema, k.table));
    const std::string parent_name = full_name(k.to_schema, k.to_table);
    const table_facts* parent = of.find(parent_name);
    if (child == nullptr || parent == nullptr) return;
    constexpr verbs emptying = verb::delete_ | verb::truncate;
    const auto forbids = [](const hindrance& h) {
        return (h.on & emptying) != 0 && h.applies == hindrance::when::always;
    };
    if (std::any_of(parent->hindrances.begin(), parent->hindrances.end(), forbids)) return;
    const auto found = std::find_if(child->hindrances.begin(), child->hindrances.end(), forbids);
    if (found == child->hindrances.end()) return;
    of.forbid(parent_name, {static_cast<verbs>(verb::truncate),
                            hindrance::when::always,
                            {},
                            fmt::format("to which the foreign key {} of {} refers, {}", k.name, described(*child),
                                        std::string{found->what}),
                            found->hint});
}

}  // namespace

void look_at_cascades(dependents& of) {
    for (const auto& k : of.all.foreign_keys) {
        look_at_truncate(of, k);
        look_at_cascade(of, k, true);
        look_at_cascade(of, k, false);
    }
}

}  // namespace ashlar::route
