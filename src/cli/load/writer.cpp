#include "cli/load/writer.hpp"

#include <chrono>

namespace ashlar::cli::load {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t waiting_max = 2;
constexpr int attempts_max = 6;  // over about 6 s

bool may_pass(const error& why) {
    return why == errc::connection_lost || why == errc::commit_unknown || why == errc::connect_failed ||
           why == errc::database_locked || why.sqlstate().starts_with("40") || why.sqlstate().starts_with("08") ||
           why.sqlstate().starts_with("57P0");
}

}  // namespace

writer::~writer() {
    if (thread_.joinable()) (void)finish();
}

status writer::open() {
    if (status s = target_->open(); !s) return std::move(s.error().on(name_));
    auto found = target_->reached();
    if (!found) return std::move(found.error().on(name_));
    reached_ = *found;
    return {};
}

void writer::start() {
    thread_ = std::thread{[this] { work(); }};
}

bool writer::push(batch what) {
    std::unique_lock hold{guard_};
    changed_.wait_for(hold, 100ms, [&] { return waiting_.size() < waiting_max || all_.stop; });
    while (waiting_.size() >= waiting_max && !all_.stop) changed_.wait_for(hold, 100ms);
    if (all_.stop) return false;
    waiting_.push_back(std::move(what));
    changed_.notify_all();
    return true;
}

status writer::finish() {
    {
        const std::lock_guard hold{guard_};
        no_more_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (failed_) return *failed_;
    return {};
}

void writer::work() {
    for (;;) {
        std::unique_lock hold{guard_};
        while (waiting_.empty() && !no_more_ && !all_.stop) changed_.wait_for(hold, 100ms);
        if (all_.stop || waiting_.empty()) return;
        batch next = std::move(waiting_.front());
        waiting_.pop_front();
        hold.unlock();
        changed_.notify_all();
        if (status done = commit(next); !done) {
            failed_ = std::move(done.error().on(name_));
            all_.stop = true;
            return;
        }
    }
}

// A refused row is set aside, and the batch tried again without it.
status writer::commit(batch& what) {
    for (;;) {
        auto refused = write_surely(what);
        if (!refused) return std::move(refused).error();
        if (!*refused) break;
        const auto bad = what.rows.begin() + static_cast<std::ptrdiff_t>((*refused)->index);
        if (status s = bad_.set_aside_refused(*bad, (*refused)->reason); !s) return s;
        what.rows.erase(bad);
        if (all_.stop) return {};
    }
    rows_ += what.rows.size();
    all_.rows += what.rows.size();
    all_.bytes += what.bytes;
    return {};
}

result<std::optional<refused_row>> writer::write_surely(const batch& what) {
    for (int attempt = 1;; ++attempt) {
        auto written = target_->write(what);
        if (written || !may_pass(written.error()) || attempt == attempts_max || all_.stop) return written;
        std::this_thread::sleep_for(100ms * (1 << attempt));
        if (status again = target_->open(); !again) continue;
        auto found = target_->reached();
        if (found && *found && (*found)->offset >= what.up_to.offset) return std::optional<refused_row>{};
    }
}

}  // namespace ashlar::cli::load
