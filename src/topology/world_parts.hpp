// world_parts.hpp: what a world is made of, from its description: is it one that can be opened, how pools are set, who owns which
// keys, and what bounds the connections to a server. Private to this room. Pure.
#pragma once

#include "config/description.hpp"
#include "keyspace/shard_map.hpp"
#include "pool/pool_options.hpp"

#include <ashlar/result.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace ashlar::pool {
class server_cap;
}

namespace ashlar::topology {

// Fails with unsupported and config_invalid: engines that cannot be beside each other, or in this place.
status check_engines(const config::description& d);
result<std::optional<keyspace::shard_map>> map_from(const config::description& d);
pool::pool_options options_from(const config::pool_settings& s);

// One server, however many databases it has: what the bound on its connections goes by. Empty for a file.
std::string server_of(const config::endpoint& where);
using server_caps = std::map<std::string, std::shared_ptr<pool::server_cap>>;
// By server_of(); none for a server without a bound. Fails with config_invalid.
result<server_caps> caps_from(const config::description& d);

}  // namespace ashlar::topology
