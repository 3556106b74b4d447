#include "driver/pgwire/server_prepared.hpp"

#include "core/assert.hpp"

namespace ashlar::driver::pgwire {

std::string_view server_prepared::find(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return {};
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->name;
}

server_prepared::place server_prepared::add(std::string_view key) {
    ASHLAR_ASSERT(!by_key_.contains(key));
    place where;
    if (recent_.size() >= max_) {
        where.evicted = recent_.back().name;
        by_key_.erase(recent_.back().key);
        recent_.pop_back();
    }
    recent_.push_front({std::string{key}, "ashlar_" + std::to_string(next_++)});
    by_key_.emplace(recent_.front().key, recent_.begin());
    where.name = recent_.front().name;
    return where;
}

void server_prepared::forget(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    const auto at = found->second;
    by_key_.erase(found);
    recent_.erase(at);
}

void server_prepared::clear() noexcept {
    by_key_.clear();
    recent_.clear();
}

}  // namespace ashlar::driver::pgwire
