#include "keyspace/shard_map.hpp"

#include "core/assert.hpp"
#include "keyspace/postgres_hash.hpp"
#include "keyspace/ring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace ashlar::keyspace {

struct shard_map::tables {
    struct owned_range {
        key_range range;
        shard_id owner;
    };

    function_kind function = function_kind::modulo;
    keyspace::key_type type = keyspace::key_type::integer;
    std::uint64_t epoch = 1;
    std::vector<std::string> names;
    keyspace::ring ring;
    std::vector<owned_range> ranges;  // sorted, without overlaps
    std::map<key, shard_id> named;    // list
    std::optional<shard_id> others;   // list: the default shard

    status add(const std::vector<shard_traits>& shards);
    status add_ranges(const std::vector<shard_traits>& shards);
    status add_lists(const std::vector<shard_traits>& shards);
    std::optional<shard_id> owner_of(const key& k) const;
    std::optional<shard_id> range_owner(const key& k) const;
    std::vector<owned_positions> arcs() const;
};

namespace {

error invalid(std::string text) {
    return error{errc::config_invalid, std::move(text)};
}

constexpr shard_id id_of(std::size_t index) {
    return static_cast<shard_id>(index);
}

// "shard_3's bound": says whose text was no key.
error about(error why, const shard_traits& shard, std::string_view what) {
    return invalid(fmt::format("{} of {}: {}", what, shard.name, why.message())).hint(why.hint());
}

status check_names(const std::vector<shard_traits>& shards) {
    if (shards.empty()) return invalid("there are no shards");
    std::set<std::string_view> seen;
    for (const shard_traits& each : shards) {
        if (each.name.empty()) return invalid("a shard has no name");
        if (!seen.insert(each.name).second) return invalid(fmt::format("two shards are named {}", each.name));
    }
    return {};
}

status check_weights(const std::vector<shard_traits>& shards) {
    for (const shard_traits& each : shards) {
        if (each.weight == 0 || each.weight > shard_map::weight_max) {
            return invalid(fmt::format("the weight of {} is {}, but must be from 1 to {}", each.name, each.weight,
                                       shard_map::weight_max));
        }
    }
    return {};
}

result<std::optional<key>> bound(const std::optional<std::string>& text, key_type type, const shard_traits& of,
                                 std::string_view which) {
    if (!text) return std::optional<key>{};
    auto k = key::from_configuration(*text, type);
    if (!k) return about(std::move(k).error(), of, which);
    return std::optional<key>{std::move(*k)};
}

// A missing lower bound sorts before every key.
bool starts_before(const key_range& a, const key_range& b) {
    if (!a.from || !b.from) return !a.from && b.from;
    return *a.from < *b.from;
}

bool overlap(const key_range& earlier, const key_range& later) {
    return !earlier.until || !later.from || *later.from < *earlier.until;
}

}  // namespace

status shard_map::tables::add_ranges(const std::vector<shard_traits>& shards) {
    for (std::size_t i = 0; i < shards.size(); ++i) {
        auto from = bound(shards[i].from, type, shards[i], "from");
        if (!from) return std::move(from).error();
        auto until = bound(shards[i].until, type, shards[i], "until");
        if (!until) return std::move(until).error();
        key_range range{std::move(*from), std::move(*until)};
        if (range.from && range.until && *range.from >= *range.until) {
            return invalid(fmt::format("the range {} of {} holds no key", to_string(range), shards[i].name));
        }
        ranges.push_back({std::move(range), id_of(i)});
    }
    std::ranges::stable_sort(ranges, starts_before, &owned_range::range);
    for (std::size_t i = 1; i < ranges.size(); ++i) {
        const owned_range &a = ranges[i - 1], &b = ranges[i];
        if (overlap(a.range, b.range)) {
            return invalid(fmt::format("the ranges of {} {} and {} {} overlap", names[index_of(a.owner)],
                                       to_string(a.range), names[index_of(b.owner)], to_string(b.range)));
        }
    }
    return {};
}

status shard_map::tables::add_lists(const std::vector<shard_traits>& shards) {
    for (std::size_t i = 0; i < shards.size(); ++i) {
        const shard_traits& each = shards[i];
        if (each.is_default && others) {
            return invalid(fmt::format("{} and {} are both the default", names[index_of(*others)], each.name));
        }
        if (each.is_default) others = id_of(i);
        if (each.values.empty() && !each.is_default) {
            return invalid(fmt::format("{} has no values and is not the default: it would own no key", each.name));
        }
        for (const std::string& text : each.values) {
            auto k = key::from_configuration(text, type);
            if (!k) return about(std::move(k).error(), each, "a value");
            auto [place, fresh] = named.emplace(std::move(*k), id_of(i));
            if (!fresh) {
                return invalid(fmt::format("the value '{}' of {} is owned by {} already", text, each.name,
                                           names[index_of(place->second)]));
            }
        }
    }
    return {};
}

status shard_map::tables::add(const std::vector<shard_traits>& shards) {
    switch (function) {
        case function_kind::modulo:
            if (type != keyspace::key_type::integer && type != keyspace::key_type::uuid) {
                return invalid(fmt::format("modulo places integer and uuid keys, not {}", keyspace::name_of(type)))
                    .hint("Use function = \"hash\" or \"ring\".");
            }
            return {};
        case function_kind::hash:
            return {};
        case function_kind::ring: {
            if (auto checked = check_weights(shards); !checked) return checked;
            std::vector<ring::node> nodes;
            for (const shard_traits& each : shards) nodes.push_back({each.name, each.weight});
            ring = keyspace::ring{nodes};
            return {};
        }
        case function_kind::range:
            return add_ranges(shards);
        case function_kind::list:
            return add_lists(shards);
    }
    return invalid("an unknown shard function");
}

std::optional<shard_id> shard_map::tables::range_owner(const key& k) const {
    // The last range that starts at or before the key.
    auto after =
        std::ranges::partition_point(ranges, [&](const owned_range& r) { return !r.range.from || *r.range.from <= k; });
    if (after == ranges.begin()) return std::nullopt;
    const owned_range& candidate = *std::prev(after);
    if (candidate.range.until && !(k < *candidate.range.until)) return std::nullopt;
    return candidate.owner;
}

std::optional<shard_id> shard_map::tables::owner_of(const key& k) const {
    switch (function) {
        case function_kind::modulo:
            return id_of(position_modulo(k, names.size()));
        case function_kind::hash:
            return id_of(partition_hash(k) % names.size());
        case function_kind::ring:
            return id_of(ring.node_at(ring_place(k.to_string())));
        case function_kind::range:
            return range_owner(k);
        case function_kind::list: {
            auto found = named.find(k);
            return found == named.end() ? others : std::optional{found->second};
        }
    }
    return std::nullopt;
}

std::vector<owned_positions> shard_map::tables::arcs() const {
    std::vector<owned_positions> all;
    const auto& points = ring.points();
    for (std::size_t i = 0; i < points.size(); ++i) {
        const std::uint64_t after = points[i == 0 ? points.size() - 1 : i - 1].place;
        const shard_id owner = id_of(points[i].node);
        if (!all.empty() && all.back().owner == owner) {
            std::get<arc>(all.back().what).through = points[i].place;
            continue;
        }
        all.emplace_back().owner = owner;
        all.back().what = arc{after, points[i].place};
    }
    return all;
}

result<shard_map> shard_map::make(function_kind function, keyspace::key_type type,
                                  const std::vector<shard_traits>& shards, std::uint64_t epoch) {
    if (auto checked = check_names(shards); !checked) return std::move(checked).error();
    auto made = std::make_shared<tables>();
    made->function = function;
    made->type = type;
    made->epoch = epoch;
    for (const shard_traits& each : shards) made->names.push_back(each.name);
    if (auto added = made->add(shards); !added) return std::move(added).error();
    shard_map map;
    map.tables_ = std::move(made);
    return map;
}

result<shard_id> shard_map::shard_of(const key& k) const {
    if (k.type() != tables_->type) {
        return error{errc::key_invalid, fmt::format("a key of type {} was given where the shard map is over {}",
                                                    keyspace::name_of(k.type()), keyspace::name_of(tables_->type))};
    }
    if (auto owner = tables_->owner_of(k)) return *owner;
    return error{errc::key_unmatched, fmt::format("no shard owns the key '{}'", k.to_string())}.hint(
        function() == function_kind::list ? "Add it to the values of a shard, or make one shard the default."
                                          : "Widen the range of a shard.");
}

std::vector<owned_positions> shard_map::intervals() const {
    std::vector<owned_positions> all;
    switch (function()) {
        case function_kind::modulo:
        case function_kind::hash:
            for (std::size_t i = 0; i < size(); ++i) all.push_back({residues{size(), i, i}, id_of(i)});
            break;
        case function_kind::ring:
            return tables_->arcs();
        case function_kind::range:
            for (const auto& each : tables_->ranges) all.push_back({each.range, each.owner});
            break;
        case function_kind::list: {
            std::vector<named_keys> of(size());
            named_keys everything_else{{}, true};
            for (const auto& [k, owner] : tables_->named) {
                of[index_of(owner)].keys.push_back(k);
                everything_else.keys.push_back(k);
            }
            for (std::size_t i = 0; i < size(); ++i) {
                if (!of[i].keys.empty()) all.push_back({std::move(of[i]), id_of(i)});
            }
            if (tables_->others) all.push_back({std::move(everything_else), *tables_->others});
            break;
        }
    }
    return all;
}

std::string shard_map::position_text(const key& k) const {
    switch (function()) {
        case function_kind::modulo:
            return fmt::format("remainder {} of {}", position_modulo(k, size()), size());
        case function_kind::hash:
            return fmt::format("bucket {} of {}", partition_hash(k) % size(), size());
        case function_kind::ring:
            return fmt::format("point {:016x}", ring_place(k.to_string()));
        case function_kind::range: {
            for (const auto& each : tables_->ranges) {
                if (holds(each.range, function(), k)) return "range " + to_string(each.range);
            }
            return "in no range";
        }
        case function_kind::list:
            if (tables_->named.contains(k)) return fmt::format("value '{}'", k.to_string());
            return tables_->others ? "default" : "in no list";
    }
    return {};
}

function_kind shard_map::function() const noexcept {
    return tables_->function;
}
keyspace::key_type shard_map::key_type() const noexcept {
    return tables_->type;
}
std::uint64_t shard_map::epoch() const noexcept {
    return tables_->epoch;
}
std::size_t shard_map::size() const noexcept {
    return tables_->names.size();
}

const std::string& shard_map::name_of(shard_id id) const noexcept {
    ASHLAR_ASSERT(index_of(id) < size());
    return tables_->names[index_of(id)];
}

}  // namespace ashlar::keyspace
