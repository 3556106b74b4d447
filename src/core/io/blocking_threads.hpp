// blocking_threads.hpp: a few threads for work that blocks (SQLite, name lookup, password hashing), shared by all
// loops of the process. They start on first use and end with the process.
#pragma once

#include <chrono>
#include <functional>

namespace ashlar::io {

// Queues `work` for one of the threads, first come, first served. Any thread. `work` must not throw.
void run_on_blocking_thread(std::function<void()> work);

// For work on such a thread only: waits until the socket can be written, or has something to read or has been closed.
// False: not within `patience`.
bool blocks_until_writable(int fd, std::chrono::milliseconds patience) noexcept;
bool blocks_until_readable(int fd, std::chrono::milliseconds patience) noexcept;

}  // namespace ashlar::io
