// `ashlar pools`: the pools of a proxy that runs, as its console tells them.

#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/pause.hpp"
#include "cli/run.hpp"
#include "cli/table_text.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"
#include "topology/world.hpp"

#include <fmt/format.h>

#include <map>

namespace ashlar::cli {

namespace {

constexpr seconds patience{5};

using line = std::map<std::string, std::string>;  // a row by its columns' names; NULL is empty

task<result<std::vector<line>>> ask(driver::connection& on, std::string sql, deadline until) {
    driver::statement what;
    what.sql = std::move(sql);
    auto shape = co_await on.start(std::move(what), until);
    if (!shape) co_return std::move(shape).error();
    std::vector<line> out;
    row_batch batch;
    for (;;) {
        batch.clear();
        auto got = co_await on.fetch(batch, until);
        if (!got) co_return std::move(got).error();
        if (*got == driver::fetched::ended) break;
        for (std::size_t i = 0; i < batch.rows(); ++i) {
            line& each = out.emplace_back();
            for (std::size_t c = 0; c < batch.width(); ++c) each[(*shape)[c].name] = batch.at(i, c).value_or("");
        }
    }
    co_return out;
}

// Who asks: the one named, else the first who may look.
result<config::endpoint> console_of(const config::description& what, const std::string& user) {
    const config::serve_settings& serve = what.serve;
    config::endpoint out;
    out.engine = config::engine::postgres;
    out.host = serve.listen_addr == "0.0.0.0" ? "127.0.0.1" : serve.listen_addr;
    out.port = serve.listen_port;
    out.database = serve.database == "pgbouncer" ? "ashlar" : "pgbouncer";
    out.user = user;
    for (const auto* list : {&serve.stats_users, &serve.admin_users}) {
        if (out.user.empty() && !list->empty()) out.user = list->front();
    }
    if (out.user.empty()) {
        return error{errc::config_invalid, what.file + " names no user who may use the proxy's console"}.hint(
            "Name a user in serve.stats_users, and start the proxy anew.");
    }
    for (const config::serve_settings::user& each : serve.users) {
        if (each.name == out.user && !each.password.starts_with("SCRAM-SHA-256$")) out.password = each.password;
    }
    return out;
}

struct findings {
    std::vector<line> pools;      // of servers
    std::vector<line> databases;  // the one that is served first
    std::int64_t idle_clients = 0;
};

task<result<findings>> look(io::loop& loop, driver::driver& at) {
    const deadline until = deadline::in(patience);
    auto opened = co_await at.connect(loop, until);
    if (!opened) {
        error why = std::move(opened).error();
        const bool is_answer = why.message().find("FATAL:") != std::string::npos;
        why.hint(is_answer ? "The password of a SCRAM verifier is taken from PGPASSWORD or ~/.pgpass."
                           : "Is `ashlar serve` running with this file?");
        co_return why;
    }
    auto pools = co_await ask(**opened, "SHOW POOLS", until);
    if (!pools) co_return std::move(pools).error();
    auto databases = co_await ask(**opened, "SHOW DATABASES", until);
    if (!databases) co_return std::move(databases).error();
    findings out;
    for (line& each : *pools) {
        if (each["role"].empty())
            out.idle_clients += std::atoll(each["cl_active"].c_str());
        else
            out.pools.push_back(std::move(each));
    }
    out.databases = std::move(*databases);
    co_return out;
}

std::string most_of(const findings& from, const std::string& pool) {
    for (const line& each : from.databases) {
        if (each.at("name") == pool) return each.at("pool_size");
    }
    return {};
}

std::string table_of(findings& from) {
    std::vector<text_row> lines;
    for (line& each : from.pools) {
        const double wait = std::atof(each["maxwait"].c_str()) + std::atof(each["maxwait_us"].c_str()) / 1e6;
        lines.push_back({each["database"], each["role"], each["cl_active"], each["cl_waiting"],
                         each["cl_waiting"] == "0" ? "" : fmt::format("{:.1f} s", wait), each["sv_active"],
                         each["sv_idle"], each["sv_login"], most_of(from, each["database"]), each["breaker"]});
    }
    std::string out = aligned({{"pool"},
                               {"role"},
                               {"clients", true},
                               {"waiting", true},
                               {"longest", true},
                               {"lent", true},
                               {"idle", true},
                               {"opening", true},
                               {"of", true},
                               {"breaker"}},
                              lines, false);
    line& served = from.databases.front();
    return out + fmt::format("{} of {} clients, of whom {} are idle.\n", served["current_client_connections"],
                             served["max_client_connections"], from.idle_clients);
}

std::string json_of(findings& from) {
    json_array list;
    for (line& each : from.pools) {
        const auto number = [&](const char* name) { return std::atoll(each[name].c_str()); };
        json_object one;
        one.add("pool", each["database"]).add("role", each["role"]).add("breaker", each["breaker"]);
        one.add("clients", number("cl_active")).add("waiting", number("cl_waiting"));
        one.add("longest_wait_us", number("maxwait") * 1'000'000 + number("maxwait_us"));
        one.add("lent", number("sv_active")).add("idle", number("sv_idle")).add("opening", number("sv_login"));
        one.add("max_connections", std::atoll(most_of(from, each["database"]).c_str()));
        list.add(one);
    }
    return list.text() + "\n";
}

}  // namespace

int run_pools(const pools_options& asked) {
    const auto what = config::load(asked.config, config::process_environment());
    if (!what) return print_error(what.error()), exit_failed;
    const auto where = console_of(*what, asked.user);
    if (!where) return print_error(where.error()), exit_failed;
    const auto driver = topology::default_driver(*where, {});
    if (!driver) return print_error(driver.error()), exit_failed;
    const auto loop = io::make_poll_loop();
    for (;;) {
        auto found = loop->run(look(*loop, **driver));
        if (!found) return print_error(found.error()), exit_failed;
        if (asked.watch && is_terminal(stream::out)) print("\x1b[H\x1b[2J");
        print(asked.json ? json_of(*found) : table_of(*found));
        if (!asked.watch) return exit_ok;
        if (!finish_output()) return exit_failed;
        loop->run(pause(*loop, asked.interval));
    }
}

}  // namespace ashlar::cli
