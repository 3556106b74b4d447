// questions.hpp: a statement of our own on a connection, and all its rows as text. For answers that are known to be small.
#pragma once

#include "driver/connection.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ashlar::topology {

using text_rows = std::vector<std::vector<std::string>>;  // NULL is empty

// Not kept prepared.
task<result<text_rows>> ask(driver::connection& from, std::string sql, deadline until);
// With parameters, as text of types that the server infers.
task<result<text_rows>> ask_with(driver::connection& from, std::string sql, std::vector<std::string> parameters,
                                 deadline until);

// A boolean in such rows, as PostgreSQL (also in JSON), SQLite and MariaDB write it.
bool is_true(std::string_view text);

// What the server itself said, where it said something; else the error's own words.
std::string told_by(const error& why);

}  // namespace ashlar::topology
