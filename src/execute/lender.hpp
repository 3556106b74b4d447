// lender.hpp: where the connections of one answer come from, and where they go once their step has ended.
//
// A statement that runs by itself gives each connection back as soon as its shard has answered, so that shards which answer
// do not wait for one that does not. A transaction keeps what it has: its lender ignores ended().
#pragma once

#include "core/io/loop.hpp"
#include "driver/connection.hpp"
#include "route/plan.hpp"

#include <functional>
#include <memory>

namespace ashlar::execute {

class lender {
public:
    virtual ~lender() = default;
    // Asked once, before the first of several connections: reserves what all of them need together, where they share a bound.
    virtual task<status> enter(const route::bound_plan& plan, deadline until) {
        (void)plan;
        (void)until;
        co_return status{};
    }
    // A connection for a step, asked for in the order of the steps, one at a time. It stays valid until ended().
    virtual task<result<driver::connection*>> lend(const route::step& step) = 0;
    // The step's statement has ended on this connection, or failed there. The answer does not use it any more.
    virtual void ended(driver::connection& which) noexcept { (void)which; }
};

// For callers that keep the connections themselves until the answer has ended.
using connection_source = std::function<task<result<driver::connection*>>(const route::step&)>;
std::unique_ptr<lender> lender_from(connection_source source);

}  // namespace ashlar::execute
