#include "merge/held_rows.hpp"

namespace ashlar::merge {

namespace {
constexpr std::size_t chunk_bytes = 256u << 10;
constexpr std::uint64_t slot_bytes = 12;  // a cell's place in a row_batch
}  // namespace

void append_row(row_batch& into, const row_batch& from, std::size_t row, std::size_t width) {
    const unfinished_row whole{into};
    for (std::size_t c = 0; c < width; ++c) into.add(from.at(row, c), from.kind_at(row, c));
    into.end_row();
}

std::uint64_t row_cost(const row_batch& from, std::size_t row) noexcept {
    std::uint64_t bytes = 0;
    for (std::size_t c = 0; c < from.width(); ++c) {
        const cell value = from.at(row, c);
        bytes += slot_bytes + (value ? value->size() : 0);
    }
    return bytes;
}

held_rows::place held_rows::add(const row_batch& from, std::size_t row) {
    append_row(open_chunk(), from, row, from.width());
    return added();
}

row_batch& held_rows::open_chunk() {
    if (chunks_.empty() || chunks_.back().byte_size() >= chunk_bytes ||
        chunks_.back().rows() >= chunk_bytes / slot_bytes) {
        chunks_.emplace_back();
    }
    return chunks_.back();
}

held_rows::place held_rows::added() {
    const row_batch& chunk = chunks_.back();
    const auto row = static_cast<std::uint32_t>(chunk.rows() - 1);
    ++rows_;
    bytes_ += row_cost(chunk, row);
    return {static_cast<std::uint32_t>(chunks_.size() - 1), row};
}

}  // namespace ashlar::merge
