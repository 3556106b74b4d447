// SHOW SHARDS, REPLICAS, BREAKERS and MEM: Ashlar's own views.
#include "proxy/console_show.hpp"
#include "proxy/console_writer.hpp"

#include "keyspace/kinds.hpp"

namespace ashlar::proxy {

namespace {

// What the configuration says the shard owns.
std::string owned_by(const config::shards& all, std::size_t number) {
    const config::database& shard = all.list[number];
    using kind = keyspace::function_kind;
    switch (all.function) {
        case kind::modulo:
            return fmt::format("remainder {} of {}", number, all.list.size());
        case kind::hash:
            return fmt::format("bucket {} of {}", number, all.list.size());
        case kind::ring:
            return fmt::format("weight {}", shard.weight);
        case kind::range:
            return fmt::format("from {} until {}", shard.from.value_or("the first"), shard.until.value_or("the last"));
        case kind::list: {
            std::string out = joined(shard.values).substr(0, 200);
            if (shard.is_default) out += out.empty() ? "all others" : ", all others";
            return out;
        }
    }
    return {};
}

}  // namespace

void show_shards(const snapshot& from, view_writer out) {
    const config::description& d = from.of->world().description();
    if (!d.shards_) return;
    for (std::size_t i = 0; i < from.of->shards(); ++i) {
        if (!out.has_room()) continue;
        const topology::member& shard = from.of->place(i);
        std::size_t replicas = 0, fit = 0;
        const server_facts* writer = nullptr;
        std::string problem;
        for (const server_facts& each : from.servers) {
            if (each.place != i) continue;
            if (each.number > 0) ++replicas;
            if (each.state.fit) ++fit;
            if (each.state.writer) writer = &each;
            if (problem.empty() && !each.state.fit) problem = each.state.why;
        }
        out.number(i + 1).text(shard.name).text(keyspace::name_of(d.shards_->function));
        out.text(keyspace::name_of(d.shards_->key_type)).text(owned_by(*d.shards_, i));
        if (writer == nullptr)
            out.null(2);
        else
            out.text(writer->state.name).text(writer->where().display());
        out.number(replicas).number(fit).text(writer == nullptr ? problem : std::string{}).end();
    }
}

void show_replicas(const snapshot& from, view_writer out) {
    for (const server_facts& each : from.servers) {
        if (!out.has_room()) continue;
        const topology::server_state& s = each.state;
        const bool alone = each.of->servers->is_alone();
        out.text(each.of->name).text(s.name).text(address_of(each.where())).number(port_of(each.where()));
        out.text(role_of(s));
        const bool closed = s.breaker == health::breaker::state::closed;
        const char* const state =
            s.writer ? (s.why.empty() && closed ? "writes" : "unfit") : (s.fit && closed ? "fit" : "unfit");
        out.text(state).text(s.why.empty() && !closed ? "its breaker is not closed" : s.why);
        if (alone || s.writer || !s.latency)
            out.null(2);
        else
            out.number(std::chrono::duration_cast<microseconds>(s.lag).count()).number(s.behind);
        if (s.latency)
            out.number(s.latency->count());
        else
            out.null();
        out.number(each.server().weight).text(name_of(s.breaker)).end();
    }
}

void show_breakers(const snapshot& from, view_writer out) {
    const config::breaker_settings& how = from.of->world().description().breaker;
    for (const server_facts& each : from.servers) {
        if (!out.has_room()) continue;
        const bool has_one = each.where().engine != config::engine::sqlite;
        out.text(each.of->name).text(each.state.name).text(has_one ? name_of(each.state.breaker) : "none");
        out.number(has_one ? how.failures : 0).text(spoken(how.window)).text(spoken(how.cool_down)).end();
    }
}

// PgBouncer's columns: a kind of object, its size, how many are in use and free, bytes in all.
void show_mem(const snapshot& from, view_writer out) {
    const memory_bound& bound = *from.of->memory();
    std::size_t plans = 0, plan_bytes = 0;
    for (const worker_report& each : from.workers) plans += each.plans, plan_bytes += each.plan_bytes;
    const auto line = [&](std::string_view name, std::uint64_t size, std::uint64_t used, std::uint64_t bytes) {
        out.text(name).number(size).number(used).number(0U).number(bytes).end();
    };
    line("statements", memory_bound::granule, bound.accounts(), bound.used());
    line("largest_statement", memory_bound::granule, bound.largest() > 0 ? 1 : 0, bound.largest());
    line("statements_at_peak", memory_bound::granule, 0, bound.peak());
    line("statements_ended", memory_bound::granule, bound.condemned(), 0);
    line("memory_max", memory_bound::granule, 0, bound.most());
    line("plans", 0, plans, plan_bytes);
    line("process", 0, 0, resident_bytes());
}

}  // namespace ashlar::proxy
