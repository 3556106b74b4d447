#include "cli/deep_check.hpp"

#include "core/io/loop.hpp"
#include "core/io/task_group.hpp"
#include "route/key_column.hpp"
#include "topology/catalogue_builder.hpp"
#include "topology/world.hpp"

#include <deque>
#include <optional>

namespace ashlar::cli {

using namespace std::chrono_literals;

namespace {

status read_tables(config::description described) {
    for (auto& [name, d] : described.databases) d.pool.min_connections = 0;
    auto world = topology::world::open(std::move(described));
    if (!world) return std::move(world).error();
    (*world)->start();
    const auto loop = io::make_poll_loop();
    return loop->run((*world)->read_catalogue(*loop, deadline::in(60s)));
}

// Tables whose shard key is none for this map.
void add_misfits(const config::description& described, const topology::survey& from, deep_findings& to) {
    topology::readings said;
    for (const topology::shard_survey& each : from.shards) {
        if (!each.failed) said.schemas.emplace(each.shard, each.schema);
    }
    auto map = keyspace::shard_map::make(described.shards_->function, described.shards_->key_type,
                                         topology::map_description_of(*described.shards_).shards);
    if (!map) return;
    const auto built = topology::build_catalogue(described, std::move(*map), said);
    if (!built) {
        to.wrong.push_back({built.error().message(), built.error().hint()});
        return;
    }
    for (route::key_misfit& each : route::misfits_in(*built->catalogue)) {
        to.wrong.push_back({std::move(each.what), std::move(each.hint)});
    }
}

struct refusal {
    const config::database& of;
    std::optional<error> why;
};

// `into` outlives the task: its owner waits for all.
task<void> connect_once(io::loop& loop, refusal& into) {
    const deadline soon = deadline::in(into.of.pool.connect_timeout);
    auto driver = topology::default_driver(into.of.primary, into.of.pool);
    if (!driver) {
        into.why = driver.error();
        co_return;
    }
    auto opened = co_await (*driver)->connect(loop, soon);
    if (!opened) into.why = opened.error();
}

task<void> connect_to_all(io::loop& loop, std::deque<refusal>& all) {
    io::task_group<void> connects{loop};
    for (refusal& each : all) connects.start(connect_once(loop, each));
    co_await connects.join();
}

// Databases beside the shards that cannot be connected to. No file is made by looking for it.
void add_named_databases(io::loop& loop, const config::description& described, deep_findings& to) {
    std::deque<refusal> all;
    for (const auto& [name, each] : described.databases) {
        if (each.primary.engine != config::engine::sqlite) all.push_back({each, std::nullopt});
    }
    loop.run(connect_to_all(loop, all));
    for (const refusal& each : all) {
        if (each.why)
            to.wrong.push_back({each.of.name + " could not be asked: " + each.why->message(), each.why->hint()});
    }
}

}  // namespace

result<deep_findings> look_into_databases(const config::description& described, std::uint64_t rows) {
    const auto loop = io::make_poll_loop();
    if (!described.shards_) {
        if (status read = read_tables(described); !read) return std::move(read).error();
        deep_findings out;
        add_named_databases(*loop, described, out);
        return out;
    }
    const topology::survey found = loop->run(topology::survey_shards(*loop, described, rows, deadline::never()));
    deep_findings out = describe(found);
    add_misfits(described, found, out);
    add_named_databases(*loop, described, out);
    return out;
}

}  // namespace ashlar::cli
