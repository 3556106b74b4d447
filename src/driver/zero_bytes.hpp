// zero_bytes.hpp: no text of PostgreSQL's holds a zero byte, and libpq and SQLite's functions would cut it there. SQLite files
// follow PostgreSQL here, so that what is stored can be read by every face. MariaDB's texts may hold one. Pure.
#pragma once

#include "driver/connection.hpp"

namespace ashlar::driver {

// bad_value with SQLSTATE 22021, naming the parameter; syntax for the statement's own text.
status check_zero_bytes(const statement& what);
status check_zero_bytes(std::string_view sql);

}  // namespace ashlar::driver
