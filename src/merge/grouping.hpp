// grouping.hpp: rows with equal keys become one group, and each group one finished row. Pure.
#pragma once

#include "core/result_formats.hpp"
#include "merge/aggregate.hpp"
#include "merge/held_rows.hpp"
#include "merge/key_order.hpp"
#include "route/recipe.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace ashlar::merge {

class grouping {
public:
    // `shape`: the shards' columns; `results`: of the finished ones. Precondition: what.grouped. Fails with `unsupported`.
    static result<grouping> make(const route::recipe& what, const columns& shape, const value_rules& rules,
                                 const result_formats& results);

    status add(const row_batch& rows, std::size_t row);
    // All groups in the order in which they appeared, each a row; without keys one, even if no row came. Call it once.
    status finish(held_rows& into, std::vector<held_rows::place>& places);

    // The finished rows' columns, helpers included.
    const columns& shape() const noexcept { return shape_; }
    std::uint64_t byte_size() const noexcept { return bytes_; }

private:
    std::size_t group_of(std::string&& key);

    key_order keys_;
    bool one_group_ = false;
    std::vector<aggregate> aggregates_;
    columns shape_;
    std::unordered_map<std::string, std::size_t> groups_;  // key → number of the group
    std::vector<aggregate::state> states_;                 // aggregates_.size() for each group
    std::uint64_t bytes_ = 0;
};

}  // namespace ashlar::merge
