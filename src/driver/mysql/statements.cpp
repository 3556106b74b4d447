#include "driver/mysql/statements.hpp"

#include "core/assert.hpp"

namespace ashlar::driver::mysql {

prepared_statement* statements::find(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    list_.splice(list_.begin(), list_, found->second);
    return &list_.front();
}

prepared_statement* statements::add(prepared_statement what) {
    ASHLAR_ASSERT(!full());
    what.kept = true;
    list_.push_front(std::move(what));
    by_key_.emplace(list_.front().key, list_.begin());
    return &list_.front();
}

MYSQL_STMT* statements::evict() {
    ASHLAR_ASSERT(!list_.empty());
    return remove(&list_.back());
}

MYSQL_STMT* statements::remove(prepared_statement* what) {
    const auto found = by_key_.find(what->key);
    ASHLAR_ASSERT(found != by_key_.end());
    MYSQL_STMT* const handle = what->handle;
    const auto at = found->second;
    by_key_.erase(found);
    list_.erase(at);
    return handle;
}

}  // namespace ashlar::driver::mysql
