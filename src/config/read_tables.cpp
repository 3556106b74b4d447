#include "config/parts.hpp"
#include "config/spelling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ashlar::config {

namespace {

constexpr std::array<std::string_view, 3> kinds{"sharded", "reference", "unsharded"};
constexpr std::array<std::string_view, 3> table_keys{"kind", "shard_key", "database"};

struct placed_table {
    table what;
    position at;
};

void read_kind(section& from, const entry& named, table& into) {
    reading& with = from.with();
    const auto written = from.text("kind");
    const auto shard_key = from.text("shard_key");
    if (shard_key) into.shard_key = shard_key->text;
    if (written) {
        const auto kind = std::find(kinds.begin(), kinds.end(), written->text);
        if (kind == kinds.end()) {
            with.wrong.add(written->at, from.at_path("kind"), in_quotes(written->shown), listed(kinds),
                           did_you_mean(written->shown, kinds));
            return;
        }
        into.kind = static_cast<table_kind>(kind - kinds.begin());
    } else if (from.has("shard_key")) {
        into.kind = table_kind::sharded;
    } else if (from.has("database")) {
        into.kind = table_kind::unsharded;
    } else if (!from.has("kind")) {
        with.wrong.add_absence(named.at, from.path(), "neither shard_key nor kind",
                               "shard_key = \"column\", or kind = \"reference\" or \"unsharded\"");
        return;
    }
    if (into.kind == table_kind::sharded && !from.has("shard_key")) {
        with.wrong.add_absence(named.at, from.path(), "a sharded table without shard_key", "shard_key = \"column\"");
    } else if (into.kind == table_kind::sharded && shard_key && shard_key->text.empty()) {
        with.wrong.add(shard_key->at, from.at_path("shard_key"), "an empty name", "the name of a column");
    }
    if (into.kind != table_kind::sharded && from.has("shard_key")) {
        with.wrong.add(from.find("shard_key")->at, from.at_path("shard_key"),
                       fmt::format("a shard_key on a {} table", kinds[static_cast<std::size_t>(into.kind)]),
                       "shard_key on sharded tables only");
    }
}

void read_place(section& from, const known_places& known, const entry& named, table& into) {
    reading& with = from.with();
    const auto written = from.text("database");
    if (into.kind != table_kind::unsharded) {
        if (from.has("database")) {
            with.wrong.add(from.find("database")->at, from.at_path("database"), "a database for a table on the shards",
                           "database on unsharded tables only");
        }
        if (!known.has_shards) {
            with.wrong.add_absence(named.at, from.path(), "a table on shards, but there is no [shards]", "[shards]");
        }
        return;
    }
    if (!written) {
        if (!from.has("database") && from.has("kind") && !known.databases->contains("primary")) {
            with.wrong.add_absence(named.at, from.path(), "an unsharded table, but there is no [databases.primary]",
                                   "[databases.primary], or database = \"name\"");
        }
        return;
    }
    into.database = written->text;
    if (known.databases->contains(into.database)) return;
    std::vector<std::string_view> names;
    for (const auto& [name, unused] : *known.databases) names.push_back(name);
    with.wrong.add_absence(written->at, from.at_path("database"), "no database is called " + in_quotes(written->shown),
                           names.empty() ? "a name of [databases.NAME]" : "one of " + listed(names, "and"),
                           did_you_mean(written->shown, names));
}

table read_one(reading& with, const entry& named, const std::string& schema, const known_places& known) {
    table out;
    out.schema = schema;
    out.name = named.key;
    if (const auto dot = named.key.find('.'); schema.empty() && dot != std::string::npos) {
        out.schema = named.key.substr(0, dot);
        out.name = named.key.substr(dot + 1);
    }
    const std::string path = schema.empty() ? "tables." + named.key : "tables." + schema + "." + named.key;
    if (named.value.what != node::kind::table) {
        const std::string found{article_and_name(named.value.what)};
        with.wrong.add(named.value.at, path, found, "{ shard_key = \"column\" } or { kind = \"reference\" }");
        return out;
    }
    if (out.name.empty()) with.wrong.add(named.at, path, "an empty name", "the name of a table");
    section from{with, named.value, path};
    read_kind(from, named, out);
    read_place(from, known, named, out);
    from.finish();
    return out;
}

// sales.orders = {…} makes a table of tables: the outer name is a schema.
bool is_schema(const entry& named) {
    const auto& inside = named.value.entries;
    return named.value.what == node::kind::table && !inside.empty() &&
           std::all_of(inside.begin(), inside.end(), [](const entry& e) {
               const bool key = std::find(table_keys.begin(), table_keys.end(), e.key) != table_keys.end();
               return e.value.what == node::kind::table && !key;
           });
}

// "orders" and "sales.orders" may be one table, found by search_path: which line would hold?
void check_ambiguity(reading& with, const std::vector<placed_table>& all) {
    for (const placed_table& bare : all) {
        if (!bare.what.schema.empty()) continue;
        for (const placed_table& qualified : all) {
            if (qualified.what.schema.empty() || qualified.what.name != bare.what.name) continue;
            with.wrong.add(bare.at, "tables." + bare.what.name,
                           fmt::format("may be the same table as {}.{}", qualified.what.schema, qualified.what.name),
                           "the schema's name with both, or with none");
        }
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (all[i].what.name != all[j].what.name || all[i].what.schema != all[j].what.schema) continue;
            with.wrong.add(all[i].at, "tables." + all[i].what.schema + "." + all[i].what.name, "defined twice",
                           "each table once");
        }
    }
}

}  // namespace

std::vector<table> read_tables(reading& with, const node& what, const known_places& known) {
    std::vector<placed_table> all;
    section from{with, what, "tables"};
    for (const entry* each : from.others()) {
        if (!is_schema(*each)) {
            all.push_back({read_one(with, *each, "", known), each->at});
            continue;
        }
        for (const entry& inner : each->value.entries)
            all.push_back({read_one(with, inner, each->key, known), inner.at});
    }
    check_ambiguity(with, all);
    std::vector<table> out;
    for (placed_table& each : all) out.push_back(std::move(each.what));
    return out;
}

}  // namespace ashlar::config
