#include "cluster/check.hpp"
#include "cluster/runners.hpp"
#include "cluster/wait_here.hpp"
#include "config/load.hpp"
#include "topology/measures.hpp"

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

cluster::cluster(std::shared_ptr<detail::cluster_inside> inside, std::shared_ptr<const detail::view> seen)
    : statements(std::make_shared<detail::cluster_runner>(inside, seen)),
      inside_(std::move(inside)),
      view_(std::move(seen)) {}

result<cluster> cluster::open(const std::string& path, cluster_options options) {
    auto inside = open_described(config::load(path, config::process_environment()), options);
    if (!inside) return std::move(inside).error();
    auto seen = (*inside)->new_view();
    return cluster{std::move(*inside), std::move(seen)};
}

result<cluster> cluster::open_text(std::string_view toml, const std::string& folder, cluster_options options) {
    auto inside = open_described(read_described(toml, folder), options);
    if (!inside) return std::move(inside).error();
    auto seen = (*inside)->new_view();
    return cluster{std::move(*inside), std::move(seen)};
}

scope cluster::shard_for(value key) const {
    auto shard = inside_->shard_of(key);
    if (!shard) return scope{std::make_shared<detail::failed_runner>(std::move(shard).error())};
    return all_shards()[keyspace::index_of(*shard)];
}

ashlar::all_shards cluster::all_shards() const {
    return {inside_, view_};
}

scope cluster::database(std::string_view name) const {
    auto where = detail::place_named(*inside_, name);
    if (!where) return scope{std::make_shared<detail::failed_runner>(std::move(where).error())};
    return scope{std::make_shared<detail::database_runner>(inside_, *where, view_), inside_, view_, std::string{name}};
}

cluster cluster::reading(reading_options options) const {
    auto other = std::make_shared<detail::view>(*view_);
    other->reads = true;
    other->max_staleness = options.max_staleness;
    return {inside_, std::move(other)};
}

cluster cluster::writing() const {
    auto other = std::make_shared<detail::view>(*view_);
    other->reads = false;
    other->max_staleness.reset();
    return {inside_, std::move(other)};
}

cluster cluster::session() const {
    auto other = std::make_shared<detail::view>(*view_);
    other->seen = inside_->new_view()->seen;
    return {inside_, std::move(other)};
}

result<cluster> cluster::session(std::string_view causal_token) const {
    auto other = std::make_shared<detail::view>(*view_);
    auto seen = inside_->new_view()->seen;
    if (status taken = seen->take_in(causal_token, inside_->world()); !taken) return std::move(taken).error();
    other->seen = std::move(seen);
    return cluster{inside_, std::move(other)};
}

result<std::string> cluster::causal_token() const {
    return detail::wait_here(view_->seen->to_token(detail::loop_of_this_thread(), inside_->world(), inside_->until()));
}

result<ashlar::transaction> cluster::begin(transaction_options options) const {
    std::optional<detail::place> only;
    if (const topology::member* all = inside_->world().takes_everything()) only = detail::place{all, std::nullopt};
    return ashlar::transaction{std::make_shared<detail::transaction_runner>(inside_, options, only, view_)};
}

std::vector<server_health> cluster::check_all() const {
    return detail::wait_here(detail::check_all(detail::loop_of_this_thread(), inside_));
}

std::vector<metric_family> cluster::metrics() const {
    return topology::measures(inside_->world());
}

status cluster::refresh() const {
    return inside_->read_catalogue();
}

}  // namespace ashlar
