// postgres_hash.hpp: the hash that PostgreSQL's PARTITION BY HASH takes of a value, so that a database can check its
// own rows with satisfies_hash_partition. Written from the published algorithm (Bob Jenkins' lookup3 in its 64-bit
// seeded form); checked against real servers by tests/server/hash_partition.cpp.
//
// Little-endian servers only, as PostgreSQL itself hashes otherwise on others. Text needs a deterministic collation.
#pragma once

#include "keyspace/key.hpp"

#include <cstdint>
#include <string_view>

namespace ashlar::keyspace {

// hash_bytes_extended and hashint8extended (int2 and int4 of the same value hash alike).
std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) noexcept;
std::uint64_t hash_integer(std::int64_t value, std::uint64_t seed) noexcept;

// The hash of a one-column partition key; its remainder by the modulus is the partition.
std::uint64_t partition_hash(const key& k) noexcept;

}  // namespace ashlar::keyspace
