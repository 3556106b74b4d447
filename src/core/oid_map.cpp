#include "core/oid_map.hpp"

#include "core/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ashlar {

namespace {

// record, anyarray, and the reg… types with their arrays: built in, and their binary forms are or hold oids.
constexpr std::uint32_t holders[] = {24,   1008, 2202, 2203, 2204, 2205, 2206, 2207, 2208, 2209, 2210, 2211, 2249,
                                     2277, 2287, 3734, 3735, 3769, 3770, 4089, 4090, 4096, 4097, 4191, 4192};

const std::uint32_t* find(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& in, std::uint32_t number) {
    const auto at = std::lower_bound(in.begin(), in.end(), number,
                                     [](const auto& each, std::uint32_t wanted) { return each.first < wanted; });
    return at == in.end() || at->first != number ? nullptr : &at->second;
}

bool is_holder(std::uint32_t type) {
    return std::binary_search(std::begin(holders), std::end(holders), type);
}

// Of the parts that `counts` is true of, and of those in turn.
template <class Counts>
std::set<std::uint32_t> wholes_of(const std::vector<own_oids::part>& parts, Counts counts) {
    std::multimap<std::uint32_t, std::uint32_t> held_by;  // inner → whole
    std::vector<std::uint32_t> next;
    for (const own_oids::part& each : parts) {
        held_by.emplace(each.inner, each.whole);
        if (counts(each)) next.push_back(each.whole);
    }
    std::set<std::uint32_t> found;
    while (!next.empty()) {
        const std::uint32_t one = next.back();
        next.pop_back();
        if (!found.insert(one).second) continue;
        const auto [from, until] = held_by.equal_range(one);
        for (auto at = from; at != until; ++at) next.push_back(at->second);
    }
    return found;
}

bool all_same(const std::map<std::string, std::uint32_t>& there, const std::map<std::string, std::uint32_t>& known) {
    return std::all_of(there.begin(), there.end(), [&](const auto& each) {
        const auto at = known.find(each.first);
        return at != known.end() && at->second == each.second;
    });
}

}  // namespace

std::vector<std::uint32_t> missing_oids::all() const {
    std::vector<std::uint32_t> out = types;
    out.insert(out.end(), relations.begin(), relations.end());
    out.insert(out.end(), declared.begin(), declared.end());
    return out;
}

std::set<std::uint32_t> types_that_hold_oids(const own_oids& of) {
    return wholes_of(of.parts, [](const own_oids::part& each) { return is_holder(each.inner); });
}

std::shared_ptr<const oid_map> oid_map::make(std::string database, const own_oids& there, const own_oids& known) {
    auto made = std::make_shared<oid_map>();
    made->database_ = std::move(database);
    made->same_ = all_same(there.types, known.types) && all_same(there.relations, known.relations);
    for (const auto& [name, oid] : there.types) {
        made->names_.emplace(oid, name);
        const auto at = known.types.find(name);
        if (at == known.types.end()) continue;
        made->types_to_client_.emplace_back(oid, at->second);
        made->types_to_server_.emplace_back(at->second, oid);
    }
    for (const auto& [name, oid] : known.types) made->names_[oid] = name;
    for (const auto& [name, oid] : there.relations) {
        const auto at = known.relations.find(name);
        made->relations_to_client_.emplace_back(oid, at == known.relations.end() ? 0 : at->second);
    }
    std::sort(made->types_to_client_.begin(), made->types_to_client_.end());
    std::sort(made->types_to_server_.begin(), made->types_to_server_.end());
    std::sort(made->relations_to_client_.begin(), made->relations_to_client_.end());

    const auto differs = [&](std::uint32_t oid) { return oid >= first_own && made->type_for_client(oid) != oid; };
    if (made->same_) return made;
    const std::set<std::uint32_t> found = wholes_of(there.parts, [&](const own_oids::part& each) {
        return (each.written && differs(each.inner)) || is_holder(each.inner);
    });
    for (const std::uint32_t each : found) made->differ_.push_back(made->type_for_client(each));
    std::sort(made->differ_.begin(), made->differ_.end());
    return made;
}

std::shared_ptr<const oid_map> oid_map::blind(std::string database) {
    auto made = std::make_shared<oid_map>();
    made->database_ = std::move(database);
    return made;
}

std::uint32_t oid_map::type_for_client(std::uint32_t there) const noexcept {
    if (there < first_own) return there;
    const std::uint32_t* const found = find(types_to_client_, there);
    return found == nullptr ? oid::unknown : *found;
}

std::uint32_t oid_map::relation_for_client(std::uint32_t there) const noexcept {
    if (there < first_own) return there;
    const std::uint32_t* const found = find(relations_to_client_, there);
    return found == nullptr ? 0 : *found;
}

bool oid_map::has_type_for_client(std::uint32_t there) const noexcept {
    return there < first_own || find(types_to_client_, there) != nullptr;
}

std::optional<std::uint32_t> oid_map::type_for_server(std::uint32_t clients) const noexcept {
    if (clients < first_own) return clients;
    const std::uint32_t* const found = find(types_to_server_, clients);
    return found == nullptr ? std::nullopt : std::optional{*found};
}

bool oid_map::knows_relation(std::uint32_t there) const noexcept {
    return there < first_own || find(relations_to_client_, there) != nullptr;
}

bool oid_map::knows(const missing_oids& all) const noexcept {
    return std::ranges::all_of(all.types, [&](std::uint32_t each) { return has_type_for_client(each); }) &&
           std::ranges::all_of(all.relations, [&](std::uint32_t each) { return knows_relation(each); }) &&
           std::ranges::all_of(all.declared, [&](std::uint32_t each) { return type_for_server(each).has_value(); });
}

bool oid_map::differs_in_binary(std::uint32_t clients) const noexcept {
    if (same_) return clients == oid::unknown || !type_for_server(clients);
    if (clients >= first_own) {
        return types_to_server_.empty() || std::binary_search(differ_.begin(), differ_.end(), clients);
    }
    return clients == oid::unknown || is_holder(clients);
}

std::string oid_map::name_of_type(std::uint32_t any) const {
    const auto at = names_.find(any);
    return at == names_.end() ? fmt::format("with oid {}", any) : at->second;
}

}  // namespace ashlar
