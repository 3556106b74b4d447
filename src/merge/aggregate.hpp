// aggregate.hpp: one column of a grouped answer: how the shards' partial values of a group become the finished one. The
// arithmetic is PostgreSQL's for the type: its result types, its scales, its overflow errors. Where SQLite gave values
// without a type, each value's own storage class decides, as it does there. Pure.
//
// An aggregate is immutable; what it has seen of a group lies in a state, of which there is one for each group.
#pragma once

#include "core/numeric.hpp"
#include "core/rows.hpp"
#include "merge/key_order.hpp"
#include "route/recipe.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace ashlar::merge {

class aggregate {
public:
    struct state {
        bool any = false;      // a value that was not NULL came
        bool seen = false;     // a row came (first)
        bool inexact = false;  // SQLite: a real came, the sum is `real`
        storage kind = storage::by_column;
        std::int64_t integer = 0;
        double real = 0;
        std::int64_t count = 0;
        std::unique_ptr<numeric> exact;
        std::string bytes;  // first, min, max: the cell
        std::string key;    // min, max: its ordering bytes
        std::uint64_t byte_size() const noexcept;
    };

    // `results`: the format of computed columns. Fails with `unsupported` for a type or collation that cannot be finished.
    static result<aggregate> make(const route::output& what, const columns& shape, const value_rules& rules,
                                  cell_format results);

    // One shard's row of the group. Fails with bad_value, or numeric overflow (22003) as the server does.
    status add(state& s, const row_batch& rows, std::size_t row) const;
    // Appends the finished cell.
    status finish(const state& s, row_batch& into) const;

    // The answer's column.
    const column& shape() const noexcept { return shape_; }

private:
    enum class rule {
        first,
        integer_sum,
        numeric_sum,
        float_sum,
        sqlite_sum,
        extreme,
        boolean,
        bits,
        average,
        sqlite_average
    };

    status choose_sum();
    status choose_average(const columns& shape);
    status add_first(state& s, const row_batch& rows, std::size_t row) const;
    status add_integer(state& s, std::string_view bytes) const;
    status add_numeric(state& s, std::string_view bytes) const;
    status add_float(state& s, std::string_view bytes) const;
    status add_sqlite(state& s, std::string_view bytes, storage kind) const;
    status add_extreme(state& s, const row_batch& rows, std::size_t row) const;
    status add_boolean(state& s, std::string_view bytes) const;
    status add_bits(state& s, std::string_view bytes) const;
    status add_count(state& s, const row_batch& rows, std::size_t row) const;
    status finish_average(const state& s, row_batch& into) const;
    status finish_sum(const state& s, row_batch& into) const;
    status refuse() const;

    route::output what_;
    route::dialect dialect_ = route::dialect::postgres;
    rule rule_ = rule::first;
    column partial_;  // the shards' column
    column shape_;    // the answer's
    cell_format count_format_ = cell_format::text;
    key_order order_;  // extreme
};

}  // namespace ashlar::merge
