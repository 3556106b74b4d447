#include "proxy/snapshot.hpp"

namespace ashlar::proxy {

namespace {

averages averages_of(const std::vector<worker_report>& workers) {
    averages out;
    traffic all;
    for (const worker_report& each : workers) {
        const traffic since = each.now - each.before;
        all += since;
        const double span = std::chrono::duration<double>(each.now_at - each.before_at).count();
        if (span <= 0) continue;
        const auto rate = [span](std::uint64_t count) { return static_cast<double>(count) / span; };
        out.queries += rate(since.queries);
        out.transactions += rate(since.transactions);
        out.assignments += rate(since.assignments);
        out.received += rate(since.received);
        out.sent += rate(since.sent);
        out.client_parses += rate(since.client_parses);
        out.server_parses += rate(since.server_parses);
        out.binds += rate(since.binds);
        out.logins += rate(since.logins);
    }
    const auto each = [](nanoseconds time, std::uint64_t count) {
        return count == 0 ? 0.0 : static_cast<double>(time.count()) / 1e3 / static_cast<double>(count);
    };
    out.query_time = each(all.query_time, all.queries);
    out.transaction_time = each(all.transaction_time, all.transactions);
    out.wait_time = each(all.wait_time, all.assignments);
    return out;
}

}  // namespace

std::uint32_t snapshot::linked(const server_facts& to) const {
    std::uint32_t all = 0;
    for (const worker_report& each : workers) all += each.linked[to.place][to.number];
    return all;
}

snapshot make_snapshot(const service& of, std::vector<worker_report> workers, bool list_connections) {
    snapshot out;
    out.of = &of;
    out.now = steady_clock::now();
    out.wall = std::chrono::system_clock::now();
    for (std::size_t place = 0; place < of.places(); ++place) {
        const topology::member& member = of.place(place);
        std::vector<topology::server_state> states = member.servers->states();
        for (std::size_t i = 0; i < states.size(); ++i) {
            server_facts& each = out.servers.emplace_back();
            each.of = &member;
            each.place = place;
            each.number = i;
            each.state = std::move(states[i]);
            if (list_connections) each.connections = each.server().pool->connections();
        }
    }
    out.average = averages_of(workers);
    for (const worker_report& each : workers) {
        out.total += each.now;
        out.clients += each.clients;
        out.strangers += each.strangers;
        out.consoles += each.consoles;
        for (const auto& [name, counts] : each.users) {
            user_counts& user = out.users[name];
            user.clients += counts.clients;
            user.idle += counts.idle;
            user.held += counts.held;
        }
    }
    out.workers = std::move(workers);
    return out;
}

}  // namespace ashlar::proxy
