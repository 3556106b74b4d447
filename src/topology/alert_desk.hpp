// alert_desk.hpp: tells people and programs that a server's state has changed: by a callback, and by a command.
//
// Order     One after the other, in the order of the changes; a slow command delays those behind it, and nothing else.
// Command   Runs without a shell. What happened is in its environment: ASHLAR_DATABASE, ASHLAR_SERVER, ASHLAR_STATE ("healthy" or
//           "unhealthy"), ASHLAR_PROBLEM. It is killed after `timeout`. How it ended is logged when it is not 0.
// Bound     changes_max wait; of more, the oldest are dropped, and their number is logged.
// Threads   push() and stop() from any thread.
#pragma once

#include "config/description.hpp"
#include "core/io/loop.hpp"

#include <deque>
#include <functional>
#include <mutex>
#include <string>

namespace ashlar::topology {

struct health_change {
    std::string database, server;
    bool healthy = false;
    std::string problem;
};

class alert_desk {
public:
    static constexpr std::size_t changes_max = 1000;
    using callback = std::function<void(const health_change&)>;  // may block; must not throw

    alert_desk(config::alert_settings how, callback also) : how_(std::move(how)), also_(std::move(also)) {}

    // Is there anybody to tell?
    bool is_wanted() const noexcept { return !how_.command.empty() || also_ != nullptr; }
    milliseconds after() const noexcept { return how_.after; }
    void push(health_change what);
    // Delivers until stop(); what waits then is dropped.
    task<status> run(io::loop& on);
    void stop();

private:
    void deliver(const health_change& what) const;
    void run_command(const health_change& what) const;

    const config::alert_settings how_;
    const callback also_;
    std::mutex guard_;  // of all below
    std::deque<health_change> waiting_;
    std::size_t dropped_ = 0;
    bool stopped_ = false;
    io::signal wake_;
};

}  // namespace ashlar::topology
