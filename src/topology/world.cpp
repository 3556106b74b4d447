#include "core/io/task_group.hpp"
#include "pool/server_cap.hpp"
#include "topology/webhook.hpp"
#include "topology/world_inside.hpp"
#include "topology/world_parts.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <deque>

namespace ashlar::topology {

world::world() : inside_(std::make_unique<inside>()) {}
world::~world() {
    stop();
}

namespace {

struct postgres_server {
    const config::database* of = nullptr;
    std::string name;
    std::shared_ptr<driver::driver> driver;
};

// Whose sessions all others begin like, the first that answers: the primary's servers, then the shards' in their order.
void begin_sessions_alike(const config::description& all, const std::vector<postgres_server>& servers,
                          driver::session_defaults& sessions) {
    driver::session_values configured;
    for (const auto& [name, value] : all.session_defaults) configured.push_back({name, value, false});
    sessions.use_configured(std::move(configured));
    const auto is_shard = [&](const config::database* one) {
        return all.shards_ && std::any_of(all.shards_->list.begin(), all.shards_->list.end(),
                                          [&](const config::database& each) { return &each == one; });
    };
    for (const bool primary : {true, false}) {
        for (const postgres_server& each : servers) {
            if (primary ? each.of == all.primary() : is_shard(each.of)) sessions.add_source(each.name, each.driver);
        }
    }
}

}  // namespace

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

    std::vector<postgres_server> postgres;
    const auto note = [&](const config::database& of, const std::string& name, std::shared_ptr<driver::driver> driver) {
        if (of.primary.engine == config::engine::postgres) postgres.push_back({&of, name, std::move(driver)});
    };

    const auto add = [&](std::vector<member>& to, const config::database& each) -> status {
        auto driver = make_driver(each.primary, each.pool);
        if (!driver) return std::move(driver).error().on(each.name);
        note(each, each.name, *driver);
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
            note(each, name, *replica);
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
    begin_sessions_alike(all.description, postgres, *all.sessions);
    if (all.sessions->has_sources()) {
        for (const postgres_server& each : postgres) each.driver->begin_sessions_with(all.sessions);
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
    if (all.description.shards_) all.configured = map_description_of(*all.description.shards_);
    all.unmarked.resize(all.shards.size());
    all.adopted.resize(all.shards.size());
    for (const member& each : all.shards) all.standings.push_back({each.name, false, std::nullopt, false});
    all.catalogue = bare_catalogue(all.description, all.map);
    for (const member* each : all.read_whole()) each->servers->guard_by(all);
    return made;
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
    io::task_group<void> watch{*loop};
    watch.start(watch_schemas());
    co_await pools.join();
    co_await watch.cancel_and_join();
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

const member* world::inside::find(std::string_view name) const noexcept {
    for (const auto* list : {&shards, &databases}) {
        for (const member& each : *list) {
            if (each.name == name) return &each;
        }
    }
    return nullptr;
}

const member* world::find(std::string_view name) const noexcept {
    return inside_->find(name);
}

const member* world::takes_everything() const noexcept {
    const config::database* primary = inside_->description.primary();
    if (primary == nullptr || primary->primary.engine != config::engine::mysql) return nullptr;
    return find(primary->name);
}

std::shared_ptr<const driver::session_values> world::session_defaults() const {
    return inside_->sessions->known();
}

task<status> world::learn_session_defaults(io::loop& loop, deadline until) {
    if (!inside_->sessions->has_sources()) co_return status{};
    auto known = co_await inside_->sessions->values(loop, until);
    if (!known) co_return std::move(known).error();
    co_return status{};
}

std::uint64_t world::catalogue_version() const noexcept {
    return inside_->catalogue_version.load(std::memory_order_acquire);
}

std::shared_ptr<const route::catalogue> world::catalogue() const {
    std::lock_guard hold{inside_->guard};
    return inside_->catalogue;
}

namespace {

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
                if (!each.servers->gate_is_open()) {
                    if (round == 0) spdlog::warn("{} is not warmed up: it has not answered yet", each.name);
                    continue;
                }
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

}  // namespace ashlar::topology
