// A caller's turn, from its arrival to its lease.
#include "pool/pool_inside.hpp"

namespace ashlar::pool {

void pool::turn::promise(const grant& g) {
    if (g.what == grant::kind::look_again) {
        lookout_ = true;
    } else {
        promised_ = g;
    }
    wake_->set();
}

// With the guard held: what follows from an answer.
void pool::turn::enter(const grant& g) {
    answer_ = g;
    switch (g.what) {
        case grant::kind::lend:
            connection_ = std::move(of_.at(g.slot));
            state_ = state::holding;
            return;
        case grant::kind::open:
            state_ = state::opening;
            return;
        case grant::kind::wait:
            if (!wake_) wake_.emplace();
            of_.waiting.emplace(static_cast<std::uint64_t>(g.turn), this);
            state_ = state::queued;
            return;
        default:
            state_ = state::outside;
            return;
    }
}

void pool::turn::arrive() {
    const inside::visit here{of_};
    of_.take_free_room();
    enter(of_.rules.arrive(&loop_, since_));
    of_.pass_on();
}

void pool::turn::come_back() {
    const inside::visit here{of_};
    of_.take_free_room();
    enter(of_.rules.come_back(answer_.turn, &loop_, of_.now()));
    of_.pass_on();
}

task<bool> pool::turn::wait(deadline until) {
    for (;;) {
        deadline wake_at = until;
        {
            const inside::visit here{of_};
            wake_->reset();
            const instant now = of_.now();
            if (lookout_ && now >= of_.rules.retry_at()) {
                lookout_ = false;
                of_.rules.look(now);
                of_.pass_on();
            }
            if (promised_) {
                of_.waiting.erase(static_cast<std::uint64_t>(answer_.turn));
                enter(*std::exchange(promised_, std::nullopt));
                co_return true;
            }
            if (until.passed(now)) {
                give_up(true, now);
                co_return false;
            }
            if (lookout_) wake_at = earlier(until, deadline{of_.rules.retry_at()});
        }
        (void)co_await loop_.wait_for(*wake_, wake_at);
    }
}

// With the guard held.
void pool::turn::give_up(bool too_late, instant now) {
    of_.waiting.erase(static_cast<std::uint64_t>(answer_.turn));
    if (state_ == state::opening) {
        if (of_.cap != nullptr) of_.cap->gone(of_.number, false);
        of_.rules.open_abandoned(answer_.slot, true, now);
    }
    of_.rules.give_up(answer_.turn, too_late, now);
    state_ = state::outside;
    of_.pass_on();
}

void pool::turn::is_too_late() {
    const inside::visit here{of_};
    give_up(true, of_.now());
}

void pool::turn::open_ended(connection_ptr what) {
    connection_ = std::move(what);
    (void)of_.opened(answer_.slot, connection_, true, loop_);
    state_ = state::holding;
}

void pool::turn::open_refused(const error& why) {
    state_ = state::outside;
    of_.open_failed(answer_.slot, why);
}

void pool::turn::chore_ended(bool well) {
    const inside::visit here{of_};
    if (of_.rules.chore_done(answer_.slot, well, &loop_, of_.now())) return;
    of_.at(answer_.slot) = std::move(connection_);
    of_.close(answer_.slot);
    state_ = state::outside;
}

lease pool::turn::take(std::shared_ptr<pool> from) {
    state_ = state::outside;
    return lease{std::move(from), std::move(connection_), static_cast<std::uint32_t>(answer_.slot), loop_};
}

pool::turn::~turn() {
    if (state_ != state::outside) leave();
}

void pool::turn::leave() noexcept {
    const inside::visit here{of_};
    const instant now = of_.now();
    if (state_ == state::holding) {  // cancelled amid its chore: nobody knows how far that came
        (void)of_.rules.chore_done(answer_.slot, false, nullptr, now);
        of_.at(answer_.slot) = std::move(connection_);
        of_.close(answer_.slot);
    } else if (promised_ && promised_->what == grant::kind::lend) {
        if (of_.rules.declined(promised_->slot, now)) of_.close(promised_->slot);
    } else if (promised_ && promised_->what == grant::kind::open) {
        if (of_.cap != nullptr) of_.cap->gone(of_.number, false);
        of_.rules.open_abandoned(promised_->slot, false, now);
    }
    give_up(false, now);
}

}  // namespace ashlar::pool
