// recipe.hpp: how the rows of several shards become one answer. Written by the planner, followed by merge. Pure.
//
// The shards' rows have `shard_columns` columns: first those the client asked for (some of them partials of aggregates),
// then helpers that the planner added (sort keys, group keys, parts of avg). Merge works in this order:
//   1. bring together  (concatenate, or merge by `order` when each shard's rows arrive sorted so)
//   2. group           (rows with equal `group_keys` become one; each output's aggregate is finished)
//   3. having          (a predicate over finished values)
//   4. distinct
//   5. order           (when grouping or distinct destroyed it, sort)
//   6. offset, limit
//   7. drop the helper columns
#pragma once

#include "route/catalogue.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route {

struct sort_key {
    std::size_t column = 0;  // of the shards' rows; after grouping: of the outputs
    bool descending = false;
    bool nulls_first = false;  // always resolved by the planner: PostgreSQL's default is the opposite of SQLite's
    collation text;            // used when the column's type turns out to be text-like
};

enum class combine {
    first,  // a group key or a value that depends on it: any row's will do
    count,  // sum of bigint counts
    sum,    // sum of partial sums; the type follows the partial's (bigint sums of int4 stay bigint; numeric; float8)
    min,
    max,  // by the type's order
    bool_and,
    bool_or,
    bit_and,
    bit_or,
    avg,  // `column` holds the shards' sum, `count_column` their count: as PostgreSQL divides them
};
// As SQL calls the aggregate, but for `first`.
std::string_view name_of(combine how);

struct output {
    combine how = combine::first;
    std::size_t column = 0;        // of the shards' rows
    std::size_t count_column = 0;  // avg only
    std::uint32_t type = 0;        // the oid that one plain database would report; 0: as the shards report it
    std::uint32_t argument_type =
        0;           // avg: the type averaged, when known (decides numeric or float8); 0: by the column
    collation text;  // min, max over text
};

// HAVING, as a small tree over finished outputs and constants; comparison follows SQL's three-valued logic.
struct condition {
    enum class kind { column, constant, parameter, eq, ne, lt, le, gt, ge, and_, or_, not_, is_null, is_not_null };
    kind what = kind::column;
    std::size_t column = 0;     // kind::column: index into outputs
    std::size_t parameter = 0;  // kind::parameter: 0-based
    std::string constant;       // kind::constant: text form
    std::uint32_t type = 0;     // kind::constant: oid (numeric for numbers, unknown for quoted literals)
    std::vector<condition> inner;
};

// LIMIT and OFFSET may be parameters, known only when the statement is bound.
struct row_count {
    std::optional<std::uint64_t> constant;
    std::optional<std::size_t> parameter;  // 0-based
    bool given() const noexcept { return constant.has_value() || parameter.has_value(); }
};

struct recipe {
    route::dialect dialect = route::dialect::postgres;
    std::size_t visible_columns = 0;  // what the client sees, a prefix of the shards' columns (or of `outputs`)
    bool star = false;                // the select list has *: visible_columns is the shards' width less `helpers`
    // With star, where positions were counted through it: what the visible columns are called. A shard that sends others
    // has changed since the catalogue was read, and is refused (shards_disagree). Empty: nothing was counted.
    std::vector<std::string> star_columns;
    std::size_t helpers = 0;  // columns at the end that the planner added

    bool grouped = false;                   // outputs and group_keys apply
    std::vector<std::size_t> group_keys;    // shard columns; empty with grouped: one group, present even without rows
    std::vector<collation> group_key_text;  // one for each group key
    std::vector<output> outputs;            // when grouped: one for each column of the answer (helpers at the end)
    std::optional<condition> having;

    bool distinct = false;           // over the visible columns
    bool shards_are_sorted = false;  // each shard's rows arrive in `order`: merge them as they stream
    std::vector<sort_key> order;
    row_count limit, offset;

    // PostgreSQL, for comparing: users' types, and how the database orders text (of strings in a jsonb).
    std::shared_ptr<const type_book> types;
    collation database_text;

    // Commands without rows: the tag's counts are summed. reference writes: the same on each shard, counted once.
    bool count_once = false;
};

}  // namespace ashlar::route
