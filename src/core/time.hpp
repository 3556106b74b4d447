// time.hpp: instants and deadlines. A deadline is an instant, not a duration: it is handed down and never adds up.
#pragma once

#include <chrono>
#include <compare>

namespace ashlar {

using steady_clock = std::chrono::steady_clock;
using instant = steady_clock::time_point;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class deadline {
public:
    constexpr deadline() noexcept = default;  // never
    constexpr explicit deadline(instant at) noexcept : at_(at) {}
    static constexpr deadline never() noexcept { return {}; }
    static deadline in(nanoseconds from_now) { return deadline{steady_clock::now() + from_now}; }

    constexpr instant at() const noexcept { return at_; }
    constexpr bool is_never() const noexcept { return at_ == instant::max(); }
    constexpr bool passed(instant now) const noexcept { return now >= at_; }
    friend constexpr auto operator<=>(deadline, deadline) noexcept = default;

private:
    instant at_ = instant::max();
};

constexpr deadline earlier(deadline a, deadline b) noexcept {
    return a < b ? a : b;
}

}  // namespace ashlar
