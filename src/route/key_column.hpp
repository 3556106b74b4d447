// key_column.hpp: the column that a table is sharded by: can its values be keys, and which key is stored of a given value? Pure.
#pragma once

#include "keyspace/key.hpp"
#include "route/catalogue.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::route {

// Why rows cannot be placed by the table's shard key: its column has another type than the shards' keys, or text that is not
// compared by its bytes. A sentence that names the table, the column, its type and the key type; nothing when they fit, or
// when the columns are not known.
struct key_misfit {
    std::string what, hint;
};
std::optional<key_misfit> misfit_of(const table_facts& table, keyspace::key_type type);
std::vector<key_misfit> misfits_in(const catalogue& known);  // of all sharded tables, by name

// The key type that columns of this type hold; nothing: none.
std::optional<keyspace::key_type> key_type_for(std::uint32_t column_type);

// character varying(n) is stored without the blanks beyond n characters. n of the key's column; nothing: it keeps every value.
std::optional<std::size_t> key_length_max(const table_facts& table);
keyspace::key as_stored(keyspace::key given, std::optional<std::size_t> length_max);

}  // namespace ashlar::route
