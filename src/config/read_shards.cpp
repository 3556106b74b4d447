#include "config/parts.hpp"
#include "config/spelling.hpp"

#include <fmt/format.h>

#include <array>

namespace ashlar::config {

namespace {

using keyspace::function_kind;
using keyspace::key_type;

constexpr std::int64_t shards_most = 4096;
constexpr std::array<std::string_view, 5> functions{"modulo", "ring", "hash", "range", "list"};
constexpr std::array<std::string_view, 5> key_types{"integer", "uuid", "text", "timestamp", "date"};

// What the whole section gathers while its parts are read.
struct gathering {
    shards out;
    std::vector<shard_places> places;
    bool function_known = false;
};

void read_kinds(section& from, position at, gathering& g) {
    reading& with = from.with();
    if (const auto written = from.text("function")) {
        const auto kind = keyspace::function_named(written->text);
        if (kind) {
            g.out.function = *kind;
            g.function_known = true;
        } else {
            with.wrong.add(written->at, from.at_path("function"), in_quotes(written->shown), listed(functions),
                           did_you_mean(written->shown, functions));
        }
    } else if (!from.has("function")) {
        with.wrong.add_absence(at, "shards", "no function",
                               "function = \"modulo\", \"ring\", \"hash\", \"range\" or \"list\"",
                               "it decides which shard owns a key, and cannot be changed later without moving rows");
    }
    if (const auto written = from.text("key_type")) {
        const auto type = keyspace::key_type_named(written->text);
        if (type) {
            g.out.key_type = *type;
        } else {
            with.wrong.add(written->at, from.at_path("key_type"), in_quotes(written->shown), listed(key_types),
                           did_you_mean(written->shown, key_types));
            return;
        }
        const bool number = g.out.key_type == key_type::integer || g.out.key_type == key_type::uuid;
        if (g.function_known && g.out.function == function_kind::modulo && !number) {
            with.wrong.add(written->at, from.at_path("key_type"),
                           fmt::format("modulo of a {} key", keyspace::name_of(g.out.key_type)),
                           "integer or uuid with modulo", "hash and ring take keys of every type");
        }
    } else if (!from.has("key_type")) {
        with.wrong.add_absence(at, "shards", "no key_type",
                               "key_type = \"integer\", \"uuid\", \"text\", \"timestamp\" or \"date\"");
    }
}

// Settings that only one function understands are a mistake with any other: they would be ignored.
void read_share(section& from, gathering& g, database& shard, shard_places& place) {
    const auto only_for = [&](std::string_view key, function_kind kind) {
        const entry* given = from.find(key);
        if (given == nullptr || !g.function_known || g.out.function == kind) return;
        from.with().wrong.add(given->at, from.at_path(key),
                              fmt::format("means nothing with function \"{}\"", keyspace::name_of(g.out.function)),
                              fmt::format("only with function \"{}\"", keyspace::name_of(kind)));
    };
    only_for("weight", function_kind::ring);
    only_for("values", function_kind::list);
    only_for("default", function_kind::list);
    only_for("from", function_kind::range);
    only_for("until", function_kind::range);
    if (const auto weight = from.integer("weight", 1, 1000)) shard.weight = static_cast<std::uint32_t>(*weight);
    for (spelled& each : from.texts("values")) {
        shard.values.push_back(std::move(each.text));
        place.values.push_back(each.at);
    }
    if (const entry* given = from.find("default")) place.is_default = given->value.at;
    shard.is_default = from.boolean("default").value_or(false);
    if (auto bound = from.key_text("from")) {
        place.from = bound->at;
        shard.from = std::move(bound->text);
    }
    if (auto bound = from.key_text("until")) {
        place.until = bound->at;
        shard.until = std::move(bound->text);
    }
}

pool_reading own_pool(section& from, const pool_reading& base) {
    const entry* own = from.find("pool");
    return read_pool(from.with(), own == nullptr ? nullptr : &own->value, from.at_path("pool"), base);
}

// With a count, all shards come from one pattern. A fault in the pattern is told once, not once a shard.
void read_pattern(section& from, position at, std::int64_t count, const pool_reading& pool, gathering& g) {
    reading& with = from.with();
    const auto url = from.text("url");
    if (!from.has("url")) {
        with.wrong.add_absence(at, "shards", "a count without a url", "url = \"sqlite:data/shop_{shard}.db\"");
    }
    if (g.function_known && (g.out.function == function_kind::range || g.out.function == function_kind::list)) {
        const entry* counted = from.find("count");
        with.wrong.add(counted->at, "shards.count",
                       fmt::format("a count with function \"{}\"", keyspace::name_of(g.out.function)),
                       "[shards.NAME] one by one", "each shard has to say which keys it owns");
        return;
    }
    if (url && url->text.find("{shard}") == std::string::npos && count > 1) {
        with.wrong.add(url->at, "shards.url", fmt::format("the same database for {} shards", count),
                       "a url with {shard} in it, which stands for the shard's number",
                       url->shown.find('{') != std::string::npos ? "the placeholder is written {shard}" : "");
        return;
    }
    for (std::int64_t i = 1; i <= count; ++i) {
        database shard;
        const auto number = static_cast<std::uint32_t>(i);
        shard.name = fmt::format("shard_{}", i);
        shard.pool = pool.values;
        std::optional<endpoint> place;
        if (url) place = to_endpoint(with, *url, "shards.url", number);
        if (place) shard.primary = std::move(*place);
        const std::size_t before = with.wrong.size();
        read_replicas(from, shard, number);
        g.out.list.push_back(std::move(shard));
        g.places.push_back({at, {}, {}, {}, {}});
        if ((url && !place) || with.wrong.size() != before) break;
    }
}

void read_named(reading& with, const entry& named, const pool_reading& pool, gathering& g) {
    database shard;
    shard_places place;
    place.name = named.at;
    shard.name = named.key;
    section from{with, named.value, "shards." + named.key};
    if (const auto url = from.text("url")) {
        if (auto where = to_endpoint(with, *url, from.at_path("url"))) shard.primary = std::move(*where);
    } else if (!from.has("url") && named.value.what == node::kind::table) {
        with.wrong.add_absence(named.at, "shards." + named.key, "no url",
                               "url = \"postgres://user@host/database\" or \"sqlite:path/to/file.db\"");
    }
    read_replicas(from, shard, std::nullopt);
    read_share(from, g, shard, place);
    shard.pool = own_pool(from, pool).values;
    from.finish();
    g.out.list.push_back(std::move(shard));
    g.places.push_back(std::move(place));
}

bool looks_like_a_setting(const entry& each) {
    return each.value.what != node::kind::table;
}

}  // namespace

std::optional<shards> read_shards(reading& with, const entry& what, const pool_reading& pool,
                                  const std::map<std::string, database>& databases) {
    const std::size_t before = with.wrong.size();
    gathering g;
    section from{with, what.value, "shards"};
    if (what.value.what != node::kind::table) return std::nullopt;
    read_kinds(from, what.at, g);
    if (const auto name = from.text("cluster")) g.out.cluster = name->text;
    const entry* counted = from.find("count");
    const auto count = from.integer("count", 1, shards_most);
    const pool_reading shard_pool = own_pool(from, pool);

    std::vector<const entry*> named;
    for (const entry* each : from.others()) {
        if (!looks_like_a_setting(*each)) named.push_back(each);
    }
    if (counted != nullptr && !named.empty()) {
        with.wrong.add(named.front()->at, "shards." + named.front()->key, "a shard by name beside a count",
                       "either count and url, or [shards.NAME] one by one");
    } else if (counted != nullptr) {
        if (count) read_pattern(from, what.at, *count, shard_pool, g);
    } else if (!named.empty()) {
        for (const entry* each : named) {
            check_name(with, *each, "shards");
            read_named(with, *each, shard_pool, g);
        }
    } else if (what.value.entries.empty() || !from.has("count")) {
        with.wrong.add_absence(what.at, "shards", "no shard", "count = 4 with a url, or [shards.NAME] one by one");
    }
    for (const entry* each : named) from.take(each->key);
    if (named.empty() || counted != nullptr) (void)from.find("url"), (void)from.find("replicas");
    from.finish();

    for (std::size_t i = 0; i < g.out.list.size(); ++i) {
        const auto taken = databases.find(g.out.list[i].name);
        if (taken == databases.end()) continue;
        with.wrong.add(g.places[i].name, "shards." + g.out.list[i].name, "a database has this name already",
                       "each name once among databases and shards");
    }
    if (!g.out.list.empty()) check_shards(with, g.out, g.places, what.at, with.wrong.size() == before);
    return std::move(g.out);
}

}  // namespace ashlar::config
