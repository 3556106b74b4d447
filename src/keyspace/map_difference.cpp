#include "keyspace/map_difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

namespace ashlar::keyspace {

namespace {

constexpr std::uint64_t remainders_max = 1U << 20;

// Both maps with their owners' names, and the moves found so far.
struct comparison {
    const shard_map& before;
    const shard_map& after;
    std::vector<move> moves;

    std::string owner(const shard_map& map, const std::optional<shard_id>& id) const {
        return id ? map.name_of(*id) : "";
    }

    void compare(positions what, std::optional<shard_id> old_owner, std::optional<shard_id> new_owner) {
        std::string from = owner(before, old_owner), to = owner(after, new_owner);
        if (from != to) moves.push_back({std::move(what), std::move(from), std::move(to)});
    }
};

// Two moduli are compared over the remainders of their least common multiple, of which both are a coarser view.
status compare_residues(comparison& all) {
    const std::uint64_t m = all.before.size(), n = all.after.size(), common = std::lcm(m, n);
    if (common > remainders_max) {
        return error{errc::limit_reached, fmt::format("the moduli {} and {} have {} remainders in common, more than {}",
                                                      m, n, common, remainders_max)}
            .hint("Choose a number of shards that is a multiple of the old one.");
    }
    for (std::uint64_t r = 0; r < common; ++r) {
        all.compare(residues{common, r, r}, static_cast<shard_id>(r % m), static_cast<shard_id>(r % n));
    }
    // Neighbours that move alike become one.
    std::vector<move> joined;
    for (move& each : all.moves) {
        const auto& next = std::get<residues>(each.what);
        if (!joined.empty() && joined.back().from == each.from && joined.back().to == each.to &&
            std::get<residues>(joined.back().what).last + 1 == next.first) {
            std::get<residues>(joined.back().what).last = next.last;
        } else {
            joined.push_back(std::move(each));
        }
    }
    all.moves = std::move(joined);
    return {};
}

// A ring as sorted ends of arcs: the owner of a place is that of the first end at or after it.
struct arc_end {
    std::uint64_t through;
    shard_id owner;
};

std::vector<arc_end> ends_of(const shard_map& map) {
    std::vector<arc_end> ends;
    for (const owned_positions& each : map.intervals()) ends.push_back({std::get<arc>(each.what).through, each.owner});
    std::ranges::sort(ends, {}, &arc_end::through);
    return ends;
}

shard_id owner_at(const std::vector<arc_end>& ends, std::uint64_t place) {
    auto found = std::ranges::lower_bound(ends, place, {}, &arc_end::through);
    return found == ends.end() ? ends.front().owner : found->owner;
}

void compare_arcs(comparison& all) {
    const auto old_ends = ends_of(all.before), new_ends = ends_of(all.after);
    std::set<std::uint64_t> cuts;
    for (const arc_end& e : old_ends) cuts.insert(e.through);
    for (const arc_end& e : new_ends) cuts.insert(e.through);
    std::uint64_t previous = *cuts.rbegin();
    for (std::uint64_t cut : cuts) {
        all.compare(arc{previous, cut}, owner_at(old_ends, cut), owner_at(new_ends, cut));
        previous = cut;
    }
}

std::optional<shard_id> owner_of(const shard_map& map, const key& k) {
    auto found = map.shard_of(k);
    return found ? std::optional{*found} : std::nullopt;
}

// The owner of what lies below every bound.
std::optional<shard_id> owner_of_the_lowest(const std::vector<owned_positions>& intervals) {
    for (const owned_positions& each : intervals) {
        if (!std::get<key_range>(each.what).from) return each.owner;
    }
    return std::nullopt;
}

void compare_ranges(comparison& all) {
    const auto old_ranges = all.before.intervals(), new_ranges = all.after.intervals();
    std::set<key> cuts;
    for (const auto* ranges : {&old_ranges, &new_ranges}) {
        for (const owned_positions& each : *ranges) {
            const auto& range = std::get<key_range>(each.what);
            if (range.from) cuts.insert(*range.from);
            if (range.until) cuts.insert(*range.until);
        }
    }
    std::optional<key> first = cuts.empty() ? std::nullopt : std::optional{*cuts.begin()};
    all.compare(key_range{std::nullopt, first}, owner_of_the_lowest(old_ranges), owner_of_the_lowest(new_ranges));
    for (auto cut = cuts.begin(); cut != cuts.end(); ++cut) {
        auto next = std::next(cut);
        std::optional<key> until = next == cuts.end() ? std::nullopt : std::optional{*next};
        all.compare(key_range{*cut, std::move(until)}, owner_of(all.before, *cut), owner_of(all.after, *cut));
    }
}

std::optional<shard_id> default_of(const std::vector<owned_positions>& intervals) {
    for (const owned_positions& each : intervals) {
        if (std::get<named_keys>(each.what).all_but) return each.owner;
    }
    return std::nullopt;
}

void compare_lists(comparison& all) {
    const auto old_lists = all.before.intervals(), new_lists = all.after.intervals();
    std::set<key> named;
    for (const auto* lists : {&old_lists, &new_lists}) {
        for (const owned_positions& each : *lists) {
            const auto& keys = std::get<named_keys>(each.what).keys;
            named.insert(keys.begin(), keys.end());
        }
    }
    for (const key& k : named) all.compare(named_keys{{k}, false}, owner_of(all.before, k), owner_of(all.after, k));
    all.compare(named_keys{{named.begin(), named.end()}, true}, default_of(old_lists), default_of(new_lists));
}

}  // namespace

result<map_difference> difference(const shard_map& before, const shard_map& after) {
    if (before.function() != after.function() || before.key_type() != after.key_type()) {
        return error{errc::unsupported, "the two maps place keys in different ways, so that every row may move"}.hint(
            "Copy the rows into a new set of shards instead.");
    }
    comparison all{before, after, {}};
    switch (before.function()) {
        case function_kind::modulo:
        case function_kind::hash:
            if (auto compared = compare_residues(all); !compared) return std::move(compared).error();
            break;
        case function_kind::ring:
            compare_arcs(all);
            break;
        case function_kind::range:
            compare_ranges(all);
            break;
        case function_kind::list:
            compare_lists(all);
            break;
    }
    return map_difference{before.function(), std::move(all.moves)};
}

const move* map_difference::find(const key& k) const {
    auto found = std::ranges::find_if(moves, [&](const move& m) { return holds(m.what, function, k); });
    return found == moves.end() ? nullptr : &*found;
}

std::optional<double> map_difference::share() const {
    double total = 0;
    for (const move& each : moves) {
        auto part = share_of(each.what);
        if (!part) return std::nullopt;
        total += *part;
    }
    return total;
}

}  // namespace ashlar::keyspace
