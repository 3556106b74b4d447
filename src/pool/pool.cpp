// Lending and taking back: the coroutines that carry out what pool_rules decides.
#include "pool/pool.hpp"

#include "core/io/nowhere.hpp"
#include "core/time_text.hpp"
#include "pool/pool_inside.hpp"

#include <fmt/format.h>

namespace ashlar::pool {

namespace {

// After this time a look at a connection's socket costs little beside the wait, and a server may have ended it.
constexpr milliseconds rest{10};

}  // namespace

place park(driver::connection& what, io::loop& where) {
    if (!where.is_brief()) return &where;
    what.bind(io::nowhere());
    return nullptr;
}

void pool::inside::hand_out() {
    for (const grant& g : rules.take_grants()) {
        const auto at = waiting.find(static_cast<std::uint64_t>(g.turn));
        ASHLAR_ASSERT(at != waiting.end());
        at->second->promise(g);
    }
}

void pool::inside::pass_on() {
    if (cap != nullptr) settle_with_cap();
    hand_out();
    if (rules.wants_housekeeping() || (rules.is_stopped() && rules.is_empty())) wake.set();
}

// --- lending ---------------------------------------------------------------------------------------------------------

task<result<lease>> pool::lend(io::loop& loop, deadline until, borrower who) {
    return who == borrower::fan_out ? lend_in_share(loop, until) : lend_one(loop, until);
}

// First a permit, then a connection, both by the same end of patience.
task<result<lease>> pool::lend_in_share(io::loop& loop, deadline until) {
    inside& in = *inside_;
    const std::shared_ptr<pool> self = shared_from_this();
    const instant since = in.now();
    until = earlier(until, deadline{since + in.options.checkout_timeout});
    auto permit = co_await in.fan_outs->take(loop, 1, until);
    if (!permit) co_return in.no_share(std::move(permit).error(), since);
    auto lent = co_await lend_one(loop, until);
    if (lent) lent->in_share_ = permit->release() > 0;
    co_return lent;
}

task<result<lease>> pool::lend_one(io::loop& loop, deadline until) {
    const std::shared_ptr<pool> self = shared_from_this();
    inside& in = *inside_;
    turn mine{in, loop};
    until = earlier(until, deadline{mine.since() + in.options.checkout_timeout});
    std::optional<error> own_failure;
    mine.arrive();
    for (;;) {
        switch (mine.answer().what) {
            case grant::kind::lend: {
                mine.connection().bind(loop);
                if (mine.answer().needs == chore::none) {
                    if (!in.has_ended(mine.connection(), mine.answer().slot)) co_return mine.take(self);
                    mine.chore_ended(false);
                    break;
                }
                const bool well = co_await in.make_ready(mine.connection(), mine.answer().needs, until);
                mine.chore_ended(well);
                if (well) co_return mine.take(self);
                break;
            }
            case grant::kind::open: {
                const deadline connect_until = earlier(until, deadline{in.now() + in.options.connect_timeout});
                auto opened = co_await in.server->connect(loop, connect_until);
                if (opened) {
                    mine.open_ended(std::move(*opened));
                    co_return mine.take(self);
                }
                if (opened.error() == errc::deadline_passed && until.passed(in.now())) {
                    mine.is_too_late();  // our own haste says nothing of the server
                    co_return in.came_too_late(mine.since());
                }
                mine.open_refused(opened.error());
                own_failure = std::move(opened).error();
                break;
            }
            case grant::kind::wait:
            case grant::kind::look_again: {
                if (!co_await mine.wait(until)) co_return in.came_too_late(mine.since());
                continue;
            }
            case grant::kind::refuse_full:
            case grant::kind::refuse_failing:
            case grant::kind::refuse_stopped:
                co_return in.refused(mine.answer(), own_failure);
        }
        if (until.passed(in.now())) {
            mine.is_too_late();
            co_return in.came_too_late(mine.since());
        }
        mine.come_back();
    }
}

lease pool::lend_ready(io::loop& loop, borrower who) {
    inside& in = *inside_;
    share::permit permit;
    if (who == borrower::fan_out) {
        permit = in.fan_outs->take_now(1);
        if (!permit) return {};
    }
    connection_ptr what;
    std::optional<slot_number> slot;
    bool rested = false;
    {
        const std::lock_guard hold{in.guard};
        slot = in.rules.lend_ready(&loop, in.now());
        if (!slot) return {};
        rested = in.rules.idle_before(*slot) >= rest;
        what = std::move(in.at(*slot));
    }
    what->bind(loop);
    lease lent{shared_from_this(), std::move(what), static_cast<std::uint32_t>(*slot), loop};
    lent.in_share_ = permit.release() > 0;
    if (rested && lent->has_ended()) return {};  // it goes back, and is closed
    return lent;
}

bool pool::inside::has_ended(driver::connection& what, slot_number slot) {
    {
        const std::lock_guard hold{guard};
        if (rules.idle_before(slot) < rest) return false;
    }
    return what.has_ended();
}

// Does the chore; false: the connection is unusable.
task<bool> pool::inside::make_ready(driver::connection& what, chore needs, deadline until) {
    const deadline limit = earlier(until, deadline{now() + options.connect_timeout});
    if (needs == chore::check) {
        const status alive = co_await what.ping(limit);
        co_return alive.has_value() && what.is_reusable();
    }
    const status anew = co_await what.reset(limit);
    co_return anew.has_value() && what.is_reusable() && what.is_clean();
}

error pool::inside::came_too_late(instant since) {
    const instant at = now();
    pool_counts c;
    std::optional<error> failure;
    {
        std::lock_guard hold{guard};
        c = rules.counts(at);
        failure = last_failure;
    }
    error e{errc::pool_timeout, fmt::format("no connection came free on {} within {}", name, spoken(at - since))};
    const bool capped = cap != nullptr && c.open < options.max_connections && cap->is_full();
    std::string detail =
        fmt::format("pool {} has {} of {} connections lent", server->describe(), c.active, options.max_connections);
    if (c.active > 0) detail += fmt::format(", the oldest for {}", spoken(c.oldest_lease));
    if (c.opening > 0) detail += fmt::format("; {} are being opened", c.opening);
    detail += fmt::format("; {} callers wait.", c.waiting);
    if (capped) detail += " " + cap->occupied();
    if (failure) detail += " The last attempt to connect failed: " + failure->message();
    e.detail(std::move(detail));
    if (failure) {
        e.hint("Look whether the server is up and accepts this login.");
    } else if (capped) {
        e.hint(
            "Raise pool.max_connections_per_server if the server can bear it, or look for transactions that stay "
            "open.");
    } else {
        e.hint("Raise pool.max_connections, or look for transactions that stay open.");
    }
    return e;
}

error pool::inside::refused(const grant& g, const std::optional<error>& own_failure) {
    if (g.what == grant::kind::refuse_stopped) {
        return error{errc::pool_stopped, fmt::format("the pool of {} is shutting down", name)};
    }
    if (g.what == grant::kind::refuse_full) {
        error full{errc::pool_queue_full,
                   fmt::format("{} callers wait for a connection to {} already", options.waiters_max, name)};
        const bool capped = cap != nullptr && cap->is_full();
        if (capped) full.detail(cap->occupied());
        full.hint(capped ? "Raise pool.waiters_max, or pool.max_connections_per_server if the server can bear it."
                         : "Raise pool.waiters_max, or pool.max_connections if the server can bear it.");
        return full;
    }
    std::optional<error> why = own_failure;
    if (!why) {
        std::lock_guard hold{guard};
        why = last_failure;
    }
    if (!why) why.emplace(errc::connect_failed);
    why->on(name);
    return *std::move(why);
}

error pool::inside::no_share(error why, instant since) {
    if (why == errc::pool_stopped)
        return error{errc::pool_stopped, fmt::format("the pool of {} is shutting down", name)};
    const std::uint32_t most = fan_outs->most();
    const std::string detail = fmt::format(
        "Statements over several databases may have {} of the {} connections of pool {}, and have them all.", most,
        options.max_connections, server->describe());
    const char* const hint =
        "Look with `ashlar pools` whether a server does not answer, or raise pool.fan_out_connections_max.";
    if (why == errc::pool_queue_full) {
        return error{errc::pool_queue_full,
                     fmt::format("{} callers wait for a connection to {} already", options.waiters_max, name)}
            .detail(detail)
            .hint(hint);
    }
    fan_outs_late.fetch_add(1, std::memory_order_relaxed);
    return error{errc::pool_timeout, fmt::format("no connection came free on {} within {} for a statement over several "
                                                 "databases",
                                                 name, spoken(now() - since))}
        .detail(detail)
        .hint(hint);
}

// --- what comes back -------------------------------------------------------------------------------------------------

void pool::inside::take_back(connection_ptr what, slot_number slot, io::loop& where, bool discard) {
    condition as = condition::clean;
    if (discard) {
        as = condition::discarded;
    } else if (!what->is_reusable()) {
        as = condition::broken;
    } else if (!what->is_clean()) {
        as = condition::dirty;
    }
    const bool in_transaction = as == condition::dirty && what->in_transaction();
    const place bound_to = as == condition::clean || as == condition::dirty ? park(*what, where) : nullptr;
    const visit here{*this};
    if (in_transaction && !has_housekeeper && !rules.has_waiters()) as = condition::discarded;
    const bool may_be_lent = as == condition::clean || as == condition::dirty;
    const bool gives_way = may_be_lent && cap != nullptr && cap->is_contended() && rules.has_waiters() &&
                           cap->yields(number, rules.first_waits_since());
    if (gives_way) as = condition::not_ours;
    at(slot) = std::move(what);
    if (rules.returned(slot, as, bound_to, now())) close(slot, gives_way);
    pass_on();
}

bool pool::inside::opened(slot_number slot, connection_ptr& what, bool kept, io::loop& where) {
    const visit here{*this};
    last_failure.reset();
    const auto index = static_cast<std::size_t>(slot);
    if (index >= births.size()) births.resize(index + 1);
    births[index] = {now(), what->process()};
    place bound_to = &where;
    if (!kept) {
        bound_to = park(*what, where);
        at(slot) = std::move(what);
    }
    const bool keep = rules.opened(slot, kept, bound_to, now());
    if (!keep) close(slot);
    pass_on();
    return keep;
}

void pool::inside::open_failed(slot_number slot, const error& why) {
    const visit here{*this};
    if (cap != nullptr) cap->gone(number, false);
    last_failure = why;
    rules.open_failed(slot, now());
    pass_on();
}

void pool::inside::open_abandoned(slot_number slot, bool had_begun) {
    const visit here{*this};
    if (cap != nullptr) cap->gone(number, false);
    rules.open_abandoned(slot, had_begun, now());
    pass_on();
}

// --- leases ----------------------------------------------------------------------------------------------------------

lease::lease(std::shared_ptr<pool> from, std::unique_ptr<driver::connection> what, std::uint32_t slot,
             io::loop& where) noexcept
    : from_(std::move(from)), connection_(std::move(what)), slot_(slot), where_(&where) {}

lease::lease(lease&& other) noexcept
    : from_(std::move(other.from_)),
      connection_(std::move(other.connection_)),
      slot_(other.slot_),
      in_share_(other.in_share_),
      where_(other.where_) {}

lease& lease::operator=(lease&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    from_ = std::move(other.from_);
    connection_ = std::move(other.connection_);
    slot_ = other.slot_;
    in_share_ = other.in_share_;
    where_ = other.where_;
    return *this;
}

lease::~lease() {
    give_back();
}

void lease::give_back() noexcept {
    if (connection_) end(false);
}

void lease::discard() noexcept {
    if (connection_) end(true);
}

void lease::end(bool discard) noexcept {
    const std::shared_ptr<pool> from = std::move(from_);
    from->inside_->take_back(std::move(connection_), slot_number{slot_}, *where_, discard);
    if (std::exchange(in_share_, false)) from->inside_->fan_outs->give_back(1);
}

// --- the rest --------------------------------------------------------------------------------------------------------

pool::pool() = default;

pool::~pool() {
    const std::shared_ptr<server_cap> cap = inside_->cap;
    const pool_number number = inside_->number;
    inside_.reset();
    if (cap == nullptr) return;
    cap->leave(number);
    cap->carry_out();
}

std::shared_ptr<pool> pool::make(std::string name, std::shared_ptr<driver::driver> driver, pool_options options,
                                 clock now, std::shared_ptr<server_cap> cap) {
    std::shared_ptr<pool> made{new pool};
    made->inside_ =
        std::make_unique<inside>(std::move(name), std::move(driver), options, std::move(now), std::move(cap));
    if (made->inside_->cap != nullptr) made->inside_->number = made->inside_->cap->enter(made);
    return made;
}

void pool::stop() noexcept {
    const inside::visit here{*inside_};
    for (const slot_number slot : inside_->rules.stop(inside_->now())) inside_->close(slot);
    inside_->pass_on();
    inside_->fan_outs->stop();
}

pool_counts pool::counts() const {
    pool_counts out;
    {
        std::lock_guard hold{inside_->guard};
        out = inside_->rules.counts(inside_->now());
    }
    out.waiting += inside_->fan_outs->waiting();
    out.timeouts += inside_->fan_outs_late.load(std::memory_order_relaxed);
    return out;
}

std::optional<instant> pool::unanswered_since() const {
    std::lock_guard hold{inside_->guard};
    return inside_->rules.unanswered_since();
}

std::vector<connection_facts> pool::connections() const {
    std::lock_guard hold{inside_->guard};
    std::vector<connection_facts> out;
    const auto slots = inside_->rules.connections();
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if (!slots[i]) continue;
        connection_facts& each = out.emplace_back(*slots[i]);
        if (each.now == connection_facts::state::opening || i >= inside_->births.size()) continue;
        each.opened_at = inside_->births[i].at;
        each.process = inside_->births[i].process;
    }
    return out;
}

const std::string& pool::name() const noexcept {
    return inside_->name;
}
const pool_options& pool::options() const noexcept {
    return inside_->options;
}
driver::driver& pool::server() const noexcept {
    return *inside_->server;
}
const server_cap* pool::cap() const noexcept {
    return inside_->cap.get();
}

}  // namespace ashlar::pool
