#include "route/dependence/steps.hpp"
#include "route/hindering.hpp"
#include "sql/parse.hpp"
#include "sql/without_places.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

void add_view(dependents& of, const schema_objects::view& v) {
    const std::string name = full_name(v.schema, v.name);
    const effects does = of.reach.of_reading(name);
    const auto spread = std::find_if(does.relations.begin(), does.relations.end(),
                                     [&](const std::string& r) { return of.is_spread(r); });
    table_facts* t = of.find(name);
    if (spread == does.relations.end()) {
        if (t == nullptr) return;
        if (std::string why = in_the_way_on_unsharded(of.known, does); !why.empty()) {
            of.forbid(name, {everything,
                             hindrance::when::always,
                             {},
                             fmt::format("a view that {}", why),
                             "Write its query out, without that function."});
        }
        return;
    }
    if (of.on_every_shard(name) && !of.read.shards.front().views.contains(v)) return;
    const bool directly = of.read.on_shards.contains(name) && of.on_every_shard(name);
    table_facts view = directly ? of.read.on_shards.at(name) : t != nullptr ? *t : table_facts{};
    view.schema = v.schema;
    view.name = v.name;
    view.is_view = true;
    view.kind = table_kind::unsharded;
    view.database.clear();
    of.enter(view);
    const std::string over = described(*of.find(*spread));
    of.forbid(name, {every_write | verb::define,
                     hindrance::when::always,
                     {},
                     fmt::format("a {} over {}", v.foreign ? "foreign table" : "view", over),
                     fmt::format("Write to the table itself; define the view {}",
                                 "on each shard: ashlar query --each-shard.")});
    const auto no = [&](std::string why, std::string hint) {
        of.forbid(name, {static_cast<verbs>(verb::read), hindrance::when::always, {}, std::move(why), std::move(hint)});
    };
    constexpr auto write_out = "Write its query out in the statement.";
    if (v.foreign) return no(fmt::format("a foreign table over {}", over), "Name that table itself.");
    if (v.materialized) return no(fmt::format("a materialized view over {}", over), write_out);
    if (!directly) {
        return no(fmt::format("a view over {} that not every shard has", over),
                  "Create it on each shard: ashlar query --each-shard.");
    }
    const auto same = [&](const schema_objects::view& other) {
        return full_name(other.schema, other.name) == name && other != v;
    };
    const auto differs = [&](const schema_objects& s) { return std::any_of(s.views.begin(), s.views.end(), same); };
    if (std::any_of(of.read.shards.begin(), of.read.shards.end(), differs)) {
        return no(fmt::format("a view over {} that differs from shard to shard", over),
                  "Create it in the same way on each shard: ashlar query --each-shard.");
    }
    const auto numbered = [](const column_facts& c) { return c.holds_oids || c.type == oid::oid; };
    if (std::any_of(view.columns.begin(), view.columns.end(), numbered))
        return no(fmt::format("a view over {} with object ids among its columns", over), write_out);
    auto said = sql::parse(v.query);
    if (!said || !said->body) return no(fmt::format("a view over {} whose query cannot be read", over), write_out);
    const auto body = std::make_shared<const sql::statement>(sql::without_places(*said));
    of.find(name)->view_of = body;
    if (v.schema == "public") of.find(v.name)->view_of = body;
}

// A view over unsharded tables can be written: what happens then happens to its tables.
void look_at_writes_through_views(dependents& of) {
    for (const auto& v : of.all.views) {
        const std::string name = full_name(v.schema, v.name);
        const table_facts* t = of.find(name);
        if (t == nullptr || t->kind != table_kind::unsharded || t->view_of) continue;
        for (const std::string& each : of.reach.of_reading(name).relations) {
            const table_facts* under = of.find(each);
            if (under == nullptr || under->kind != table_kind::unsharded) continue;
            for (hindrance h : std::vector<hindrance>{under->hindrances}) {
                h.on &= every_write;
                h.applies = hindrance::when::always;
                h.columns.clear();
                h.what = fmt::format("a view over {}, {}", shown_name(under->schema, under->name), h.what);
                if (h.on != 0) of.forbid(name, h);
            }
        }
    }
}

}  // namespace ashlar::route
