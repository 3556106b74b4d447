// wait_here.hpp: from the blocking world of the public API into the loop: runs a task to its end from plain code.
//
// Each thread has one poll loop for all its calls. Inside a fiber the caller parks instead, and the loop that drives the
// fiber goes on with others. What the task refers to must live until this returns, as anything on the caller's stack does.
#pragma once

#include "cluster/fiber.hpp"
#include "core/io/loop.hpp"

#include <optional>
#include <utility>

namespace ashlar::detail {

// This thread's loop: made on its first call, gone with the thread.
io::loop& loop_of_this_thread();

template <class T>
io::task<void> carry(io::task<T> what, std::optional<T>& out) {
    out.emplace(co_await what);
}

template <class T>
T wait_here(io::task<T> what) {
    fiber* inside = fiber::current();
    if (inside == nullptr) return loop_of_this_thread().run(std::move(what));
    std::optional<T> out;
    inside->park(carry(std::move(what), out));
    return std::move(*out);
}

inline void wait_here(io::task<void> what) {
    fiber* inside = fiber::current();
    if (inside == nullptr) {
        loop_of_this_thread().run(std::move(what));
    } else {
        inside->park(std::move(what));
    }
}

}  // namespace ashlar::detail
