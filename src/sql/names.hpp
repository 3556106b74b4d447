// names.hpp: the name that a select item without AS gets, as PostgreSQL figures it. Pure.
#pragma once

#include "sql/facts.hpp"

#include <string>

namespace ashlar::sql {

std::string output_name(const select_item& item);

}  // namespace ashlar::sql
