#include "cluster/cluster_inside.hpp"

#include "cluster/wait_here.hpp"
#include "config/shown_name.hpp"

namespace ashlar::detail {

result<std::shared_ptr<cluster_inside>> cluster_inside::open(config::description from, cluster_options options,
                                                             const topology::driver_factory& make_driver) {
    topology::alert_desk::callback also;
    if (options.on_health_change) {
        also = [tell = options.on_health_change](const topology::health_change& change) {
            server_health about;
            about.database = change.database;
            about.server = change.server;
            about.healthy = change.healthy;
            about.problem = change.problem;
            tell(about);
        };
    }
    auto world = topology::world::open(std::move(from), make_driver, std::move(also));
    if (!world) return std::move(world).error();
    (*world)->start();
    std::shared_ptr<cluster_inside> made{new cluster_inside{std::move(*world), options}};
    made->plans_.show_name(config::shown_name(made->world_->description(), false));
    if (status read = made->read_catalogue(); !read) return std::move(read).error();
    status warm = wait_here(made->world_->warm_up(loop_of_this_thread(), made->until()));
    if (!warm) return std::move(warm).error();
    return made;
}

std::shared_ptr<view> cluster_inside::new_view() const {
    auto made = std::make_shared<view>();
    made->seen = std::make_shared<causality>(world_->shards().size() + world_->databases().size());
    return made;
}

status cluster_inside::read_catalogue() {
    return wait_here(world_->read_catalogue(loop_of_this_thread(), until()));
}

std::string cluster_inside::shard_key_of(std::string_view table) const {
    const auto known = catalogue();
    const auto dot = table.find('.');
    const route::table_facts* facts = dot == std::string_view::npos
                                          ? known->find("", table)
                                          : known->find(table.substr(0, dot), table.substr(dot + 1));
    return facts != nullptr && facts->kind == route::table_kind::sharded ? facts->shard_key : std::string{};
}

result<keyspace::shard_id> cluster_inside::shard_of(const value& key) const {
    const auto known = catalogue();
    if (!known->shards) return error{errc::unsupported, "the configuration has no shards"};
    auto canonical = keyspace::key::from(key, known->shards->key_type());
    if (!canonical) return std::move(canonical).error();
    return known->shards->shard_of(*canonical);
}

}  // namespace ashlar::detail
