// positions.hpp: sets of positions, as the intervals of shard maps and of their differences name them.
//
// One form for each kind of shard function. Regular values; pure.
#pragma once

#include "keyspace/key.hpp"
#include "keyspace/kinds.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ashlar::keyspace {

// modulo and hash: the remainders first … last, both included, modulo `modulus`.
struct residues {
    std::uint64_t modulus = 1, first = 0, last = 0;
    friend bool operator==(const residues&, const residues&) = default;
};

// ring: the places after `after` up to and with `through`, over the top when after >= through; all when they are equal.
struct arc {
    std::uint64_t after = 0, through = 0;
    friend bool operator==(const arc&, const arc&) = default;
};

// range: from <= key < until; none: without bound.
struct key_range {
    std::optional<key> from, until;
    friend bool operator==(const key_range&, const key_range&) = default;
};

// list: these keys, or all but these.
struct named_keys {
    std::vector<key> keys;  // sorted
    bool all_but = false;
    friend bool operator==(const named_keys&, const named_keys&) = default;
};

using positions = std::variant<residues, arc, key_range, named_keys>;

// The remainder of an integer or UUID key. Precondition: 0 < modulus < 2^32.
std::uint64_t position_modulo(const key& k, std::uint64_t modulus) noexcept;

// Does the set hold the key's position?
bool holds(const positions& set, function_kind function, const key& k);
// The part of all positions that the set makes up; nullopt for range and list, whose positions are without number.
std::optional<double> share_of(const positions& set);
// For people: "remainders 4..7 of 16", "(9f3c…, a001…]", "['a', 'm')", "'de', 'fr'".
std::string to_string(const positions& set);

}  // namespace ashlar::keyspace
