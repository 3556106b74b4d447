// share.hpp: a bound on how much of something may be in use at once, whose callers wait in a queue instead of being refused.
// Bounds statements over several shards to a part of each pool, and reads that a primary serves in place of its replicas.
//
// What is decided stands in share_rules; here are its lock and the waiting.
//
// Turns     First come, first served over all threads. A caller that is cancelled or late leaves the queue at once.
// Threads   All members from any thread. A permit may be given back on any thread.
#pragma once

#include "core/io/loop.hpp"
#include "pool/share_rules.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace ashlar::pool {

class share : public std::enable_shared_from_this<share> {
public:
    // Units in use. Destroying it gives back what is left of them.
    class permit {
    public:
        permit() noexcept = default;
        permit(permit&& other) noexcept : of_(std::move(other.of_)), units_(std::exchange(other.units_, 0U)) {}
        permit& operator=(permit&& other) noexcept {
            std::swap(of_, other.of_);
            std::swap(units_, other.units_);
            return *this;
        }
        ~permit() {
            if (units_ > 0) give_back(units_);
        }
        explicit operator bool() const noexcept { return units_ > 0; }
        // So many of its units, or as many as are left.
        void give_back(std::uint32_t units) noexcept;
        // Whoever holds what it permits will call share::give_back() instead.
        std::uint32_t release() noexcept { return std::exchange(units_, 0U); }

    private:
        friend class share;
        permit(std::shared_ptr<share> of, std::uint32_t units) noexcept : of_(std::move(of)), units_(units) {}
        std::shared_ptr<share> of_;  // a permit may outlive the owner of the share during shutdown
        std::uint32_t units_ = 0;
    };

    // `waiting_most`: callers in the queue; one more is refused.
    static std::shared_ptr<share> make(std::uint32_t most, std::uint32_t waiting_most);

    // What is to be had without waiting; an empty permit: nothing.
    permit take_now(std::uint32_t units);
    // All `units`, at the latest at `until`. Fails with
    //   deadline_passed  not all of them came free in time
    //   pool_queue_full  so many wait already; this call did not queue
    //   pool_stopped     stop() came before or during the wait
    task<result<permit>> take(io::loop& loop, std::uint32_t units, deadline until);
    // Units of a permit that was released.
    void give_back(std::uint32_t units) noexcept;
    void stop() noexcept;

    std::uint32_t most() const noexcept { return most_; }
    std::uint32_t used() const;
    std::uint32_t waiting() const;

private:
    share(std::uint32_t most, std::uint32_t waiting_most) noexcept
        : most_(most == 0 ? 1 : most), waiting_most_(waiting_most), rules_(most) {}
    class turn;
    void tell();

    const std::uint32_t most_, waiting_most_;
    mutable std::mutex guard_;  // of all below
    share_rules rules_;
    std::map<share_rules::ticket, turn*> turns_;
    bool stopped_ = false;
};

}  // namespace ashlar::pool
