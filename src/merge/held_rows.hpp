// held_rows.hpp: rows kept for sorting or for the end of a grouping, counted in bytes. Pure.
#pragma once

#include "core/rows.hpp"

#include <cstdint>
#include <deque>

namespace ashlar::merge {

// Appends the first `width` cells of a row to a batch.
void append_row(row_batch& into, const row_batch& from, std::size_t row, std::size_t width);
// What a row of this batch costs in a batch, its slots included.
std::uint64_t row_cost(const row_batch& from, std::size_t row) noexcept;

class held_rows {
public:
    struct place {
        std::uint32_t chunk = 0, row = 0;
    };

    place add(const row_batch& from, std::size_t row);
    // For building a row in place: add its cells and end_row() to this batch, then call added().
    row_batch& open_chunk();
    place added();

    const row_batch& chunk(place p) const noexcept { return chunks_[p.chunk]; }
    std::size_t rows() const noexcept { return rows_; }
    std::uint64_t byte_size() const noexcept { return bytes_; }

private:
    std::deque<row_batch> chunks_;  // each of some 256 KiB, so that growing copies little
    std::size_t rows_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace ashlar::merge
