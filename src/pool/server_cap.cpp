#include "pool/server_cap.hpp"

#include "pool/pool_inside.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::pool {

namespace {
constexpr std::size_t holders_named = 5;
}

bool server_cap::is_full() const {
    std::lock_guard hold{guard_};
    return rules_.is_full();
}

// Those who hold the most, first.
std::string server_cap::occupied() const {
    std::vector<std::pair<std::uint32_t, std::string>> all;
    {
        std::lock_guard hold{guard_};
        for (std::size_t i = 0; i < pools_.size(); ++i) {
            const std::uint32_t held = rules_.held_by(pool_number{static_cast<std::uint32_t>(i)});
            if (held > 0) all.emplace_back(held, pools_[i].name);
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::string out = fmt::format("All {} connections to {} that pool.max_connections_per_server allows are taken",
                                  rules_.most(), server_);
    for (std::size_t i = 0; i < std::min(all.size(), holders_named); ++i) {
        out += fmt::format("{} {} has {}", i == 0 ? ":" : ",", all[i].second, all[i].first);
    }
    if (all.size() > holders_named) out += fmt::format(", {} others the rest", all.size() - holders_named);
    return out + ".";
}

// Precondition: the lock is held.
void server_cap::note() noexcept {
    contended_.store(rules_.is_contended(), std::memory_order_relaxed);
    has_orders_.store(rules_.has_order(), std::memory_order_relaxed);
}

pool_number server_cap::enter(const std::shared_ptr<pool>& who) {
    std::lock_guard hold{guard_};
    pools_.push_back({who->name(), who});
    return rules_.enter();
}

void server_cap::leave(pool_number who) {
    std::lock_guard hold{guard_};
    rules_.leave(who);
    note();
}

bool server_cap::want(pool_number who, instant since) {
    std::lock_guard hold{guard_};
    const bool granted = rules_.want(who, since);
    note();
    return granted;
}

void server_cap::unwant(pool_number who) {
    std::lock_guard hold{guard_};
    rules_.unwant(who);
    note();
}

bool server_cap::take_free(pool_number who) {
    std::lock_guard hold{guard_};
    const bool taken = rules_.take_free(who);
    note();
    return taken;
}

void server_cap::leaving(pool_number who) {
    std::lock_guard hold{guard_};
    rules_.leaving(who);
    note();
}

void server_cap::gone(pool_number who, bool was_leaving) {
    std::lock_guard hold{guard_};
    rules_.gone(who, was_leaving);
    note();
}

bool server_cap::yields(pool_number who, std::optional<instant> own_first) {
    std::lock_guard hold{guard_};
    const bool closes = rules_.yields(who, own_first);
    note();
    return closes;
}

// Precondition: the caller holds no pool's guard.
void server_cap::carry_out() {
    while (has_orders()) {
        cap_rules::order what;
        std::shared_ptr<pool> to;
        {
            std::lock_guard hold{guard_};
            what = rules_.next();
            note();
            if (what.what == cap_rules::order::kind::grant) {
                to = pools_[static_cast<std::size_t>(what.to)].what.lock();
                if (to == nullptr) {  // it is being destroyed
                    rules_.gone(what.to, false);
                    note();
                }
            }
        }
        if (to != nullptr) to->inside_->room_granted();
        if (what.what == cap_rules::order::kind::make_room) make_room();
    }
}

// Closes the connection that is idle longest, of all pools. A pool in which one comes back after it was looked at sees that
// somebody waits.
void server_cap::make_room() {
    std::vector<std::shared_ptr<pool>> all;
    {
        std::lock_guard hold{guard_};
        for (const entry& each : pools_) {
            if (auto one = each.what.lock()) all.push_back(std::move(one));
        }
    }
    for (bool found = false; !found;) {
        pool* best = nullptr;
        instant longest = instant::max();
        for (const auto& each : all) {
            const instant since = each->inside_->longest_idle();
            if (since >= longest) continue;
            longest = since;
            best = each.get();
        }
        if (best == nullptr) break;
        found = best->inside_->give_way();  // unless it was lent meanwhile
    }
    std::lock_guard hold{guard_};
    rules_.searched();
    note();
}

}  // namespace ashlar::pool
