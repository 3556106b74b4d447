// The epoll back end. A descriptor is registered once, edge-triggered for both directions. Each side remembers whether
// it may have something: after a read that did not fill its buffer the socket is known to be drained, so that the next
// receive goes straight to waiting (no speculative read). wait(), for libraries that read by themselves, re-arms the
// registration instead, which makes epoll look at the descriptor's level.
#include "core/io/loop.hpp"
#include "core/io/secure_channel.hpp"
#include "core/io/socket_calls.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

namespace ashlar::io {

namespace {

using detail::attempt;
using detail::op_kind;
using detail::op_state;
using detail::operation;

// The operations are the loop's thread's own. The flags are also written by forget(), from any thread, but only while
// nobody uses the descriptor: relaxed atomics are enough.
struct descriptor {
    operation* reader = nullptr;
    operation* writer = nullptr;
    std::atomic<std::uint32_t> registered = 0;  // for which events; 0: not at all
    std::atomic<bool> may_read = true;
    std::atomic<bool> may_write = true;
    std::atomic<bool> at_end = false;  // the peer has ended its side: reading never waits again
};

constexpr auto relaxed = std::memory_order_relaxed;
constexpr std::uint32_t readable_events = EPOLLIN | EPOLLRDHUP;
constexpr std::uint32_t both_events = readable_events | EPOLLOUT;

// Descriptors by number. It grows by blocks that never move, so that another thread may look meanwhile.
class descriptor_table {
public:
    ~descriptor_table() {
        for (auto& b : blocks_) delete b.load(relaxed);
    }
    // nullptr: never used here.
    descriptor* find(int fd) noexcept {
        const auto n = static_cast<std::size_t>(fd);
        if (n >= blocks_.size() * block_size) return nullptr;
        block* const b = blocks_[n / block_size].load(std::memory_order_acquire);
        return b == nullptr ? nullptr : &(*b)[n % block_size];
    }
    // The loop's thread.
    descriptor& of(int fd) {
        if (descriptor* known = find(fd)) return *known;
        const auto n = static_cast<std::size_t>(fd);
        ASHLAR_ASSERT(fd >= 0 && n < blocks_.size() * block_size);
        auto* const made = new block;
        blocks_[n / block_size].store(made, std::memory_order_release);
        return (*made)[n % block_size];
    }

private:
    static constexpr std::size_t block_size = 256;
    using block = std::array<descriptor, block_size>;
    std::array<std::atomic<block*>, 4'096> blocks_{};  // a million descriptors
};

class epoll_loop final : public loop {
public:
    epoll_loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), waker_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        ASHLAR_ASSERT(epoll_ >= 0 && waker_ >= 0);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLET;
        event.data.fd = waker_;
        ASHLAR_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, waker_, &event) == 0);
    }
    ~epoll_loop() override {
        ::close(waker_);
        ::close(epoll_);
    }

    void forget(int fd) noexcept override {
        descriptor* const d = descriptors_.find(fd);
        if (d == nullptr) return;
        if (d->registered.exchange(0, relaxed) != 0) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
        set_fresh(*d);
    }

protected:
    bool try_now(operation& op) override {
        if (op.kind == op_kind::wait) return false;
        descriptor& d = descriptors_.of(op.fd);
        if (op.kind == op_kind::arrival) return d.may_read.load(relaxed);
        if (op.kind == op_kind::receive) {
            const bool may = d.may_read.load(relaxed) || (op.through != nullptr && op.through->holds_bytes());
            return may && receive(op, d) == attempt::ended;
        }
        return d.may_write.load(relaxed) && send(op, d) == attempt::ended;
    }

    bool watch(operation& op) override {
        descriptor& d = descriptors_.of(op.fd);
        operation*& place = op.direction == interest::readable ? d.reader : d.writer;
        ASHLAR_ASSERT(place == nullptr);
        const std::uint32_t before = d.registered.load(relaxed);
        // Receive and send keep both directions for the descriptor's life. A wait asks anew each time, which makes epoll
        // look at the level, and only for what is waited for, lest the other direction wake the loop for nothing.
        std::uint32_t events = both_events;
        if (op.kind == op_kind::wait) {
            events = op.direction == interest::readable ? readable_events : EPOLLOUT;
            if (d.reader != nullptr) events |= readable_events;
            if (d.writer != nullptr) events |= EPOLLOUT;
        } else if (before == both_events) {
            place = &op;
            return true;
        }
        epoll_event event{};
        event.events = events | EPOLLET;
        event.data.fd = op.fd;
        int failed = ::epoll_ctl(epoll_, before != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, op.fd, &event);
        if (failed != 0 && errno == ENOENT) {
            // A library closed the descriptor that was registered, and this is another one of its number.
            set_fresh(d);
            failed = ::epoll_ctl(epoll_, EPOLL_CTL_ADD, op.fd, &event);
        }
        if (failed != 0) {
            op.error_number = errno;
            return false;
        }
        d.registered.store(events, relaxed);
        place = &op;
        return true;
    }

    void unwatch(operation& op) override {
        descriptor& d = descriptors_.of(op.fd);
        operation*& place = op.direction == interest::readable ? d.reader : d.writer;
        if (place == &op) place = nullptr;
    }

    void turn(deadline until) override {
        const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), wait_time(until));
        now_ = steady_clock::now();
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events_[static_cast<std::size_t>(i)];
            if (event.data.fd == waker_) {
                std::uint64_t drained = 0;
                (void)!::read(waker_, &drained, sizeof drained);
                continue;
            }
            deliver(event.data.fd, event.events);
        }
    }

    void wake() noexcept override {
        const std::uint64_t one = 1;
        (void)!::write(waker_, &one, sizeof one);
    }

private:
    static void set_fresh(descriptor& d) noexcept {
        d.may_read.store(true, relaxed);
        d.may_write.store(true, relaxed);
        d.at_end.store(false, relaxed);
    }

    // Rounded up to the next millisecond, so that a timer never wakes the loop just before its time.
    static int wait_time(deadline until) {
        if (until.is_never()) return -1;
        if (until.at() == instant::min()) return 0;
        const auto left = std::chrono::ceil<milliseconds>(until.at() - steady_clock::now()).count();
        return static_cast<int>(std::clamp<long long>(left, 0, 60'000));
    }

    void deliver(int fd, std::uint32_t events) {
        descriptor& d = descriptors_.of(fd);
        if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
            d.may_read.store(true, relaxed);
            if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) d.at_end.store(true, relaxed);
            if (d.reader != nullptr && ended(*d.reader, d)) finish(*std::exchange(d.reader, nullptr), op_state::done);
            if (is_crossed(d.writer) && ended(*d.writer, d)) finish(*std::exchange(d.writer, nullptr), op_state::done);
        }
        if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
            d.may_write.store(true, relaxed);
            if (d.writer != nullptr && ended(*d.writer, d)) finish(*std::exchange(d.writer, nullptr), op_state::done);
            if (is_crossed(d.reader) && ended(*d.reader, d)) finish(*std::exchange(d.reader, nullptr), op_state::done);
        }
    }
    static bool is_crossed(const operation* op) noexcept { return op != nullptr && op->crossed; }

    static bool ended(operation& op, descriptor& d) {
        if (op.kind == op_kind::receive) return receive(op, d) == attempt::ended;
        if (op.kind == op_kind::send) return send(op, d) == attempt::ended;
        return true;  // a wait
    }

    static attempt receive(operation& op, descriptor& d) {
        const attempt a = detail::try_receive(op);
        // Unless the stream's end came in the same event: that end makes no other edge.
        const bool drained = a == attempt::would_block ? !op.crossed : op.error_number == 0 && op.drained;
        if (drained && !d.at_end.load(relaxed)) d.may_read.store(false, relaxed);
        return a;
    }
    static attempt send(operation& op, descriptor& d) {
        const attempt a = detail::try_send(op);
        if (a == attempt::would_block && !op.crossed) d.may_write.store(false, relaxed);
        return a;
    }

    int epoll_;
    int waker_;
    std::array<epoll_event, 256> events_;
    descriptor_table descriptors_;
};

}  // namespace

std::unique_ptr<loop> make_epoll_loop() {
    return std::make_unique<epoll_loop>();
}

}  // namespace ashlar::io
