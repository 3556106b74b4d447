// lag_rules.hpp: from samples of where a primary's log was, and when, to how old what a replica shows is. Pure.
//
// as_of     A replica that covers a sample shows everything that was acknowledged before that sample was asked for. The
//           latest such moment is its as_of: a session that wrote before it finds its writes there, and what it reads is
//           no older than now - as_of.
// lag       0 when the replica covers the latest sample, also on an idle primary; else the age of the first one that it
//           lacks: it has been behind at least so long. Never now() minus the last replayed commit, which grows while
//           nobody writes (TRAPS 32).
// Bound     samples_max are kept, the denser the younger: two that lie closer together than 1/128 of their age become one,
//           so that a lag is told to 1/128, also of hours.
#pragma once

#include "core/time.hpp"
#include "health/log_position.hpp"

#include <deque>
#include <optional>

namespace ashlar::health {

struct standing {
    instant as_of = instant::min();  // min: it covers no sample
    milliseconds lag{0};
    std::uint64_t behind = 0;  // bytes (PostgreSQL) or transactions (MariaDB), of the latest sample
};

class sample_history {
public:
    static constexpr std::size_t samples_max = 4096;

    // `asked`: when the question was sent, later than all before. A position of another timeline begins anew.
    void add(instant asked, log_position at);
    void forget() { samples_.clear(); }
    const log_position* latest() const { return samples_.empty() ? nullptr : &samples_.back().at; }

    // Where a replica stood that was seen at `seen`; nullopt before the first sample, and for another timeline's.
    std::optional<standing> of(const log_position& replica, instant seen) const;

private:
    struct sample {
        instant asked;
        log_position at;
    };
    std::deque<sample> samples_;
};

}  // namespace ashlar::health
