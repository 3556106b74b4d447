#include "core/rows.hpp"

#include "core/assert.hpp"

namespace ashlar {

void row_batch::add(cell bytes, storage kind) {
    slot s{static_cast<std::uint32_t>(bytes_.size()), -1, kind};
    if (bytes) {
        s.length = static_cast<std::int32_t>(bytes->size());
        bytes_ += *bytes;
    }
    slots_.push_back(s);
}

void row_batch::end_row() {
    if (rows_ == 0) width_ = slots_.size();
    ++rows_;
    ASHLAR_ASSERT(slots_.size() == rows_ * width_);
}

void row_batch::drop_unfinished() noexcept {
    const std::size_t whole = rows_ * width_;
    if (slots_.size() == whole) return;
    bytes_.resize(slots_[whole].offset);
    slots_.resize(whole);
}

void row_batch::add_row(std::string_view run, std::span<const place> cells) {
    const auto base = static_cast<std::uint32_t>(bytes_.size());
    bytes_ += run;
    for (const place& p : cells) slots_.push_back({base + p.offset, p.length, storage::by_column});
    end_row();
}

void row_batch::adopt_row(std::string&& run, std::span<const place> cells) {
    ASHLAR_ASSERT(empty());
    slots_.clear();
    bytes_ = std::move(run);
    for (const place& p : cells) slots_.push_back({p.offset, p.length, storage::by_column});
    end_row();
}

void row_batch::clear() noexcept {
    slots_.clear();
    constexpr std::size_t kept_most = 1u << 20;
    if (bytes_.capacity() > kept_most)
        bytes_ = {};
    else
        bytes_.clear();
    rows_ = 0;
    width_ = 0;
}

cell row_batch::at(std::size_t row, std::size_t column) const noexcept {
    const slot& s = slots_[row * width_ + column];
    if (s.length < 0) return std::nullopt;
    return std::string_view{bytes_}.substr(s.offset, static_cast<std::size_t>(s.length));
}

std::span<char> row_batch::writable(std::size_t row, std::size_t column) noexcept {
    const slot& s = slots_[row * width_ + column];
    if (s.length < 0) return {};
    return {bytes_.data() + s.offset, static_cast<std::size_t>(s.length)};
}

storage row_batch::kind_at(std::size_t row, std::size_t column) const noexcept {
    return slots_[row * width_ + column].kind;
}

}  // namespace ashlar
