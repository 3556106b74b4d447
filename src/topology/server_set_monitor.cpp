// The monitor of a server_set: asks all servers, concludes who writes and who is fit, and tells of changes.
#include "core/event_log.hpp"
#include "core/io/task_group.hpp"
#include "health/probe.hpp"
#include "topology/server_set.hpp"
#include "topology/server_set_parts.hpp"

#include <fmt/format.h>

namespace ashlar::topology {

namespace {

// After somebody wanted a replica to show what he wrote.
constexpr milliseconds fresh_for{1'000};

}  // namespace

// What the monitor keeps from look to look, and what one look found.
struct server_set::watching {
    struct one {
        std::unique_ptr<driver::connection> on;
        std::optional<health::finding> found;
        std::string problem;
        instant asked, answered;
    };
    std::vector<one> each;
    std::size_t first = 0;  // whom to ask before the others
    instant began;
};

void server_set::want_fresher(instant now) {
    if (at(fresher_until_) > now + fresh_for / 2) return;
    put(fresher_until_, now + fresh_for);
    wake_.set();
}

bool server_set::wants_looks() const {
    return !is_alone() || desk_ != nullptr || !marks_.front().breaker.is_closed() || is_silent(0);
}

void server_set::tell_changes_to(alert_desk& desk) {
    desk_ = &desk;
    alerts_.assign(servers_.size(), health::alert_rules{desk.after()});
}

// Precondition: the lock is held.
void server_set::tell_changes(watching& w, instant now) {
    if (desk_ == nullptr) return;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const server_state& state = states_[i];
        const bool healthy = w.each[i].found.has_value() && state.why.empty() && (state.writer || state.fit);
        const auto tell = alerts_[i].look(healthy, now);
        if (!tell) continue;
        health_change change;
        change.database = database_;
        change.server = servers_[i].name;
        change.healthy = *tell;
        change.since = std::chrono::system_clock::now() -
                       std::chrono::duration_cast<std::chrono::system_clock::duration>(now - alerts_[i].since());
        if (!*tell) change.problem = state.why.empty() ? trouble_ : state.why;
        desk_->push(std::move(change));
    }
}

void server_set::stop() {
    stopped_.store(true, std::memory_order_relaxed);
    primary_reads_->stop();
    wake_.set();
}

task<status> server_set::watch(io::loop& on) {
    watching w;
    w.each.resize(servers_.size());
    while (!stopped_.load(std::memory_order_relaxed)) {
        if (wake_.is_set()) wake_.reset();
        instant next = instant::max();
        if (asked_.exchange(false, std::memory_order_relaxed) || wants_looks()) {
            co_await look(on, w);
            const bool fast = at(fresher_until_) > steady_clock::now();
            next = w.began + (fast ? how_.sample_interval : how_.check_interval);
        } else {
            for (watching::one& each : w.each) each.on.reset();
        }
        // Not more often than every few milliseconds, whoever calls.
        const deadline rest{steady_clock::now() + std::min<milliseconds>(how_.sample_interval, milliseconds{5})};
        if (next != instant::max()) (void)co_await on.sleep_until(rest);
        if (stopped_.load(std::memory_order_relaxed)) break;
        const deadline until = wants_looks() ? deadline{next} : deadline::never();
        (void)co_await on.wait_for(wake_, until);
    }
    std::vector<std::shared_ptr<io::signal>> left;
    {
        std::lock_guard hold{guard_};
        left.swap(waiting_);
    }
    for (const auto& each : left) each->set();
    co_return status{};
}

task<void> server_set::look(io::loop& on, watching& w) {
    w.began = steady_clock::now();
    for (watching::one& each : w.each) each.found.reset();
    // The writer's position first: what it says then, a replica that keeps up has by the time it is asked.
    const bool one_first = !is_alone() && !suspect_.load(std::memory_order_relaxed);
    if (one_first) co_await ask(on, w, w.first);
    io::task_group<void> rest{on};
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (!one_first || i != w.first) rest.start(ask(on, w, i));
    }
    co_await rest.join();
    conclude(w);
}

task<void> server_set::ask(io::loop& on, watching& w, std::size_t which) {
    watching::one& here = w.each[which];
    const deadline until{steady_clock::now() + look_patience};
    // A second attempt: the connection of the look before may be a dead one of a server that is up again.
    for (int attempt = 0; attempt < 2 && !here.found; ++attempt) {
        const bool fresh = here.on == nullptr;
        if (fresh) {
            auto made = co_await servers_[which].pool->server().connect(on, until);
            if (!made) {
                here.problem = made.error().message();
                co_return;
            }
            here.on = std::move(*made);
        }
        here.asked = steady_clock::now();
        auto found = co_await health::ask_server(*here.on, until);
        here.answered = steady_clock::now();
        if (found) {
            here.found = std::move(*found);
            co_return;
        }
        here.problem = found.error().message();
        if (!here.on->is_reusable() || found.error() == errc::deadline_passed) here.on.reset();
        if (fresh || here.on != nullptr) co_return;
    }
}

void server_set::conclude(watching& w) {
    std::vector<std::optional<health::finding>> found;
    found.reserve(w.each.size());
    for (const watching::one& each : w.each) found.push_back(each.found);
    std::optional<std::pair<std::string, std::string>> news;  // who takes the writes, or why nobody does
    std::vector<std::size_t> closed, turned;                  // breakers; servers that are gone or back
    std::vector<std::shared_ptr<io::signal>> told;
    {
        std::lock_guard hold{guard_};
        const instant now = steady_clock::now();
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            const bool was_open = !marks_[i].breaker.is_closed();
            marks_[i].breaker.on_probe(found[i].has_value(), now);
            marks_[i].silent.store(!found[i].has_value(), std::memory_order_relaxed);
            if (was_open && marks_[i].breaker.is_closed()) closed.push_back(i);
            if (marks_[i].is_down == found[i].has_value()) turned.push_back(i);
            marks_[i].is_down = !found[i].has_value();
        }
        if (is_alone()) {
            server_state& only = states_.front();
            only.why = found.front() ? "" : "no answer: " + w.each.front().problem;
            only.latency.reset();
            if (found.front()) {
                only.latency = std::chrono::duration_cast<microseconds>(w.each.front().answered - w.each.front().asked);
            }
        } else {
            const auto before = roles_.writer();
            const bool changed = roles_.round(found);
            trouble_ = roles_.trouble();
            const auto who = roles_.writer();
            const bool as_configured = !before && who == std::size_t{0} && looked_at_ == instant::min();
            if (changed && !as_configured) {
                news = who ? std::pair{servers_[*who].name, std::string{"it takes the writes"}}
                           : std::pair{std::string{"none"}, trouble_};
            }
            if (who && before != who) history_.forget();
            if (who && last_writer_ && last_writer_ != who) failovers_.fetch_add(1, std::memory_order_relaxed);
            if (who) last_writer_ = who;
            if (who) w.first = *who;
            if (who && found[*who]) history_.add(w.each[*who].asked, found[*who]->position);
            for (std::size_t i = 0; i < servers_.size(); ++i) judge(w, i, who);
            writer_.store(who ? static_cast<int>(*who) : nobody, std::memory_order_relaxed);
            if (w.began > suspected_at_) suspect_.store(false, std::memory_order_release);
        }
        tell_changes(w, now);
        looked_at_ = w.began;
        told.swap(waiting_);
    }
    for (const std::size_t i : turned) {
        const bool is_back = found[i].has_value();
        log_event(is_back ? log_level::info : log_level::warning, is_back ? "server_up" : "server_down",
                  {{"server", servers_[i].name}, {"reason", is_back ? "it answers" : w.each[i].problem}});
    }
    for (const std::size_t i : closed) {
        log_event(log_level::info, "breaker_closed", {{"server", servers_[i].name}, {"reason", "it answers"}});
    }
    if (news) {
        log_event(log_level::warning, "writer_changed",
                  {{"database", database_}, {"server", news->first}, {"reason", news->second}});
    }
    for (const auto& each : told) each->set();
}

// Precondition: the lock is held.
void server_set::judge(watching& w, std::size_t which, std::optional<std::size_t> writer) {
    watching::one& here = w.each[which];
    server_state& state = states_[which];
    mark& m = marks_[which];
    state.writer = writer == which;
    state.fit = false;
    state.why.clear();
    state.latency.reset();
    if (!here.found) {
        state.why = "no answer: " + here.problem;
        m.fit.store(false, std::memory_order_relaxed);
        return;
    }
    health::finding& f = *here.found;
    state.latency = std::chrono::duration_cast<microseconds>(here.answered - here.asked);
    if (state.writer) {
        state.lag = milliseconds{0};
        state.behind = 0;
        m.fit.store(false, std::memory_order_relaxed);
        return;
    }
    if (f.position.is_known() && f.position.timeline == 0) f.position.timeline = roles_.timeline();
    positions_[which] = f.position;
    if (f.writable) {
        state.why = "it takes writes itself";
    } else if (!f.not_applying.empty()) {
        state.why = f.not_applying;
    } else if (f.timeline != 0 && roles_.timeline() != 0 && f.timeline != roles_.timeline()) {
        state.why = fmt::format("it follows timeline {}, the primary is on {}", f.timeline, roles_.timeline());
    }
    if (const auto standing = history_.of(f.position, here.answered)) {
        state.lag = standing->lag;
        state.behind = standing->behind;
        m.lag_ms.store(standing->lag.count(), std::memory_order_relaxed);
        put(m.as_of, standing->as_of);
        if (state.why.empty() && standing->lag > how_.max_lag) {
            state.why = fmt::format("it is {:.1f} s behind", static_cast<double>(standing->lag.count()) / 1000);
        }
    } else {
        put(m.as_of, instant::min());
        if (state.why.empty()) state.why = "its position cannot be compared with the primary's yet";
    }
    put(m.seen_at, here.answered);
    state.fit = state.why.empty();
    m.fit.store(state.fit, std::memory_order_relaxed);
}

}  // namespace ashlar::topology
