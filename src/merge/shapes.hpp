// shapes.hpp: do all shards announce the same columns? A shard that lags behind in a migration must be named, never
// merged with the rest. Pure.
#pragma once

#include "core/rows.hpp"
#include "route/catalogue.hpp"

#include <ashlar/result.hpp>

#include <string>
#include <vector>

namespace ashlar::merge {

// The common columns. Number, names, formats and built-in types must agree, else shards_disagree tells the first difference;
// user types have an oid of their own on each shard, so that only being one is compared. Where SQLite does not know the
// type of an expression, the types of sources that have values decide. `names`: of the sources, for messages; may be empty.
result<columns> common_shape(const std::vector<columns>& shapes, const std::vector<std::string>& names,
                             route::dialect dialect);

}  // namespace ashlar::merge
