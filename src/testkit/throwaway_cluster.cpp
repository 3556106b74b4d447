// throwaway_cluster.cpp: a configuration whose databases are replaced by new ones, and the servers under them.
#include "cluster/cluster_inside.hpp"
#include "config/load.hpp"
#include "config/url.hpp"
#include "driver/drivers.hpp"
#include "testkit/faults.hpp"
#include "testkit/mariadb_server.hpp"
#include "testkit/postgres_server.hpp"
#include "testkit/temporary_folder.hpp"

#include <ashlar/testkit.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace ashlar::testkit {

namespace {

using namespace std::chrono_literals;

// How long replicas may take until they can be read from.
constexpr auto replicas_patience = 30s;
constexpr auto file_patience = 30s;

template <class T>
T must(result<T> made, std::string_view what) {
    if (!made) throw std::runtime_error(fmt::format("{}: {}", what, made.error().to_string()));
    return std::move(*made);
}
void must(const status& done, std::string_view what) {
    if (!done) throw std::runtime_error(fmt::format("{}: {}", what, done.error().to_string()));
}

std::string toml_of(const throwaway_options& how) {
    std::string text = "[databases.primary]\nurl = \"sqlite:primary\"\n";
    if (how.shards > 0) {
        text += fmt::format(
            "[shards]\nfunction = \"modulo\"\nkey_type = \"{}\"\ncount = {}\nurl = \"sqlite:shard_{{shard}}\"\n",
            how.key_type, how.shards);
    }
    if (!how.tables.empty()) text += "[tables]\n" + how.tables + "\n";
    return text + how.settings + "\n";
}

// The program's own file, with the environment and its own defaults; and for each variable that has neither, something that
// stands in, for no URL of it is used: an URL, or a word where the variable is a part of one, whichever leaves fewer mistakes.
config::description read_own(const std::string& path) {
    std::map<std::string, bool, std::less<>> is_url;  // of what is not set
    config::environment variables = [](std::string_view name) -> std::optional<std::string> {
        auto set = config::process_environment()(name);
        return set && !set->empty() ? set : std::nullopt;
    };
    variables.otherwise = [&](std::string_view name) {
        const bool url = is_url.try_emplace(std::string{name}, true).first->second;
        return url ? fmt::format("postgres://unset/{}", name) : std::string{"unset"};
    };
    config::reading_result best = config::read_file(path, variables);
    for (auto& [name, url] : is_url) {
        if (best.is_good()) break;
        url = false;
        config::reading_result other = config::read_file(path, variables);
        if (other.wrong.size() <= best.wrong.size()) {
            best = std::move(other);
        } else {
            url = true;
        }
    }
    if (!best.is_good()) throw std::runtime_error(config::to_error(best).to_string());
    // A fault that a test asks for is nobody's alert.
    best.what.alerts.command.clear();
    best.what.alerts.webhook.clear();
    return std::move(best.what);
}

config::description described(const throwaway_options& how) {
    if (!how.like.empty()) return read_own(how.like);
    config::reading_result read = config::read(toml_of(how), "throwaway/ashlar.toml", config::process_environment());
    if (!read.is_good()) throw std::runtime_error(config::to_error(read).to_string());
    for (auto& [name, database] : read.what.databases) {
        database.replicas.resize(how.replicas);
        database.replica_weights.resize(how.replicas, 1);
    }
    if (read.what.shards_) {
        for (config::database& shard : read.what.shards_->list) {
            shard.replicas.resize(how.replicas);
            shard.replica_weights.resize(how.replicas, 1);
        }
    }
    return std::move(read.what);
}

std::vector<config::database*> databases_of(config::description& all) {
    std::vector<config::database*> list;
    if (all.shards_) {
        for (config::database& shard : all.shards_->list) list.push_back(&shard);
    }
    for (auto& [name, database] : all.databases) list.push_back(&database);
    return list;
}

// A real server with its replicas, of either engine: what the cluster's databases lie on.
class servers {
public:
    virtual ~servers() = default;
    virtual void make_database(const std::string& name, const std::string& schema) = 0;
    virtual void make_replica() = 0;
    // Of the primary (0) or a replica (1 …).
    virtual std::string url(std::size_t number, const std::string& database) const = 0;
    virtual void lag(std::size_t replica, std::chrono::seconds by) = 0;
    virtual void hold(std::size_t replica) = 0;
    virtual void release(std::size_t replica) = 0;
};

void set_lag(const postgres_server& replica, std::chrono::seconds by) {
    replica.run_sql(fmt::format("alter system set recovery_min_apply_delay = '{}s'", by.count()));
    replica.run_sql("select pg_reload_conf()");
    // A connection that shows it is younger than the signals to the server's processes: the next record is applied by it.
    const std::string wanted = std::to_string(std::chrono::milliseconds{by}.count());
    while (replica.scalar("select setting from pg_settings where name = 'recovery_min_apply_delay'") != wanted) {
        std::this_thread::sleep_for(2ms);
    }
}
void set_lag(const mariadb_server& replica, std::chrono::seconds by) {
    replica.run_sql(fmt::format("stop slave; change master to master_delay = {}; start slave", by.count()));
}
void stop_replay(const postgres_server& replica) {
    replica.run_sql("select pg_wal_replay_pause()");
}
void stop_replay(const mariadb_server& replica) {
    replica.run_sql("stop slave sql_thread");
}
void go_on(const postgres_server& replica) {
    replica.run_sql("select pg_wal_replay_resume()");
}
void go_on(const mariadb_server& replica) {
    replica.run_sql("start slave sql_thread");
}

template <class Server>
class servers_of final : public servers {
public:
    servers_of() { all_.push_back(std::make_unique<Server>(options())); }

    void make_database(const std::string& name, const std::string& schema) override {
        all_[0]->create_database(name);
        if (!schema.empty()) all_[0]->run_sql(schema, name);
    }
    void make_replica() override {
        typename Server::options how = options();
        how.replica_of = all_[0].get();
        all_.push_back(std::make_unique<Server>(how));
    }
    std::string url(std::size_t number, const std::string& database) const override {
        return all_[number]->url(database);
    }
    void lag(std::size_t replica, std::chrono::seconds by) override { set_lag(*all_[replica], by); }
    void hold(std::size_t replica) override { stop_replay(*all_[replica]); }
    void release(std::size_t replica) override { go_on(*all_[replica]); }

private:
    static typename Server::options options() {
        typename Server::options how;
        how.settings["max_connections"] = "500";
        return how;
    }
    std::vector<std::unique_ptr<Server>> all_;
};

void make_file(const std::string& path, const std::string& schema) {
    const auto loop = io::make_poll_loop();
    driver::sqlite_options options;
    options.file = path;
    const auto to = driver::make_sqlite_driver(options);
    const deadline until = deadline::in(file_patience);
    const auto file = must(loop->run(to->connect(*loop, until)), path);
    if (!schema.empty()) must(loop->run(file->run_script(schema, until)), "the schema of " + path);
}

config::endpoint endpoint_of(const std::string& url) {
    auto parsed = config::parse_url(url);
    return std::get<config::endpoint>(std::move(parsed));
}

// "shard_1/replica_2" → 2, "shard_1" → 0
std::size_t number_of(std::string_view server) {
    constexpr std::string_view mark = "/replica_";
    const auto at = server.find(mark);
    return at == std::string_view::npos ? 0 : std::stoul(std::string{server.substr(at + mark.size())});
}

}  // namespace

struct throwaway_cluster::inside {
    recorder notes;
    temporary_folder folder;
    std::unique_ptr<servers> real;                                              // none: SQLite
    std::map<std::string, std::shared_ptr<server_faults>, std::less<>> faults;  // by server; shared with its driver
    std::map<std::string, std::string, std::less<>> urls;                       // the same
    std::map<std::string, std::string> server_of;                               // by endpoint
    std::set<std::size_t> lagging;                                              // replicas
    std::set<std::size_t> held;                                                 // replicas
    std::mutex guard;                                                           // of the two above
    std::optional<ashlar::cluster> cluster;

    // A new endpoint for a server of the description.
    void place(config::endpoint& at, const std::string& server, const std::string& url) {
        at = endpoint_of(url);
        urls[server] = url;
        server_of[at.display()] = server;
        faults[server] = std::make_shared<server_faults>();
    }

    void place_on_file(config::database& each, const throwaway_options& how) {
        each.replicas.clear();
        each.replica_weights.clear();
        const std::string path = folder.file(each.name + ".db");
        make_file(path, schema_of(how, each));
        place(each.primary, each.name, "sqlite:" + path);
    }

    void place_on_servers(std::vector<config::database*> all, const throwaway_options& how) {
        std::size_t replicas = 0;
        for (const config::database* each : all) {
            real->make_database(each->name, schema_of(how, *each));
            replicas = std::max(replicas, each->replicas.size());
        }
        for (std::size_t i = 0; i < replicas; ++i) real->make_replica();
        for (config::database* each : all) {
            place(each->primary, each->name, real->url(0, each->name));
            for (std::size_t i = 0; i < each->replicas.size(); ++i) {
                place(each->replicas[i], fmt::format("{}/replica_{}", each->name, i + 1), real->url(i + 1, each->name));
            }
        }
    }

    // The primary and the shards have `schema`, others what is given for them.
    std::string schema_of(const throwaway_options& how, const config::database& each) const {
        if (shards.contains(each.name)) return how.schema;
        if (const auto own = how.schema_of.find(each.name); own != how.schema_of.end()) return own->second;
        return each.name == "primary" ? how.schema : std::string{};
    }
    std::set<std::string> shards;

    server_faults& faults_of(std::string_view server) const {
        const auto found = faults.find(server);
        if (found != faults.end()) return *found->second;
        std::string names;
        for (const auto& [name, each] : faults) names += (names.empty() ? "" : ", ") + name;
        throw std::invalid_argument(fmt::format("no server is named {}; there are {}", server, names));
    }

    std::size_t replica_of(std::string_view server) const {
        (void)faults_of(server);
        const std::size_t number = number_of(server);
        if (number > 0) return number;
        throw std::invalid_argument(
            real ? fmt::format("{} is not a replica: name one as {}/replica_1", server, server)
                 : std::string{"SQLite databases have no replicas: use engine::postgres or engine::mariadb"});
    }
};

throwaway_cluster::throwaway_cluster(throwaway_options how) : inside_(std::make_unique<inside>()) {
    inside& in = *inside_;
    if (how.engine == engine::sqlite && how.replicas > 0) {
        throw std::invalid_argument("SQLite databases have no replicas: use engine::postgres or engine::mariadb");
    }
    config::description description = described(how);
    const std::vector<config::database*> all = databases_of(description);
    if (description.shards_) {
        for (const config::database& each : description.shards_->list) in.shards.insert(each.name);
    }
    switch (how.engine) {
        case engine::sqlite:
            for (config::database* each : all) in.place_on_file(*each, how);
            break;
        case engine::postgres:
            in.real = std::make_unique<servers_of<postgres_server>>();
            in.place_on_servers(all, how);
            break;
        case engine::mariadb:
            in.real = std::make_unique<servers_of<mariadb_server>>();
            in.place_on_servers(all, how);
            break;
    }

    cluster_options options = how.cluster;
    options.on_statement = [ours = in.notes.observer(), theirs = how.cluster.on_statement](const statement_event& e) {
        ours(e);
        if (theirs) theirs(e);
    };
    const topology::driver_factory make_driver =
        [&in](const config::endpoint& where,
              const config::pool_settings& pool) -> result<std::shared_ptr<driver::driver>> {
        auto made = topology::default_driver(where, pool);
        if (!made) return made;
        return with_faults(std::move(*made), in.faults.at(in.server_of.at(where.display())));
    };
    auto opened = must(detail::cluster_inside::open(std::move(description), options, make_driver), "the cluster");
    auto seen = opened->new_view();
    in.cluster = ashlar::cluster{std::move(opened), std::move(seen)};

    const auto until = std::chrono::steady_clock::now() + replicas_patience;
    for (;;) {
        const std::vector<server_health> health = in.cluster->check_all();
        const auto unfit = std::ranges::find_if(health, [](const server_health& each) { return !each.healthy; });
        if (unfit == health.end()) break;
        if (std::chrono::steady_clock::now() > until) {
            throw std::runtime_error(fmt::format("{} does not get ready: {}", unfit->server, unfit->problem));
        }
        std::this_thread::sleep_for(10ms);
    }
    in.notes.clear();
}

throwaway_cluster::~throwaway_cluster() {
    if (inside_) inside_->cluster.reset();
}

cluster& throwaway_cluster::operator*() noexcept {
    return *inside_->cluster;
}
cluster* throwaway_cluster::operator->() noexcept {
    return &*inside_->cluster;
}
const recorder& throwaway_cluster::statements() const noexcept {
    return inside_->notes;
}

std::string throwaway_cluster::url(std::string_view server) const {
    (void)inside_->faults_of(server);
    return inside_->urls.find(server)->second;
}

void throwaway_cluster::lose_connections(std::string_view server) {
    inside_->faults_of(server).lose_connections();
}
void throwaway_cluster::take_down(std::string_view server) {
    inside_->faults_of(server).take_down();
}
void throwaway_cluster::bring_back(std::string_view server) {
    inside_->faults_of(server).bring_back();
}
void throwaway_cluster::fail_next(std::string_view server, errc with, std::size_t statements) {
    inside_->faults_of(server).fail_next(with, statements);
}
void throwaway_cluster::lose_next_commit(std::string_view server, bool happens) {
    inside_->faults_of(server).lose_next_commit(happens);
}
void throwaway_cluster::delay(std::string_view server, std::chrono::milliseconds by) {
    inside_->faults_of(server).delay(by);
}

void throwaway_cluster::lag(std::string_view replica, std::chrono::seconds by) {
    const std::size_t number = inside_->replica_of(replica);
    const std::lock_guard alone{inside_->guard};
    inside_->real->lag(number, by);
    if (by.count() > 0)
        inside_->lagging.insert(number);
    else
        inside_->lagging.erase(number);
}

void throwaway_cluster::hold(std::string_view replica) {
    const std::size_t number = inside_->replica_of(replica);
    const std::lock_guard alone{inside_->guard};
    inside_->real->hold(number);
    inside_->held.insert(number);
}

void throwaway_cluster::release(std::string_view replica) {
    const std::size_t number = inside_->replica_of(replica);
    const std::lock_guard alone{inside_->guard};
    if (inside_->held.erase(number) > 0) inside_->real->release(number);
}

void throwaway_cluster::heal() {
    for (const auto& [name, each] : inside_->faults) each->heal();
    const std::lock_guard alone{inside_->guard};
    for (const std::size_t number : std::exchange(inside_->held, {})) inside_->real->release(number);
    for (const std::size_t number : std::exchange(inside_->lagging, {})) {
        inside_->real->lag(number, std::chrono::seconds{0});
    }
}

}  // namespace ashlar::testkit
