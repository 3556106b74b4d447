#include "topology/learning_rules.hpp"

#include <algorithm>

namespace ashlar::topology {

bool learning_rules::seeks_in_vain(const std::vector<std::uint32_t>& missing) const {
    return std::ranges::all_of(missing, [&](std::uint32_t each) { return in_vain_.contains(each); });
}

learning_rules::verdict learning_rules::ask(instant now, const std::vector<std::uint32_t>& missing) {
    if (under_way_) return verdict::wait;
    if (now < retry_at_ && seeks_in_vain(missing)) return verdict::leave;
    if (now < rested_) return verdict::rest;
    under_way_ = true;
    began_ = now;
    return verdict::read;
}

void learning_rules::ended(instant now, const std::vector<std::uint32_t>& missing, bool found) {
    under_way_ = false;
    rested_ = now + 4 * (now - began_);
    if (found) return;
    pause_ = seeks_in_vain(missing) ? std::clamp(2 * pause_, first_pause, longest_pause) : first_pause;
    retry_at_ = now + pause_;
    if (in_vain_.size() > in_vain_max) in_vain_.clear();
    in_vain_.insert(missing.begin(), missing.end());
}

}  // namespace ashlar::topology
