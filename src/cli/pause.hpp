// pause.hpp: the time between two looks of `--watch`.
#pragma once

#include "core/io/loop.hpp"

namespace ashlar::cli {

inline task<void> pause(io::loop& loop, milliseconds how_long) {
    const deadline next = deadline::in(how_long);
    (void)co_await loop.sleep_until(next);
}

}  // namespace ashlar::cli
