// alert_rules.hpp: when the change of a server's state is worth telling somebody. Pure.
//
// A state that has lasted `after` is told once; one that flaps is not told, either way. A server that was never seen well
// is told of as any other: everything counts as healthy at first.
#pragma once

#include "core/time.hpp"

#include <optional>

namespace ashlar::health {

class alert_rules {
public:
    // Too short: each hiccup wakes somebody. Too long: an outage is told late.
    explicit alert_rules(milliseconds after) noexcept : after_(after) {}

    // What a look found. The state to tell of now: true for healthy again.
    std::optional<bool> look(bool healthy, instant now) {
        if (healthy == told_) {
            changed_.reset();
            return std::nullopt;
        }
        if (!changed_) changed_ = now;
        if (now - *changed_ < after_) return std::nullopt;
        since_ = *changed_;
        changed_.reset();
        told_ = healthy;
        return healthy;
    }

    // Since when the state has lasted that was told last.
    instant since() const noexcept { return since_; }

private:
    milliseconds after_;
    bool told_ = true;
    std::optional<instant> changed_;  // since when it has been otherwise
    instant since_;
};

}  // namespace ashlar::health
