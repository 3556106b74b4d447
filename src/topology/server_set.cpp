// Who writes, who reads, and what became of it. The looks that all of this goes by are in server_set_monitor.cpp.
#include "topology/server_set.hpp"

#include "core/event_log.hpp"
#include "core/time_text.hpp"
#include "health/probe.hpp"
#include "topology/server_set_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <random>

namespace ashlar::topology {

namespace {

std::vector<std::string> names_of(const std::vector<server>& all) {
    std::vector<std::string> names;
    names.reserve(all.size());
    for (const server& each : all) names.push_back(each.name);
    return names;
}

}  // namespace

server_set::server_set(std::string database, std::vector<server> servers, const config::replica_settings& how,
                       health::breaker_options breaking)
    : database_(std::move(database)),
      servers_(std::move(servers)),
      how_(how),
      writer_(servers_.size() == 1 ? 0 : nobody),
      suspect_(servers_.size() != 1),
      roles_(names_of(servers_)),
      trouble_(roles_.trouble()) {
    ASHLAR_ASSERT(!servers_.empty() && servers_.size() <= 64);
    for (const server& each : servers_) {
        marks_.emplace_back(breaking);
        server_state& state = states_.emplace_back();
        state.name = each.name;
        state.why = "it has not been asked yet";
    }
    positions_.resize(servers_.size());
    states_.front().writer = is_alone();
    if (is_alone()) states_.front().why.clear();
    const pool::pool_options of_first =
        servers_.front().pool == nullptr ? pool::pool_options{} : servers_.front().pool->options();
    const std::uint32_t half = std::max(1U, of_first.max_connections / 2);
    primary_reads_ = pool::share::make(how.primary_reads_max != 0 ? how.primary_reads_max : half, of_first.waiters_max);
}

// --- who writes ------------------------------------------------------------------------------------------------------

std::optional<std::size_t> server_set::writer_now() const noexcept {
    if (suspect_.load(std::memory_order_acquire) || !gate_is_open()) return std::nullopt;
    const int who = writer_.load(std::memory_order_relaxed);
    if (who == nobody || !marks_[static_cast<std::size_t>(who)].breaker.is_closed()) return std::nullopt;
    return static_cast<std::size_t>(who);
}

error server_set::cannot_write() const {
    std::lock_guard hold{guard_};
    return error{errc::shard_unavailable, fmt::format("no server of {} may be written to: {}", database_, trouble_)}
        .hint(
            "Writes go on by themselves once one server of it takes them; `ashlar status` shows how its servers "
            "stand.");
}

error server_set::broken(std::size_t which) const {
    return error{errc::shard_unavailable,
                 servers_[which].name + " has failed too often, and its breaker is open: nothing is sent to it"}
        .hint("The breaker closes when the server answers again; [breaker] says when it opens and for how long.");
}

health::breaker::verdict server_set::ask_breaker(std::size_t which) {
    if (marks_[which].breaker.is_closed()) return health::breaker::verdict::go;
    std::lock_guard hold{guard_};
    return marks_[which].breaker.ask(steady_clock::now());
}

// The end of a look, perhaps of one that began before. False: the time is over.
task<bool> server_set::await_look(io::loop& loop, deadline until) {
    const auto told = std::make_shared<io::signal>();
    {
        std::lock_guard hold{guard_};
        waiting_.push_back(told);
    }
    wake_.set();
    status heard = co_await loop.wait_for(*told, until);
    co_return heard.has_value();
}

task<result<std::size_t>> server_set::writer(io::loop& loop, deadline until) {
    const instant asked = steady_clock::now();
    for (;;) {
        {
            std::lock_guard hold{guard_};
            if (!suspect_.load(std::memory_order_relaxed)) {
                const int who = writer_.load(std::memory_order_relaxed);
                if (who != nobody) co_return static_cast<std::size_t>(who);
                if (looked_at_ >= asked) break;
            }
        }
        const bool in_time = co_await await_look(loop, until);
        if (!in_time || stopped_.load(std::memory_order_relaxed)) {
            co_return error{errc::deadline_passed,
                            fmt::format("the servers of {} did not say in time which of them takes writes", database_)};
        }
    }
    co_return cannot_write();
}

task<result<loan>> server_set::lend_server(io::loop& loop, std::size_t which, deadline until, pool::borrower for_whom) {
    if (ask_breaker(which) == health::breaker::verdict::refuse) co_return broken(which);
    auto lent = co_await servers_[which].pool->lend(loop, until, for_whom);
    if (!lent) {
        failed(which, lent.error());
        co_return std::move(lent).error();
    }
    loan out;
    out.lease = std::move(*lent);
    out.server = which;
    co_return out;
}

task<result<loan>> server_set::lend_writer(io::loop& loop, deadline until, pool::borrower for_whom) {
    result<std::size_t> who = 0;
    if (const auto known = writer_now())
        who = *known;
    else
        who = co_await writer(loop, until);
    if (!who) co_return std::move(who).error();
    co_return co_await lend_server(loop, *who, until, for_whom);
}

task<result<loan>> server_set::lend_to_write(io::loop& loop, deadline until, pool::borrower for_whom) {
    if (!gate_is_open()) {
        status passed = co_await pass_gate(loop, until);
        if (!passed) co_return std::move(passed).error();
    }
    co_return co_await lend_writer(loop, until, for_whom);
}

task<result<loan>> server_set::lend_to_look(io::loop& loop, deadline until) {
    auto lent = co_await lend_writer(loop, until, pool::borrower::one_database);
    if (lent || is_alone() || lent.error() != errc::shard_unavailable) co_return lent;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        auto other = co_await lend_server(loop, i, until, pool::borrower::one_database);
        if (other) co_return other;
    }
    co_return lent;
}

// --- the gate --------------------------------------------------------------------------------------------------------

void server_set::guard_by(gatekeeper& keeper) {
    keeper_ = &keeper;
    close_gate();
}

task<status> server_set::pass_gate(io::loop& loop, deadline until) {
    if (gate_is_open() || keeper_ == nullptr) co_return status{};
    std::string name = database_;
    co_return co_await keeper_->admit(loop, std::move(name), until);
}

// --- who reads -------------------------------------------------------------------------------------------------------

bool server_set::may_read(std::size_t which, const reading_terms& terms, instant now) const {
    const mark& m = marks_[which];
    if ((terms.avoid >> which & 1) != 0 || !m.fit.load(std::memory_order_relaxed) || !m.breaker.is_closed())
        return false;
    if (static_cast<int>(which) == writer_.load(std::memory_order_relaxed)) return false;
    // A monitor that has fallen silent proves nothing.
    return now - at(m.seen_at) <= 3 * how_.check_interval + look_patience;
}

std::optional<std::size_t> server_set::replica_now(const reading_terms& terms, instant now) {
    if (is_alone() || !gate_is_open()) return std::nullopt;
    std::vector<std::size_t> good;
    bool too_old = false;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (!may_read(i, terms, now)) continue;
        const instant as_of = at(marks_[i].as_of);
        bool fresh = as_of >= terms.wrote_at;
        if (terms.max_staleness && (as_of == instant::min() || now - as_of > *terms.max_staleness)) fresh = false;
        if (fresh && terms.after != nullptr) {
            std::lock_guard hold{guard_};
            fresh = positions_[i].covers(*terms.after);
        }
        if (fresh)
            good.push_back(i);
        else
            too_old = true;
    }
    if (too_old) want_fresher(now);
    if (good.empty()) return std::nullopt;
    return pick(good);
}

std::size_t server_set::pick(const std::vector<std::size_t>& among) {
    using spread = config::replica_settings::spread;
    if (among.size() == 1) return among.front();
    const std::uint32_t turn = turn_.load(std::memory_order_relaxed);
    std::uint32_t all = 0;
    for (const std::size_t each : among) all += servers_[each].weight;
    ASHLAR_ASSERT(all > 0);  // no weight is 0
    const auto by_share = [&](std::uint32_t share) {
        for (const std::size_t each : among) {
            if (share < servers_[each].weight) return each;
            share -= servers_[each].weight;
        }
        return among.back();
    };
    switch (how_.policy) {
        case spread::round_robin:
            // Each by its weight, spread over the turns rather than one after the other: 7 shares no divisor with small sums.
            return by_share(static_cast<std::uint32_t>(std::uint64_t{turn} * (all % 7 == 0 ? 1 : 7) % all));
        case spread::random: {
            thread_local std::minstd_rand draw{std::random_device{}()};
            return by_share(static_cast<std::uint32_t>(draw() % all));
        }
        case spread::least_connections: {
            std::size_t best = among[turn % among.size()];
            double least = 1e300;
            for (std::size_t i = 0; i < among.size(); ++i) {
                const std::size_t each = among[(turn + i) % among.size()];
                const double load = static_cast<double>(servers_[each].pool->counts().active) / servers_[each].weight;
                if (load < least) {
                    least = load;
                    best = each;
                }
            }
            return best;
        }
        case spread::least_lag: {
            std::size_t best = among[turn % among.size()];
            for (const std::size_t each : among) {
                if (marks_[each].lag_ms.load(std::memory_order_relaxed) <
                    marks_[best].lag_ms.load(std::memory_order_relaxed)) {
                    best = each;
                }
            }
            return best;
        }
    }
    return among.front();
}

task<result<pool::share::permit>> server_set::read_from_primary(io::loop& loop, deadline until) {
    if (is_alone()) co_return pool::share::permit{};
    if (how_.no_replica == config::replica_settings::without::refuse) {
        co_return error{errc::shard_unavailable, fmt::format("no replica of {} is fit for this read", database_)}.hint(
            "replicas.no_replica = \"primary\" reads from the primary then; `ashlar status` shows how its servers "
            "stand.");
    }
    const instant since = steady_clock::now();
    auto permit = co_await primary_reads_->take(loop, 1, until);
    if (permit || permit.error() == errc::pool_stopped) co_return permit;
    const errc code = permit.error() == errc::pool_queue_full ? errc::pool_queue_full : errc::pool_timeout;
    co_return error{code,
                    fmt::format("no connection came free on the primary of {} within {} for a read that no replica "
                                "is fit for",
                                database_, spoken(steady_clock::now() - since))}
        .detail(fmt::format("It serves {} such reads, as many as replicas.primary_reads_max allows; {} wait.",
                            primary_reads_->most(), primary_reads_->waiting()))
        .hint("Raise replicas.primary_reads_max; `ashlar status` shows how its servers stand.");
}

task<result<loan>> server_set::lend_to_read(io::loop& loop, reading_terms terms, deadline until,
                                            pool::borrower for_whom) {
    if (!gate_is_open()) {
        status passed = co_await pass_gate(loop, until);
        if (!passed) co_return std::move(passed).error();
    }
    while (const auto who = replica_now(terms, steady_clock::now())) {
        auto lent = co_await lend_unless_silent(loop, *who, until, for_whom);
        if (lent) {
            loan out;
            out.lease = std::move(*lent);
            out.server = *who;
            out.from_replica = true;
            co_return out;
        }
        const bool is_unwell = health::counts_as_failure(lent.error().code()) || lent.error() == errc::login_failed;
        if (!is_unwell || until.passed(steady_clock::now())) co_return std::move(lent).error();
        failed(*who, lent.error());
        terms.avoid |= std::uint64_t{1} << *who;
    }
    // Both waits end together: for a place among such reads, and for a connection.
    if (!is_alone() && servers_.front().pool != nullptr) {
        until = earlier(until, deadline{steady_clock::now() + servers_.front().pool->options().checkout_timeout});
    }
    auto instead = co_await read_from_primary(loop, until);
    if (!instead) co_return std::move(instead).error();
    auto lent = co_await lend_to_write(loop, until, for_whom);
    if (!lent) co_return std::move(lent).error();
    lent->instead = std::move(*instead);
    co_return lent;
}

// --- what became of it -----------------------------------------------------------------------------------------------

void server_set::failed(std::size_t which, const error& why) {
    const bool unwell = health::counts_as_failure(why.code());
    if (!unwell && why != errc::login_failed) return;
    bool opened = false;
    if (unwell) {
        std::lock_guard hold{guard_};
        const bool was_closed = marks_[which].breaker.is_closed();
        marks_[which].breaker.on_failure(steady_clock::now());
        opened = was_closed && !marks_[which].breaker.is_closed();
    }
    if (opened) {
        log_event(log_level::warning, "breaker_opened", {{"server", servers_[which].name}, {"reason", why.message()}});
    }
    if (!is_alone()) {
        marks_[which].fit.store(false, std::memory_order_relaxed);
        std::lock_guard hold{guard_};
        if (static_cast<int>(which) == writer_.load(std::memory_order_relaxed)) {
            suspect_.store(true, std::memory_order_release);
            suspected_at_ = steady_clock::now();
        }
    }
    if (opened || !is_alone()) wake_.set();
}

void server_set::note_well(std::size_t which) {
    bool closed = false;
    {
        std::lock_guard hold{guard_};
        const bool was_open = !marks_[which].breaker.is_closed();
        marks_[which].breaker.on_success(steady_clock::now());
        closed = was_open && marks_[which].breaker.is_closed();
    }
    if (closed) {
        log_event(log_level::info, "breaker_closed", {{"server", servers_[which].name}, {"reason", "it answers"}});
    }
}

std::vector<server_state> server_set::states() const {
    std::lock_guard hold{guard_};
    std::vector<server_state> out = states_;
    const instant now = steady_clock::now();
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i].breaker = marks_[i].breaker.now_is(now);
        out[i].pool = servers_[i].pool->counts();
    }
    if (!trouble_.empty() && !is_alone()) {
        for (server_state& each : out) {
            if (each.why.empty() && !each.fit) each.why = trouble_;
        }
    }
    return out;
}

task<std::vector<server_state>> server_set::check(io::loop& loop, deadline until) {
    const instant asked = steady_clock::now();
    for (;;) {
        {
            std::lock_guard hold{guard_};
            if (looked_at_ >= asked) break;
        }
        asked_.store(true, std::memory_order_relaxed);
        const bool in_time = co_await await_look(loop, until);
        if (!in_time) break;
    }
    co_return states();
}

task<result<health::log_position>> server_set::position(io::loop& loop, deadline until) {
    auto lent = co_await lend_to_write(loop, until);
    if (!lent) co_return std::move(lent).error();
    auto found = co_await health::ask_server(*lent->lease, until);
    if (!found) co_return std::move(found).error();
    co_return std::move(found->position);
}

}  // namespace ashlar::topology
