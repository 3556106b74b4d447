#include "core/memory_bound.hpp"

#include "core/assert.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace ashlar {

namespace {

// Whole granules, so that most changes need not be counted; a small account counts nothing.
std::uint64_t in_granules(std::uint64_t bytes) noexcept {
    return bytes / memory_bound::granule * memory_bound::granule;
}

}  // namespace

// --- the bound -------------------------------------------------------------------------------------------------------

memory_account* memory_bound::largest_of_the_good() const noexcept {
    memory_account* largest = nullptr;
    for (memory_account* each : counted_) {
        if (each->is_condemned()) continue;
        if (largest == nullptr || each->counted_ > largest->counted_) largest = each;
    }
    return largest;
}

bool memory_bound::count(memory_account& of, std::uint64_t bytes) {
    const std::lock_guard hold{guard_};
    const std::uint64_t before = of.counted_;
    const bool grows = bytes > before;
    if (grows && of.is_condemned()) return false;
    const auto put = [&](std::uint64_t now) {
        if (of.counted_ == 0 && now > 0) of.place_ = counted_.insert(counted_.end(), &of);
        if (of.counted_ > 0 && now == 0) counted_.erase(of.place_);
        const std::uint64_t sum = used() - of.counted_ + now;
        if (of.is_condemned()) leaving_ = leaving_ - of.counted_ + now;
        of.counted_ = now;
        used_.store(sum, std::memory_order_relaxed);
        if (sum > peak()) peak_.store(sum, std::memory_order_relaxed);
        if (sum > recent_peak_.load(std::memory_order_relaxed)) recent_peak_.store(sum, std::memory_order_relaxed);
        if (now == 0) of.condemned_.store(false, std::memory_order_relaxed);
    };
    put(bytes);
    if (!grows || most_ == 0) return true;
    while (used() - leaving_ > most_) {
        memory_account* const largest = largest_of_the_good();
        if (largest == nullptr) break;
        largest->condemned_.store(true, std::memory_order_relaxed);
        leaving_ += largest->counted_;
        condemned_.fetch_add(1, std::memory_order_relaxed);
    }
    if (!of.is_condemned() && used() > most_ + most_ / 8) {
        of.condemned_.store(true, std::memory_order_relaxed);
        leaving_ += of.counted_;
        condemned_.fetch_add(1, std::memory_order_relaxed);
    }
    if (!of.is_condemned()) return true;
    put(before);
    if (before == 0) of.condemned_.store(true, std::memory_order_relaxed);
    return false;
}

std::uint64_t memory_bound::accounts() const {
    const std::lock_guard hold{guard_};
    return counted_.size();
}

std::uint64_t memory_bound::largest() const {
    const std::lock_guard hold{guard_};
    std::uint64_t most = 0;
    for (const memory_account* each : counted_) most = std::max(most, each->counted_);
    return most;
}

// --- accounts and their parts ----------------------------------------------------------------------------------------

memory_account::~memory_account() {
    ASHLAR_ASSERT(bytes_ == 0);
    if (seen_ > 0) (void)of_->count(*this, 0);
}

status memory_account::changed(std::uint64_t bytes) {
    const bool grows = bytes > bytes_;
    bytes_ = bytes;
    if (of_ == nullptr) return {};
    if (bytes == 0 && is_condemned() && seen_ == 0) condemned_.store(false, std::memory_order_relaxed);
    if (grows && is_condemned()) return why();
    const std::uint64_t now = in_granules(bytes);
    if (now == seen_) return {};
    if (!of_->count(*this, now)) return why();
    seen_ = now;
    return {};
}

void memory_account::absolve() noexcept {
    if (of_ == nullptr || !is_condemned()) return;
    const std::lock_guard hold{of_->guard_};
    if (condemned_.exchange(false, std::memory_order_relaxed)) of_->leaving_ -= counted_;
}

error memory_account::why() const {
    const std::uint64_t most = of_ == nullptr ? 0 : of_->most();
    return error{errc::memory_exhausted,
                 fmt::format("the statement is the largest of those that together would take more than memory_max, {}",
                             spoken_bytes(most))}
        .detail(fmt::format("It held {} when the bound was reached.", spoken_bytes(bytes_)))
        .hint("Ask for fewer rows or groups, give a shard key, or raise memory_max.");
}

error memory_account::why_of_what_is_kept() const {
    const std::uint64_t most = of_ == nullptr ? 0 : of_->most();
    return error{
        errc::memory_exhausted,
        fmt::format("the session keeps the most of what all sessions hold, which would be more than memory_max, {}",
                    spoken_bytes(most))}
        .detail(
            fmt::format("Its prepared statements, portals, settings and messages held {} when the bound was reached.",
                        spoken_bytes(bytes_)))
        .hint("Close prepared statements and portals that are not needed any more, or raise memory_max.");
}

status memory_part::changed(std::uint64_t bytes) {
    const std::uint64_t others = of_->bytes_ - bytes_;
    status granted = of_->changed(others + bytes);
    if (!granted) {
        (void)of_->changed(others + bytes_);
        return granted;
    }
    bytes_ = bytes;
    return granted;
}

// --- how much there is -----------------------------------------------------------------------------------------------

std::uint64_t memory_of_this_machine() {
    const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
    std::uint64_t most =
        pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) : 0;
    for (const char* const limit : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        std::ifstream file{limit};
        std::uint64_t bytes = 0;
        if (file >> bytes && bytes > 0 && (most == 0 || bytes < most)) most = bytes;
    }
    return most;
}

std::uint64_t default_memory_max() {
    return std::max<std::uint64_t>(memory_of_this_machine() / 4, 256u << 20);
}

std::uint64_t resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t size = 0, resident = 0;
    file >> size >> resident;
    const long page = ::sysconf(_SC_PAGESIZE);
    return page > 0 ? resident * static_cast<std::uint64_t>(page) : 0;
}

std::string spoken_bytes(std::uint64_t bytes) {
    if (bytes < 1u << 20) return fmt::format("{} KiB", bytes >> 10);
    const double mib = static_cast<double>(bytes) / (1u << 20);
    return mib < 1024 ? fmt::format("{:.0f} MiB", mib) : fmt::format("{:.1f} GiB", mib / 1024);
}

}  // namespace ashlar
