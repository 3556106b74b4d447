// keys.hpp: how a statement fixes a shard key: by constants, known when it is planned, or by parameters, known when it
// is bound. Pure.
#pragma once

#include "core/rows.hpp"
#include "keyspace/shard_map.hpp"
#include "route/plan.hpp"
#include "sql/facts.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ashlar::route {

// One value, or the elements of one array parameter.
struct key_source {
    std::optional<keyspace::key> constant;
    std::size_t parameter = 0;  // 0-based, when there is no constant
    bool array = false;         // the parameter is an array: each element is a key
    int location = -1;          // of the literal or parameter in the text
    friend bool operator==(const key_source&, const key_source&) = default;
};

// The values that a key may have in the rows that matter. Empty: it is compared with NULL, and no row can match.
struct key_set {
    std::vector<key_source> values;
    bool listed = false;  // by IN, ANY or OR, rather than by one =
    friend bool operator==(const key_set&, const key_set&) = default;
};

// What stands under casts that leave a key's value as it is; nullptr when one of them may change it.
const sql::expression* without_casts(const sql::expression& value, keyspace::key_type type);

// An expression on the other side of `key = …`. nullopt: it fixes nothing (then every shard is asked, which is always
// right). A NULL literal gives an empty set. `declared`: the parameters' types that the client declared, 0 = none.
std::optional<key_set> key_of(const sql::expression& value, keyspace::key_type type,
                              std::span<const std::uint32_t> declared);
// The array on the other side of `key = ANY (…)`.
std::optional<key_set> keys_of_array(const sql::expression& array, keyspace::key_type type,
                                     std::span<const std::uint32_t> declared);

// Adds the source's keys. A NULL parameter adds none. Fails with key_invalid.
status add_keys(const key_source& source, std::span<const bound_parameter> parameters, keyspace::key_type type,
                std::vector<keyspace::key>& into);
// The one key of a source that is no array; nullopt for NULL. Allocates nothing for integers and UUIDs.
result<std::optional<keyspace::key>> one_key(const key_source& source, std::span<const bound_parameter> parameters,
                                             keyspace::key_type type);

}  // namespace ashlar::route
