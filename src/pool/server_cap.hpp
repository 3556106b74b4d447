// server_cap.hpp: a bound on the connections that all pools of one server have open together: pool.max_connections_per_server.
//
// What is decided stands in cap_rules; here are its lock, and the pools by whom it is carried out. A pool that finds an idle
// connection of its own never comes here.
//
// Locks     A pool asks with its own guard held; nothing here takes a pool's guard while it holds the lock. What concerns
//           other pools is an order, carried out by whoever caused it once it holds no guard any more: carry_out().
// Threads   All members from any thread.
#pragma once

#include "pool/cap_rules.hpp"
#include "pool/pool.hpp"
#include "pool/share.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace ashlar::pool {

class server_cap {
public:
    // `server` is for messages: "db7b:5432".
    server_cap(std::string server, std::uint32_t most)
        : server_(std::move(server)), fan_outs_(share::make(most - most / 4, UINT32_MAX)), rules_(most) {}

    const std::string& server() const noexcept { return server_; }
    std::uint32_t most() const noexcept { return rules_.most(); }
    bool is_full() const;
    // Room for statements over several of the server's databases. Each reserves as much as it needs at once: two that had
    // some of it each would wait for one another. No more than three quarters of the cap together.
    share& fan_outs() const noexcept { return *fan_outs_; }
    // "All 20 connections to db7b:5432 that pool.max_connections_per_server allows are taken: shard_1 has 12, shard_4 has 8."
    std::string occupied() const;

private:
    friend class pool;
    friend class farewell;
    friend struct pool::inside;

    // See cap_rules.
    pool_number enter(const std::shared_ptr<pool>& who);
    void leave(pool_number who);
    bool want(pool_number who, instant since);
    void unwant(pool_number who);
    bool take_free(pool_number who);
    void leaving(pool_number who);
    void gone(pool_number who, bool was_leaving);
    bool yields(pool_number who, std::optional<instant> own_first);
    // Somebody waits for what a pool may have idle, or get back. Without the lock: whoever began to wait before he looked
    // through the pools, under their guards, is seen by the next one who holds a guard.
    bool is_contended() const noexcept { return contended_.load(std::memory_order_relaxed); }

    bool has_orders() const noexcept { return has_orders_.load(std::memory_order_relaxed); }
    void carry_out();
    void make_room();
    void note() noexcept;

    const std::string server_;
    const std::shared_ptr<share> fan_outs_;  // shared with those who wait for it
    mutable std::mutex guard_;               // of all below
    cap_rules rules_;
    struct entry {
        std::string name;
        std::weak_ptr<pool> what;
    };
    std::vector<entry> pools_;  // by number
    std::atomic<bool> contended_{false}, has_orders_{false};
};

}  // namespace ashlar::pool
