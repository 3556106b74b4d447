// blocking_threads.hpp: a few threads for work that blocks (SQLite, name lookup, password hashing), shared by all
// loops of the process. They start on first use and end with the process.
#pragma once

#include <functional>

namespace ashlar::io {

// Queues `work` for one of the threads, first come, first served. Any thread. `work` must not throw.
void run_on_blocking_thread(std::function<void()> work);

}  // namespace ashlar::io
