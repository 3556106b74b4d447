#include "cli/deep_check.hpp"

#include "core/io/loop.hpp"
#include "route/key_column.hpp"
#include "topology/catalogue_builder.hpp"
#include "topology/world.hpp"

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

}  // namespace

result<deep_findings> look_into_databases(const config::description& described, std::uint64_t rows) {
    if (!described.shards_) {
        if (status read = read_tables(described); !read) return std::move(read).error();
        return deep_findings{};
    }
    const auto loop = io::make_poll_loop();
    const topology::survey found = loop->run(topology::survey_shards(*loop, described, rows, deadline::never()));
    deep_findings out = describe(found);
    add_misfits(described, found, out);
    return out;
}

}  // namespace ashlar::cli
