// world_watch.cpp: what was changed on a server itself, not through us, is noticed here: each database that the catalogue is made
// of is asked every check_interval whether its schema is still the one that was read: on a connection kept for that, or, where a
// server's connections are counted (max_connections_per_server), on one that the pool lends.
#include "core/event_log.hpp"
#include "core/io/task_group.hpp"
#include "topology/schema_token.hpp"
#include "topology/world_inside.hpp"

#include <algorithm>

namespace ashlar::topology {

namespace {

constexpr seconds patience_with_token{2}, patience_with_reading{10};
// Questions take a twentieth of the time at most, however large a schema is.
constexpr int rest_for_work = 20;

}  // namespace

struct world::inside::watched {
    const member* of = nullptr;
    std::size_t server = 0;  // that `on` leads to
    std::unique_ptr<driver::connection> on;
    std::string transactions, token;  // what it said last
    milliseconds took{0};             // to tell the token
};

task<void> world::inside::watch_schemas() {
    std::deque<watched> files;
    io::cancel_scope* const outer = co_await io::this_scope{};
    io::task_group<void> each_server{*loop, outer};
    for (const member* each : read_whole()) {
        if (each->described->primary.engine == config::engine::mysql) continue;
        watched here;
        here.of = each;
        // Files one after the other, as look_at_all() does.
        if (each->described->primary.engine == config::engine::sqlite) {
            files.push_back(std::move(here));
            continue;
        }
        std::deque<watched> alone;
        alone.push_back(std::move(here));
        each_server.start(watch_some(std::move(alone)));
    }
    if (!files.empty()) each_server.start(watch_some(std::move(files)));
    co_await each_server.join();
}

task<void> world::inside::watch_some(std::deque<watched> some) {
    const milliseconds pause = description.replicas.check_interval;
    instant began = steady_clock::now();
    for (;;) {
        milliseconds took{0};
        for (const watched& here : some) took += here.took;
        const deadline next{began + std::max(pause, took * rest_for_work)};
        (void)co_await loop->sleep_until(next);
        began = steady_clock::now();
        for (watched& here : some) {
            const deadline until{steady_clock::now() + patience_with_token};
            co_await watch_one(here, until);
        }
    }
}

task<void> world::inside::watch_one(watched& here, deadline until) {
    const server_set& among = *here.of->servers;
    const auto writer = among.writer_now();
    if (!among.gate_is_open() || !writer || among.is_silent(*writer)) {
        here.on.reset();
        co_return;
    }
    if (here.server != *writer) {
        here.on.reset();
        here.transactions.clear();
        here.server = *writer;
    }
    pool::pool& of = *among.servers()[*writer].pool;
    if (of.cap() != nullptr) {
        auto lent = co_await of.lend(*loop, until);
        if (!lent) co_return;
        const bool well = co_await ask_through(here, **lent, until);
        if (well) co_await read_changed(here, **lent);
        co_return;
    }
    if (here.on == nullptr) {
        auto made = co_await of.server().connect_to_look(*loop, until);
        if (!made) co_return;
        here.on = std::move(*made);
    }
    bool well = co_await ask_through(here, *here.on, until);
    if (well) well = co_await read_changed(here, *here.on);
    if (!well || !here.on->is_reusable()) here.on.reset();
}

// True: it has told its token.
task<bool> world::inside::ask_through(watched& here, driver::connection& on, deadline until) {
    auto seen = co_await read_visible_transactions(on, until);
    if (!seen) co_return false;
    if (!seen->empty() && *seen == here.transactions) co_return true;
    const instant sent = steady_clock::now();
    auto token = co_await read_schema_token(on, until);
    if (!token) co_return false;
    here.took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - sent);
    here.transactions = std::move(*seen);
    here.token = std::move(*token);
    co_return true;
}

// True: it has answered.
task<bool> world::inside::read_changed(watched& here, driver::connection& on) {
    std::uint64_t version = 0;
    {
        std::lock_guard hold{guard};
        const auto known = tokens.find(here.of->name);
        if (known == tokens.end() || known->second == here.token) co_return true;
        version = catalogue->version;
    }
    const deadline until{steady_clock::now() + patience_with_reading};
    const instant began = steady_clock::now();
    std::deque<look> looks;
    look& one = looks.emplace_back();
    one.of = here.of;
    one.through = &on;
    co_await look_at_all(*loop, looks, until);
    const bool answered = !one.failed;
    co_await settle_marks(*loop, looks, until);
    status taken = take_in(looks, began);
    bool is_newer = false;
    {
        std::lock_guard hold{guard};
        is_newer = taken && catalogue->version != version;
    }
    if (is_newer) log_event(log_level::info, "schema_changed", {{"database", here.of->name}});
    co_return answered;
}

}  // namespace ashlar::topology
