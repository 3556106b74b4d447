// map_difference.hpp: what moves when one shard map gives way to another: the plan of every split, doubling and
// balancing.
//
// Shards are named, since their numbers may shift between the maps. A difference is a value; nothing in it refers to
// the maps. Applying it is the reshard room's business. Pure.
#pragma once

#include "keyspace/shard_map.hpp"

#include <ashlar/result.hpp>

#include <optional>
#include <string>
#include <vector>

namespace ashlar::keyspace {

// These positions go from one shard to another. Empty names: owned by nobody before, or after.
struct move {
    positions what;
    std::string from, to;
    friend bool operator==(const move&, const move&) = default;
};

struct map_difference {
    function_kind function = function_kind::modulo;
    std::vector<move> moves;  // disjoint, in the order of positions

    // The move that takes this key along; nullptr when it stays.
    const move* find(const key& k) const;
    // The part of all positions that moves; nullopt for range and list.
    std::optional<double> share() const;
};

// What differs between the maps. Fails with `unsupported` when the function or the key's type differs, since then every
// row may move; with limit_reached when two moduli have more than 2^20 remainders in common.
result<map_difference> difference(const shard_map& before, const shard_map& after);

}  // namespace ashlar::keyspace
