#include "topology/world_parts.hpp"

#include "core/letter_case.hpp"
#include "pool/server_cap.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::topology {

pool::pool_options options_from(const config::pool_settings& s) {
    pool::pool_options o;
    o.max_connections = s.max_connections;
    o.fan_out_connections_max = s.fan_out_connections_max;
    o.min_connections = s.min_connections;
    o.checkout_timeout = s.checkout_timeout;
    o.waiters_max = s.waiters_max;
    o.idle_timeout = s.idle_timeout;
    o.reap_frequency = s.reap_frequency;
    o.max_lifetime = s.max_lifetime;
    o.check_after_idle = s.check_after_idle;
    o.connect_timeout = s.connect_timeout;
    return o;
}

namespace {

// MySQL's dialect is not among those that are planned: what it reads otherwise than PostgreSQL would be answered wrongly. So a
// primary of this engine takes every statement as it is, and nothing may hang on what a statement says.
status check_mysql_primary(const config::description& d) {
    for (const config::table& each : d.tables) {
        if (each.database.empty() || each.database == "primary") continue;
        return error{errc::unsupported, fmt::format("the table {} lives on {}, and the primary is a MySQL database",
                                                    each.name, each.database)}
            .hint(
                "Statements are not routed by their tables there. Leave the table out of [tables], and ask "
                "its database by name.");
    }
    return {};
}

}  // namespace

// Shards and the primary must be of one engine, for their rows are merged and their SQL is planned as one dialect.
status check_engines(const config::description& d) {
    const config::database* primary = d.primary();
    if (primary != nullptr && primary->primary.engine == config::engine::mysql && !d.shards_) {
        return check_mysql_primary(d);
    }
    const config::engine* first = nullptr;
    std::string_view first_name;
    const auto same = [&](const config::database& each) -> status {
        if (each.primary.engine == config::engine::mysql) {
            return error{errc::unsupported,
                         fmt::format("{} is a MySQL database: no shard, and no primary beside shards, can be one yet",
                                     each.name)}
                .hint("A primary without shards can, and any other named database.");
        }
        if (first == nullptr) {
            first = &each.primary.engine;
            first_name = each.name;
            return {};
        }
        if (*first == each.primary.engine) return {};
        return error{errc::config_invalid, fmt::format("{} is a {} database and {} a {} one", first_name,
                                                       name_of(*first), each.name, name_of(each.primary.engine))}
            .hint("Shards and the primary database must be of one engine; other named databases may differ.");
    };
    if (d.shards_) {
        for (const auto& each : d.shards_->list) {
            if (status s = same(each); !s) return s;
        }
    }
    if (primary != nullptr) return same(*primary);
    return {};
}

result<std::optional<keyspace::shard_map>> map_from(const config::description& d) {
    if (!d.shards_) return std::optional<keyspace::shard_map>{};
    std::vector<keyspace::shard_traits> traits;
    for (const config::database& each : d.shards_->list) {
        keyspace::shard_traits t;
        t.name = each.name;
        t.weight = each.weight;
        t.values = each.values;
        t.from = each.from;
        t.until = each.until;
        t.is_default = each.is_default;
        traits.push_back(std::move(t));
    }
    auto made = keyspace::shard_map::make(d.shards_->function, d.shards_->key_type, traits);
    if (!made) return std::move(made).error();
    return std::optional<keyspace::shard_map>{std::move(*made)};
}

std::string server_of(const config::endpoint& where) {
    if (where.engine == config::engine::sqlite) return {};
    const bool is_postgres = where.engine == config::engine::postgres;
    const int port = where.port != 0 ? where.port : is_postgres ? 5432 : 3306;
    const std::string host = where.host.empty() ? "localhost" : lowered(where.host);
    if (where.host.starts_with('/')) return is_postgres ? fmt::format("{}:{}", where.host, port) : where.host;
    return fmt::format("{}:{}", host, port);
}

// The least of what the databases of a server say. A statement over all shards has a connection of each.
result<server_caps> caps_from(const config::description& d) {
    struct facts {
        std::uint32_t most = 0;
        std::uint32_t shards = 0;
    };
    std::map<std::string, facts> found;
    const auto look = [&](const config::database& each, bool is_shard) {
        std::vector<const config::endpoint*> all{&each.primary};
        for (const config::endpoint& one : each.replicas) all.push_back(&one);
        for (const config::endpoint* one : all) {
            facts& here = found[server_of(*one)];
            if (is_shard) ++here.shards;
            const std::uint32_t most = each.pool.max_connections_per_server;
            if (most != 0) here.most = here.most == 0 ? most : std::min(here.most, most);
        }
    };
    if (d.shards_) {
        for (const config::database& each : d.shards_->list) look(each, true);
    }
    for (const auto& [name, each] : d.databases) look(each, false);
    server_caps out;
    for (const auto& [where, here] : found) {
        if (where.empty() || here.most == 0) continue;
        if (here.most < here.shards) {
            return error{errc::config_invalid,
                         fmt::format("pool.max_connections_per_server is {}, and {} shards are on {}", here.most,
                                     here.shards, where)}
                .hint(
                    "A statement over all shards needs a connection of each at once. Better make it several times "
                    "that.");
        }
        out.emplace(where, std::make_shared<pool::server_cap>(where, here.most));
    }
    return out;
}

}  // namespace ashlar::topology
