// memory_bound.hpp: one bound on the memory that all statements of a process hold together.
//
// Each statement (in the proxy: each client) has an account. Its parts say what they hold: rows kept for a merge, a long
// message, an answer that a slow client has not taken yet. When the sum would pass the bound, the largest account is told to
// end: its next growth fails with memory_exhausted. The largest one needs a moment to end; whoever can wait for it asks
// should_wait() before it reads more, and what cannot wait has a reserve of an eighth of the bound.
//
// Small     Accounts below `granule` bytes are not counted: most statements never touch the lock.
// Counted   What is said, not what the allocator keeps: the process holds some more.
// Threads   memory_bound: any thread. An account and its parts belong to one thread, but for is_condemned().
#pragma once

#include <ashlar/result.hpp>

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace ashlar {

class memory_account;

class memory_bound {
public:
    static constexpr std::uint64_t granule = 256u << 10;

    // `most` bytes; 0: no bound, only counted.
    explicit memory_bound(std::uint64_t most) noexcept : most_(most) {}
    memory_bound(const memory_bound&) = delete;
    memory_bound& operator=(const memory_bound&) = delete;

    std::uint64_t most() const noexcept { return most_; }
    std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
    std::uint64_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }
    // The most since the last call of this; for one caller.
    std::uint64_t peak_since_last() noexcept { return recent_peak_.exchange(used(), std::memory_order_relaxed); }
    // Accounts that were told to end.
    std::uint64_t condemned() const noexcept { return condemned_.load(std::memory_order_relaxed); }
    std::uint64_t accounts() const;  // those that are counted now
    std::uint64_t largest() const;
    // More than the bound is held, and some of it by accounts that are ending.
    bool is_crowded() const noexcept { return leaving_.load(std::memory_order_relaxed) > 0 && used() > most_; }

private:
    friend class memory_account;
    // Counts `bytes` for the account; false: it has to end.
    bool count(memory_account& of, std::uint64_t bytes);
    memory_account* largest_of_the_good() const noexcept;

    const std::uint64_t most_;
    mutable std::mutex guard_;
    std::list<memory_account*> counted_;
    std::atomic<std::uint64_t> leaving_{0};  // held by those who were told to end; changed under guard_
    std::atomic<std::uint64_t> used_{0}, peak_{0}, recent_peak_{0}, condemned_{0};
};

class memory_account {
public:
    // Without a bound it counts for nobody. The bound is shared with other accounts, and outlives none of them.
    explicit memory_account(std::shared_ptr<memory_bound> of = nullptr) noexcept : of_(std::move(of)) {}
    ~memory_account();
    memory_account(const memory_account&) = delete;
    memory_account& operator=(const memory_account&) = delete;

    std::uint64_t bytes() const noexcept { return bytes_; }
    // Its statement has ended: what comes next is another one.
    void absolve() noexcept;
    // Any thread: it was the largest when the bound was reached, and has to end. So until it holds nothing any more, or
    // absolve().
    bool is_condemned() const noexcept { return condemned_.load(std::memory_order_relaxed); }
    // Why: memory_exhausted.
    error why() const;
    // The same for what is kept between statements.
    error why_of_what_is_kept() const;
    // More than the bound is held still, by this one or others that have to end.
    bool is_crowded() const noexcept { return seen_ > 0 && of_->is_crowded(); }
    // Others are about to give memory back: growing now could pass the reserve. Small accounts need not wait.
    bool should_wait() const noexcept { return is_crowded() && !is_condemned(); }

private:
    friend class memory_bound;
    friend class memory_part;
    status changed(std::uint64_t bytes);

    std::shared_ptr<memory_bound> of_;
    std::uint64_t bytes_ = 0;    // as its parts say
    std::uint64_t counted_ = 0;  // guarded by the bound: a multiple of the granule
    std::uint64_t seen_ = 0;     // the same, as this thread knows it
    std::list<memory_account*>::iterator place_;
    std::atomic<bool> condemned_{false};
};

// What one holder of memory has on its account. Destroying it says that this is nothing any more.
class memory_part {
public:
    memory_part() noexcept = default;
    explicit memory_part(memory_account* of) noexcept : of_(of) {}
    memory_part(memory_part&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    memory_part& operator=(memory_part&& other) noexcept {
        std::swap(of_, other.of_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~memory_part() { (void)set(0); }

    // It holds so many bytes now, or is about to. Less is always granted. More fails with memory_exhausted when its account
    // has to end; what was held before still counts then.
    status set(std::uint64_t bytes) {
        if (of_ == nullptr || bytes == bytes_) return {};
        return changed(bytes);
    }
    std::uint64_t bytes() const noexcept { return bytes_; }
    memory_account* account() const noexcept { return of_; }

private:
    status changed(std::uint64_t bytes);

    memory_account* of_ = nullptr;
    std::uint64_t bytes_ = 0;
};

// The memory that this process may have at most: the machine's, or what its control group allows. 0: not known.
std::uint64_t memory_of_this_machine();
// What a process takes for its bound when nobody says: a quarter of that, 256 MiB at least.
std::uint64_t default_memory_max();
// What this process has in memory now.
std::uint64_t resident_bytes();
// "1.5 GiB", "800 KiB".
std::string spoken_bytes(std::uint64_t bytes);

}  // namespace ashlar
