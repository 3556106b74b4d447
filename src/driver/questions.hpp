// questions.hpp: a statement of our own on a connection, and all its rows as text. For answers that are known to be small.
#pragma once

#include "driver/connection.hpp"

#include <string>
#include <vector>

namespace ashlar::driver {

using text_rows = std::vector<std::vector<std::string>>;  // NULL is empty

// Not kept prepared.
task<result<text_rows>> ask(connection& from, std::string sql, deadline until);
// With parameters, as text of types that the server infers.
task<result<text_rows>> ask_with(connection& from, std::string sql, std::vector<std::string> parameters,
                                 deadline until);

}  // namespace ashlar::driver
