// sqlite_definition.hpp: what SQLite keeps of a table only in the text that made it: checks, the names of foreign keys, a view's
// query, the predicate of a partial index. For whoever looks at the catalogue. Pure.
#pragma once

#include "route/catalogue.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route {

// CREATE TABLE → its checks, named as PostgreSQL would name them.
std::vector<shown_definition::check> checks_in(std::string_view create, const std::string& table);
// The names that CONSTRAINT gives to its foreign keys, in the order of the text; "" where none is given.
std::vector<std::string> foreign_key_names_in(std::string_view create);
// CREATE VIEW … AS query → the query.
std::string query_of_view(std::string_view create);
// CREATE INDEX … WHERE condition → the condition; and what stands in its parentheses.
std::string predicate_of_index(std::string_view create);
std::string columns_of_index(std::string_view create);

}  // namespace ashlar::route
