// worker.hpp: one thread of the proxy: an event loop, the sessions of its clients, and what they share without locks:
// the plan cache and receive memory.
//
// Cancel    A cancel key's process number tells the worker: number % workers. A request is carried to that worker,
//           whichever took its connection.
// Sweeper   Once a second each session is asked to look after its client; ended sessions are forgotten.
#pragma once

#include "core/io/loop.hpp"
#include "core/io/task_group.hpp"
#include "proxy/buffers.hpp"
#include "proxy/census.hpp"
#include "proxy/plan_cache.hpp"
#include "proxy/service.hpp"
#include "proxy/session.hpp"
#include "proxy/trim_rules.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

namespace ashlar::proxy {

class worker {
public:
    worker(service& shared, std::uint32_t number, std::uint32_t workers);
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    void start();
    // Any thread: no new clients; those at rest are ended now, the others by `until`; then the thread ends.
    void stop(deadline until);
    void join();

    // Any thread. Owns the descriptor from now on.
    void take_client(int descriptor);
    std::size_t clients() const noexcept {
        return clients_.load(std::memory_order_relaxed);
    }  // but those on their way out
    // Those among them who have not logged in yet.
    std::size_t strangers() const noexcept { return strangers_count_.load(std::memory_order_relaxed); }
    // Any thread: ends the one who has been a stranger for longest, to make room.
    void end_oldest_stranger();
    // On this worker's thread: this one has logged in.
    void no_stranger(const session& who);

    io::loop& loop() noexcept { return *loop_; }
    plan_cache& plans() noexcept { return plans_; }
    buffers& memory() noexcept { return buffers_; }
    std::uint32_t number() const noexcept { return number_; }
    // The others, itself among them. Set once, before start().
    void know(std::vector<worker*> all) { all_ = std::move(all); }

    const std::vector<worker*>& all() const noexcept { return all_; }
    // Any thread: has told `into` before long.
    void tell(std::shared_ptr<census> into);
    // On this worker's thread: what it counts.
    traffic& counted() noexcept { return counted_; }

    // On this worker's thread: carries a request to whom it concerns; ends when that has been done.
    task<void> forward_cancel(wire::cancel_key key);
    // On this worker's thread: ends the client whose cancel key has this number, whoever serves it. False: there is none.
    task<bool> end_client(std::uint32_t process);

private:
    task<void> serve_client(int descriptor);
    task<void> sweep();
    void look_at_heap();
    task<void> trim_heap();
    void cancel_here(const wire::cancel_key& key);
    bool end_here(std::uint32_t process);
    wire::cancel_key new_key();
    traffic totals() const;
    void keep_averages();
    void report(const std::shared_ptr<census>& into);
    void list_some(std::shared_ptr<census> into, std::shared_ptr<worker_report> what,
                   std::shared_ptr<const std::vector<std::uint32_t>> clients, std::size_t from);
    void run();
    void begin_drain(deadline until);

    service& shared_;
    std::uint32_t number_, workers_;
    std::unique_ptr<io::loop> loop_;
    plan_cache plans_;
    buffers buffers_;
    std::unordered_map<std::uint32_t, session*> sessions_;  // by process number
    std::map<std::uint64_t, session*> strangers_;           // by their time of arrival
    std::uint64_t arrivals_ = 0;
    std::atomic<std::size_t> strangers_count_{0};
    std::optional<io::task_group<void>> tasks_;
    std::vector<worker*> all_;
    traffic counted_;        // without the bytes of sessions that live
    traffic before_, last_;  // at the last but one and the last stats_period's end
    instant before_at_, last_at_;
    std::atomic<std::size_t> clients_{0}, clients_most_{0};  // most: since look_at_heap()
    std::uint32_t next_process_ = 1;
    std::optional<deadline> drain_until_;
    trim_rules trimming_;  // of the first worker, for all
    bool sweeping_ = true;
    io::signal hurry_;  // the sweeper is to look now
    std::thread thread_;
};

}  // namespace ashlar::proxy
