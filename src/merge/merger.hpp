// merger.hpp: rows of several shards → the rows of one answer, by a recipe. Pure: it is handed batches and hands out
// batches; who fetches them is the executor's business.
//
// Memory    Sorted merging and concatenation stream: one batch of each shard is held. Grouping, distinct and sorting hold
//           their rows, at most `memory_max` bytes, else limit_reached. All of it stands on `account`, whose bound may be
//           reached before: memory_exhausted.
// Right     Order, equality and arithmetic are the server's own for each supported type; a type or collation whose order
//           cannot be computed here is refused at make(), with 0A000 and a hint, before any row was sent to the client.
#pragma once

#include "core/memory_bound.hpp"
#include "core/result_formats.hpp"
#include "core/rows.hpp"
#include "route/plan.hpp"
#include "route/recipe.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ashlar::merge {

struct merge_options {
    std::uint64_t memory_max = 256u << 20;
    result_formats results;             // what the client wants; computed columns are written so
    memory_account* account = nullptr;  // outlives the merger; nullptr: none
    // Do the shards write floats in text with all the digits they have? Else what is compared or computed is refused.
    bool text_floats_exact = true;
    std::vector<std::string> names;  // of the sources, for messages; empty: they have none
    merge_options() = default;
};

class merger {
public:
    // `shapes`: the columns that each source announced; all must agree in number, names and types (shards_disagree).
    // `parameters`: for LIMIT, OFFSET and HAVING.
    static result<std::unique_ptr<merger>> make(const route::recipe& what, const std::vector<columns>& shapes,
                                                std::span<const route::bound_parameter> parameters,
                                                merge_options options);
    virtual ~merger() = default;

    // The columns of the answer.
    virtual const columns& shape() const noexcept = 0;

    // Which source must deliver next before more can come out; nullopt when rows can be taken, or all is done.
    // A merge of unsorted sources accepts any source at any time: wants() then names one that has not ended.
    virtual std::optional<std::size_t> wants() const noexcept = 0;
    // Hands over a batch of a source (its content is taken) …
    virtual status add(std::size_t source, row_batch&& batch) = 0;
    // … or says that it has ended.
    virtual status end(std::size_t source) = 0;

    // Appends rows to `into` (some 64 KiB at most); false when nothing can come out before more is added.
    virtual result<bool> take(row_batch& into) = 0;
    // Nothing more will come out: all sources ended, or the limit is reached (the rest need not be fetched).
    virtual bool finished() const noexcept = 0;
};

}  // namespace ashlar::merge
