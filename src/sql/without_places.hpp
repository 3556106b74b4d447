// without_places.hpp: a copy of a statement's facts without positions, for facts that outlive their text. Pure.
#pragma once

#include "sql/facts.hpp"

namespace ashlar::sql {

statement without_places(statement s);

}  // namespace ashlar::sql
