#include "cluster/view.hpp"

#include "topology/causal_token.hpp"

namespace ashlar::detail {

void causality::wrote(std::size_t member) noexcept {
    const instant::rep now = steady_clock::now().time_since_epoch().count();
    instant::rep before = wrote_[member].load(std::memory_order_relaxed);
    while (before < now && !wrote_[member].compare_exchange_weak(before, now, std::memory_order_relaxed)) {
    }
}

void causality::add_to(topology::reading_terms& terms, std::size_t member) const {
    const instant::rep when = wrote_[member].load(std::memory_order_relaxed);
    if (when != 0) terms.wrote_at = instant{instant::duration{when}};
    if (const auto from = after_.find(member); from != after_.end()) terms.after = &from->second;
}

status causality::take_in(std::string_view token, const topology::world& world) {
    auto read = topology::read_causal_token(token, world);
    if (!read) return std::move(read).error();
    for (auto& [member, position] : *read) after_[member] = std::move(position);
    return {};
}

io::task<result<std::string>> causality::to_token(io::loop& loop, const topology::world& world, deadline until) const {
    topology::causal_positions out;
    for (const auto* list : {&world.shards(), &world.databases()}) {
        for (const topology::member& each : *list) {
            const bool wrote = wrote_[each.number].load(std::memory_order_relaxed) != 0;
            const auto taken = after_.find(each.number);
            if (each.servers->is_alone() || (!wrote && taken == after_.end())) continue;
            if (wrote) {
                auto now = co_await each.servers->position(loop, until);
                if (!now) co_return std::move(now).error().on(each.name);
                out[each.number] = std::move(*now);
            } else {
                out[each.number] = taken->second;
            }
        }
    }
    co_return topology::to_causal_token(out, world);
}

}  // namespace ashlar::detail
