#include "execute/commit_rules.hpp"

#include <algorithm>

namespace ashlar::execute {

bool commits_changes(std::span<const commit_part> all, std::size_t which) {
    if (all[which].wrote) return true;
    return all[which].is_host && std::ranges::any_of(all, [](const commit_part& p) { return p.joined && p.wrote; });
}

std::vector<std::size_t> commit_order(std::span<const commit_part> all) {
    std::vector<std::size_t> order, writers;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].joined) continue;
        (commits_changes(all, i) ? writers : order).push_back(i);
    }
    order.insert(order.end(), writers.begin(), writers.end());
    return order;
}

}  // namespace ashlar::execute
