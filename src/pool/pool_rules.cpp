#include "pool/pool_rules.hpp"

#include "core/assert.hpp"

#include <algorithm>
#include <utility>

namespace ashlar::pool {

namespace {

// The first retry after a refused connect comes soon, since servers restart in moments; a server that stays
// away is asked once a second.
constexpr milliseconds backoff_first{50};
constexpr milliseconds backoff_most{1'000};

microseconds between(instant from, instant to) {
    return std::chrono::duration_cast<microseconds>(std::max(to, from) - from);
}

}  // namespace

pool_rules::pool_rules(pool_options options, std::uint64_t seed, bool needs_room)
    : options_(options), needs_room_(needs_room), random_(seed) {}

// --- callers ---------------------------------------------------------------------------------------------------------

grant pool_rules::arrive(place where, instant now) {
    const turn_number turn{turns_++};
    if (stopped_) return {grant::kind::refuse_stopped, turn};
    if (waiting_.empty()) {
        if (auto g = answer_now(turn, where, now)) return *g;
    }
    if (waiting_.size() >= options_.waiters_max) {
        ++refused_;
        return {grant::kind::refuse_full, turn};
    }
    waiting_.emplace(turn, waiter{where, now});
    ++waits_;
    settle(now);
    return {grant::kind::wait, turn};
}

std::optional<slot_number> pool_rules::lend_ready(place where, instant now) {
    if (stopped_ || !waiting_.empty()) return std::nullopt;
    const auto best = best_idle(where);
    if (best == idle_.end() || chore_of(facts(*best), now) != chore::none) return std::nullopt;
    ++turns_;
    const slot_number slot = take_idle(best);
    lend_to(slot, now);
    return slot;
}

microseconds pool_rules::idle_before(slot_number slot) const noexcept {
    const slot_facts& s = slots_[static_cast<std::size_t>(slot)];
    return between(s.last_used, s.lent_at);
}

grant pool_rules::come_back(turn_number turn, place where, instant now) {
    if (stopped_) return {grant::kind::refuse_stopped, turn};
    if (waiting_.empty() || turn < waiting_.begin()->first) {
        if (auto g = answer_now(turn, where, now)) return *g;
    }
    waiting_.emplace(turn, waiter{where, now});
    settle(now);
    return {grant::kind::wait, turn};
}

void pool_rules::give_up(turn_number turn, bool too_late, instant now) {
    if (const auto at = waiting_.find(turn); at != waiting_.end()) {
        wait_time_ += between(at->second.since, now);
        waiting_.erase(at);
    }
    if (too_late) ++timeouts_;
    settle(now);
}

std::vector<grant> pool_rules::take_grants() {
    return std::exchange(granted_, {});
}

// What the first in the queue gets at once; nothing: it has to wait.
std::optional<grant> pool_rules::answer_now(turn_number turn, place where, instant now) {
    if (const auto best = best_idle(where); best != idle_.end()) {
        const slot_number slot = take_idle(best);
        const chore needs = chore_of(facts(slot), now);
        lend_to(slot, now);
        return grant{grant::kind::lend, turn, slot, needs};
    }
    if (may_open(now)) {
        return grant{grant::kind::open, turn, new_slot()};
    }
    const bool may_try = needs_room_ && may_open_with_room(now);  // once there is room
    if (failing_ && open_ == 0 && !may_try) return grant{grant::kind::refuse_failing, turn};
    return std::nullopt;
}

void pool_rules::settle(instant now) {
    while (!waiting_.empty()) {
        const auto first = waiting_.begin();
        if (stopped_) {
            hand_out({grant::kind::refuse_stopped, first->first}, now);
        } else if (auto g = answer_now(first->first, first->second.where, now)) {
            hand_out(*g, now);
        } else {
            break;
        }
    }
    if (waiting_.empty() || !failing_ || opening_ > 0 || open_ >= options_.max_connections) return;
    const turn_number first = waiting_.begin()->first;
    if (lookout_ == first) return;
    lookout_ = first;
    granted_.emplace_back(grant::kind::look_again, first);
}

void pool_rules::hand_out(const grant& g, instant now) {
    const auto at = waiting_.find(g.turn);
    wait_time_ += between(at->second.since, now);
    waiting_.erase(at);
    granted_.push_back(g);
}

// --- connections -----------------------------------------------------------------------------------------------------

bool pool_rules::may_open_with_room(instant now) const noexcept {
    if (stopped_ || open_ >= options_.max_connections) return false;
    return !failing_ || (opening_ == 0 && now >= retry_at_);
}

slot_number pool_rules::new_slot() {
    if (absent_.empty()) {
        absent_.push_back(slot_number{static_cast<std::uint32_t>(slots_.size())});
        slots_.emplace_back();
    }
    const slot_number slot = absent_.back();
    absent_.pop_back();
    facts(slot) = slot_facts{};
    facts(slot).now = state::opening;
    if (needs_room_) --room_;
    ++open_;
    ++opening_;
    return slot;
}

void pool_rules::release(slot_number slot) noexcept {
    facts(slot).now = state::absent;
    absent_.push_back(slot);
    --open_;
}

bool pool_rules::opened(slot_number slot, bool kept, place where, instant now) {
    slot_facts& s = facts(slot);
    ASHLAR_ASSERT(s.now == state::opening);
    --opening_;
    ++opened_;
    if (owed_ > 0) --owed_;
    connected();
    answered_at_ = now;
    std::uniform_real_distribution<double> share{0.9, 1.0};
    s.ends = now + std::chrono::duration_cast<milliseconds>(options_.max_lifetime * share(random_));
    s.last_used = now;
    s.where = where;
    const bool keep = kept || !stopped_;
    if (kept) {
        lend_to(slot, now);
    } else if (keep) {
        make_idle(slot, now);
    } else {
        ++closed_;
        release(slot);
    }
    settle(now);
    return keep;
}

void pool_rules::open_failed(slot_number slot, instant now) {
    ASHLAR_ASSERT(facts(slot).now == state::opening);
    --opening_;
    ++failed_connects_;
    release(slot);
    failed(now);
    settle(now);
}

void pool_rules::open_abandoned(slot_number slot, bool had_begun, instant now) {
    ASHLAR_ASSERT(facts(slot).now == state::opening);
    --opening_;
    release(slot);
    if (had_begun && !stopped_ && open_ + owed_ < options_.max_connections) ++owed_;
    lookout_.reset();
    settle(now);
}

void pool_rules::connected() noexcept {
    failing_ = false;
    backoff_ = milliseconds{0};
    lookout_.reset();
}

void pool_rules::failed(instant now) noexcept {
    lookout_.reset();
    if (failing_ && now < retry_at_) return;  // it was under way when the first one failed
    failing_ = true;
    backoff_ = std::clamp(backoff_ * 2, backoff_first, backoff_most);
    retry_at_ = now + backoff_;
}

// The connection used last, of those bound to `where` if there is one; clean ones before those to be reset.
std::vector<slot_number>::iterator pool_rules::best_idle(place where) {
    auto best = idle_.end();
    int best_rank = -1;
    for (auto at = idle_.end(); at != idle_.begin() && best_rank < 3;) {
        --at;
        const slot_facts& s = facts(*at);
        const int rank = (s.dirty ? 0 : 2) + (s.where == where ? 1 : 0);
        if (rank > best_rank) {
            best = at;
            best_rank = rank;
        }
    }
    return best;
}

slot_number pool_rules::take_idle(std::vector<slot_number>::iterator at) {
    const slot_number slot = *at;
    idle_.erase(at);
    if (facts(slot).dirty) --dirty_idle_;
    return slot;
}

chore pool_rules::chore_of(const slot_facts& s, instant now) const noexcept {
    if (s.dirty) return chore::reset;
    if (now - s.last_used >= options_.check_after_idle || s.last_used < suspect_before_) return chore::check;
    return chore::none;
}

void pool_rules::lend_to(slot_number slot, instant now) {
    slot_facts& s = facts(slot);
    s.now = state::lent;
    s.lent_at = now;
    ++lent_;
}

void pool_rules::make_idle(slot_number slot, instant now) {
    slot_facts& s = facts(slot);
    s.now = state::idle;
    if (s.dirty) ++dirty_idle_;
    s.last_used = now;
    idle_.push_back(slot);
}

std::optional<closed_because> pool_rules::returned(slot_number slot, condition as, place where, instant now) {
    slot_facts& s = facts(slot);
    ASHLAR_ASSERT(s.now == state::lent);
    std::optional<closed_because> why;
    if (as == condition::clean || as == condition::dirty) answered_at_ = now;
    if (stopped_) {
        why = closed_because::stopped;
    } else if (as == condition::broken) {
        why = closed_because::broken;
        suspect_before_ = now;
    } else if (as == condition::discarded) {
        why = closed_because::discarded;
    } else if (as == condition::not_ours) {
        why = closed_because::gave_way;
    } else if (now >= s.ends) {
        why = closed_because::too_old;
    }
    if (why) {
        ++closed_;
        release(slot);
    } else {
        s.dirty = as == condition::dirty;
        s.where = where;
        make_idle(slot, now);
    }
    settle(now);
    return why;
}

std::optional<closed_because> pool_rules::declined(slot_number slot, instant now) {
    slot_facts& s = facts(slot);
    ASHLAR_ASSERT(s.now == state::lent);
    --lent_;
    if (stopped_) {
        ++closed_;
        release(slot);
        return closed_because::stopped;
    }
    const instant last_used = s.last_used;
    make_idle(slot, now);
    s.last_used = last_used;
    settle(now);
    return std::nullopt;
}

bool pool_rules::chore_done(slot_number slot, bool well, place where, instant now) {
    slot_facts& s = facts(slot);
    const bool by_borrower = s.now == state::lent;
    ASHLAR_ASSERT(by_borrower || s.now == state::tended);
    if (well) {
        s.dirty = false;
        s.last_used = answered_at_ = now;
        s.where = where;
        if (by_borrower) return true;
    } else {
        suspect_before_ = now;
    }
    const bool keep = well && !stopped_;
    if (keep) {
        make_idle(slot, now);
    } else {
        if (by_borrower) --lent_;
        ++closed_;
        release(slot);
    }
    if (!by_borrower) settle(now);
    return keep;
}

// --- room ------------------------------------------------------------------------------------------------------------

bool pool_rules::wants_more(instant now) const noexcept {
    return opening_ == 0 && (open_ < options_.min_connections || owed_ > 0) && may_open_with_room(now);
}

std::optional<instant> pool_rules::wants_room(instant now) const noexcept {
    if (waiting_.empty() || room_ > 0 || !would_open(now)) return std::nullopt;
    return waiting_.begin()->second.since;
}

void pool_rules::put_room(instant now) {
    ++room_;
    settle(now);
}

instant pool_rules::longest_idle() const noexcept {
    instant longest = instant::max();
    for (const slot_number slot : idle_) longest = std::min(longest, slots_[static_cast<std::size_t>(slot)].last_used);
    return longest;
}

std::optional<slot_number> pool_rules::give_way() {
    const instant longest = longest_idle();
    for (auto at = idle_.begin(); at != idle_.end(); ++at) {
        if (facts(*at).last_used != longest) continue;
        const slot_number slot = take_idle(at);
        ++closed_;
        release(slot);
        return slot;
    }
    return std::nullopt;
}

std::optional<instant> pool_rules::first_waits_since() const noexcept {
    if (waiting_.empty()) return std::nullopt;
    return waiting_.begin()->second.since;
}

// --- housekeeping ----------------------------------------------------------------------------------------------------

chores pool_rules::housekeep(instant now) {
    chores todo;
    todo.look_again = now + options_.reap_frequency;
    std::vector<slot_number> kept;
    for (const slot_number slot : idle_) {  // the longest unused first
        slot_facts& s = facts(slot);
        const bool idle_too_long = now - s.last_used >= options_.idle_timeout && open_ > options_.min_connections;
        if (now >= s.ends || idle_too_long) {
            if (s.dirty) --dirty_idle_;
            ++closed_;
            release(slot);
            todo.close.push_back(slot);
        } else if (s.dirty) {
            --dirty_idle_;
            s.now = state::tended;
            todo.reset.push_back(slot);
        } else {
            kept.push_back(slot);
        }
    }
    idle_.swap(kept);
    settle(now);
    const bool lacks_some = !stopped_ && open_ < options_.max_connections && opening_ == 0 &&
                            (open_ < options_.min_connections || owed_ > 0);
    crowded_ = wants_more(now) && !has_room();
    if (lacks_some && may_open(now)) {
        todo.open = new_slot();
    } else if (lacks_some && !crowded_) {
        todo.look_again = std::min(todo.look_again, retry_at_);
    }
    return todo;
}

std::vector<slot_number> pool_rules::stop(instant now) {
    stopped_ = true;
    for (const slot_number slot : idle_) {
        ++closed_;
        release(slot);
    }
    dirty_idle_ = 0;
    owed_ = 0;
    settle(now);
    return std::exchange(idle_, {});
}

// --- questions -------------------------------------------------------------------------------------------------------

bool pool_rules::wants_housekeeping() const noexcept {
    if (stopped_) return false;
    const bool lacks_some = !crowded_ && (owed_ > 0 || open_ < options_.min_connections);
    return dirty_idle_ > 0 || (lacks_some && !failing_ && opening_ == 0 && open_ < options_.max_connections);
}

std::optional<instant> pool_rules::unanswered_since() const noexcept {
    std::optional<instant> longest;
    for (const slot_facts& s : slots_) {
        if (s.now != state::lent || s.lent_at < answered_at_) continue;
        if (!longest || s.lent_at < *longest) longest = s.lent_at;
    }
    return longest;
}

std::vector<std::optional<connection_facts>> pool_rules::connections() const {
    std::vector<std::optional<connection_facts>> out(slots_.size());
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const slot_facts& s = slots_[i];
        if (s.now == state::absent) continue;
        connection_facts& to = out[i].emplace();
        to.used_at = s.now == state::lent ? s.lent_at : s.last_used;
        switch (s.now) {
            case state::opening:
                to.now = connection_facts::state::opening;
                break;
            case state::lent:
                to.now = connection_facts::state::lent;
                break;
            case state::tended:
                to.now = connection_facts::state::tended;
                break;
            default:
                break;
        }
    }
    return out;
}

pool_counts pool_rules::counts(instant now) const {
    pool_counts c;
    c.open = open_;
    c.available = static_cast<std::uint32_t>(idle_.size());
    c.opening = opening_;
    c.active = open_ - c.available - opening_;
    c.waiting = static_cast<std::uint32_t>(waiting_.size());
    c.lent = lent_;
    c.waits = waits_;
    c.timeouts = timeouts_;
    c.refused = refused_;
    c.opened = opened_;
    c.closed = closed_;
    c.failed_connects = failed_connects_;
    c.wait_time = wait_time_;
    for (const slot_facts& s : slots_) {
        if (s.now == state::lent) c.oldest_lease = std::max(c.oldest_lease, between(s.lent_at, now));
    }
    for (const auto& [turn, w] : waiting_) c.oldest_wait = std::max(c.oldest_wait, between(w.since, now));
    return c;
}

}  // namespace ashlar::pool
