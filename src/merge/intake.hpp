// intake.hpp: brings the rows of several sources together, one after the other: as they come, or by a key when each
// source's rows arrive sorted. Apart from the rest of merging, which sees one stream of rows. Pure.
#pragma once

#include "core/rows.hpp"
#include "merge/key_order.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace ashlar::merge {

// A row that stays where it is until the next call of intake::next() or add().
struct row_view {
    const row_batch* rows = nullptr;
    std::size_t row = 0;
};

class intake {
public:
    virtual ~intake() = default;
    // The source without which next() has nothing to give; nullopt when it has, or all is done.
    virtual std::optional<std::size_t> wants() const noexcept = 0;
    // Fails with bad_value when a sort key cannot be read.
    virtual status add(std::size_t source, row_batch&& batch) = 0;
    virtual void end(std::size_t source) = 0;
    // The next row, if it is known which one that is.
    virtual result<std::optional<row_view>> next() = 0;
    // The row that next() gave last, which is the only one of its batch: the batch, without a copy.
    virtual status hand_over(row_batch& into) = 0;
    // All sources ended and all rows were given.
    virtual bool done() const noexcept = 0;
    // Bytes of rows waiting here.
    virtual std::uint64_t byte_size() const noexcept = 0;
};

// In order of arrival.
std::unique_ptr<intake> make_concatenation(std::size_t sources);
// Precondition: the rows of each source come in this order. Rows with equal keys come in the order of their sources.
std::unique_ptr<intake> make_ordered_intake(std::size_t sources, key_order order);

}  // namespace ashlar::merge
