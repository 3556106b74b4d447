#include "driver/postgres/statement_names.hpp"

#include "core/assert.hpp"

namespace ashlar::driver::postgres {

const prepared_statement* statement_names::find(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    list_.splice(list_.begin(), list_, found->second);
    return &list_.front();
}

const prepared_statement* statement_names::add(std::string key, text_facts facts) {
    ASHLAR_ASSERT(!full());
    list_.push_front({std::move(key), "ashlar_" + std::to_string(++made_), facts});
    by_key_.emplace(list_.front().key, list_.begin());
    return &list_.front();
}

std::string statement_names::evict() {
    ASHLAR_ASSERT(!list_.empty());
    by_key_.erase(list_.back().key);
    std::string name = std::move(list_.back().name);
    list_.pop_back();
    return name;
}

void statement_names::remove(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    const auto at = found->second;
    by_key_.erase(found);
    list_.erase(at);
}

void statement_names::clear() noexcept {
    by_key_.clear();
    list_.clear();
}

}  // namespace ashlar::driver::postgres
