#include "pool/cap_rules.hpp"

#include "core/assert.hpp"

namespace ashlar::pool {

pool_number cap_rules::enter() {
    pools_.emplace_back();
    return pool_number{static_cast<std::uint32_t>(pools_.size() - 1)};
}

void cap_rules::leave(pool_number who) {
    unwant(who);
    facts& pool = of(who);
    held_ -= pool.held;
    leaving_ -= pool.leaving;
    pool = facts{};
    pool.is_gone = true;
}

// --- who needs room --------------------------------------------------------------------------------------------------

const cap_rules::facts* cap_rules::first_waiting(const facts* but) const noexcept {
    const facts* first = nullptr;
    for (const facts& each : pools_) {
        if (&each == but || !each.since) continue;
        if (first == nullptr || *each.since < *first->since) first = &each;
    }
    return first;
}

void cap_rules::grant(facts& to) noexcept {
    ASHLAR_ASSERT(held_ < most_);
    ++to.held;
    ++held_;
}

bool cap_rules::want(pool_number who, instant since) {
    facts& pool = of(who);
    if (!pool.since) {
        ++waiting_;
        ++unsearched_;
        pool.searched = false;
    }
    pool.since = since;
    if (free() == 0 || first_waiting() != &pool) return false;
    unwant(who);
    grant(pool);
    return true;
}

void cap_rules::unwant(pool_number who) {
    facts& pool = of(who);
    if (!pool.since) return;
    --waiting_;
    if (!pool.searched) --unsearched_;
    pool.since.reset();
}

bool cap_rules::take_free(pool_number who) {
    if (free() <= waiting_) return false;
    grant(of(who));
    return true;
}

// --- what becomes of it ----------------------------------------------------------------------------------------------

void cap_rules::leaving(pool_number who) {
    ++of(who).leaving;
    ++leaving_;
}

void cap_rules::gone(pool_number who, bool was_leaving) {
    facts& pool = of(who);
    if (pool.is_gone) return;
    ASHLAR_ASSERT(pool.held > 0 && pool.leaving >= (was_leaving ? 1U : 0U));
    --pool.held;
    --held_;
    if (!was_leaving) return;
    --pool.leaving;
    --leaving_;
}

bool cap_rules::yields(pool_number who, std::optional<instant> own_first) {
    if (!is_contended()) return false;
    facts& pool = of(who);
    const facts* const other = first_waiting(&pool);
    if (other == nullptr) return false;
    if (own_first) {
        const bool is_poor = other->held == 0 || other->held + 1 < pool.held;
        if (*other->since + (is_poor ? milliseconds{0} : slack) >= *own_first) return false;
    }
    leaving(who);
    return true;
}

// --- what has to be done ---------------------------------------------------------------------------------------------

bool cap_rules::has_order() const noexcept {
    if (waiting_ == 0) return false;
    return free() > 0 || (unsearched_ > 0 && waiting_ > leaving_ + searching_);
}

cap_rules::order cap_rules::next() {
    if (!has_order()) return {};
    if (free() > 0) {
        const facts* const first = first_waiting();
        const pool_number to{static_cast<std::uint32_t>(first - pools_.data())};
        unwant(to);
        grant(of(to));
        return {order::kind::grant, to};
    }
    for (facts& each : pools_) {
        if (!each.since || each.searched) continue;
        each.searched = true;
        --unsearched_;
        break;
    }
    ++searching_;
    return {order::kind::make_room, {}};
}

}  // namespace ashlar::pool
