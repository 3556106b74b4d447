// task_group.hpp: the one place that starts tasks without awaiting them at once.
//
// It counts, cancels and waits; it asserts that it dies empty. A child runs in the group's own cancel scope, which lies
// in the scope given at birth. Belongs to one loop's thread.
//
//     task_group<result<rows>> readers{loop, co_await this_scope{}};
//     for (const step& each : steps) readers.start(read_step(loop, each, until));
//     while (auto part = co_await readers.next()) …   // in order of arrival; empty when all are in
//
// If the body may leave early (by an error, or by an exception), it must co_await cancel_and_join() first.
#pragma once

#include "core/io/loop.hpp"

#include <list>

namespace ashlar::io {

template <class T = void>
class task_group {
public:
    explicit task_group(loop& on, cancel_scope* outer = nullptr) noexcept : loop_(on), scope_(outer) {}
    ~task_group() { ASHLAR_ASSERT(running_ == 0); }
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    // Starts the task now; it runs until its first wait before this returns.
    void start(task<T> what) {
        children_.emplace_back();
        child& c = children_.back();
        c.what = std::move(what);
        c.place = std::prev(children_.end());
        ++running_;
        ++loop_.in_groups_;
        c.starter = drive(*this, c);
        c.starter.frame().promise().scope = &scope_;
        c.starter.frame().resume();
    }

    std::size_t running() const noexcept { return running_; }

    // The next child to end, in order of arrival; empty once all have been handed out. A child's exception is
    // rethrown here, cancelled_exception among them.
    task<std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>>> next() {
        while (ended_.empty() && running_ > 0) {
            arrived_.reset();
            (void)co_await loop_.wait_for(arrived_);
        }
        if (ended_.empty()) co_return std::nullopt;
        task<T> what = std::move(ended_.front().what);
        ended_.pop_front();
        if constexpr (std::is_void_v<T>) {
            what.frame().promise().take();
            co_return std::monostate{};
        } else {
            co_return what.frame().promise().take();
        }
    }

    void cancel() { scope_.cancel(); }

    // Forgets the children that have ended, with their results and exceptions: for groups whose children
    // report by themselves.
    void drop_ended() noexcept { ended_.clear(); }

    // Cancels what runs, waits for its end whatever the caller's own scope says, and drops the results.
    task<void> cancel_and_join() {
        scope_.cancel();
        co_await uncancellable_join(*this);
    }
    // Waits for all without cancelling; drops results and exceptions. Not ended by the caller's cancellation.
    task<void> join() { co_await uncancellable_join(*this); }

private:
    struct child {
        task<T> what;
        task<void> starter;
        typename std::list<child>::iterator place;
    };
    struct end_of {  // awaits the child's task without taking its result
        typename task<T>::handle inner;
        bool await_ready() const noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) const noexcept {
            inner.promise().continuation = h;
            inner.promise().scope = h.promise().scope;
            return inner;
        }
        void await_resume() const noexcept {}
    };
    static task<void> drive(task_group& group, child& c) {
        end_of end{c.what.frame()};
        co_await end;
        --group.running_;
        --group.loop_.in_groups_;
        group.ended_.splice(group.ended_.end(), group.children_, c.place);
        group.arrived_.set();
    }
    struct without_scope {  // the rest of this task runs outside any scope
        bool await_ready() const noexcept { return false; }
        template <class P>
        bool await_suspend(std::coroutine_handle<P> h) noexcept {
            h.promise().scope = nullptr;
            return false;
        }
        void await_resume() const noexcept {}
    };
    static task<void> uncancellable_join(task_group& group) {
        co_await without_scope{};
        while (group.running_ > 0) {
            group.arrived_.reset();
            (void)co_await group.loop_.wait_for(group.arrived_);
        }
        group.drop_ended();
    }

    loop& loop_;
    cancel_scope scope_;
    std::list<child> children_;  // that run
    std::list<child> ended_;     // in order of arrival
    std::size_t running_ = 0;
    signal arrived_;
};

}  // namespace ashlar::io
