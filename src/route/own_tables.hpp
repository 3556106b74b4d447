// own_tables.hpp: Ashlar's own tables on the shards, which statements of clients may read and not change. Pure.
#pragma once

#include "route/catalogue.hpp"
#include "sql/facts.hpp"

#include <ashlar/error.hpp>

#include <span>
#include <string>
#include <string_view>

namespace ashlar::route {

// Anything in PostgreSQL's schema `ashlar`; on SQLite the table of marks.
bool is_own_table(const sql::table_name& name, dialect in, std::span<const std::string> search_path);
error refuse_own_table(std::string_view text, const sql::table_name& name);

}  // namespace ashlar::route
