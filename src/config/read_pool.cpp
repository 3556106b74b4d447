#include "config/parts.hpp"
#include "config/quantities.hpp"

#include <fmt/format.h>

namespace ashlar::config {

namespace {
using namespace std::chrono_literals;

constexpr std::int64_t connections_most = 100'000;

void read_duration(section& from, std::string_view key, milliseconds& into) {
    if (const auto given = from.duration(key, 1ms, 365 * one_day)) into = *given;
}

// A minimum that nobody wrote bows to the maximum; one that was written above it is a mistake.
void settle_bounds(reading& with, const node& what, const std::string& path, pool_reading& out) {
    pool_settings& v = out.values;
    if (v.min_connections <= v.max_connections) return;
    if (out.min_given) {
        const entry* at = what.find("min_connections");
        if (at == nullptr) at = what.find("max_connections");
        with.wrong.add(
            at != nullptr ? at->value.at : what.at, path,
            fmt::format("min_connections {} is more than max_connections {}", v.min_connections, v.max_connections),
            "a minimum no greater than the maximum",
            at != nullptr && at->key == "max_connections" ? "the minimum is taken over from [pool]" : "");
    }
    v.min_connections = v.max_connections;
}
}  // namespace

pool_reading read_pool(reading& with, const node* what, const std::string& path, const pool_reading& base) {
    pool_reading out = base;
    if (what == nullptr) return out;
    section from{with, *what, path};
    pool_settings& v = out.values;
    if (const auto given = from.integer("max_connections", 1, connections_most)) {
        v.max_connections = static_cast<std::uint32_t>(*given);
        out.max_given = true;
    }
    if (const auto given = from.integer("max_connections_per_server", 0, connections_most))
        v.max_connections_per_server = static_cast<std::uint32_t>(*given);
    if (const auto given = from.integer("fan_out_connections_max", 0, connections_most))
        v.fan_out_connections_max = static_cast<std::uint32_t>(*given);
    if (const auto given = from.integer("min_connections", 0, connections_most)) {
        v.min_connections = static_cast<std::uint32_t>(*given);
        out.min_given = true;
    }
    if (const auto given = from.integer("waiters_max", 0, 10'000'000))
        v.waiters_max = static_cast<std::uint32_t>(*given);
    read_duration(from, "checkout_timeout", v.checkout_timeout);
    read_duration(from, "idle_timeout", v.idle_timeout);
    read_duration(from, "reap_frequency", v.reap_frequency);
    read_duration(from, "max_lifetime", v.max_lifetime);
    read_duration(from, "check_after_idle", v.check_after_idle);
    read_duration(from, "connect_timeout", v.connect_timeout);
    if (from.has("warm_up")) {
        v.warm_up.clear();
        for (spelled& each : from.texts("warm_up")) v.warm_up.push_back(std::move(each.text));
    }
    if (const auto given = from.boolean("warm_up_required")) v.warm_up_required = *given;
    from.finish();
    settle_bounds(with, from.what(), path, out);
    return out;
}

}  // namespace ashlar::config
