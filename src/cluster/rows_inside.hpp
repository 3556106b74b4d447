// rows_inside.hpp: what a public rows value holds: one answer, whole and undecoded.
#pragma once

#include "core/rows.hpp"
#include "driver/connection.hpp"

#include <ashlar/row.hpp>

#include <algorithm>
#include <vector>

namespace ashlar::detail {

struct rows_inside {
    columns shape;
    driver::completion completed;

    // Takes a batch over; empty ones are dropped.
    void add(row_batch&& part) {
        if (part.empty()) return;
        starts.push_back(size);
        size += part.rows();
        byte_size += part.byte_size();
        parts.push_back(std::move(part));
    }
    // The batch that holds a row, and where in it. Precondition: row < size.
    const row_batch& part_of(std::size_t row, std::size_t& within) const noexcept {
        const auto after = std::upper_bound(starts.begin(), starts.end(), row);
        const auto part = static_cast<std::size_t>(after - starts.begin()) - 1;
        within = row - starts[part];
        return parts[part];
    }

    std::size_t size = 0;
    std::size_t byte_size = 0;

private:
    std::vector<row_batch> parts;     // as they came, so that nothing is copied together
    std::vector<std::size_t> starts;  // the first row of each
};

}  // namespace ashlar::detail
