// sim_loop.hpp: the loop of the simulation: a clock that jumps, streams that live in memory, faults drawn from a seed.
//
// Clock     Stands still while anything can run, then jumps to the next timer or delivery: a minute passes in
//           microseconds, and the same seed plays the same scene. advance() moves it by hand.
// Streams   make_stream() gives two virtual descriptors, the ends of one connection; code under test has one, a script
//           (a task on the same loop) the other. Closing goes through the loop: close(), finish_sending(), cut().
// Faults    Delays, partial reads and writes, and cut connections, as likely as `faults` says.
// Blocking  run_blocking() runs in place. Signals may come from other threads, at the price of repeatability.
// Stuck     Nothing ready, no timer, and nobody from outside within ten seconds: an assertion, since no test could end.
#pragma once

#include "core/io/loop.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <utility>

namespace ashlar::io {

struct sim_faults {
    milliseconds delay_most{0};  // each send arrives after a delay drawn from zero to this
    double partial = 0;          // how likely a read or write moves only a part of what it could
    double cut = 0;              // how likely an operation finds its connection cut
    sim_faults() = default;
};

class sim_loop final : public loop {
public:
    explicit sim_loop(std::uint64_t seed, sim_faults faults = {});
    ~sim_loop() override;

    std::uint64_t seed() const noexcept { return seed_; }
    std::mt19937_64& random() noexcept { return random_; }
    bool chance(double p);                                        // true as likely as p
    milliseconds between(milliseconds least, milliseconds most);  // drawn evenly, both included
    void set_faults(sim_faults faults) { faults_ = faults; }

    // Two ends of a new stream. Each holds at most 64 KiB that its reader has not taken.
    std::pair<int, int> make_stream();
    void finish_sending(int fd);           // the peer reads what is under way, then 0
    void close(int fd) noexcept override;  // as above, and what the peer sends from now on fails
    void cut(int fd);                      // both ends fail at once, what was under way is lost

    // Lets `span` pass with all that happens in it.
    void advance(nanoseconds span);

    void forget(int) noexcept override {}
    bool runs_in_place() const noexcept override { return true; }
    void send_now(int fd, std::string_view bytes) noexcept override;
    std::optional<std::size_t> peek(int fd, std::span<char> into) noexcept override;
    bool peer_has_closed(int fd) noexcept override;
    void shut_down(int fd) noexcept override;

protected:
    bool try_now(detail::operation& op) override;
    bool watch(detail::operation& op) override;
    void unwatch(detail::operation& op) override;
    void turn(deadline until) override;
    void wake() noexcept override;
    void read_clock() noexcept override {}

private:
    struct segment {
        instant due;
        std::string bytes;
    };
    struct end {
        int peer;
        std::deque<segment> inbox;  // what the peer sent, in order
        std::size_t held = 0;       // bytes in it
        bool peer_finished = false;
        instant finished_due;
        bool was_cut = false;
        detail::operation* reader = nullptr;
        detail::operation* writer = nullptr;
    };

    end* find(int fd);
    bool attempt(detail::operation& op, end& e);
    bool receive(detail::operation& op, end& e);
    bool send(detail::operation& op, end& e);
    std::size_t put(end& into, std::string_view bytes);
    std::size_t part_of(std::size_t whole);
    bool serve();  // true: something ended
    instant next_delivery() const;
    void wait_for_outside();

    const std::uint64_t seed_;
    std::mt19937_64 random_;
    sim_faults faults_;
    std::map<int, end> ends_;
    int next_fd_ = 1'000'000;  // no real descriptor has such a number

    std::mutex guard_;  // of what follows, for other threads
    std::condition_variable outside_;
    bool woken_ = false;
};

}  // namespace ashlar::io
