// Connections for merged answers, which go back as soon as their shard has answered; servers that do not answer, and what can
// be asked elsewhere then; memory that has to be given back.
#include "proxy/session_lending.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace ashlar::proxy {

// --- a merged answer's connections ----------------------------------------------------------------------------------

task<status> session::answer_lender::enter(const route::bound_plan& plan, deadline until) {
    if (of_.block_ != block::none || of_.as_one_ != as_one::nothing) co_return co_await take_all(plan);
    std::vector<const topology::server_set*> all;
    for (const route::step& each : plan.steps) all.push_back(of_.shared_.place(place_of(each)).servers.get());
    auto reserved = co_await topology::fan_out_room::reserve(of_.loop_, all, until);
    if (!reserved) co_return std::move(reserved).error();
    room_ = std::move(*reserved);
    co_return status{};
}

// In a transaction that keeps them anyway, before any of them is busy: a newcomer may have to be told what others have set.
task<status> session::answer_lender::take_all(const route::bound_plan& plan) {
    for (const route::step& each : plan.steps) {
        auto taken = co_await take(place_of(each));
        if (!taken) co_return std::move(taken).error();
        taken_.push_back(*taken);
    }
    if (!how_.what->plan->may_change_session()) co_return status{};
    for (participant* each : taken_) of_.touch(*each, *how_.what->plan, how_.what->text);
    co_return status{};
}

task<result<participant*>> session::answer_lender::take(std::size_t place) {
    auto got = co_await of_.acquire(place, how_.writes, how_.replica, how_.who);
    if (!got) co_return std::move(got).error();
    auto ready = co_await of_.connection_for(place);
    if (!ready) co_return std::move(ready).error();
    co_return *got;
}

task<result<driver::connection*>> session::answer_lender::lend(const route::step& step) {
    const std::size_t place = place_of(step);
    for (participant* each : taken_) {
        if (each->place() != place) continue;
        ++each->steps;
        co_return &each->on();
    }
    auto got = co_await take(place);
    if (!got) co_return std::move(got).error();
    participant& p = **got;
    ++p.steps;
    if (how_.what->plan->may_change_session()) of_.touch(p, *how_.what->plan, how_.what->text);
    of_.waits_for_ = waits_for::server;
    co_return &p.on();
}

void session::answer_lender::ended(driver::connection& which) noexcept {
    for (const participant& p : of_.participants_) {
        if (&p.on() == &which) room_.ended(*of_.shared_.place(p.place()).servers);
    }
    of_.step_ended(which);
}

// Outside of transactions nothing keeps it here, unless its settings have to be read back first, or a cancel is on its way.
void session::step_ended(driver::connection& on) noexcept {
    const auto at =
        std::ranges::find_if(participants_, [&](const participant& p) { return &p.on() == &on && p.steps > 0; });
    if (at == participants_.end() || --at->steps > 0) return;
    const bool keeps = block_ != block::none || as_one_ != as_one::nothing || touched_session_ || cancels_sent_ ||
                       at->wrote || at->joined != nullptr || &*at == current_;
    if (keeps || !at->on().is_reusable() || at->on().in_transaction()) return;
    if (at->link != nullptr) {
        if (const link_notes* notes = notes_of(*at->link)) notes->last_used = since_;
        if (at->settings_unsure) at->link->mark_dirty();
    }
    shared_.place(at->place()).servers->well(at->loan.server);
    participants_.erase(at);
}

// After an answer failed: the servers that went away are remembered as such, and hold nothing here any more.
void session::note_losses() {
    for (auto at = participants_.begin(); at != participants_.end();) {
        participant& p = *at++;
        if (p.link == nullptr || !p.link->is_broken() || p.steps > 0) continue;
        (void)lost(p);
        drop(&p);
    }
}

// --- servers that do not answer -------------------------------------------------------------------------------------

// Does every shard give the same answer?
bool session::answers_anywhere(const known_statement& what) noexcept {
    const route::prepared_plan& plan = *what.plan;
    const route::routed_because why = plan.because();
    if (why != route::routed_because::no_table && why != route::routed_because::reference_read) return false;
    return plan.where() == route::target::one_shard && !plan.writes() && !plan.reads_catalogue();
}

std::size_t session::any_shard() {
    const std::size_t among = shared_.shards();
    const instant now = loop_.now();
    for (std::size_t i = 0; i < among; ++i) {
        const std::size_t place = (turn_ + i) % among;
        if (!shared_.place(place).servers->seems_well(now)) continue;
        turn_ += i + 1;
        return place;
    }
    return turn_++ % among;
}

// Once a second: a read that another server can answer does not wait for one from which the monitor got no answer, and which
// sent nothing since the look before. Its connection is ended, and what follows is as if the server had done so.
void session::end_silent_waits(instant now) {
    for (participant& p : participants_) {
        if (p.link == nullptr || p.joined != nullptr || (p.link->is_quiet() && &p != current_)) continue;
        const bool elsewhere =
            p.loan.from_replica || (second_.allowed && second_.anywhere && participants_.size() == 1);
        if (!elsewhere) continue;
        topology::server_set& servers = *shared_.place(p.place()).servers;
        if (!servers.is_in_doubt(p.loan.server, now) || !servers.is_silent(p.loan.server)) {
            p.heard = 0;
            continue;
        }
        const std::uint32_t heard = p.link->receives() + 1;  // never 0
        if (std::exchange(p.heard, heard) != heard) continue;
        p.silent = true;
        p.link->stream().shut_down();
    }
}

}  // namespace ashlar::proxy
