// fiber.hpp: a function with a stack of its own, which may stop in the middle to let a task of the loop run.
//
// This is how all_shards().map() runs plain blocking code for every shard at once on one thread: where the code would
// block, its fiber parks, and the loop goes on with the other shards. docs/decisions/ says why not threads.
//
// Life      drive() resumes it until its function has returned; it must run to its end, since what stands on its stack
//           cannot be destroyed from outside. Hence drive() is awaited outside any cancellation.
// Stack     stack_size bytes with a guard page below it: overflowing it ends the process instead of corrupting it. Tasks
//           that a fiber waits for run on the loop's own stack.
// Threads   One fiber stays on one thread.
#pragma once

#include "core/io/task.hpp"

#include <cstddef>
#include <functional>
#include <memory>

namespace ashlar::detail {

class fiber {
public:
    static constexpr std::size_t stack_size = std::size_t{256} << 10;

    // `body` must not throw. Throws std::bad_alloc when there is no memory for a stack.
    explicit fiber(std::function<void()> body);
    ~fiber();  // precondition: ended, or never resumed
    fiber(const fiber&) = delete;
    fiber& operator=(const fiber&) = delete;

    // Runs the body to its end, awaiting in between what it parks for.
    io::task<void> drive();

    // The one that runs now on this thread; nullptr outside of any.
    static fiber* current() noexcept;

    // From inside: waits until the task has ended, and throws what it threw.
    void park(io::task<void> until);

private:
    void resume();  // until it parks or ends
    struct inside;
    std::unique_ptr<inside> inside_;
};

}  // namespace ashlar::detail
