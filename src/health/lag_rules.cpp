#include "health/lag_rules.hpp"

#include <algorithm>

namespace ashlar::health {

void sample_history::add(instant asked, log_position at) {
    if (!samples_.empty() && samples_.back().at.timeline != at.timeline) samples_.clear();
    samples_.push_back({asked, std::move(at)});
    if (samples_.size() <= samples_max) return;
    std::deque<sample> kept;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
        const bool is_last = i + 1 == samples_.size();
        const bool close =
            !kept.empty() && !is_last && samples_[i + 1].asked - kept.back().asked < (asked - kept.back().asked) / 128;
        if (!close) kept.push_back(std::move(samples_[i]));
    }
    while (kept.size() > samples_max / 2) kept.pop_front();
    samples_ = std::move(kept);
}

std::optional<standing> sample_history::of(const log_position& replica, instant seen) const {
    if (samples_.empty() || samples_.back().at.timeline != replica.timeline) return std::nullopt;
    const auto missed = std::partition_point(samples_.begin(), samples_.end(),
                                             [&](const sample& each) { return replica.covers(each.at); });
    standing out;
    if (missed != samples_.begin()) out.as_of = std::prev(missed)->asked;
    if (missed != samples_.end()) {
        out.lag = std::max(milliseconds{1}, std::chrono::duration_cast<milliseconds>(seen - missed->asked));
        out.behind = replica.behind(samples_.back().at);
    }
    return out;
}

}  // namespace ashlar::health
