#include "cluster/runners.hpp"

#include <ashlar/scope.hpp>
#include <ashlar/transaction.hpp>

#include <fmt/format.h>

namespace ashlar {

transaction::transaction(std::shared_ptr<detail::transaction_runner> inside) noexcept
    : statements(inside), inside_(std::move(inside)) {}

transaction::transaction(transaction&&) noexcept = default;

transaction::~transaction() {
    if (inside_) inside_->rollback();
}

scope transaction::shard_for(value key) const {
    auto shard = inside_->inside().shard_of(key);
    if (!shard) return scope{std::make_shared<detail::failed_runner>(std::move(shard).error())};
    const detail::place where = detail::place_of(inside_->inside(), *shard);
    if (inside_->only() && inside_->only()->member != where.member) {
        error why{errc::unsupported, fmt::format("the transaction is of {} alone, and the key belongs to {}",
                                                 inside_->only()->member->name, where.member->name)};
        return scope{std::make_shared<detail::failed_runner>(std::move(why))};
    }
    return scope{std::make_shared<detail::confined_runner>(inside_, where), nullptr, nullptr, where.member->name};
}

status transaction::commit() {
    return inside_->commit();
}

void transaction::rollback() noexcept {
    inside_->rollback();
}

}  // namespace ashlar
