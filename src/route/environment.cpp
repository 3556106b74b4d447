#include "route/environment.hpp"

namespace ashlar::route {

std::optional<std::size_t> environment::find(const column_id& what) const {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].what == what) return i;
    }
    return std::nullopt;
}

std::size_t environment::find_or_add(const column_id& what) {
    if (const auto at = find(what)) return *at;
    nodes_.push_back({what, nodes_.size(), std::nullopt});
    return nodes_.size() - 1;
}

std::size_t environment::root(std::size_t at) const {
    while (nodes_[at].parent != at) at = nodes_[at].parent;
    return at;
}

// Two sets that both hold: either is right; the shorter one asks fewer shards, and a plain `=` is read most easily.
void environment::narrow(std::optional<key_set>& into, const key_set& by) {
    const auto weight = [](const key_set& s) {
        std::size_t sum = s.listed ? 1 : 0;
        for (const key_source& v : s.values) sum += v.array ? 1000 : 2;
        return sum;
    };
    if (!into || weight(by) < weight(*into)) into = by;
}

void environment::unite(const column_id& a, const column_id& b) {
    const std::size_t x = root(find_or_add(a)), y = root(find_or_add(b));
    if (x == y) return;
    nodes_[y].parent = x;
    if (nodes_[y].values) narrow(nodes_[x].values, *nodes_[y].values);
}

void environment::restrict(const column_id& to, key_set values) {
    narrow(nodes_[root(find_or_add(to))].values, values);
}

void environment::absorb(const environment& other) {
    for (std::size_t i = 0; i < other.nodes_.size(); ++i) {
        const std::size_t r = other.root(i);
        if (r != i) unite(other.nodes_[r].what, other.nodes_[i].what);
        if (r == i && other.nodes_[i].values) restrict(other.nodes_[i].what, *other.nodes_[i].values);
    }
}

bool environment::same(const column_id& a, const column_id& b) const {
    if (a == b) return true;
    const auto x = find(a), y = find(b);
    return x && y && root(*x) == root(*y);
}

const key_set* environment::values_of(const column_id& of) const {
    const auto at = find(of);
    if (!at) return nullptr;
    const auto& values = nodes_[root(*at)].values;
    return values ? &*values : nullptr;
}

std::vector<std::pair<column_id, key_set>> environment::restricted() const {
    std::vector<std::pair<column_id, key_set>> out;
    for (const node& n : nodes_) {
        if (const key_set* values = values_of(n.what)) out.emplace_back(n.what, *values);
    }
    return out;
}

}  // namespace ashlar::route
