// task.hpp: task<T>, a coroutine that starts when it is awaited and gives one T.
//
// Life      A task owns its frame; destroying a task that is suspended destroys the frame and all below it. Await it
//           once. Nothing is detached: the one place that starts a task without awaiting it is task_group.
// Failure   Expected failure is a result<T> inside. Exceptions pass through to whoever awaits.
// Scope     Each task carries a pointer to the cancel_scope it runs in, inherited from the awaiting task. An I/O operation
//           started under a scope ends with `cancelled_exception` when that scope is cancelled.
// Compiler  g++ 12 copies some temporaries bit by bit into a frame: in a full expression with co_await, no braced or
//           aggregate temporaries and no capturing lambdas. Name them first, then std::move (tools/check_coroutines.py).
#pragma once

#include "core/assert.hpp"
#include "core/io/frame_memory.hpp"

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace ashlar::io {

class cancel_scope;

// Travels from a cancelled operation to the owner of the scope. Nobody logs, renames or retries it.
struct cancelled_exception : std::exception {
    const char* what() const noexcept override { return "cancelled"; }
};

template <class T = void>
class task;

namespace detail {

struct promise_base {
    std::coroutine_handle<> continuation = std::noop_coroutine();
    cancel_scope* scope = nullptr;
    std::exception_ptr thrown;

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) const noexcept {
            return h.promise().continuation;
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { thrown = std::current_exception(); }
};

template <class T>
struct promise : promise_base {
    std::optional<T> value;
    task<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& v) {
        value.emplace(std::forward<U>(v));
    }
    T take() {
        if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
        return std::move(*value);
    }
};

template <>
struct promise<void> : promise_base {
    task<void> get_return_object() noexcept;
    void return_void() noexcept {}
    void take() {
        if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
    }
};

}  // namespace detail

template <class T>
class [[nodiscard]] task {
public:
    using promise_type = detail::promise<T>;
    using handle = std::coroutine_handle<promise_type>;

    task() noexcept = default;
    explicit task(handle h) noexcept : frame_(h) {}
    task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            if (frame_) frame_.destroy();
            frame_ = std::exchange(other.frame_, nullptr);
        }
        return *this;
    }
    ~task() {
        if (frame_) frame_.destroy();
    }

    explicit operator bool() const noexcept { return static_cast<bool>(frame_); }

    struct awaiter {
        handle frame;
        bool await_ready() const noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> waiter) const noexcept {
            frame.promise().continuation = waiter;
            frame.promise().scope = waiter.promise().scope;
            return frame;
        }
        T await_resume() const { return frame.promise().take(); }
    };
    // The frame stays owned by this task, which a full expression keeps alive long enough.
    awaiter operator co_await() const noexcept {
        ASHLAR_ASSERT(frame_);
        return awaiter{frame_};
    }

    // For loops and task groups only, which start tasks without being coroutines themselves.
    handle frame() const noexcept { return frame_; }

private:
    handle frame_ = nullptr;
};

namespace detail {
template <class T>
task<T> promise<T>::get_return_object() noexcept {
    return task<T>{std::coroutine_handle<promise<T>>::from_promise(*this)};
}
inline task<void> promise<void>::get_return_object() noexcept {
    return task<void>{std::coroutine_handle<promise<void>>::from_promise(*this)};
}
}  // namespace detail

}  // namespace ashlar::io

namespace ashlar {
using io::task;
}
