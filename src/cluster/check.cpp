#include "cluster/check.hpp"

#include "core/io/task_group.hpp"

namespace ashlar::detail {

namespace {

constexpr seconds patience{2};

breaker_state to_public(health::breaker::state which) {
    switch (which) {
        case health::breaker::state::closed:
            return breaker_state::closed;
        case health::breaker::state::open:
            return breaker_state::open;
        case health::breaker::state::half_open:
            return breaker_state::half_open;
    }
    return breaker_state::closed;
}

server_health to_public(const topology::member& of, const topology::server_state& state, std::uint32_t max) {
    server_health out;
    out.database = of.name;
    out.server = state.name;
    out.role = state.writer ? server_role::writing : server_role::reading;
    out.problem = state.why;
    out.healthy = state.latency.has_value() && state.why.empty() && state.breaker == health::breaker::state::closed;
    if (state.latency && state.why.empty() && !out.healthy) out.problem = "its breaker is not closed";
    out.latency = state.latency;
    out.lag = state.lag;
    out.behind = state.behind;
    out.breaker = to_public(state.breaker);
    out.connections = {state.pool.open, state.pool.available, state.pool.active, state.pool.waiting, max};
    return out;
}

io::task<void> check_one(io::loop& loop, const topology::member& of, deadline until, std::vector<server_health>& into) {
    const std::vector<topology::server_state> states = co_await of.servers->check(loop, until);
    for (std::size_t i = 0; i < states.size(); ++i) {
        into.push_back(to_public(of, states[i], of.servers->servers()[i].pool->options().max_connections));
    }
}

}  // namespace

io::task<std::vector<server_health>> check_all(io::loop& loop, std::shared_ptr<cluster_inside> inside) {
    const deadline until = deadline::in(patience + milliseconds{500});
    std::vector<const topology::member*> members;
    for (const auto* list : {&inside->world().shards(), &inside->world().databases()}) {
        for (const topology::member& each : *list) members.push_back(&each);
    }
    std::vector<std::vector<server_health>> found(members.size());
    io::task_group<void> checks{loop};
    for (std::size_t i = 0; i < members.size(); ++i) checks.start(check_one(loop, *members[i], until, found[i]));
    co_await checks.join();
    std::vector<server_health> all;
    for (auto& each : found) all.insert(all.end(), each.begin(), each.end());
    co_return all;
}

}  // namespace ashlar::detail
