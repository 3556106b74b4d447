#include "driver/pgwire/server_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace ashlar::driver::pgwire {

namespace {

// Memory of the usual size that this thread's links are not using.
constexpr std::size_t spare_max = 128;
thread_local std::vector<std::unique_ptr<char[]>> spare;

std::unique_ptr<char[]> borrow() {
    if (spare.empty()) return std::make_unique_for_overwrite<char[]>(server_buffer::usual_size);
    std::unique_ptr<char[]> one = std::move(spare.back());
    spare.pop_back();
    return one;
}

}  // namespace

void server_buffer::consume(std::size_t count) noexcept {
    head_ += count;
    if (head_ < tail_) return;
    head_ = tail_ = 0;
    if (size_ > usual_size) release();  // it had grown for one long message
}

std::span<char> server_buffer::space() {
    if (memory_ == nullptr) {
        memory_ = borrow();
        size_ = usual_size;
    }
    if (tail_ == size_) make_room();
    return {memory_.get() + tail_, size_ - tail_};
}

void server_buffer::make_room() {
    const std::size_t kept = tail_ - head_;
    if (kept <= size_ / 2) {
        std::memmove(memory_.get(), memory_.get() + head_, kept);
    } else {
        // Twice what has really come.
        auto bigger = std::make_unique_for_overwrite<char[]>(2 * size_);
        std::memcpy(bigger.get(), memory_.get() + head_, kept);
        memory_ = std::move(bigger);
        size_ *= 2;
    }
    head_ = 0;
    tail_ = kept;
}

void server_buffer::release() noexcept {
    if (memory_ != nullptr && size_ == usual_size && spare.size() < spare_max) {
        spare.push_back(std::move(memory_));
    }
    memory_.reset();
    size_ = head_ = tail_ = 0;
}

}  // namespace ashlar::driver::pgwire
