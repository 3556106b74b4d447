#include "cluster/runners.hpp"
#include "config/load.hpp"

#include <ashlar/cluster.hpp>

namespace ashlar {

namespace {

result<std::shared_ptr<detail::cluster_inside>> open_described(result<config::description> described,
                                                               cluster_options options) {
    if (!described) return std::move(described).error();
    return detail::cluster_inside::open(std::move(*described), options);
}

result<config::description> read_described(std::string_view toml, const std::string& folder) {
    config::reading_result read = config::read(toml, folder + "/ashlar.toml", config::process_environment());
    if (!read.is_good()) return config::to_error(read);
    return std::move(read.what);
}

}  // namespace

cluster::cluster(std::shared_ptr<detail::cluster_inside> inside)
    : statements(std::make_shared<detail::cluster_runner>(inside)), inside_(std::move(inside)) {}

result<cluster> cluster::open(const std::string& path, cluster_options options) {
    auto inside = open_described(config::load(path, config::process_environment()), options);
    if (!inside) return std::move(inside).error();
    return cluster{std::move(*inside)};
}

result<cluster> cluster::open_text(std::string_view toml, const std::string& folder, cluster_options options) {
    auto inside = open_described(read_described(toml, folder), options);
    if (!inside) return std::move(inside).error();
    return cluster{std::move(*inside)};
}

scope cluster::shard_for(value key) const {
    auto shard = inside_->shard_of(key);
    if (!shard) return scope{std::make_shared<detail::failed_runner>(std::move(shard).error())};
    return all_shards()[keyspace::index_of(*shard)];
}

ashlar::all_shards cluster::all_shards() const {
    return ashlar::all_shards{inside_};
}

scope cluster::database(std::string_view name) const {
    auto where = detail::place_named(*inside_, name);
    if (!where) return scope{std::make_shared<detail::failed_runner>(std::move(where).error())};
    return scope{std::make_shared<detail::database_runner>(inside_, *where), inside_, std::string{name}};
}

result<ashlar::transaction> cluster::begin(transaction_options options) const {
    return ashlar::transaction{std::make_shared<detail::transaction_runner>(inside_, options, std::nullopt)};
}

status cluster::refresh() const {
    return inside_->read_catalogue();
}

}  // namespace ashlar
