// model_text.hpp: the SQL that models become. Pure text; every name is quoted.
#pragma once

#include <ashlar/statements.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::detail {

// "orders" → "orders" in quotes; "sales.orders" → both parts quoted.
std::string quoted_table(std::string_view table);

std::string select_text(const model_view& what, const selection_parts& parts);
std::string count_text(const model_view& what, const selection_parts& parts);
std::string find_text(const model_view& what);    // $1: the primary key
std::string insert_text(const model_view& what);  // $1 …: all columns in order

// Which of the model's columns say which row it is: the primary key, and the shard key where it is another one of them.
struct row_identity {
    std::size_t primary = 0;
    std::optional<std::size_t> shard_key;
    bool holds(std::size_t column) const noexcept { return column == primary || column == shard_key; }
};
row_identity identity_of(const model_view& what, std::string_view shard_key);

// $1 …: the columns to set in order, then those of the identity. Empty when the model has nothing else to set.
std::string update_text(const model_view& what, const row_identity& row);
// $1 …: the columns of the identity.
std::string remove_text(const model_view& what, const row_identity& row);

}  // namespace ashlar::detail
