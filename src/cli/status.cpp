// `ashlar status`: every server of the configuration: is it up, in what role, how fast, how far behind, and how full. All are
// asked at once; with --watch again and again.

#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/pause.hpp"
#include "cli/run.hpp"
#include "cli/shard_findings.hpp"
#include "cli/table_text.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"
#include "core/io/task_group.hpp"
#include "topology/world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::cli {

namespace {

constexpr seconds shards_patience{10};

// One server to ask, and what it said.
struct report {
    std::string database;    // "shard_1"
    std::string configured;  // "primary", "replica"
    config::endpoint where;
    config::pool_settings pool;
    bool up = false;
    std::string role;  // "writing", "reading"
    double latency_ms = 0;
    std::optional<std::int64_t> connections, connections_max;  // the server's own count
    std::optional<milliseconds> lag;                           // of a replica that can be compared with its primary
    std::uint64_t behind = 0;
    std::string problem;
};

task<result<std::vector<std::string>>> first_row(driver::connection& on, std::string sql, deadline until) {
    driver::statement what;
    what.sql = std::move(sql);
    auto started = co_await on.start(std::move(what), until);
    if (!started) co_return std::move(started).error();
    std::vector<std::string> row;
    row_batch batch;
    for (;;) {
        auto got = co_await on.fetch(batch, until);
        if (!got) co_return std::move(got).error();
        if (*got == driver::fetched::ended) break;
        const bool is_first = row.empty();
        for (std::size_t c = 0; is_first && c < batch.width(); ++c) row.emplace_back(batch.at(0, c).value_or(""));
        batch.clear();
    }
    co_return row;
}

constexpr const char* postgres_facts =
    "select pg_catalog.pg_is_in_recovery(), (select pg_catalog.count(*) from pg_catalog.pg_stat_activity "
    "where datname operator(pg_catalog.=) pg_catalog.current_database()), "
    "pg_catalog.current_setting('max_connections')";

task<status> ask_server(report& about, driver::connection& on, deadline until) {
    const auto began = steady_clock::now();
    status answered = co_await on.ping(until);
    if (!answered) co_return std::move(answered).error();
    about.latency_ms = std::chrono::duration<double, std::milli>(steady_clock::now() - began).count();
    about.up = true;
    about.role = "writing";
    if (on.speaks() == driver::dialect::mysql) {
        auto row = co_await first_row(on, "select @@global.read_only", until);
        if (!row) co_return std::move(row).error();
        // a number, and from MariaDB 12 on a word
        if (!row->empty() && row->front() != "0" && row->front() != "OFF") about.role = "reading";
        co_return status{};
    }
    if (on.speaks() != driver::dialect::postgres) co_return status{};
    std::string sql{postgres_facts};
    auto row = co_await first_row(on, std::move(sql), until);
    if (!row) co_return std::move(row).error();
    if (row->size() == 3) {
        about.role = (*row)[0] == "t" ? "reading" : "writing";
        about.connections = std::atoll((*row)[1].c_str());
        about.connections_max = std::atoll((*row)[2].c_str());
    }
    co_return status{};
}

// `about` outlives the task: its owner waits for all.
task<void> probe(io::loop& loop, report& about) {
    const deadline until = deadline::in(about.pool.connect_timeout);
    auto driver = topology::default_driver(about.where, about.pool);
    if (!driver) {
        about.problem = driver.error().message();
        co_return;
    }
    auto opened = co_await (*driver)->connect(loop, until);
    if (!opened) {
        about.problem = opened.error().message();
        co_return;
    }
    status asked = co_await ask_server(about, **opened, until);
    if (!asked) about.problem = asked.error().message();
}

// What the servers of a database are to each other.
task<void> compare(io::loop& loop, const topology::member& of, report* first) {
    const std::vector<topology::server_state> states =
        co_await of.servers->check(loop, deadline::in(of.described->pool.connect_timeout));
    const bool any_writer =
        std::any_of(states.begin(), states.end(), [](const topology::server_state& each) { return each.writer; });
    for (std::size_t i = 0; i < states.size(); ++i) {
        report& about = first[i];
        if (!about.up || !about.problem.empty()) continue;
        if (states.size() == 1) {
            if (about.role == "reading") about.problem = "it takes no writes, though it is configured as the primary";
            continue;
        }
        about.role = states[i].writer ? "writing" : "reading";
        if (states[i].fit) {
            about.lag = states[i].lag;
            about.behind = states[i].behind;
        } else if (!states[i].writer || !any_writer) {
            about.problem = states[i].why;
        }
    }
}

task<void> probe_all(io::loop& loop, std::vector<report>& all, const topology::world* world) {
    io::task_group<void> probes{loop};
    for (report& each : all) probes.start(probe(loop, each));
    co_await probes.join();
    if (world == nullptr) co_return;
    report* next = all.data();
    for (const auto* list : {&world->shards(), &world->databases()}) {
        for (const topology::member& each : *list) {
            probes.start(compare(loop, each, next));
            next += each.servers->servers().size();
        }
    }
    co_await probes.join();
}

void add(std::vector<report>& to, const config::database& d) {
    to.push_back({d.name, "primary", d.primary, d.pool, false, "", 0, {}, {}, {}, 0, ""});
    for (const config::endpoint& r : d.replicas) {
        to.push_back({d.name, "replica", r, d.pool, false, "", 0, {}, {}, {}, 0, ""});
    }
}

// Marks that do not fit and tables that differ, as problems of the shards' primaries; notes: shards without a mark.
std::vector<std::string> add_shard_problems(io::loop& loop, std::vector<report>& all, const config::description& what) {
    std::vector<std::string> notes;
    if (!what.shards_) return notes;
    const deadline until = deadline::in(shards_patience);
    const topology::survey found = loop.run(topology::survey_shards(loop, what, std::nullopt, until));
    for (std::size_t i = 0; i < found.shards.size(); ++i) {
        const topology::shard_survey& shard = found.shards[i];
        const std::string problem = problem_of(found, i);
        const auto of = std::find_if(all.begin(), all.end(), [&](const report& r) {
            return r.database == shard.shard && r.configured == "primary";
        });
        if (!problem.empty() && of != all.end()) of->problem += (of->problem.empty() ? "" : "; ") + problem;
        if (!shard.failed && !shard.mark.mark) {
            notes.push_back(fmt::format("{} has no mark: {}.", shard.shard,
                                        shard.mark.unreadable.empty()
                                            ? "it gets one when it is first used by a role that may make tables, and "
                                              "until then its rows are sampled at each start"
                                            : shard.mark.unreadable + ", so that its rows are sampled at each start"));
        }
    }
    return notes;
}

std::string connections_text(const report& r) {
    if (!r.connections) return "";
    return fmt::format("{} of {}", *r.connections, *r.connections_max);
}

// What it lacks is known at once, and how long it has lacked it only from this program's own start on.
std::string lag_text(const report& r) {
    if (!r.lag) return "";
    if (r.behind == 0) return fmt::format("{} ms", r.lag->count());
    const bool transactions = r.where.engine == config::engine::mysql;
    const std::string_view unit = transactions ? (r.behind == 1 ? "transaction" : "transactions") : "bytes";
    return fmt::format("{} ms or more, {} {}", r.lag->count(), r.behind, unit);
}

std::string table_of(const std::vector<report>& all) {
    std::vector<text_row> lines;
    for (const report& r : all) {
        lines.push_back({r.database, r.where.display(), r.up ? "up" : "down", r.role,
                         r.up ? fmt::format("{:.2f} ms", r.latency_ms) : "", lag_text(r), connections_text(r),
                         std::to_string(r.pool.max_connections), r.problem});
    }
    return aligned({{"database"},
                    {"server"},
                    {"state"},
                    {"role"},
                    {"latency", true},
                    {"lag", true},
                    {"connections", true},
                    {"pool", true},
                    {"problem"}},
                   lines, false);
}

std::string json_of(const std::vector<report>& all) {
    json_array list;
    for (const report& r : all) {
        json_object each;
        each.add("database", r.database).add("url", r.where.display()).add("configured", r.configured).add("up", r.up);
        each.add("role", r.role).add_raw("latency_ms", r.up ? json_number(r.latency_ms) : "null");
        each.add_raw("lag_ms", r.lag ? std::to_string(r.lag->count()) : "null");
        each.add_raw("behind", r.lag ? std::to_string(r.behind) : "null");
        each.add_raw("connections", r.connections ? std::to_string(*r.connections) : "null");
        each.add_raw("connections_max", r.connections_max ? std::to_string(*r.connections_max) : "null");
        each.add("pool_max_connections", r.pool.max_connections).add("problem", r.problem);
        list.add(each);
    }
    return list.text() + "\n";
}

}  // namespace

int run_status(const status_options& asked) {
    const auto what = config::load(asked.config, config::process_environment());
    if (!what) return print_error(what.error()), exit_failed;
    // What the servers of one database are to each other, a monitor of their own tells.
    std::shared_ptr<topology::world> world;
    config::description described = *what;
    const auto alone = [](config::database& each) { each.pool.min_connections = 0; };
    if (described.shards_) std::for_each(described.shards_->list.begin(), described.shards_->list.end(), alone);
    for (auto& [name, each] : described.databases) alone(each);
    if (auto opened = topology::world::open(std::move(described))) {
        world = std::move(*opened);
        world->start();
    }
    const auto loop = io::make_poll_loop();
    for (;;) {
        std::vector<report> all;
        if (what->shards_) {
            for (const config::database& d : what->shards_->list) add(all, d);
        }
        for (const auto& [name, d] : what->databases) add(all, d);
        loop->run(probe_all(*loop, all, world.get()));
        const std::vector<std::string> notes = add_shard_problems(*loop, all, *what);
        if (asked.watch && is_terminal(stream::out)) print("\x1b[H\x1b[2J");
        print(asked.json ? json_of(all) : table_of(all));
        for (const std::string& each : notes) {
            if (!asked.json) print(each + "\n");
        }
        if (!asked.watch) {
            const bool well =
                std::all_of(all.begin(), all.end(), [](const report& r) { return r.up && r.problem.empty(); });
            return well ? exit_ok : exit_failed;
        }
        if (!finish_output()) return exit_failed;
        loop->run(pause(*loop, asked.interval));
    }
}

}  // namespace ashlar::cli
