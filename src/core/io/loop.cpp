// The part that all back ends share: operations' lives, cancel scopes, timers, signals, posting, blocking work.
#include "core/io/loop.hpp"

#include "core/errno_text.hpp"
#include "core/io/blocking_threads.hpp"
#include "core/io/secure_channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

namespace ashlar::io {

using detail::op_kind;
using detail::op_state;
using detail::operation;

struct loop::inside {
    std::vector<operation*> timers;  // a binary heap, the earliest first; each knows its slot

    std::mutex guard;  // of what other threads touch
    std::vector<std::function<void()>> posted;
    std::atomic<bool> has_posted = false;
    std::atomic<bool> stopping = false;
};

struct signal::shared {
    std::mutex guard;
    std::atomic<bool> set = false;  // written under guard
    loop* where = nullptr;          // the loop of the waiting task
    operation* waiting = nullptr;   // touched only on that loop's thread, save its being set and cleared under guard
};

namespace {

// The loop that this thread is running, if any: what it tells itself needs no post and no wake-up.
thread_local loop* running_here = nullptr;

struct running {
    loop* before;
    explicit running(loop* l) noexcept : before(std::exchange(running_here, l)) {}
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running() { running_here = before; }
};

error from_errno(int number) {
    if (number == ECONNRESET || number == EPIPE || number == ECONNABORTED) {
        return error{errc::peer_closed, std::string{"the connection was closed: "} + errno_text(number)};
    }
    return error{errc::io_failure, errno_text(number)};
}

error deadline_error(op_kind kind) {
    const char* what = kind == op_kind::receive ? "nothing was received before the deadline"
                       : kind == op_kind::send  ? "the peer took too long to read what was sent"
                                                : "the deadline passed while waiting";
    return error{errc::deadline_passed, what};
}

}  // namespace

// --- operations ---------------------------------------------------------------------------------------------------

namespace detail {

operation::~operation() {
    if (state == op_state::pending) owner.withdraw(*this);
}

bool operation::suspend(std::coroutine_handle<> h, cancel_scope* in) {
    if (kind == op_kind::blocking) in = nullptr;
    if (in != nullptr && in->is_cancelled()) {
        state = op_state::cancelled;
        return false;
    }
    waiter = h;
    if (ends_at_once()) {
        if (!owner.must_yield()) return false;
        owner.make_ready(*this, state);
        return true;
    }
    state = op_state::pending;
    if (!start_waiting()) {
        state = op_state::done;
        return false;
    }
    if (!until.is_never()) owner.add_timer(*this);
    if (in != nullptr) place.insert_before(in->operations_);
    return true;
}

// True: `state` says how.
bool operation::ends_at_once() {
    bool ended = false;
    switch (kind) {
        case op_kind::wait:
        case op_kind::arrival:
            ended = (through != nullptr && direction == interest::readable && through->holds_bytes()) ||
                    owner.try_now(*this);
            break;
        case op_kind::receive:
        case op_kind::send:
            ended = owner.try_now(*this);
            break;
        case op_kind::signal:
        case op_kind::blocking:
            ended = static_cast<signal::shared*>(extra.get())->set.load(std::memory_order_acquire);
            break;
        case op_kind::sleep:
            break;
    }
    if (ended) {
        state = op_state::done;
        return true;
    }
    if (until.is_never() || !until.passed(owner.now())) return false;
    state = op_state::timed_out;
    return true;
}

// False: it has ended after all.
bool operation::start_waiting() {
    switch (kind) {
        case op_kind::receive:
        case op_kind::send:
        case op_kind::wait:
        case op_kind::arrival:
            return owner.watch(*this);
        case op_kind::sleep:
            return true;
        case op_kind::signal:
        case op_kind::blocking: {
            auto& s = *static_cast<signal::shared*>(extra.get());
            std::lock_guard hold{s.guard};
            if (s.set.load(std::memory_order_relaxed)) return false;
            ASHLAR_ASSERT(s.waiting == nullptr);
            s.where = &owner;
            s.waiting = this;
            return true;
        }
    }
    return false;
}

result<std::size_t> size_operation::await_resume() {
    throw_if_cancelled();
    if (state == op_state::timed_out) return deadline_error(kind);
    if (error_number == EPROTO && through != nullptr && !through->trouble().empty()) {
        return error{errc::io_failure, "TLS: " + std::string{through->trouble()}};
    }
    if (error_number != 0) return from_errno(error_number);
    return done;
}

status status_operation::await_resume() {
    throw_if_cancelled();
    if (kind == op_kind::sleep) return {};
    if (state == op_state::timed_out) return deadline_error(kind);
    if (error_number != 0) return from_errno(error_number);
    return {};
}

}  // namespace detail

// --- cancel scopes ------------------------------------------------------------------------------------------------

cancel_scope::cancel_scope(cancel_scope* outer) noexcept {
    if (outer == nullptr) return;
    place_.insert_before(outer->inner_);
    cancelled_ = outer->cancelled_;
}

cancel_scope::~cancel_scope() {
    ASHLAR_ASSERT(!operations_.linked());
    ASHLAR_ASSERT(!inner_.linked());
}

void cancel_scope::cancel() {
    cancelled_ = true;
    while (operations_.linked()) {
        auto* op = static_cast<operation*>(operations_.next->holder);
        op->owner.withdraw(*op);
        op->owner.finish(*op, op_state::cancelled);
    }
    // An inner scope may not be destroyed here: its owner only runs in a later step of the loop.
    for (detail::link* at = inner_.next; at != &inner_; at = at->next) {
        static_cast<cancel_scope*>(at->holder)->cancel();
    }
}

// --- signals ------------------------------------------------------------------------------------------------------

signal::signal() : shared_(std::make_shared<shared>()) {}

void signal::set() {
    std::lock_guard hold{shared_->guard};
    if (shared_->set.load(std::memory_order_relaxed)) return;
    shared_->set.store(true, std::memory_order_release);
    shared_->set.notify_all();
    if (shared_->waiting == nullptr) return;
    if (shared_->where == running_here) {
        running_here->finish(*std::exchange(shared_->waiting, nullptr), op_state::done);
        return;
    }
    // The waiter may be withdrawn before its loop comes to this: look again there.
    shared_->where->post([s = shared_] {
        std::unique_lock again{s->guard};
        if (!s->set.load(std::memory_order_relaxed)) return;
        operation* const op = std::exchange(s->waiting, nullptr);
        again.unlock();
        if (op != nullptr) op->owner.finish(*op, op_state::done);
    });
}

bool signal::is_set() const {
    return shared_->set.load(std::memory_order_acquire);
}

void signal::reset() {
    std::lock_guard hold{shared_->guard};
    ASHLAR_ASSERT(shared_->waiting == nullptr);
    shared_->set.store(false, std::memory_order_relaxed);
}

void signal::block_until_set() const {
    shared_->set.wait(false, std::memory_order_acquire);
}

// --- the loop -----------------------------------------------------------------------------------------------------

loop::loop() : inside_(std::make_unique<inside>()) {}
loop::~loop() = default;

detail::size_operation loop::receive(int fd, std::span<char> into, deadline until, secure_channel* through) {
    return {*this, op_kind::receive, interest::readable, fd, until, into, {}, through};
}

detail::size_operation loop::send(int fd, std::string_view all, deadline until, secure_channel* through) {
    const std::span only_read{const_cast<char*>(all.data()), all.size()};
    return {*this, op_kind::send, interest::writable, fd, until, only_read, {}, through};
}

detail::status_operation loop::wait(int fd, interest what, deadline until, secure_channel* through) {
    return {*this, op_kind::wait, what, fd, until, {}, {}, through};
}

detail::status_operation loop::wait_for_arrival(int fd, deadline until, secure_channel* through) {
    return {*this, op_kind::arrival, interest::readable, fd, until, {}, {}, through};
}

detail::status_operation loop::sleep_until(deadline until) {
    return {*this, op_kind::sleep, interest::readable, -1, until};
}

detail::status_operation loop::wait_for(signal& what, deadline until) {
    return {*this, op_kind::signal, interest::readable, -1, until, {}, what.shared_};
}

task<void> loop::run_blocking(std::function<void()> work) {
    if (runs_in_place()) {
        work();
        co_return;
    }
    struct end_first {  // whatever becomes of this frame, `work` has ended before
        signal ended;
        ~end_first() { ended.block_until_set(); }
    } finish;
    run_on_blocking_thread([&work, ended = finish.ended]() mutable {
        work();
        ended.set();
    });
    detail::status_operation op{*this, op_kind::blocking,   interest::readable, -1, deadline::never(),
                                {},    finish.ended.shared_};
    (void)co_await op;
}

void loop::make_ready(operation& op, op_state how) noexcept {
    op.state = how;
    op.place.unlink();
    op.place.insert_before(ready_);
}

void loop::finish(operation& op, op_state how) {
    remove_timer(op);
    make_ready(op, how);
}

void loop::withdraw(operation& op) noexcept {
    remove_timer(op);
    op.place.unlink();
    if (op.kind == op_kind::signal || op.kind == op_kind::blocking) {
        auto& s = *static_cast<signal::shared*>(op.extra.get());
        std::lock_guard hold{s.guard};
        if (s.waiting == &op) s.waiting = nullptr;
    } else if (op.kind != op_kind::sleep) {
        unwatch(op);
    }
}

// Timers: a binary heap by deadline.

void loop::add_timer(operation& op) {
    auto& heap = inside_->timers;
    std::size_t at = heap.size();
    heap.push_back(&op);
    while (at > 0) {
        const std::size_t parent = (at - 1) / 2;
        if (heap[parent]->until <= op.until) break;
        heap[at] = heap[parent];
        heap[at]->timer_slot = at;
        at = parent;
    }
    heap[at] = &op;
    op.timer_slot = at;
}

void loop::remove_timer(operation& op) noexcept {
    if (op.timer_slot == SIZE_MAX) return;
    auto& heap = inside_->timers;
    std::size_t at = std::exchange(op.timer_slot, SIZE_MAX);
    operation* last = heap.back();
    heap.pop_back();
    if (last == &op) return;
    while (at > 0 && last->until < heap[(at - 1) / 2]->until) {
        heap[at] = heap[(at - 1) / 2];
        heap[at]->timer_slot = at;
        at = (at - 1) / 2;
    }
    for (;;) {
        std::size_t child = 2 * at + 1;
        if (child >= heap.size()) break;
        if (child + 1 < heap.size() && heap[child + 1]->until < heap[child]->until) ++child;
        if (last->until <= heap[child]->until) break;
        heap[at] = heap[child];
        heap[at]->timer_slot = at;
        at = child;
    }
    heap[at] = last;
    last->timer_slot = at;
}

void loop::expire_timers() {
    auto& heap = inside_->timers;
    while (!heap.empty() && heap.front()->until.passed(now())) {
        operation& op = *heap.front();
        withdraw(op);
        finish(op, op_state::timed_out);
    }
}

deadline loop::first_timer() const noexcept {
    return inside_->timers.empty() ? deadline::never() : inside_->timers.front()->until;
}

void loop::run_ready() {
    // Only what is ready now: what becomes ready meanwhile waits for the next turn, so that nobody starves I/O. A task
    // may destroy another one that is ready too; the operation takes itself out of the ring then.
    detail::link now_ready;
    if (!ready_.linked()) return;
    now_ready.insert_before(ready_);
    ready_.unlink();
    while (now_ready.linked()) {
        auto* op = static_cast<operation*>(now_ready.next->holder);
        op->place.unlink();
        streak_ = 0;
        op->waiter.resume();
    }
}

void loop::run_posted() {
    if (!inside_->has_posted.load(std::memory_order_acquire)) return;
    std::vector<std::function<void()>> now_posted;
    {
        std::lock_guard hold{inside_->guard};
        now_posted.swap(inside_->posted);
        inside_->has_posted.store(false, std::memory_order_relaxed);
    }
    for (auto& f : now_posted) f();
}

void loop::run_posted_and_ready() {
    run_posted();
    run_ready();
}

void loop::wait_for_events() {
    const bool busy = ready_.linked() || inside_->has_posted.load(std::memory_order_acquire);
    turn(busy ? deadline{instant::min()} : first_timer());
    expire_timers();
}

void loop::drive(const bool& ended) {
    const running here{this};
    read_clock();
    for (;;) {
        run_posted_and_ready();
        if (ended) return;
        wait_for_events();
    }
}

// --- descriptors ----------------------------------------------------------------------------------------------------

void loop::close(int fd) noexcept {
    forget(fd);
    ::close(fd);
}

void loop::send_now(int fd, std::string_view bytes) noexcept {
    (void)!::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::optional<std::size_t> loop::peek(int fd, std::span<char> into) noexcept {
    const ssize_t n = ::recv(fd, into.data(), into.size(), MSG_PEEK | MSG_DONTWAIT);
    if (n > 0) return static_cast<std::size_t>(n);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return 0;
    return std::nullopt;
}

bool loop::peer_has_closed(int fd) noexcept {
    return io::peer_has_closed(fd);
}

void loop::shut_down(int fd) noexcept {
    ::shutdown(fd, SHUT_RDWR);
}

void loop::run() {
    const running here{this};
    read_clock();
    while (!inside_->stopping.load(std::memory_order_acquire)) {
        run_posted_and_ready();
        wait_for_events();
    }
    inside_->stopping.store(false, std::memory_order_relaxed);
}

void loop::stop() {
    inside_->stopping.store(true, std::memory_order_release);
    wake();
}

void loop::post(std::function<void()> what) {
    bool first = false;
    {
        std::lock_guard hold{inside_->guard};
        first = inside_->posted.empty();
        inside_->posted.push_back(std::move(what));
        inside_->has_posted.store(true, std::memory_order_release);
    }
    if (first && running_here != this) wake();
}

}  // namespace ashlar::io
