// cluster_inside.hpp: what all handles of one cluster share: the databases with their pools, the plans, the options.
#pragma once

#include "cluster/plan_cache.hpp"
#include "cluster/view.hpp"
#include "config/description.hpp"
#include "core/memory_bound.hpp"
#include "core/time.hpp"
#include "topology/world.hpp"

#include <ashlar/cluster.hpp>

#include <memory>
#include <optional>
#include <string_view>

namespace ashlar::detail {

class cluster_inside {
public:
    // Opens the databases, starts the pools, reads the catalogue.
    static result<std::shared_ptr<cluster_inside>> open(
        config::description from, cluster_options options,
        const topology::driver_factory& make_driver = topology::default_driver);

    topology::world& world() const noexcept { return *world_; }
    const cluster_options& options() const noexcept { return options_; }
    // What all statements hold together is bounded by it.
    const std::shared_ptr<memory_bound>& memory() const noexcept { return memory_; }
    std::shared_ptr<const route::catalogue> catalogue() const { return world_->catalogue(); }
    result<std::shared_ptr<const route::prepared_plan>> plan(std::string_view sql) {
        return plans_.plan(sql, *catalogue());
    }

    // Through primaries, in a session of its own.
    std::shared_ptr<view> new_view() const;
    deadline until() const { return deadline::in(options_.timeout); }
    status read_catalogue();
    std::string shard_key_of(std::string_view table) const;
    // The owner of a key; unsupported without shards.
    result<keyspace::shard_id> shard_of(const value& key) const;

private:
    cluster_inside(std::shared_ptr<topology::world> world, cluster_options options) noexcept
        : world_(std::move(world)),
          options_(options),
          memory_(std::make_shared<memory_bound>(options.memory_max != 0 ? options.memory_max : default_memory_max())) {
    }
    const std::shared_ptr<topology::world> world_;  // shared with nobody: the type that world::open() gives
    const cluster_options options_;
    const std::shared_ptr<memory_bound> memory_;  // shared with its accounts
    plan_cache plans_;
};

}  // namespace ashlar::detail
