// progress_bar.hpp: how far a load is, redrawn on a terminal a few times a second; silent elsewhere.
#pragma once

#include "cli/load/writer.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace ashlar::cli::load {

struct progress_facts {
    std::string label;
    std::uint64_t bytes_done = 0, bytes_all = 0, rows = 0;
    double seconds = 0;
};

// "orders  ████████░░░░  45 %  452,000 rows  180,000/s  0:03 left". Pure; at most `width` characters.
std::string progress_line(const progress_facts& facts, std::size_t width);
std::string with_commas(std::uint64_t number);

class progress_bar {
public:
    // Draws from a thread of its own while it lives. `copies`: how many databases each row goes to.
    progress_bar(std::string label, std::uint64_t bytes_all, std::uint64_t copies, const counters& all);
    ~progress_bar();
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

private:
    void draw();

    const std::string label_;
    const std::uint64_t bytes_all_, copies_;
    const counters& all_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::mutex guard_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

}  // namespace ashlar::cli::load
