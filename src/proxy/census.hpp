// census.hpp: asks all workers at once what they know of their clients, and gathers the answers.
//
// Each worker answers on its own thread, between two turns of its loop: nothing is locked and no client waits longer than the
// count takes. Clients are listed listed_at_once in one go, lest the others wait, and listed_max in all.
#pragma once

#include "core/io/loop.hpp"
#include "proxy/statistics.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace ashlar::proxy {

class worker;

class census : public std::enable_shared_from_this<census> {
public:
    static constexpr std::size_t listed_max = 10'000, listed_at_once = 256;
    static constexpr seconds patience{5};

    // Any thread. The workers outlive it, or have been joined.
    static std::shared_ptr<census> begin(std::span<worker* const> of, bool list_clients);

    // Their reports, by worker; fails with deadline_passed when one does not answer in time.
    task<result<std::vector<worker_report>>> wait(io::loop& on);
    // The same for a thread that may block.
    result<std::vector<worker_report>> block();

    // For the workers, each on its thread.
    bool lists_clients() const noexcept { return list_clients_; }
    // May one client more be listed? Asked once for each.
    bool has_room() noexcept { return listed_.fetch_add(1, std::memory_order_relaxed) < listed_max; }
    void told(std::size_t by, worker_report what);

private:
    census(std::size_t workers, bool list_clients);
    result<std::vector<worker_report>> take();

    const bool list_clients_;
    std::atomic<std::size_t> listed_{0};
    io::signal all_told_;
    std::mutex guard_;  // of all below
    std::condition_variable changed_;
    std::vector<std::optional<worker_report>> reports_;
    std::size_t missing_;
};

}  // namespace ashlar::proxy
