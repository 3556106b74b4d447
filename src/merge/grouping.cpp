#include "merge/grouping.hpp"

namespace ashlar::merge {

namespace {
// What the table keeps for a group beside its key and its states: a node, a bucket, a number.
constexpr std::uint64_t bytes_of_node = 64;
}  // namespace

result<grouping> grouping::make(const route::recipe& what, const columns& shape, const value_rules& rules,
                                const result_formats& results) {
    grouping g;
    g.one_group_ = what.group_keys.empty();
    std::vector<key_column> by;
    for (std::size_t i = 0; i < what.group_keys.size(); ++i) {
        key_column& k = by.emplace_back();
        k.column = what.group_keys[i];
        if (i < what.group_key_text.size()) k.text = what.group_key_text[i];
    }
    auto keys = key_order::make(by, shape, rules, purpose::equality);
    if (!keys) return std::move(keys).error();
    g.keys_ = std::move(*keys);
    for (const route::output& o : what.outputs) {
        auto a = aggregate::make(o, shape, rules, results.of(g.aggregates_.size()));
        if (!a) return std::move(a).error();
        g.shape_.push_back(a->shape());
        g.aggregates_.push_back(std::move(*a));
    }
    if (g.one_group_) (void)g.group_of({});
    return g;
}

std::size_t grouping::group_of(std::string&& key) {
    const std::uint64_t key_bytes = key.capacity();
    const auto [place, is_new] = groups_.try_emplace(std::move(key), groups_.size());
    if (is_new) {
        bytes_ += bytes_of_node + key_bytes;
        const std::size_t before = states_.capacity();
        states_.resize(states_.size() + aggregates_.size());
        bytes_ += (states_.capacity() - before) * sizeof(aggregate::state);
    }
    return place->second;
}

status grouping::add(const row_batch& rows, std::size_t row) {
    std::string key;
    if (auto ok = keys_.append_key(rows, row, key); !ok) return ok;
    const std::size_t first = group_of(std::move(key)) * aggregates_.size();
    for (std::size_t i = 0; i < aggregates_.size(); ++i) {
        aggregate::state& s = states_[first + i];
        const std::uint64_t before = s.byte_size();
        if (auto ok = aggregates_[i].add(s, rows, row); !ok) return ok;
        bytes_ = bytes_ + s.byte_size() - before;
    }
    return {};
}

status grouping::finish(held_rows& into, std::vector<held_rows::place>& places) {
    groups_.clear();
    for (std::size_t first = 0; first < states_.size(); first += aggregates_.size()) {
        row_batch& chunk = into.open_chunk();
        const unfinished_row row{chunk};
        for (std::size_t i = 0; i < aggregates_.size(); ++i) {
            if (auto ok = aggregates_[i].finish(states_[first + i], chunk); !ok) return ok;
            states_[first + i] = {};
        }
        chunk.end_row();
        places.push_back(into.added());
    }
    states_.clear();
    bytes_ = 0;
    return {};
}

}  // namespace ashlar::merge
