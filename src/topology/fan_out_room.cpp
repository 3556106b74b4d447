#include "topology/fan_out_room.hpp"

#include "core/time_text.hpp"
#include "pool/server_cap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace ashlar::topology {

namespace {

// Each once, though a primary and its replicas may be on one server.
std::vector<const pool::server_cap*> caps_of(const server_set& database) {
    std::vector<const pool::server_cap*> out;
    for (const server& each : database.servers()) {
        const pool::server_cap* const cap = each.pool->cap();
        if (cap != nullptr && std::find(out.begin(), out.end(), cap) == out.end()) out.push_back(cap);
    }
    return out;
}

}  // namespace

task<result<fan_out_room>> fan_out_room::reserve(io::loop& loop, std::span<const server_set* const> databases,
                                                 deadline until) {
    std::map<const pool::server_cap*, std::uint32_t> needed;
    milliseconds patience{0};
    for (const server_set* each : databases) {
        for (const pool::server_cap* cap : caps_of(*each)) ++needed[cap];
        patience = std::max(patience, each->servers().front().pool->options().checkout_timeout);
    }
    fan_out_room out;
    const instant since = loop.now();
    until = earlier(until, deadline{since + patience});
    for (const auto& [cap, steps] : needed) {
        auto permit = co_await cap->fan_outs().take(loop, steps, until);
        if (!permit && permit.error() == errc::deadline_passed) {
            co_return error{errc::pool_timeout,
                            fmt::format("no room came free on {} within {} for a statement over {} of "
                                        "its databases",
                                        cap->server(), spoken(loop.now() - since), steps)}
                .detail(fmt::format("Such statements may have {} of the {} connections that "
                                    "pool.max_connections_per_server allows, and have {}.",
                                    cap->fan_outs().most(), cap->most(), cap->fan_outs().used()))
                .hint("Raise pool.max_connections_per_server if the server can bear it.");
        }
        if (!permit) co_return std::move(permit).error();
        one& kept = out.all_.emplace_back();
        kept.of = cap;
        kept.steps = steps;
        kept.units = std::min(steps, cap->fan_outs().most());
        kept.permit = std::move(*permit);
    }
    co_return out;
}

// Where a statement needs more than there is, what it has stays with its last steps.
void fan_out_room::ended(const server_set& database) noexcept {
    for (one& each : all_) {
        bool is_there = false;
        for (const server& of : database.servers()) is_there = is_there || of.pool->cap() == each.of;
        if (!is_there || each.steps == 0) continue;
        if (--each.steps >= each.units) continue;
        --each.units;
        each.permit.give_back(1);
    }
}

}  // namespace ashlar::topology
