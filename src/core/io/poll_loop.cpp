// The poll back end: for a caller who blocks on one call. It keeps nothing between operations but a list of those under
// way; a turn is one poll(2). Making one costs an eventfd.
#include "core/io/loop.hpp"
#include "core/io/socket_calls.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace ashlar::io {

namespace {

using detail::attempt;
using detail::op_kind;
using detail::op_state;
using detail::operation;

class poll_loop final : public loop {
public:
    poll_loop() : waker_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { ASHLAR_ASSERT(waker_ >= 0); }
    ~poll_loop() override { ::close(waker_); }

    void forget(int) noexcept override {}
    bool is_brief() const noexcept override { return true; }
    // The one caller blocks anyway, unless it asked for several things at once.
    bool runs_in_place() const noexcept override { return !has_groups(); }

protected:
    bool try_now(operation& op) override {
        if (op.kind == op_kind::receive) return detail::try_receive(op) == attempt::ended;
        if (op.kind == op_kind::send) return detail::try_send(op) == attempt::ended;
        return false;
    }

    bool watch(operation& op) override {
        ASHLAR_ASSERT(op.fd >= 0);
        pending_.push_back(&op);
        return true;
    }
    void unwatch(operation& op) override { std::erase(pending_, &op); }

    void turn(deadline until) override {
        polled_.clear();
        pollfd self{};
        self.fd = waker_;
        self.events = POLLIN;
        polled_.push_back(self);
        for (const operation* op : pending_) {
            pollfd p{};
            p.fd = op->fd;
            p.events = (op->direction == interest::readable) != op->crossed ? POLLIN : POLLOUT;
            polled_.push_back(p);
        }
        int wait = -1;
        if (until.at() == instant::min()) {
            wait = 0;
        } else if (!until.is_never()) {
            const auto left = std::chrono::ceil<milliseconds>(until.at() - steady_clock::now()).count();
            wait = static_cast<int>(std::clamp<long long>(left, 0, 60'000));
        }
        const int count = ::poll(polled_.data(), polled_.size(), wait);
        now_ = steady_clock::now();
        if (count <= 0) return;
        if (polled_.front().revents != 0) {
            std::uint64_t drained = 0;
            (void)!::read(waker_, &drained, sizeof drained);
        }
        // finish() only queues coroutines, so pending_ changes nowhere but here.
        std::size_t kept = 0;
        for (std::size_t i = 0; i < pending_.size(); ++i) {
            operation* op = pending_[i];
            if (polled_[i + 1].revents != 0 && ended(*op)) {
                finish(*op, op_state::done);
            } else {
                pending_[kept++] = op;
            }
        }
        pending_.resize(kept);
    }

    void wake() noexcept override {
        const std::uint64_t one = 1;
        (void)!::write(waker_, &one, sizeof one);
    }

private:
    bool ended(operation& op) { return op.kind == op_kind::wait || op.kind == op_kind::arrival || try_now(op); }

    int waker_;
    std::vector<operation*> pending_;
    std::vector<pollfd> polled_;
};

}  // namespace

bool peer_has_closed(int fd) noexcept {
    pollfd p{fd, POLLRDHUP, 0};
    return ::poll(&p, 1, 0) > 0;
}

std::unique_ptr<loop> make_poll_loop() {
    return std::make_unique<poll_loop>();
}

}  // namespace ashlar::io
