#include "pool/share_rules.hpp"

#include "core/assert.hpp"

#include <utility>

namespace ashlar::pool {

bool share_rules::take_now(std::uint32_t units) noexcept {
    if (!waiting_.empty() || used_ + counted(units) > most_) return false;
    used_ += counted(units);
    return true;
}

share_rules::ticket share_rules::arrive(std::uint32_t units) {
    const ticket who{tickets_++};
    waiting_.emplace(who, counted(units));
    settle();
    return who;
}

bool share_rules::leave(ticket who) {
    if (waiting_.erase(who) == 0) return false;
    settle();
    return true;
}

void share_rules::give_back(std::uint32_t units) noexcept {
    ASHLAR_ASSERT(units <= used_);
    used_ -= units;
    settle();
}

std::vector<share_rules::ticket> share_rules::take_grants() {
    return std::exchange(granted_, {});
}

void share_rules::settle() {
    while (!waiting_.empty()) {
        const auto first = waiting_.begin();
        if (used_ + first->second > most_) return;
        used_ += first->second;
        granted_.push_back(first->first);
        waiting_.erase(first);
    }
}

}  // namespace ashlar::pool
