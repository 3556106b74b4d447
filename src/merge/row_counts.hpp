// row_counts.hpp: LIMIT and OFFSET once their parameters are known. Pure.
#pragma once

#include "route/plan.hpp"
#include "route/recipe.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <optional>
#include <span>

namespace ashlar::merge {

enum class clause { limit, offset };

// nullopt: no LIMIT, or NULL. Fails as PostgreSQL does when it is negative: 2201W for LIMIT, 2201X for OFFSET.
result<std::optional<std::uint64_t>> count_of(const route::row_count& what, clause where,
                                              std::span<const route::bound_parameter> parameters);

}  // namespace ashlar::merge
