// type_reader.hpp: asks one PostgreSQL database what its users' types are: the labels of enums in their order, what domains,
// arrays, composites and ranges are made of.
#pragma once

#include "core/own_type.hpp"
#include "driver/connection.hpp"

#include <ashlar/result.hpp>

namespace ashlar::topology {

task<result<own_types>> read_own_types(driver::connection& from, deadline until);

}  // namespace ashlar::topology
