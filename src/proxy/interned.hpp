// interned.hpp: one shared object for all equal values, as long as anybody holds it.
//
// Bounds    Forgotten ones are swept when the table has doubled since the last sweep, so that a call costs the same on
//           average however many are alive.
// Threads   None of its own: the owner guards it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>

namespace ashlar::proxy {

template <class Key, class Value>
class interned {
public:
    // The object that stands for the key: one that is held already, else what `make` gives.
    template <class Make>
    std::shared_ptr<const Value> same(const Key& key, Make make) {
        std::weak_ptr<const Value>& kept = known_[key];
        if (auto held = kept.lock()) return held;
        std::shared_ptr<const Value> made = make();
        kept = made;
        if (known_.size() > sweep_at_) {
            std::erase_if(known_, [](const auto& each) { return each.second.expired(); });
            sweep_at_ = std::max(sweep_first, 2 * known_.size());
        }
        return made;
    }
    std::size_t size() const noexcept { return known_.size(); }

private:
    static constexpr std::size_t sweep_first = 1'000;
    std::map<Key, std::weak_ptr<const Value>> known_;
    std::size_t sweep_at_ = sweep_first;
};

}  // namespace ashlar::proxy
