#include "merge/intake.hpp"

#include "core/assert.hpp"

#include <algorithm>

namespace ashlar::merge {

namespace {

class concatenation final : public intake {
public:
    explicit concatenation(std::size_t sources) : ended_(sources, false), running_(sources) {}

    std::optional<std::size_t> wants() const noexcept override {
        if (running_ == 0 || has_row()) return std::nullopt;
        return static_cast<std::size_t>(std::find(ended_.begin(), ended_.end(), false) - ended_.begin());
    }

    status add(std::size_t source, row_batch&& batch) override {
        ASHLAR_ASSERT(!ended_.at(source));
        if (batch.empty()) return {};
        bytes_ += batch.byte_size();
        batches_.push_back(std::move(batch));
        return {};
    }

    void end(std::size_t source) override {
        if (ended_.at(source)) return;
        ended_[source] = true;
        --running_;
    }

    result<std::optional<row_view>> next() override {
        if (!batches_.empty() && row_ == batches_.front().rows()) {
            bytes_ -= batches_.front().byte_size();
            batches_.pop_front();
            row_ = 0;
        }
        if (batches_.empty()) return std::optional<row_view>{};
        return std::optional{row_view{&batches_.front(), row_++}};
    }

    status hand_over(row_batch& into) override {
        bytes_ -= batches_.front().byte_size();
        into = std::move(batches_.front());
        batches_.pop_front();
        row_ = 0;
        return {};
    }

    bool done() const noexcept override { return running_ == 0 && !has_row(); }
    std::uint64_t byte_size() const noexcept override { return bytes_; }

private:
    bool has_row() const noexcept { return batches_.size() > 1 || (batches_.size() == 1 && row_ < batches_[0].rows()); }

    std::deque<row_batch> batches_;
    std::size_t row_ = 0;  // of the first batch: given so far
    std::vector<bool> ended_;
    std::size_t running_;
    std::uint64_t bytes_ = 0;
};

// A heap of the sources that have a row, by the key of their first one. The top's key is replaced when its row was given,
// which costs one way down the heap.
class ordered_intake final : public intake {
public:
    ordered_intake(std::size_t sources, key_order order) : sources_(sources), order_(std::move(order)) {}

    std::optional<std::size_t> wants() const noexcept override {
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            if (!sources_[i].ended && !sources_[i].has_row()) return i;
        }
        return std::nullopt;
    }

    status add(std::size_t index, row_batch&& batch) override {
        source& s = sources_.at(index);
        ASHLAR_ASSERT(!s.ended);
        if (batch.empty()) return {};
        if (auto ok = drop_given(); !ok) return ok;
        bytes_ += batch.byte_size();
        const bool had_row = s.has_row();
        if (!s.batches.empty() && !had_row) pop_batch(s);
        s.batches.push_back(std::move(batch));
        return had_row ? status{} : enter(index);
    }

    void end(std::size_t index) override { sources_.at(index).ended = true; }

    result<std::optional<row_view>> next() override {
        if (auto ok = drop_given(); !ok) return std::move(ok).error();
        if (heap_.empty() || wants()) return std::optional<row_view>{};
        given_ = true;
        const source& s = sources_[heap_.front()];
        return std::optional{row_view{&s.batches.front(), s.row}};
    }

    status hand_over(row_batch& into) override {
        given_ = false;
        source& s = sources_[heap_.front()];
        bytes_ -= s.batches.front().byte_size();
        into = std::move(s.batches.front());
        s.batches.pop_front();
        s.row = 0;
        return replace_first();
    }

    bool done() const noexcept override {
        const std::size_t left = given_ ? 1 : 0;
        for (const source& s : sources_) {
            if (!s.ended) return false;
        }
        if (heap_.size() > left) return false;
        return heap_.empty() || !sources_[heap_.front()].has_another_row();
    }
    std::uint64_t byte_size() const noexcept override { return bytes_; }

private:
    struct source {
        std::deque<row_batch> batches;
        std::size_t row = 0;  // of the first batch
        std::string key;      // of that row
        bool ended = false;
        bool has_row() const noexcept { return !batches.empty() && row < batches.front().rows(); }
        bool has_another_row() const noexcept {
            return batches.size() > 1 || (has_row() && row + 1 < batches.front().rows());
        }
    };

    // True when `a` must come out after `b`.
    bool later(std::size_t a, std::size_t b) const noexcept {
        const int c = order_.compare(sources_[a].key, sources_[b].key);
        return c != 0 ? c > 0 : a > b;
    }
    auto by_lateness() const noexcept {
        return [this](std::size_t a, std::size_t b) { return later(a, b); };
    }

    void pop_batch(source& s) {
        bytes_ -= s.batches.front().byte_size();
        s.batches.pop_front();
        s.row = 0;
    }

    status read_key(source& s) {
        s.key.clear();
        return order_.append_key(s.batches.front(), s.row, s.key);
    }

    status enter(std::size_t index) {
        if (auto ok = read_key(sources_[index]); !ok) return ok;
        heap_.push_back(index);
        std::push_heap(heap_.begin(), heap_.end(), by_lateness());
        return {};
    }

    // Moves past the row that next() gave last.
    status drop_given() {
        if (!given_) return {};
        given_ = false;
        const std::size_t index = heap_.front();
        source& s = sources_[index];
        ++s.row;
        if (s.row == s.batches.front().rows()) pop_batch(s);
        return replace_first();
    }

    // The source at the top has moved on.
    status replace_first() {
        source& s = sources_[heap_.front()];
        if (!s.has_row()) {
            std::pop_heap(heap_.begin(), heap_.end(), by_lateness());
            heap_.pop_back();
            return {};
        }
        if (auto ok = read_key(s); !ok) return ok;
        sink(0);
        return {};
    }

    void sink(std::size_t place) {
        for (;;) {
            std::size_t first = place;
            for (std::size_t child = 2 * place + 1; child <= 2 * place + 2 && child < heap_.size(); ++child) {
                if (later(heap_[first], heap_[child])) first = child;
            }
            if (first == place) return;
            std::swap(heap_[place], heap_[first]);
            place = first;
        }
    }

    std::vector<source> sources_;
    key_order order_;
    std::vector<std::size_t> heap_;
    bool given_ = false;  // the heap's first row was given and waits to be dropped
    std::uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<intake> make_concatenation(std::size_t sources) {
    return std::make_unique<concatenation>(sources);
}

std::unique_ptr<intake> make_ordered_intake(std::size_t sources, key_order order) {
    return std::make_unique<ordered_intake>(sources, std::move(order));
}

}  // namespace ashlar::merge
