#include "health/breaker.hpp"

namespace ashlar::health {

void breaker::open(instant now) {
    state_.store(state::open, std::memory_order_relaxed);
    spotless_.store(false, std::memory_order_relaxed);
    failures_.clear();
    until_ = now + options_.cool_down;
}

void breaker::close() {
    state_.store(state::closed, std::memory_order_relaxed);
    spotless_.store(true, std::memory_order_relaxed);
    failures_.clear();
}

breaker::verdict breaker::ask(instant now) {
    if (is_closed()) return verdict::go;
    if (now < until_) return verdict::refuse;
    // The cool-down is over, or the trial before has told nothing for as long.
    state_.store(state::half_open, std::memory_order_relaxed);
    until_ = now + options_.cool_down;
    return verdict::try_once;
}

void breaker::on_success(instant) {
    // A statement that was under way when the breaker opened says nothing of the server's state since.
    if (state_.load(std::memory_order_relaxed) != state::open) close();
}

void breaker::on_failure(instant now) {
    if (options_.failures_max == 0) return;
    switch (state_.load(std::memory_order_relaxed)) {
        case state::open:
            return;
        case state::half_open:
            return open(now);
        case state::closed:
            break;
    }
    while (!failures_.empty() && failures_.front() + options_.window <= now) failures_.pop_front();
    if (!failures_.empty() && now - failures_.back() < options_.apart) return;
    failures_.push_back(now);
    spotless_.store(false, std::memory_order_relaxed);
    if (failures_.size() >= options_.failures_max) open(now);
}

void breaker::on_probe(bool well, instant) {
    if (well && !is_closed()) close();
}

breaker::state breaker::now_is(instant now) const {
    const state s = state_.load(std::memory_order_relaxed);
    return s == state::open && now >= until_ ? state::half_open : s;
}

std::string_view name_of(breaker::state which) noexcept {
    switch (which) {
        case breaker::state::closed:
            return "closed";
        case breaker::state::open:
            return "open";
        case breaker::state::half_open:
            return "half_open";
    }
    return "closed";
}

bool counts_as_failure(errc code) noexcept {
    switch (code) {
        case errc::connect_failed:
        case errc::connection_lost:
        case errc::peer_closed:
        case errc::commit_unknown:
        case errc::deadline_passed:
        case errc::io_failure:
            return true;
        default:
            return false;
    }
}

}  // namespace ashlar::health
