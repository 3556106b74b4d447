// result_formats.hpp: the formats that a client wants the columns of an answer in, as Bind says it: no format: text for all;
// one: that one for all; else one for each column. A value. Pure.
#pragma once

#include "core/rows.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace ashlar {

class result_formats {
public:
    result_formats() = default;                      // text
    result_formats(cell_format all) : each_{all} {}  // of every column
    explicit result_formats(std::vector<cell_format> as_bound) : each_(std::move(as_bound)) {}

    cell_format of(std::size_t column) const noexcept {
        if (each_.empty()) return cell_format::text;
        if (each_.size() == 1) return each_.front();
        return column < each_.size() ? each_[column] : cell_format::text;
    }
    // What all columns have; nothing when they differ.
    std::optional<cell_format> of_all() const noexcept {
        if (each_.empty()) return cell_format::text;
        const bool same = std::all_of(each_.begin(), each_.end(), [&](cell_format f) { return f == each_.front(); });
        return same ? std::optional{each_.front()} : std::nullopt;
    }
    // Does the list fit an answer of so many columns?
    bool fits(std::size_t width) const noexcept { return each_.size() <= 1 || each_.size() == width; }
    std::span<const cell_format> as_bound() const noexcept { return each_; }

private:
    std::vector<cell_format> each_;
};

}  // namespace ashlar
