// array_parameter.hpp: arrays as values of parameters. SQLite has none: `x = ANY ($1)` becomes
// `x IN (SELECT value FROM json_each(pg_array($1, type)))`, and pg_array() reads the array's text.
#pragma once

#include <ashlar/result.hpp>

#include <string>
#include <string_view>

struct sqlite3;

namespace ashlar::driver::sqlite {

// pg_array(text, element type) → the elements as a JSON array, in the form that a file keeps them.
void add_pg_arrays(sqlite3* to);

// A binary array → its text. Fails with bad_value (22P03), and with unsupported for elements of types that are not read here.
result<std::string> array_text(std::string_view binary);

}  // namespace ashlar::driver::sqlite
