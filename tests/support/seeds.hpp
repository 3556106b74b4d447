// seeds.hpp: plays a scene of the simulation once for each of many seeds. A failure names its seed, even if an assertion
// of ours ended the program; ASHLAR_SEED=81 (`make sim SEED=81`) plays that one alone.
#pragma once

#include <cstdint>
#include <functional>

namespace ashlar::test {

// Stops at the first seed whose scene failed.
void for_each_seed(std::uint64_t count, const std::function<void(std::uint64_t seed)>& scene);

}  // namespace ashlar::test
