#include "cli/deep_check.hpp"

#include "core/io/loop.hpp"
#include "route/key_column.hpp"
#include "topology/world.hpp"

namespace ashlar::cli {

using namespace std::chrono_literals;

result<std::vector<finding>> look_into_databases(config::description described) {
    for (auto& [name, d] : described.databases) d.pool.min_connections = 0;
    if (described.shards_) {
        for (config::database& d : described.shards_->list) d.pool.min_connections = 0;
    }
    auto world = topology::world::open(std::move(described));
    if (!world) return std::move(world).error();
    const auto loop = io::make_poll_loop();
    status read = loop->run((*world)->read_catalogue(*loop, deadline::in(60s)));
    if (!read) return std::move(read).error();
    std::vector<finding> wrong;
    for (route::key_misfit& each : route::misfits_in(*(*world)->catalogue())) {
        wrong.push_back({std::move(each.what), std::move(each.hint)});
    }
    return wrong;
}

}  // namespace ashlar::cli
