// shard_hint.hpp: what a client says of the one database that is to run its statements as they are: its name, the number that
// other proxies give a shard, or a sharding key. Pure.
#pragma once

#include "keyspace/shard_map.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ashlar::proxy {

struct shard_hint {
    enum class kind : std::uint8_t {
        none,    // wherever the statement belongs
        name,    // of a shard or another database
        number,  // of a shard, from 0, as PgDog and PgCat count
        key,     // a sharding key: the shard that owns it
    };
    kind what = kind::none;
    std::string text;
    friend bool operator==(const shard_hint&, const shard_hint&) = default;
};

// The places where statements may go: the shards in their order, then the other databases.
struct place_names {
    std::vector<std::string_view> all;
    std::size_t shards = 0;
    const keyspace::shard_map* map = nullptr;  // nullptr: there are no shards
};

// The place that is meant; nothing for kind::none. Fails with 22023 for a name, a number or a key that means none.
result<std::optional<std::size_t>> place_of(const shard_hint& hint, const place_names& among);

// "", any, default and none are no name.
shard_hint named(std::string_view value);
shard_hint numbered(std::string_view value);
shard_hint keyed(std::string_view value);

}  // namespace ashlar::proxy
