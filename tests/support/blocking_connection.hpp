// blocking_connection.hpp: a driver::connection over plain libpq calls that block, a few lines a member. For tests that
// need a PostgreSQL at the other end but must not share the faults of the driver that users get.
#pragma once

#include "driver/connection.hpp"

#include <memory>
#include <string>

namespace ashlar::test {

// `conninfo`: libpq's. Throws std::runtime_error when no connection can be made. Rows come in batches of `batch_rows`.
std::unique_ptr<driver::connection> connect_blocking(const std::string& conninfo, std::size_t batch_rows = 7);

}  // namespace ashlar::test
