#include "cli/load/progress_bar.hpp"

#include "cli/table_text.hpp"
#include "cli/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ashlar::cli::load {

namespace {
using namespace std::chrono_literals;
}

std::string with_commas(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return digits;
}

std::string progress_line(const progress_facts& facts, std::size_t width) {
    const double share =
        facts.bytes_all == 0
            ? 1.0
            : std::min(1.0, static_cast<double>(facts.bytes_done) / static_cast<double>(facts.bytes_all));
    const double rate = facts.seconds > 0 ? static_cast<double>(facts.rows) / facts.seconds : 0;
    std::string tail = fmt::format(" {:3.0f} %  {} rows  {}/s", share * 100, with_commas(facts.rows),
                                   with_commas(static_cast<std::uint64_t>(rate)));
    if (share > 0.01 && share < 1) {
        const auto left = static_cast<std::uint64_t>(std::llround(facts.seconds / share * (1 - share)));
        tail += fmt::format("  {}:{:02} left", left / 60, left % 60);
    }
    const std::size_t used = display_width(facts.label) + display_width(tail) + 2;
    if (used + 5 > width) return (facts.label + tail).substr(0, width);
    const std::size_t room = std::min<std::size_t>(30, width - used);
    const auto full = static_cast<std::size_t>(share * static_cast<double>(room));
    std::string bar;
    for (std::size_t i = 0; i < room; ++i) bar += i < full ? "█" : "░";
    return facts.label + "  " + bar + tail;
}

progress_bar::progress_bar(std::string label, std::uint64_t bytes_all, std::uint64_t copies, const counters& all)
    : label_(std::move(label)), bytes_all_(bytes_all), copies_(std::max<std::uint64_t>(1, copies)), all_(all) {
    if (!is_terminal(stream::err)) return;
    thread_ = std::thread{[this] {
        std::unique_lock hold{guard_};
        while (!changed_.wait_for(hold, 150ms, [&] { return over_; })) draw();
        draw();
        print_to_stderr("\r\033[K");
    }};
}

progress_bar::~progress_bar() {
    {
        const std::lock_guard hold{guard_};
        over_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void progress_bar::draw() {
    progress_facts facts;
    facts.label = label_;
    facts.bytes_done = all_.bytes / copies_;
    facts.bytes_all = bytes_all_;
    facts.rows = all_.rows / copies_;
    facts.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    print_to_stderr("\r\033[K" + progress_line(facts, terminal_width(stream::err) - 1));
}

}  // namespace ashlar::cli::load
