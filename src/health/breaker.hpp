// breaker.hpp: stops asking a server that keeps failing, and finds out by one caller when it is well again. Pure.
//
// closed     Everybody may. failures_max failures within `window` open it.
// open       Nobody may, for `cool_down`.
// half open  One caller may try; the others wait for what it finds. Its success closes the breaker, its failure opens it for
//            another cool_down; a trial of which nothing was heard for a cool_down counts as failed.
//
// on_probe() is the monitor's own look at the server: it closes an open breaker early, so that a server that restarted is
// not left alone for the rest of its cool-down.
//
// Threads    None of its business: the owner holds a lock, but for is_closed(), which any thread may ask.
// Source     Defaults as in the field's custom: 5 failures, 60 s.
#pragma once

#include "core/time.hpp"

#include <ashlar/error.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <string_view>

namespace ashlar::health {

struct breaker_options {
    // Too small: a few lost packets shut a server out. Too large: many callers wait for a dead one. 0: never opens.
    std::uint32_t failures_max = 5;
    milliseconds window{60'000};
    milliseconds cool_down{60'000};
    // Failures that come together count once: a server that goes away ends all its connections in one moment.
    milliseconds apart{100};
    breaker_options() = default;
};

class breaker {
public:
    enum class state : std::uint8_t { closed, open, half_open };
    enum class verdict : std::uint8_t { go, try_once, refuse };

    explicit breaker(breaker_options options) noexcept : options_(options) {}

    verdict ask(instant now);
    void on_success(instant now);
    void on_failure(instant now);
    void on_probe(bool well, instant now);

    bool is_closed() const noexcept { return state_.load(std::memory_order_relaxed) == state::closed; }
    // Are there failures that a success would forget? For hot paths that cannot afford the lock.
    bool is_spotless() const noexcept { return spotless_.load(std::memory_order_relaxed); }
    state now_is(instant now) const;

private:
    void open(instant now);
    void close();

    breaker_options options_;
    std::atomic<state> state_{state::closed};
    std::atomic<bool> spotless_{true};
    std::deque<instant> failures_;  // within the window, failures_max at most
    instant until_ = instant::min();
};

std::string_view name_of(breaker::state which) noexcept;  // "closed", "open", "half_open"

// Does this error tell that the server is unwell? A table: only what keeps it from answering anybody counts. What a statement
// did wrong (a constraint, a deadlock, a syntax error), or our own bounds (a full pool), never do.
bool counts_as_failure(errc code) noexcept;

}  // namespace ashlar::health
