// `ashlar where KEY…`: the shard that owns a key, and why. Nothing is connected to.

#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/run.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"
#include "keyspace/shard_map.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::cli {

namespace {

struct whereabouts {
    std::string key;  // as it was given
    std::string canonical, shard, url, position;
};

result<keyspace::shard_map> map_of(const config::description& what) {
    if (!what.shards_) {
        return error{errc::invalid_argument, what.file + " has no shards"}.hint(
            "Every table lives on the primary database.");
    }
    std::vector<keyspace::shard_traits> traits;
    for (const config::database& d : what.shards_->list) {
        traits.push_back({d.name, d.weight, d.values, d.from, d.until, d.is_default});
    }
    return keyspace::shard_map::make(what.shards_->function, what.shards_->key_type, traits);
}

result<whereabouts> find(const std::string& written, const config::description& what, const keyspace::shard_map& map) {
    auto key = keyspace::key::from_text(written, map.key_type());
    if (!key) return std::move(key).error();
    const auto shard = map.shard_of(*key);
    if (!shard) return shard.error();
    const config::database& d = what.shards_->list[keyspace::index_of(*shard)];
    return whereabouts{written, key->to_string(), d.name, d.primary.display(), map.position_text(*key)};
}

std::string json_of(const whereabouts& w) {
    json_object each;
    each.add("key", w.canonical).add("shard", w.shard).add("position", w.position).add("url", w.url);
    return each.text();
}

}  // namespace

int run_where(const where_options& asked) {
    const auto what = config::load(asked.config, config::process_environment());
    if (!what) return print_error(what.error()), exit_failed;
    const auto map = map_of(*what);
    if (!map) return print_error(map.error()), exit_failed;

    std::vector<whereabouts> found;
    for (const std::string& key : asked.keys) {
        auto where = find(key, *what, *map);
        if (!where) return print_error(where.error()), exit_failed;
        found.push_back(std::move(*where));
    }
    json_array all;
    std::size_t width = 0;
    for (const whereabouts& w : found) width = std::max(width, w.canonical.size());
    for (const whereabouts& w : found) {
        all.add_raw(json_of(w));
        if (!asked.json) {
            print(fmt::format("{:<{}}  {}  {}  {}\n", w.canonical, width, styled(w.shard, style::bold), w.position,
                              w.url));
        }
    }
    if (asked.json) print(all.text() + "\n");
    return exit_ok;
}

}  // namespace ashlar::cli
