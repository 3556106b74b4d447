// loop.hpp: the one seam to the world: receive, send, wait for a descriptor, sleep until, run something that blocks.
//
// Behind it stand three back ends: epoll_loop (the proxy's threads), poll_loop (a caller who blocks) and sim_loop
// (tests: a clock moved by hand, scripted peers). Code above awaits the same operations on each.
//
// Threads   A loop belongs to the thread that runs it. Everything here is for that thread, except post(), stop()
//           and forget(), where "any thread" is said.
// Waiting   At most one operation of each direction (reading, writing) is under way on a descriptor.
// Deadline  Every operation takes one and fails with errc::deadline_passed once the loop's clock reached it; what is
//           ready by then succeeds, and data that arrived is not lost. The clock is coarse: read once in each turn.
// Cancel    An operation inside a cancelled scope throws cancelled_exception from its co_await.
// Closing   Call forget(fd) before close(fd), always, or a later descriptor of the same number inherits its state.
#pragma once

#include "core/io/task.hpp"
#include "core/time.hpp"

#include <ashlar/result.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace ashlar::io {

class loop;
class cancel_scope;
class secure_channel;

enum class interest : std::uint8_t { readable, writable };

namespace detail {

// A place in a doubly linked ring; unlinks itself.
struct link {
    link* next = this;
    link* previous = this;
    void* holder = nullptr;  // whose place this is
    explicit link(void* whose = nullptr) noexcept : holder(whose) {}
    link(const link&) = delete;
    link& operator=(const link&) = delete;
    ~link() { unlink(); }
    bool linked() const noexcept { return next != this; }
    void unlink() noexcept {
        previous->next = next;
        next->previous = previous;
        next = previous = this;
    }
    void insert_before(link& where) noexcept {
        previous = where.previous;
        next = &where;
        where.previous->next = this;
        where.previous = this;
    }
};

enum class op_kind : std::uint8_t { receive, send, wait, arrival, sleep, signal, blocking };
enum class op_state : std::uint8_t { idle, pending, done, timed_out, cancelled };

// One operation under way. It lives in the awaiting coroutine's frame, and is known to the loop only while pending.
struct operation {
    operation(loop& l, op_kind k, interest way, int descriptor, deadline d, std::span<char> buffer = {},
              std::shared_ptr<void> shared = nullptr, secure_channel* channel = nullptr) noexcept
        : owner(l),
          kind(k),
          direction(way),
          fd(descriptor),
          until(d),
          data(buffer.data()),
          size(buffer.size()),
          through(channel),
          extra(std::move(shared)) {}
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
    ~operation();  // withdraws itself when its coroutine is destroyed while it waits

    loop& owner;
    op_kind kind;
    interest direction;
    op_state state = op_state::idle;
    bool drained = false;  // receive: the socket had no more
    bool crossed = false;  // its channel waits for the other direction
    int fd;
    int error_number = 0;
    deadline until;
    char* data;
    std::size_t size;
    std::size_t done = 0;
    secure_channel* through;  // nullptr: none
    std::coroutine_handle<> waiter = nullptr;
    link place{this};                   // in its scope's ring while pending, then in the loop's ring of what is ready
    std::size_t timer_slot = SIZE_MAX;  // in the loop's heap of timers while pending with a deadline
    std::shared_ptr<void> extra;        // what a signal or blocking operation shares with other threads

    // All is done in suspend(), where the scope is known: a cancelled scope lets nothing through, even what is ready.
    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> h) {
        return suspend(h, h.promise().scope);
    }
    // False when the operation need not wait after all.
    bool suspend(std::coroutine_handle<> h, cancel_scope* in);
    bool ends_at_once();
    bool start_waiting();
    void throw_if_cancelled() const {
        if (state == op_state::cancelled) throw cancelled_exception{};
    }
};

struct size_operation : operation {
    using operation::operation;
    // Bytes moved; for receive, 0 is the orderly end of the stream.
    result<std::size_t> await_resume();
};
struct status_operation : operation {
    using operation::operation;
    status await_resume();
};

}  // namespace detail

// What a cancellation reaches: every operation under way in it, and the scopes inside it. Belongs to one loop's thread.
// Precondition of destruction: nothing under way in it.
class cancel_scope {
public:
    explicit cancel_scope(cancel_scope* outer = nullptr) noexcept;
    ~cancel_scope();
    cancel_scope(const cancel_scope&) = delete;
    cancel_scope& operator=(const cancel_scope&) = delete;

    // Ends all that is under way with cancelled_exception; what is started later ends at once. Idempotent.
    void cancel();
    bool is_cancelled() const noexcept { return cancelled_; }

private:
    friend struct detail::operation;
    detail::link operations_;
    detail::link inner_;        // ring of the scopes inside
    detail::link place_{this};  // in the outer scope's ring
    bool cancelled_ = false;
};

// co_await this_scope{} gives the scope of the running task (nullptr for none).
struct this_scope {
    cancel_scope* scope = nullptr;
    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> h) noexcept {
        scope = h.promise().scope;
        return false;
    }
    cancel_scope* await_resume() const noexcept { return scope; }
};

// A one-shot event that any thread may set and one task awaits (loop::wait_for). Setting it before the wait is fine.
class signal {
public:
    signal();
    void set();                    // any thread; twice is as good as once
    bool is_set() const;           // any thread
    void reset();                  // the waiting task's thread, with no wait under way
    void block_until_set() const;  // any thread that may block; not one that the setter needs

private:
    friend class loop;
    friend struct detail::operation;
    struct shared;
    std::shared_ptr<shared> shared_;
};

class loop {
public:
    loop();
    virtual ~loop();
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    // --- what tasks await -----------------------------------------------------------------------------------------

    // Reads what has arrived, at least a byte: the count, 0 at the orderly end; peer_closed, io_failure,
    // deadline_passed. `into` must stay valid until the operation ends, and must not be empty.
    // `through`: what encrypts the stream's bytes; nullptr for a plain one.
    detail::size_operation receive(int fd, std::span<char> into, deadline until = {},
                                   secure_channel* through = nullptr);
    // Sends everything. On failure an unknown part of it has been sent: the stream is unusable.
    detail::size_operation send(int fd, std::string_view all, deadline until = {}, secure_channel* through = nullptr);
    // Waits until `fd` is ready, for libraries that read and write by themselves. Level-triggered.
    detail::status_operation wait(int fd, interest what, deadline until = {}, secure_channel* through = nullptr);
    // Waits until receive() will find something, on a descriptor that only receive() reads: unlike wait() it need not
    // ask the system about the level. For peers who are silent long, so that no buffer waits with them.
    detail::status_operation wait_for_arrival(int fd, deadline until = {}, secure_channel* through = nullptr);
    // Always ends by deadline, which is success here.
    detail::status_operation sleep_until(deadline until);
    detail::status_operation wait_for(signal& what, deadline until = {});
    // Runs `work` on a thread that may block and waits for its end. It cannot be interrupted: neither deadline nor
    // cancellation ends it early, and destroying the waiting task blocks until it has ended, so that `work` may refer to
    // the awaiting frame. `work` must not throw.
    task<void> run_blocking(std::function<void()> work);

    // The loop's clock: as of the start of this turn.
    instant now() const noexcept { return now_; }

    // --- for owners -----------------------------------------------------------------------------------------------

    // Drives the loop from the calling thread until the task has ended; gives its value or throws its exception.
    template <class T>
    T run(task<T> what, cancel_scope* scope = nullptr);
    // Drives the loop until stop().
    void run();
    void stop();  // any thread

    // Runs `what` on the loop's thread in one of its next turns, in order. Any thread.
    void post(std::function<void()> what);
    // Drops what the loop remembers of a descriptor that nobody waits for. Any thread; before close().
    virtual void forget(int fd) noexcept = 0;

    // --- for byte_stream: what a connected descriptor does at once, without waiting. Any thread. ------------------

    virtual void close(int fd) noexcept;  // forgets it first
    // Sends what is taken now, and drops the rest.
    virtual void send_now(int fd, std::string_view bytes) noexcept;
    // What has arrived, without taking it. 0: nothing; nullopt: the stream has ended or failed.
    virtual std::optional<std::size_t> peek(int fd, std::span<char> into) noexcept;
    virtual bool peer_has_closed(int fd) noexcept;
    virtual void shut_down(int fd) noexcept;  // both directions

    // True where nobody would be kept from going on: run_blocking then runs in place.
    virtual bool runs_in_place() const noexcept { return false; }
    // True on the back ends that live for a call or two: what is kept for later must not stay bound to them.
    virtual bool is_brief() const noexcept { return false; }

protected:
    friend struct detail::operation;
    friend class cancel_scope;
    friend class signal;

    // The back end.
    // Attempts a receive or send without waiting; true: it ended (done or error_number is set). False for a wait.
    virtual bool try_now(detail::operation& op) = 0;
    // Will call finish(op, done) in a turn once it ended. False: it cannot be watched, error_number is set.
    virtual bool watch(detail::operation& op) = 0;
    virtual void unwatch(detail::operation& op) = 0;  // withdrawn by timeout, cancellation or destruction
    // Waits for events no later than `until`, sets now_, and calls finish() for what ended. Returns early after wake().
    // deadline{instant::min()}: do not wait at all.
    virtual void turn(deadline until) = 0;
    virtual void wake() noexcept = 0;  // any thread

    // Ends a pending operation; its task goes on in this turn or the next one.
    void finish(detail::operation& op, detail::op_state how);

    virtual void read_clock() noexcept { now_ = steady_clock::now(); }
    deadline first_timer() const noexcept;

    bool has_groups() const noexcept { return in_groups_ > 0; }

    instant now_ = steady_clock::now();

private:
    template <class>
    friend class task_group;
    void make_ready(detail::operation& op, detail::op_state how) noexcept;
    bool must_yield() noexcept { return ++streak_ > streak_most; }
    void run_posted_and_ready();
    void wait_for_events();
    void expire_timers();
    void add_timer(detail::operation& op);
    void remove_timer(detail::operation& op) noexcept;
    void withdraw(detail::operation& op) noexcept;
    void run_posted();
    void run_ready();
    void drive(const bool& ended);

    // After so many operations that ended at once, a task lets the others run.
    static constexpr unsigned streak_most = 64;
    unsigned streak_ = 0;
    std::size_t in_groups_ = 0;  // tasks of groups that run on this loop
    detail::link ready_;         // ring of operations that ended and whose tasks have not gone on yet

    struct inside;
    std::unique_ptr<inside> inside_;
};

// The epoll back end: edge-triggered, one registration for the life of a descriptor, no speculative reads.
std::unique_ptr<loop> make_epoll_loop();
// The poll back end: cheap to make, for a caller who blocks on one call.
std::unique_ptr<loop> make_poll_loop();

// Has the other side closed this stream? Asks the system, at once, whatever still is to be read. Any thread.
bool peer_has_closed(int fd) noexcept;

// --- loop::run ----------------------------------------------------------------------------------------------------

template <class T>
T loop::run(task<T> what, cancel_scope* scope) {
    struct root {
        struct promise_type {
            cancel_scope* scope = nullptr;
            root get_return_object() noexcept { return root{std::coroutine_handle<promise_type>::from_promise(*this)}; }
            std::suspend_always initial_suspend() const noexcept { return {}; }
            std::suspend_always final_suspend() const noexcept { return {}; }
            void return_void() noexcept {}
            void unhandled_exception() noexcept { std::terminate(); }
        };
        std::coroutine_handle<promise_type> frame;
    };
    struct finished_awaiter {  // awaits the task without taking its result
        typename task<T>::handle inner;
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<typename root::promise_type> h) const noexcept {
            inner.promise().continuation = h;
            inner.promise().scope = h.promise().scope;
            return inner;
        }
        void await_resume() const noexcept {}
    };
    bool ended = false;
    auto starter = [](typename task<T>::handle inner, bool& flag) -> root {
        finished_awaiter end{inner};
        co_await end;
        flag = true;
    };
    root r = starter(what.frame(), ended);
    r.frame.promise().scope = scope;
    struct destroy_frame {
        std::coroutine_handle<> h;
        ~destroy_frame() { h.destroy(); }
    } guard{r.frame};
    r.frame.resume();
    drive(ended);
    return what.frame().promise().take();
}

}  // namespace ashlar::io
