#include "pool/share.hpp"

#include <optional>

namespace ashlar::pool {

// A caller's place in the queue, from take() to its permit. Whatever it holds when it is destroyed goes to the next.
class share::turn {
public:
    turn(share& of, std::uint32_t units) : of_(of), units_(of.rules_.counted(units)) {}
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() { leave(); }

    // With the guard held.
    void arrive(std::uint32_t units) {
        ticket_ = of_.rules_.arrive(units);
        of_.turns_.emplace(*ticket_, this);
    }
    void granted() noexcept {
        ticket_.reset();
        holds_ = true;
        wake_.set();
    }
    bool holds() const noexcept { return holds_; }
    bool is_stopped() const noexcept { return of_.stopped_; }

    io::signal& wake() noexcept { return wake_; }
    std::uint32_t keep() noexcept {
        holds_ = false;
        return units_;
    }

private:
    void leave() noexcept {
        const std::lock_guard hold{of_.guard_};
        if (ticket_) {
            of_.turns_.erase(*ticket_);
            (void)of_.rules_.leave(*ticket_);
        }
        if (holds_) of_.rules_.give_back(units_);
        of_.tell();
    }

    share& of_;
    const std::uint32_t units_;
    std::optional<share_rules::ticket> ticket_;
    bool holds_ = false;
    io::signal wake_;
};

std::shared_ptr<share> share::make(std::uint32_t most, std::uint32_t waiting_most) {
    return std::shared_ptr<share>{new share{most, waiting_most}};
}

// With the guard held.
void share::tell() {
    for (const share_rules::ticket each : rules_.take_grants()) {
        const auto at = turns_.find(each);
        at->second->granted();
        turns_.erase(at);
    }
}

share::permit share::take_now(std::uint32_t units) {
    const std::lock_guard hold{guard_};
    if (stopped_ || !rules_.take_now(units)) return {};
    return permit{shared_from_this(), rules_.counted(units)};
}

task<result<share::permit>> share::take(io::loop& loop, std::uint32_t units, deadline until) {
    const std::shared_ptr<share> self = shared_from_this();
    turn mine{*this, units};
    {
        const std::lock_guard hold{guard_};
        if (stopped_) co_return error{errc::pool_stopped};
        if (rules_.take_now(units)) co_return permit{self, rules_.counted(units)};
        if (rules_.waiting() >= waiting_most_) co_return error{errc::pool_queue_full};
        mine.arrive(units);
    }
    for (;;) {
        status heard = co_await loop.wait_for(mine.wake(), until);
        const std::lock_guard hold{guard_};
        if (mine.holds()) co_return permit{self, mine.keep()};
        if (stopped_) co_return error{errc::pool_stopped};
        if (!heard) co_return std::move(heard).error();
        mine.wake().reset();
    }
}

void share::stop() noexcept {
    const std::lock_guard hold{guard_};
    stopped_ = true;
    for (const auto& [ticket, each] : turns_) each->wake().set();
}

void share::give_back(std::uint32_t units) noexcept {
    const std::lock_guard hold{guard_};
    rules_.give_back(units);
    tell();
}

void share::permit::give_back(std::uint32_t units) noexcept {
    units = units < units_ ? units : units_;
    units_ -= units;
    if (units > 0) of_->give_back(units);
}

std::uint32_t share::used() const {
    const std::lock_guard hold{guard_};
    return rules_.used();
}

std::uint32_t share::waiting() const {
    const std::lock_guard hold{guard_};
    return rules_.waiting();
}

}  // namespace ashlar::pool
