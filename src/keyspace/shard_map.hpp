// shard_map.hpp: from a key to the shard that owns it: a shard function gives the position, ordered intervals the
// owner.
//
// Pure and immutable: a change makes a new map with the next epoch. Thread-safe as any const value.
#pragma once

#include "keyspace/key.hpp"
#include "keyspace/kinds.hpp"
#include "keyspace/positions.hpp"

#include <ashlar/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::keyspace {

// A shard by its place in the configuration: 0 is shard 1. A type of its own, so that it is not mistaken for a count.
enum class shard_id : std::uint32_t {};
constexpr std::size_t index_of(shard_id id) noexcept {
    return static_cast<std::size_t>(id);
}

// What is known of each shard, in order.
struct shard_traits {
    std::string name;
    std::uint32_t weight = 1;                // ring
    std::vector<std::string> values;         // list
    std::optional<std::string> from, until;  // range: half-open
    bool is_default = false;                 // list
};

// A set of positions and the shard that owns it.
struct owned_positions {
    positions what;
    shard_id owner{};
    friend bool operator==(const owned_positions&, const owned_positions&) = default;
};

class shard_map {
public:
    // A ring's node puts 150 points for each unit of weight, so that more is of no use but costs memory.
    static constexpr std::uint32_t weight_max = 1000;

    // Fails with config_invalid, naming the shard at fault: overlaps, doubled values or names, a weight of 0,
    // no shards, a value or bound that is no key, a key type that the function cannot place.
    static result<shard_map> make(function_kind function, key_type type, const std::vector<shard_traits>& shards,
                                  std::uint64_t epoch = 1);

    // The owner; key_unmatched when no interval holds the position.
    result<shard_id> shard_of(const key& k) const;
    // The whole map, in the order of its positions: without overlaps; with gaps where no shard owns a position.
    std::vector<owned_positions> intervals() const;
    // The position as text, for `ashlar where` and explain: "remainder 12 of 16", "bucket 3 of 4", "point 9f3c…".
    std::string position_text(const key& k) const;

    function_kind function() const noexcept;
    keyspace::key_type key_type() const noexcept;
    std::uint64_t epoch() const noexcept;
    std::size_t size() const noexcept;
    const std::string& name_of(shard_id id) const noexcept;

private:
    struct tables;
    std::shared_ptr<const tables> tables_;  // shared: copies of an immutable map are the same map
};

}  // namespace ashlar::keyspace
