// alert_desk.hpp: tells people and programs that a server's state has changed: by a callback, a command, a web service.
//
// Order     One after the other, in the order of the changes; a slow command delays those behind it, and nothing else.
// Command   Runs without a shell. What happened is in its environment: ASHLAR_DATABASE, ASHLAR_SERVER, ASHLAR_STATE ("healthy" or
//           "unhealthy"), ASHLAR_PROBLEM, ASHLAR_SINCE. It is killed after `timeout`, with all that it started. How it ended is logged when it is not 0.
// Webhook   The same as JSON, see webhook.hpp. What became of it is logged when it was not well.
// Bound     changes_max wait; of more, the oldest are dropped, and their number is logged.
// End       stop() ends a webhook's call; a command that runs is waited for, no longer than its timeout.
// Threads   push() and stop() from any thread.
#pragma once

#include "config/description.hpp"
#include "core/io/loop.hpp"
#include "topology/webhook.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace ashlar::topology {

struct health_change {
    std::string database, server;
    bool healthy = false;
    std::string problem;
    std::chrono::system_clock::time_point since;  // when that began
};
// {"database": …, "server": …, "state": "healthy" or "unhealthy", "problem": …, "since": "2026-11-23T01:02:03.456Z",
// "text": a sentence of all that, which chat services show}
std::string to_json(const health_change& what);

class alert_desk {
public:
    static constexpr std::size_t changes_max = 1000;
    using callback = std::function<void(const health_change&)>;  // may block; must not throw

    // `hook`: nullptr for none.
    alert_desk(config::alert_settings how, callback also, std::unique_ptr<webhook> hook = nullptr)
        : how_(std::move(how)), also_(std::move(also)), hook_(std::move(hook)) {}

    // Is there anybody to tell?
    bool is_wanted() const noexcept { return !how_.command.empty() || also_ != nullptr || hook_ != nullptr; }
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
    const std::unique_ptr<webhook> hook_;
    std::mutex guard_;  // of all below
    std::deque<health_change> waiting_;
    std::size_t dropped_ = 0;
    bool stopped_ = false;
    io::signal wake_;
};

}  // namespace ashlar::topology
