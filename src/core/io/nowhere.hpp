// nowhere.hpp: the loop that nobody drives. An idle connection whose last loop may be gone by tomorrow is
// bound to it, so that it refers to something that lives as long as the process. Nothing may wait on it.
#pragma once

#include "core/io/loop.hpp"

namespace ashlar::io {

loop& nowhere() noexcept;

}  // namespace ashlar::io
