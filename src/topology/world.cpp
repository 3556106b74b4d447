#include "topology/world.hpp"

#include "core/io/task_group.hpp"
#include "driver/declared_type.hpp"
#include "driver/drivers.hpp"
#include "pool/server_cap.hpp"
#include "topology/catalogue_reader.hpp"
#include "topology/learning_rules.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>

namespace ashlar::topology {

namespace {

pool::pool_options options_from(const config::pool_settings& s) {
    pool::pool_options o;
    o.max_connections = s.max_connections;
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

route::table_kind kind_of(config::table_kind kind) {
    switch (kind) {
        case config::table_kind::sharded:
            return route::table_kind::sharded;
        case config::table_kind::reference:
            return route::table_kind::reference;
        case config::table_kind::unsharded:
            return route::table_kind::unsharded;
    }
    return route::table_kind::unsharded;
}

std::string schema_of(const config::table& t) {
    return t.schema.empty() ? "public" : t.schema;
}

// One server, however many databases it has: what the bound on its connections goes by. Empty for a file.
std::string server_of(const config::endpoint& where) {
    if (where.engine == config::engine::sqlite) return {};
    const bool is_postgres = where.engine == config::engine::postgres;
    const int port = where.port != 0 ? where.port : is_postgres ? 5432 : 3306;
    std::string host = where.host.empty() ? "localhost" : where.host;
    std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return std::tolower(c); });
    if (where.host.starts_with('/')) return is_postgres ? fmt::format("{}:{}", where.host, port) : where.host;
    return fmt::format("{}:{}", host, port);
}

using server_caps = std::map<std::string, std::shared_ptr<pool::server_cap>>;

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

// A table stands in the catalogue under its full name, and under the bare one when it is in the schema `public`.
void enter(route::catalogue& into, const route::table_facts& table) {
    into.tables[table.schema + "." + table.name] = table;
    if (table.schema == "public") into.tables[table.name] = table;
}

}  // namespace

result<std::shared_ptr<driver::driver>> default_driver(const config::endpoint& where, const config::pool_settings&) {
    switch (where.engine) {
        case config::engine::sqlite: {
            driver::sqlite_options o;
            o.file = where.database;
            return std::shared_ptr<driver::driver>{driver::make_sqlite_driver(std::move(o))};
        }
        case config::engine::postgres: {
            driver::postgres_options o;
            o.host = where.host;
            o.port = where.port == 0 ? std::uint16_t{5432} : where.port;
            o.user = where.user;
            o.password = where.password;
            o.database = where.database;
            o.extra = where.options;
            return std::shared_ptr<driver::driver>{driver::make_postgres_driver(std::move(o))};
        }
        case config::engine::mysql: {
            driver::mysql_options o;
            (where.host.starts_with('/') ? o.socket : o.host) = where.host;
            o.port = where.port == 0 ? std::uint16_t{3306} : where.port;
            o.user = where.user;
            o.password = where.password;
            o.database = where.database;
            o.extra = where.options;
            return std::shared_ptr<driver::driver>{driver::make_mysql_driver(std::move(o))};
        }
    }
    return error{errc::internal, "an engine without a driver"};
}

struct world::inside {
    config::description description;
    std::optional<keyspace::shard_map> map;
    std::unique_ptr<alert_desk> desk;
    std::vector<member> shards, databases;

    mutable std::mutex guard;  // of the catalogue's pointer
    std::shared_ptr<const route::catalogue> catalogue;
    instant catalogue_began = instant::min();            // when its reading began: what was read later is newer
    std::map<std::string, instant, std::less<>> learnt;  // the same for databases whose numbers were read again since

    std::unique_ptr<io::loop> loop;
    std::thread housekeeper;

    // Who reads a database's numbers again, and who waits for it.
    struct learning {
        learning_rules rules;
        std::vector<std::shared_ptr<io::signal>> waiting;
    };
    std::mutex learning_guard;
    std::map<std::string, learning, std::less<>> learnings;

    std::shared_ptr<route::catalogue> bare_catalogue() const;
    task<status> keep_house();
    // Of one database, under way: its end is told whoever ends it.
    struct reading {
        inside& all;
        const std::string& database;
        const missing_oids& what;
        ~reading();
    };

    void keep_what_was_learnt(route::catalogue& in);
    bool knows(const std::string& database, const missing_oids& what) const;
    task<bool> read_oids_again(io::loop& loop, const member& from, deadline until);
};

world::world() : inside_(std::make_unique<inside>()) {}
world::~world() {
    stop();
}

result<std::shared_ptr<world>> world::open(config::description from, const driver_factory& make_driver,
                                           alert_desk::callback also) {
    std::shared_ptr<world> made{new world};
    inside& all = *made->inside_;
    all.description = std::move(from);
    if (status s = check_engines(all.description); !s) return std::move(s).error();
    auto map = map_from(all.description);
    if (!map) return std::move(map).error();
    all.map = std::move(*map);
    auto capped = caps_from(all.description);
    if (!capped) return std::move(capped).error();
    const auto make_pool = [&](const std::string& name, std::shared_ptr<driver::driver> driver,
                               const config::endpoint& where, const config::pool_settings& how) {
        const auto cap = capped->find(server_of(where));
        return pool::pool::make(name, std::move(driver), options_from(how), steady_clock::now,
                                cap == capped->end() ? nullptr : cap->second);
    };

    const auto add = [&](std::vector<member>& to, const config::database& each) -> status {
        auto driver = make_driver(each.primary, each.pool);
        if (!driver) return std::move(driver).error().on(each.name);
        member m;
        m.name = each.name;
        m.number = all.shards.size() + all.databases.size();
        m.described = &each;
        m.pool = make_pool(each.name, std::move(*driver), each.primary, each.pool);
        std::vector<server> servers;
        servers.push_back({each.name, &each.primary, m.pool, 1});
        for (std::size_t i = 0; i < each.replicas.size(); ++i) {
            const std::string name = fmt::format("{}/replica_{}", each.name, i + 1);
            auto replica = make_driver(each.replicas[i], each.pool);
            if (!replica) return std::move(replica).error().on(name);
            servers.push_back({name, &each.replicas[i],
                               make_pool(name, std::move(*replica), each.replicas[i], each.pool),
                               i < each.replica_weights.size() ? each.replica_weights[i] : 1});
        }
        health::breaker_options breaking;
        breaking.failures_max = each.primary.engine == config::engine::sqlite ? 0 : all.description.breaker.failures;
        breaking.window = all.description.breaker.window;
        breaking.cool_down = all.description.breaker.cool_down;
        m.servers = std::make_shared<server_set>(each.name, std::move(servers), all.description.replicas, breaking);
        to.push_back(std::move(m));
        return {};
    };
    if (all.description.shards_) {
        for (const auto& each : all.description.shards_->list) {
            if (status s = add(all.shards, each); !s) return std::move(s).error();
        }
    }
    for (const auto& [name, each] : all.description.databases) {
        if (status s = add(all.databases, each); !s) return std::move(s).error();
    }
    std::unique_ptr<webhook> hook;
    if (const config::alert_settings& alerts = all.description.alerts; !alerts.webhook.empty()) {
        auto ready = webhook::make(alerts.webhook, alerts.timeout);
        if (!ready) return std::move(ready).error();
        hook = std::move(*ready);
    }
    all.desk = std::make_unique<alert_desk>(all.description.alerts, std::move(also), std::move(hook));
    if (all.desk->is_wanted()) {
        for (auto* list : {&all.shards, &all.databases}) {
            for (member& each : *list) each.servers->tell_changes_to(*all.desk);
        }
    }
    all.catalogue = all.bare_catalogue();
    return made;
}

std::shared_ptr<route::catalogue> world::inside::bare_catalogue() const {
    auto c = std::make_shared<route::catalogue>();
    c->shards = map;
    const config::database* any = description.primary();
    if (description.shards_ && !description.shards_->list.empty()) any = &description.shards_->list.front();
    if (any != nullptr && any->primary.engine == config::engine::sqlite) c->dialect = route::dialect::sqlite;
    if (description.primary() == nullptr) c->unsharded_database.clear();
    // Until they have been asked, nobody knows what the databases' own numbers mean to each other.
    if (c->dialect == route::dialect::postgres && shards.size() + databases.size() > 1) {
        auto none_known = std::make_shared<oid_maps>();
        for (const auto* list : {&shards, &databases}) {
            for (const member& each : *list) none_known->emplace(each.name, oid_map::blind(each.name));
        }
        c->oids = std::move(none_known);
    }
    c->default_collation.kind = route::collation_kind::nondeterministic;  // until the databases have been asked
    for (const config::table& each : description.tables) {
        route::table_facts t;
        t.schema = schema_of(each);
        t.name = each.name;
        t.kind = kind_of(each.kind);
        t.shard_key = each.shard_key;
        t.database = each.database.empty() ? "primary" : each.database;
        enter(*c, t);
    }
    return c;
}

task<status> world::inside::keep_house() {
    io::task_group<status> pools{*loop};
    for (auto* list : {&shards, &databases}) {
        for (member& each : *list) {
            for (const server& one : each.servers->servers()) pools.start(one.pool->run(*loop));
            pools.start(each.servers->watch(*loop));
        }
    }
    if (desk->is_wanted()) pools.start(desk->run(*loop));
    co_await pools.join();
    co_return status{};
}

void world::start() {
    if (inside_->housekeeper.joinable()) return;
    (void)spdlog::default_logger_raw();  // made before the threads that log, not by whichever is first
    inside_->loop = io::make_epoll_loop();
    inside_->housekeeper = std::thread([all = inside_.get()] {
        sigset_t every;
        sigfillset(&every);
        pthread_sigmask(SIG_BLOCK, &every, nullptr);
        (void)all->loop->run(all->keep_house());
    });
}

void world::stop() {
    if (inside_->desk) inside_->desk->stop();
    for (auto* list : {&inside_->shards, &inside_->databases}) {
        for (member& each : *list) {
            each.servers->stop();
            for (const server& one : each.servers->servers()) one.pool->stop();
        }
    }
    if (inside_->housekeeper.joinable()) inside_->housekeeper.join();
}

const config::description& world::description() const noexcept {
    return inside_->description;
}
const std::vector<member>& world::shards() const noexcept {
    return inside_->shards;
}
const std::vector<member>& world::databases() const noexcept {
    return inside_->databases;
}
const member& world::shard(keyspace::shard_id id) const {
    return inside_->shards.at(keyspace::index_of(id));
}

const member* world::find(std::string_view name) const noexcept {
    for (const auto* list : {&inside_->shards, &inside_->databases}) {
        for (const member& each : *list) {
            if (each.name == name) return &each;
        }
    }
    return nullptr;
}

const member* world::takes_everything() const noexcept {
    const config::database* primary = inside_->description.primary();
    if (primary == nullptr || primary->primary.engine != config::engine::mysql) return nullptr;
    return find(primary->name);
}

std::shared_ptr<const route::catalogue> world::catalogue() const {
    std::lock_guard hold{inside_->guard};
    return inside_->catalogue;
}

namespace {

// What `read` finds on a database, on a connection of its pool.
template <class Found>
task<result<Found>> read_from(io::loop& loop, const member& from, deadline until,
                              task<result<Found>> (*read)(driver::connection&, deadline)) {
    auto lent = co_await from.servers->lend_to_write(loop, until);
    if (!lent) co_return std::move(lent).error().on(from.name);
    auto found = co_await read(*lent->lease, until);
    if (!found) {
        from.servers->failed(lent->server, found.error());
        co_return std::move(found).error().on(from.name);
    }
    from.servers->well(lent->server);
    co_return found;
}

// Runs one pool's warm_up on a connection, and keeps that lent until all others have theirs.
task<status> warm_one(io::loop& loop, const server& of, const config::pool_settings& how, pool::lease& kept,
                      deadline until) {
    auto lent = co_await of.pool->lend(loop, until);
    if (!lent) co_return std::move(lent).error().on(of.name);
    kept = std::move(*lent);
    for (const std::string& sql : how.warm_up) {
        driver::statement what;
        what.sql = sql;
        auto shape = co_await kept->start(std::move(what), until);
        if (!shape) co_return std::move(shape).error().on(of.name);
        row_batch dropped;
        while (!kept->at_end()) {
            dropped.clear();
            auto got = co_await kept->fetch(dropped, until);
            if (!got) co_return std::move(got).error().on(of.name);
            if (*got == driver::fetched::ended) break;
        }
    }
    co_return status{};
}

// Named databases that are not needed to know the tables are not waited for long.
constexpr seconds patience_with_others{2};

std::shared_ptr<const oid_maps> compare(const std::map<std::string, own_oids>& numbers, const std::string& known) {
    oid_maps made;
    for (const auto& [name, there] : numbers) {
        if (name == known) continue;
        made.emplace(name, oid_map::make(name, there, numbers.at(known)));
    }
    if (made.empty()) return nullptr;
    return std::make_shared<const oid_maps>(std::move(made));
}

}  // namespace

task<status> world::warm_up(io::loop& loop, deadline until) {
    struct one {
        const config::pool_settings* how;
        pool::lease kept;
        status ended;
    };
    std::deque<one> all;
    io::task_group<void> runs{loop};
    const auto run = [](io::loop& on, const server& of, one& into, deadline limit) -> task<void> {
        into.ended = co_await warm_one(on, of, *into.how, into.kept, limit);
    };
    // In rounds of one for each pool, so that those which share a server's room have some of it each.
    std::map<const pool::server_cap*, std::uint32_t> taken;
    bool more = true;
    for (std::uint32_t round = 0; more; ++round) {
        more = false;
        for (const auto* list : {&inside_->shards, &inside_->databases}) {
            for (const member& each : *list) {
                const config::pool_settings& how = each.described->pool;
                if (how.warm_up.empty() || round >= std::max(1U, how.min_connections)) continue;
                for (const server& of : each.servers->servers()) {
                    const pool::server_cap* const cap = of.pool->cap();
                    if (cap != nullptr && taken[cap]++ >= cap->most()) {
                        if (round == 0)
                            spdlog::info("{} is not warmed up: {} has no room for it", of.name, cap->server());
                        continue;
                    }
                    more = true;
                    one& here = all.emplace_back();
                    here.how = &how;
                    runs.start(run(loop, of, here, until));
                }
            }
        }
    }
    co_await runs.join();
    status outcome;
    for (one& each : all) {
        if (each.ended) continue;
        spdlog::warn("warm-up failed: {}", each.ended.error().to_string());
        if (each.how->warm_up_required && outcome) outcome = std::move(each.ended);
    }
    co_return outcome;
}

task<status> world::read_catalogue(io::loop& loop, deadline until) {
    const instant began = steady_clock::now();
    std::shared_ptr<route::catalogue> fresh = inside_->bare_catalogue();
    std::vector<std::string> spread;  // the tables that every shard must have alike
    for (const config::table& each : inside_->description.tables) {
        if (each.kind != config::table_kind::unsharded) spread.push_back(schema_of(each) + "." + each.name);
    }

    std::map<std::string, own_oids> numbers;  // by database
    std::optional<schema_snapshot> central;
    // Unsharded tables first, so that what the shards hold wins for tables that are configured.
    if (const member* primary = find(fresh->unsharded_database);
        primary != nullptr && !fresh->unsharded_database.empty() && primary != takes_everything()) {
        auto read = co_await read_from(loop, *primary, until, &read_schema);
        if (!read) co_return std::move(read).error();
        fresh->default_collation = read->default_collation;
        fresh->any_column_collation_differs = read->any_column_collation_differs;
        fresh->immutable_functions = std::move(read->immutable_functions);
        fresh->stable_functions = std::move(read->stable_functions);
        for (const auto& [name, table] : read->tables) {
            const route::table_facts* configured = fresh->find(table.schema, table.name);
            if (configured != nullptr && configured->kind != route::table_kind::unsharded) continue;
            route::table_facts own = table;
            own.kind = route::table_kind::unsharded;
            own.database = configured != nullptr ? configured->database : fresh->unsharded_database;
            enter(*fresh, own);
        }
        numbers[primary->name] = std::move(read->oids);
        central = std::move(*read);
    }

    std::optional<schema_snapshot> first;
    for (const member& each : inside_->shards) {
        auto read = co_await read_from(loop, each, until, &read_schema);
        if (!read) co_return std::move(read).error();
        numbers[each.name] = std::move(read->oids);
        if (first) {
            if (std::string differs = first_difference(*first, *read, spread); !differs.empty()) {
                co_return error{errc::shards_disagree, fmt::format("{} and {} do not have the same tables", each.name,
                                                                   inside_->shards.front().name)}
                    .detail(fmt::format("On {}: {}.", each.name, differs))
                    .hint("Bring the shards to one schema, then start again.");
            }
            continue;
        }
        first = std::move(*read);
    }
    if (first) {
        fresh->unsharded_database_has_all = central && first_difference(*first, *central, spread).empty();
        fresh->default_collation = first->default_collation;
        fresh->any_column_collation_differs |= first->any_column_collation_differs;
        fresh->immutable_functions = first->immutable_functions;
        fresh->stable_functions = first->stable_functions;
        for (const config::table& each : inside_->description.tables) {
            if (each.kind == config::table_kind::unsharded) continue;
            const auto found = first->tables.find(schema_of(each) + "." + each.name);
            if (found == first->tables.end()) continue;  // configured before it was created: known without columns
            route::table_facts table = found->second;
            table.kind = kind_of(each.kind);
            table.shard_key = each.shard_key;
            if (table.kind == route::table_kind::sharded && table.find(table.shard_key) == nullptr) {
                co_return error{errc::config_invalid, fmt::format("table {} has no column {}, its configured shard key",
                                                                  each.name, each.shard_key)}
                    .hint("Name one of its columns as shard_key under [tables].");
            }
            enter(*fresh, table);
        }
    }

    std::vector<std::string> silent;
    for (const member& each : inside_->databases) {
        if (numbers.contains(each.name) || each.described->primary.engine != config::engine::postgres) continue;
        const deadline soon{std::min(until.at(), steady_clock::now() + patience_with_others)};
        auto read = co_await read_from(loop, each, soon, &read_oids);
        if (read)
            numbers[each.name] = std::move(*read);
        else
            silent.push_back(each.name);
    }
    const bool ask_shard = first && !fresh->unsharded_database_has_all;
    const std::string known = ask_shard ? inside_->shards.front().name : fresh->unsharded_database;
    if (fresh->dialect == route::dialect::postgres && numbers.contains(known)) {
        fresh->oids = compare(numbers, known);
        if (!silent.empty()) {
            oid_maps more = fresh->oids == nullptr ? oid_maps{} : *fresh->oids;
            for (const std::string& name : silent) more.emplace(name, oid_map::blind(name));
            fresh->oids = std::make_shared<const oid_maps>(std::move(more));
        }
    }

    std::lock_guard hold{inside_->guard};
    if (inside_->catalogue_began > began) co_return status{};  // somebody else has read it since
    inside_->catalogue_began = began;
    inside_->keep_what_was_learnt(*fresh);
    fresh->version = inside_->catalogue->version + 1;
    inside_->catalogue = std::move(fresh);
    co_return status{};
}

// Precondition: `guard` is held. What began to be learnt after the reading at hand is newer, unless other numbers are shown now.
void world::inside::keep_what_was_learnt(route::catalogue& in) {
    const bool same = in.oids != nullptr && catalogue->oids != nullptr &&
                      in.unsharded_database_has_all == catalogue->unsharded_database_has_all;
    std::erase_if(learnt, [&](const auto& each) { return !same || each.second < catalogue_began; });
    if (learnt.empty()) return;
    auto maps = std::make_shared<oid_maps>(*in.oids);
    for (const auto& [database, when] : learnt) (*maps)[database] = catalogue->oids->at(database);
    in.oids = std::move(maps);
}

bool world::inside::knows(const std::string& database, const missing_oids& what) const {
    std::lock_guard hold{guard};
    if (catalogue->oids == nullptr) return true;
    const auto of = catalogue->oids->find(database);
    return of == catalogue->oids->end() || of->second->knows(what);
}

task<bool> world::inside::read_oids_again(io::loop& on_loop, const member& from, deadline until) {
    const instant began = steady_clock::now();
    std::shared_ptr<const route::catalogue> known;
    {
        std::lock_guard hold{guard};
        known = catalogue;
    }
    const bool ask_shard = known->shards && !known->unsharded_database_has_all;
    const std::string& shown = ask_shard ? shards.front().name : known->unsharded_database;
    const auto is_shown = [&](const member& each) { return each.name == shown; };
    const auto* list = ask_shard ? &shards : &databases;
    const auto central = std::find_if(list->begin(), list->end(), is_shown);
    // One that has a map itself is not the one that maps were made for: the catalogue has not been read yet.
    if (central == list->end() || known->oids == nullptr || known->oids->contains(shown)) co_return false;
    own_oids found[2];
    const member* const both[] = {&*central, &from};
    for (std::size_t i = 0; i < 2; ++i) {
        const server_set& among = *both[i]->servers;
        const server& writer = among.servers()[among.writer_now().value_or(0)];
        auto made = co_await writer.pool->server().connect(on_loop, until);
        if (!made) co_return false;
        const std::unique_ptr<driver::connection> on = std::move(*made);
        auto read = co_await read_oids(*on, until);
        if (!read) co_return false;
        found[i] = std::move(*read);
    }
    auto fresh = oid_map::make(from.name, found[1], found[0]);
    std::lock_guard hold{guard};
    auto next = std::make_shared<route::catalogue>(*catalogue);
    if (next->oids == nullptr || next->oids->contains(shown)) co_return false;
    auto maps = std::make_shared<oid_maps>(*next->oids);
    (*maps)[from.name] = std::move(fresh);
    next->oids = std::move(maps);
    ++next->version;
    learnt[from.name] = began;
    catalogue = std::move(next);
    co_return true;
}

world::inside::reading::~reading() {
    const bool found = all.knows(database, what);
    std::lock_guard hold{all.learning_guard};
    learning& here = all.learnings[database];
    here.rules.ended(steady_clock::now(), what.all(), found);
    for (const auto& each : here.waiting) each->set();
    here.waiting.clear();
}

task<bool> world::learn_oids(io::loop& loop, std::string database, missing_oids what, deadline until) {
    using verdict = learning_rules::verdict;
    inside& all = *inside_;
    const member* const from = find(database);
    const std::vector<std::uint32_t> numbers = what.all();
    for (;;) {
        if (from == nullptr || all.knows(database, what)) co_return from != nullptr;  // perhaps since the caller looked
        const instant now = steady_clock::now();
        if (until.passed(now)) co_return false;
        const auto told = std::make_shared<io::signal>();
        verdict may = verdict::leave;
        instant rested;
        {
            std::lock_guard hold{all.learning_guard};
            inside::learning& here = all.learnings[database];
            may = here.rules.ask(now, numbers);
            rested = here.rules.rested_at();
            if (may == verdict::wait) here.waiting.push_back(told);
        }
        switch (may) {
            case verdict::leave:
                co_return false;
            case verdict::wait:
                (void)co_await loop.wait_for(*told, until);
                continue;
            case verdict::rest: {
                const deadline next{std::min(rested, until.at())};
                (void)co_await loop.sleep_until(next);
                continue;
            }
            case verdict::read:
                break;
        }
        const inside::reading reads{all, database, what};
        (void)co_await all.read_oids_again(loop, *from, until);
        co_return all.knows(database, what);
    }
}

}  // namespace ashlar::topology
