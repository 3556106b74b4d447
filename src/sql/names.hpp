// names.hpp: the name that PostgreSQL gives to a select item without AS. Pure.
#pragma once

#include "sql/facts.hpp"

#include <string>

namespace ashlar::sql {

std::string output_name(const select_item& item);

}  // namespace ashlar::sql
