#include "cluster/view.hpp"

#include <fmt/format.h>

namespace ashlar::detail {

namespace {

constexpr std::string_view version = "v1";
constexpr std::size_t token_most = 64 * 1024;

std::string_view next_part(std::string_view& rest) {
    const auto end = rest.find('!');
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return part;
}

}  // namespace

void causality::wrote(std::size_t member) noexcept {
    const instant::rep now = steady_clock::now().time_since_epoch().count();
    instant::rep before = wrote_[member].load(std::memory_order_relaxed);
    while (before < now && !wrote_[member].compare_exchange_weak(before, now, std::memory_order_relaxed)) {
    }
}

void causality::add_to(topology::reading_terms& terms, std::size_t member) const {
    const instant::rep when = wrote_[member].load(std::memory_order_relaxed);
    if (when != 0) terms.wrote_at = instant{instant::duration{when}};
    if (const auto from = after_.find(member); from != after_.end()) terms.after = &from->second;
}

status causality::take_in(std::string_view token, const topology::world& world) {
    const auto bad = [&] {
        return error{errc::bad_value, fmt::format("\"{}\" is no causal token", token.substr(0, 100))}.hint(
            "Give the text that causal_token() gave, unchanged; an empty one is a session that has written nothing.");
    };
    if (token.empty()) return {};
    std::string_view rest = token;
    if (token.size() > token_most || next_part(rest) != version) return bad();
    while (!rest.empty()) {
        const std::string_view name = next_part(rest);
        auto position = health::log_position::parse(next_part(rest));
        if (!position) return bad();
        const topology::member* member = world.find(name);
        if (member == nullptr) return error{errc::database_unknown, fmt::format("no database is named {}", name)};
        after_[member->number] = std::move(*position);
    }
    return {};
}

io::task<result<std::string>> causality::to_token(io::loop& loop, const topology::world& world, deadline until) const {
    std::string token{version};
    for (const auto* list : {&world.shards(), &world.databases()}) {
        for (const topology::member& each : *list) {
            const bool wrote = wrote_[each.number].load(std::memory_order_relaxed) != 0;
            const auto taken = after_.find(each.number);
            if (each.servers->is_alone() || (!wrote && taken == after_.end())) continue;
            health::log_position position;
            if (wrote) {
                auto now = co_await each.servers->position(loop, until);
                if (!now) co_return std::move(now).error().on(each.name);
                position = std::move(*now);
            } else {
                position = taken->second;
            }
            token += fmt::format("!{}!{}", each.name, position.to_string());
        }
    }
    co_return token;
}

}  // namespace ashlar::detail
