#include "cluster/observed.hpp"

namespace ashlar::detail {

void observed::sent(const topology::member& where, const topology::loan& to, std::string_view sql) {
    if (tell_ != nullptr) sent_.push_back({&where, to.server, to.from_replica, std::string{sql}});
}

void observed::ended(const error* why) {
    if (tell_ == nullptr) return;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begun_);
    for (one& each : sent_) {
        statement_event event;
        event.database = each.where->name;
        event.server = each.where->servers->servers()[each.server].name;
        event.role = role_;
        event.on_replica = each.on_replica;
        event.in_transaction = in_transaction_;
        event.sql = std::move(each.sql);
        event.duration = took;
        if (why != nullptr) event.failure = *why;
        (*tell_)(event);
    }
    sent_.clear();
}

}  // namespace ashlar::detail
