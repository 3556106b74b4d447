#include "support/proxied.hpp"

#include <stdexcept>

namespace ashlar::test {

namespace {

config::database database_at(const std::string& name, const config::endpoint& where, std::uint32_t pool) {
    config::database d;
    d.name = name;
    d.primary = where;
    d.pool.max_connections = pool;
    d.pool.min_connections = 0;
    return d;
}

}  // namespace

config::table proxied::sharded(std::string name, std::string key) {
    config::table t;
    t.name = std::move(name);
    t.kind = config::table_kind::sharded;
    t.shard_key = std::move(key);
    return t;
}

config::table proxied::reference(std::string name) {
    config::table t;
    t.name = std::move(name);
    t.kind = config::table_kind::reference;
    return t;
}

proxied::proxied(options how) {
    config::description d;
    d.file = "test";
    d.tables = how.tables;
    config::shards shards;
    shards.function = how.function;
    shards.key_type = how.key_type;
    postgres_ = how.on;
    if (!how.sqlite && postgres_ == nullptr) {
        postgres_server::options settings;
        settings.settings["max_connections"] = "200";
        postgres_ = std::make_shared<postgres_server>(settings);
    }
    const auto endpoint_of = [&](const std::string& database) {
        config::endpoint e;
        if (how.sqlite) {
            e.engine = config::engine::sqlite;
            e.database = folder_.file(database + ".db");
            return e;
        }
        e.engine = config::engine::postgres;
        e.host = postgres_->host();
        e.port = postgres_->port();
        e.user = postgres_->user();
        e.password = postgres_->password();
        e.database = database;
        return e;
    };
    std::vector<std::string> names{"main"};
    for (std::size_t i = 1; i <= how.shards; ++i) names.push_back("shard_" + std::to_string(i));
    for (const std::string& name : names) {
        if (!how.sqlite && how.on == nullptr) {
            postgres_->create_database(name);
            for (const std::string& statement : how.schema) (void)postgres_->run_sql(statement, name);
        }
        const config::endpoint where = endpoint_of(name);
        if (name == "main") {
            d.databases["primary"] = database_at("primary", where, how.pool);
        } else {
            shards.list.push_back(database_at(name, where, how.pool));
        }
    }
    if (how.shards > 0) d.shards_ = shards;
    d.serve.listen_addr = "127.0.0.1";
    d.serve.listen_port = 0;
    d.serve.auth_type = "trust";
    d.serve.database = "main";
    d.serve.workers = 2;
    if (how.change) how.change(d);
    if (how.sqlite) {
        // The files are made by the library itself, so that no other program is needed.
        auto maker = topology::world::open(d);
        if (!maker) throw std::runtime_error{maker.error().to_string()};
        auto loop = io::make_poll_loop();
        std::vector<const topology::member*> all;
        for (const auto& each : (*maker)->shards()) all.push_back(&each);
        for (const auto& each : (*maker)->databases()) all.push_back(&each);
        for (const topology::member* each : all) {
            auto lease = loop->run(each->pool->lend(*loop));
            if (!lease) throw std::runtime_error{lease.error().to_string()};
            for (const std::string& statement : how.schema) {
                status done = loop->run((*lease)->run_script(statement, deadline::in(seconds{10})));
                if (!done) throw std::runtime_error{done.error().to_string()};
            }
        }
        (*maker)->stop();
    }
    auto world = topology::world::open(std::move(d), proxy::driver_for);
    if (!world) throw std::runtime_error{world.error().to_string()};
    world_ = std::move(*world);
    server_ = std::make_unique<proxy::server>(world_);
    status started = server_->start();
    if (!started) throw std::runtime_error{started.error().to_string()};
}

proxied::~proxied() = default;

raw_client::options proxied::login() const {
    raw_client::options o;
    o.port = server_->port();
    o.database = "main";
    return o;
}

raw_client::options proxied::direct(const std::string& database) const {
    raw_client::options o;
    o.port = postgres_->port();
    o.database = database;
    return o;
}

}  // namespace ashlar::test
