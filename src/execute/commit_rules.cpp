#include "execute/commit_rules.hpp"

#include <algorithm>

namespace ashlar::execute {

std::vector<std::size_t> commit_order(std::span<const commit_part> all) {
    const bool joined_wrote = std::ranges::any_of(all, [](const commit_part& p) { return p.joined && p.wrote; });
    std::vector<std::size_t> order, writers;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].joined) continue;
        const bool writes = all[i].wrote || (all[i].is_host && joined_wrote);
        (writes ? writers : order).push_back(i);
    }
    order.insert(order.end(), writers.begin(), writers.end());
    return order;
}

}  // namespace ashlar::execute
