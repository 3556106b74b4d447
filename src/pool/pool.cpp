// The coroutines that carry out what pool_rules decides. One mutex guards rules, idle connections and the
// waiters' promises; nobody awaits, closes or opens anything while holding it.
#include "pool/pool.hpp"

#include "core/io/nowhere.hpp"
#include "core/io/task_group.hpp"
#include "core/time_text.hpp"
#include "pool/pool_rules.hpp"

#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <random>
#include <unordered_map>

namespace ashlar::pool {

namespace {

using connection_ptr = std::unique_ptr<driver::connection>;

// Where an idle connection counts as bound. One whose loop may go any time is not left with it.
place park(driver::connection& what, io::loop& where) {
    if (!where.is_brief()) return &where;
    what.bind(io::nowhere());
    return nullptr;
}

}  // namespace

struct pool::inside {
    const std::string name;
    const std::shared_ptr<driver::driver> server;
    const pool_options options;
    const clock now;

    std::mutex guard;  // of all that follows
    pool_rules rules;
    std::vector<connection_ptr> connections;  // by slot; empty while somebody else holds it
    std::unordered_map<std::uint64_t, turn*> waiting;
    std::optional<error> last_failure;  // of a connect, until one succeeds
    bool has_housekeeper = false;
    io::signal wake;  // the housekeeper's

    inside(std::string n, std::shared_ptr<driver::driver> d, pool_options o, clock c)
        : name(std::move(n)), server(std::move(d)), options(o), now(std::move(c)), rules(o, std::random_device{}()) {}

    // --- with the guard held

    connection_ptr& at(slot_number slot) {
        const auto i = static_cast<std::size_t>(slot);
        if (i >= connections.size()) connections.resize(i + 1);
        return connections[i];
    }
    void pass_on();  // tells waiters and the housekeeper what the last event made possible

    // --- without it

    void take_back(connection_ptr what, slot_number slot, io::loop& where, bool discard);
    bool opened(slot_number slot, connection_ptr& what, bool kept, io::loop& where);
    void open_failed(slot_number slot, const error& why);
    void open_abandoned(slot_number slot, bool had_begun);
    error came_too_late(instant since);
    error refused(const grant& g, const std::optional<error>& own_failure);

    task<bool> make_ready(driver::connection& what, chore needs, deadline until);
    task<void> keep_house(io::loop& on, io::task_group<void>& tending);
    task<void> warm(io::loop& on, slot_number slot);
    task<void> tend(io::loop& on, slot_number slot);
};

// A caller's turn, from its arrival to its lease. Whatever it holds when it is destroyed (a place in the
// queue, a promised or a half-opened connection) goes to the next.
class pool::turn {
public:
    turn(inside& of, io::loop& on) : of_(of), loop_(on), since_(of.now()) {}
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn();

    const grant& answer() const noexcept { return answer_; }
    instant since() const noexcept { return since_; }
    driver::connection& connection() const noexcept { return *connection_; }

    void arrive();
    void come_back();
    // Waits in the queue for an answer; false: the time is over and the place is given up.
    task<bool> wait(deadline until);
    void open_ended(connection_ptr what);
    void open_refused(const error& why);
    void chore_ended(bool well);
    void is_too_late();
    lease take(std::shared_ptr<pool> from);

    // With the guard held.
    void promise(const grant& g);

private:
    enum class state {
        outside,  // holds nothing
        queued,   // in the queue, perhaps with a promise
        opening,  // opens a connection
        holding,  // has a connection, perhaps busy with its chore
    };
    void enter(const grant& g);
    void give_up(bool too_late, instant now);
    void leave() noexcept;

    inside& of_;
    io::loop& loop_;
    const instant since_;
    state state_ = state::outside;
    grant answer_;
    connection_ptr connection_;
    std::optional<grant> promised_;
    std::optional<io::signal> wake_;
    bool lookout_ = false;
};

void pool::inside::pass_on() {
    for (const grant& g : rules.take_grants()) {
        const auto at = waiting.find(static_cast<std::uint64_t>(g.turn));
        ASHLAR_ASSERT(at != waiting.end());
        at->second->promise(g);
    }
    if (rules.wants_housekeeping() || (rules.is_stopped() && rules.is_empty())) wake.set();
}

// --- turns -----------------------------------------------------------------------------------------------------------

void pool::turn::promise(const grant& g) {
    if (g.what == grant::kind::look_again) {
        lookout_ = true;
    } else {
        promised_ = g;
    }
    wake_->set();
}

// With the guard held: what follows from an answer.
void pool::turn::enter(const grant& g) {
    answer_ = g;
    switch (g.what) {
        case grant::kind::lend:
            connection_ = std::move(of_.at(g.slot));
            state_ = state::holding;
            return;
        case grant::kind::open:
            state_ = state::opening;
            return;
        case grant::kind::wait:
            if (!wake_) wake_.emplace();
            of_.waiting.emplace(static_cast<std::uint64_t>(g.turn), this);
            state_ = state::queued;
            return;
        default:
            state_ = state::outside;
            return;
    }
}

void pool::turn::arrive() {
    std::lock_guard hold{of_.guard};
    enter(of_.rules.arrive(&loop_, since_));
    of_.pass_on();
}

void pool::turn::come_back() {
    std::lock_guard hold{of_.guard};
    enter(of_.rules.come_back(answer_.turn, &loop_, of_.now()));
    of_.pass_on();
}

task<bool> pool::turn::wait(deadline until) {
    for (;;) {
        deadline wake_at = until;
        {
            std::lock_guard hold{of_.guard};
            wake_->reset();
            const instant now = of_.now();
            if (lookout_ && now >= of_.rules.retry_at()) {
                lookout_ = false;
                of_.rules.look(now);
                of_.pass_on();
            }
            if (promised_) {
                of_.waiting.erase(static_cast<std::uint64_t>(answer_.turn));
                enter(*std::exchange(promised_, std::nullopt));
                co_return true;
            }
            if (until.passed(now)) {
                give_up(true, now);
                co_return false;
            }
            if (lookout_) wake_at = earlier(until, deadline{of_.rules.retry_at()});
        }
        (void)co_await loop_.wait_for(*wake_, wake_at);
    }
}

// With the guard held.
void pool::turn::give_up(bool too_late, instant now) {
    of_.waiting.erase(static_cast<std::uint64_t>(answer_.turn));
    if (state_ == state::opening) of_.rules.open_abandoned(answer_.slot, true, now);
    of_.rules.give_up(answer_.turn, too_late, now);
    state_ = state::outside;
    of_.pass_on();
}

void pool::turn::is_too_late() {
    std::lock_guard hold{of_.guard};
    give_up(true, of_.now());
}

void pool::turn::open_ended(connection_ptr what) {
    connection_ = std::move(what);
    (void)of_.opened(answer_.slot, connection_, true, loop_);
    state_ = state::holding;
}

void pool::turn::open_refused(const error& why) {
    state_ = state::outside;
    of_.open_failed(answer_.slot, why);
}

void pool::turn::chore_ended(bool well) {
    connection_ptr dead;
    std::lock_guard hold{of_.guard};
    if (of_.rules.chore_done(answer_.slot, well, &loop_, of_.now())) return;
    dead = std::move(connection_);
    state_ = state::outside;
}

lease pool::turn::take(std::shared_ptr<pool> from) {
    state_ = state::outside;
    return lease{std::move(from), std::move(connection_), static_cast<std::uint32_t>(answer_.slot), loop_};
}

pool::turn::~turn() {
    if (state_ != state::outside) leave();
}

void pool::turn::leave() noexcept {
    connection_ptr dead = std::move(connection_);
    std::lock_guard hold{of_.guard};
    const instant now = of_.now();
    if (state_ == state::holding) {  // cancelled amid its chore: nobody knows how far that came
        (void)of_.rules.chore_done(answer_.slot, false, nullptr, now);
    } else if (promised_ && promised_->what == grant::kind::lend) {
        if (of_.rules.declined(promised_->slot, now)) dead = std::move(of_.at(promised_->slot));
    } else if (promised_ && promised_->what == grant::kind::open) {
        of_.rules.open_abandoned(promised_->slot, false, now);
    }
    give_up(false, now);
}

// --- lending ---------------------------------------------------------------------------------------------------------

task<result<lease>> pool::lend(io::loop& loop, deadline until) {
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
                if (mine.answer().needs == chore::none) co_return mine.take(self);
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

lease pool::lend_ready(io::loop& loop) {
    inside& in = *inside_;
    connection_ptr what;
    std::optional<slot_number> slot;
    {
        std::lock_guard hold{in.guard};
        slot = in.rules.lend_ready(&loop, in.now());
        if (!slot) return {};
        what = std::move(in.at(*slot));
    }
    what->bind(loop);
    return lease{shared_from_this(), std::move(what), static_cast<std::uint32_t>(*slot), loop};
}

// Does the chore; false: the connection is of no more use.
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
    std::string detail =
        fmt::format("pool {} has {} of {} connections lent", server->describe(), c.active, options.max_connections);
    if (c.active > 0) detail += fmt::format(", the oldest for {}", spoken(c.oldest_lease));
    if (c.opening > 0) detail += fmt::format("; {} are being opened", c.opening);
    detail += fmt::format("; {} callers wait.", c.waiting);
    if (failure) detail += " The last attempt to connect failed: " + failure->message();
    e.detail(std::move(detail));
    e.hint(failure ? "Look whether the server is up and accepts this login."
                   : "Raise pool.max_connections, or look for transactions that stay open.");
    return e;
}

error pool::inside::refused(const grant& g, const std::optional<error>& own_failure) {
    if (g.what == grant::kind::refuse_stopped) {
        return error{errc::pool_stopped, fmt::format("the pool of {} is shutting down", name)};
    }
    if (g.what == grant::kind::refuse_full) {
        error full{errc::pool_queue_full,
                   fmt::format("{} callers wait for a connection to {} already", options.waiters_max, name)};
        full.hint("Raise pool.waiters_max, or pool.max_connections if the server can bear it.");
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
    connection_ptr dead;
    {
        std::lock_guard hold{guard};
        if (in_transaction && !has_housekeeper && !rules.has_waiters()) as = condition::discarded;
        at(slot) = std::move(what);
        if (rules.returned(slot, as, bound_to, now())) dead = std::move(at(slot));
        pass_on();
    }
}

bool pool::inside::opened(slot_number slot, connection_ptr& what, bool kept, io::loop& where) {
    std::lock_guard hold{guard};
    last_failure.reset();
    place bound_to = &where;
    if (!kept) {
        bound_to = park(*what, where);
        at(slot) = std::move(what);
    }
    const bool keep = rules.opened(slot, kept, bound_to, now());
    if (!keep) what = std::move(at(slot));
    pass_on();
    return keep;
}

void pool::inside::open_failed(slot_number slot, const error& why) {
    std::lock_guard hold{guard};
    last_failure = why;
    rules.open_failed(slot, now());
    pass_on();
}

void pool::inside::open_abandoned(slot_number slot, bool had_begun) {
    std::lock_guard hold{guard};
    rules.open_abandoned(slot, had_begun, now());
    pass_on();
}

// --- the housekeeper -------------------------------------------------------------------------------------------------

task<status> pool::run(io::loop& housekeeper) {
    const std::shared_ptr<pool> self = shared_from_this();
    inside& in = *inside_;
    io::this_scope here;
    io::cancel_scope* const outer = co_await here;
    {
        std::lock_guard hold{in.guard};
        ASHLAR_ASSERT(!in.has_housekeeper);
        in.has_housekeeper = true;
    }
    io::task_group<void> tending{housekeeper, outer};
    std::exception_ptr thrown;
    try {
        co_await in.keep_house(housekeeper, tending);
    } catch (...) {
        thrown = std::current_exception();
    }
    co_await tending.cancel_and_join();
    {
        std::lock_guard hold{in.guard};
        in.has_housekeeper = false;
    }
    if (thrown) std::rethrow_exception(thrown);
    co_return status{};
}

task<void> pool::inside::keep_house(io::loop& on, io::task_group<void>& tending) {
    for (;;) {
        wake.reset();
        tending.drop_ended();
        chores todo;
        std::vector<connection_ptr> dead;
        bool all_done = false;
        {
            std::lock_guard hold{guard};
            todo = rules.housekeep(now());
            for (const slot_number slot : todo.close) dead.push_back(std::move(at(slot)));
            all_done = rules.is_stopped() && rules.is_empty();
            for (const grant& g : rules.take_grants()) {
                waiting.at(static_cast<std::uint64_t>(g.turn))->promise(g);
            }
        }
        dead.clear();
        if (all_done) co_return;
        for (const slot_number slot : todo.reset) tending.start(tend(on, slot));
        if (todo.open) tending.start(warm(on, *todo.open));
        (void)co_await on.wait_for(wake, deadline{todo.look_again});
    }
}

// Opens a connection that nobody waits for yet. Destroyed amid: the slot is free again.
task<void> pool::inside::warm(io::loop& on, slot_number slot) {
    struct attempt {
        inside& of;
        slot_number slot;
        bool ended;
        attempt(inside& i, slot_number s) : of(i), slot(s), ended(false) {}
        ~attempt() {
            if (!ended) of.open_abandoned(slot, true);
        }
    } trying{*this, slot};
    auto got = co_await server->connect(on, deadline{now() + options.connect_timeout});
    trying.ended = true;
    if (!got) {
        open_failed(slot, got.error());
    } else {
        connection_ptr what = std::move(*got);
        (void)opened(slot, what, false, on);
    }
    wake.set();
}

// Resets what came back dirty. Destroyed amid: nobody knows how far the reset came, so the connection is closed.
task<void> pool::inside::tend(io::loop& on, slot_number slot) {
    struct chore_at {
        inside& of;
        slot_number slot;
        connection_ptr what;
        chore_at(inside& i, slot_number s) : of(i), slot(s) {
            std::lock_guard hold{of.guard};
            what = std::move(of.at(slot));
        }
        ~chore_at() {
            if (what) end(false, nullptr);
        }
        void end(bool well, place bound_to) {
            connection_ptr dead;
            std::lock_guard hold{of.guard};
            of.at(slot) = std::move(what);
            if (!of.rules.chore_done(slot, well, bound_to, of.now())) dead = std::move(of.at(slot));
            of.pass_on();
        }
    } tending{*this, slot};
    tending.what->bind(on);
    const bool well = co_await make_ready(*tending.what, chore::reset, deadline::never());
    tending.end(well, well ? park(*tending.what, on) : nullptr);
    wake.set();
}

// --- leases ----------------------------------------------------------------------------------------------------------

lease::lease(std::shared_ptr<pool> from, std::unique_ptr<driver::connection> what, std::uint32_t slot,
             io::loop& where) noexcept
    : from_(std::move(from)), connection_(std::move(what)), slot_(slot), where_(&where) {}

lease::lease(lease&& other) noexcept
    : from_(std::move(other.from_)),
      connection_(std::move(other.connection_)),
      slot_(other.slot_),
      where_(other.where_) {}

lease& lease::operator=(lease&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    from_ = std::move(other.from_);
    connection_ = std::move(other.connection_);
    slot_ = other.slot_;
    where_ = other.where_;
    return *this;
}

lease::~lease() {
    give_back();
}

void lease::give_back() noexcept {
    if (!connection_) return;
    const std::shared_ptr<pool> from = std::move(from_);
    from->inside_->take_back(std::move(connection_), slot_number{slot_}, *where_, false);
}

void lease::discard() noexcept {
    if (!connection_) return;
    const std::shared_ptr<pool> from = std::move(from_);
    from->inside_->take_back(std::move(connection_), slot_number{slot_}, *where_, true);
}

// --- the rest --------------------------------------------------------------------------------------------------------

pool::pool() = default;
pool::~pool() = default;

std::shared_ptr<pool> pool::make(std::string name, std::shared_ptr<driver::driver> driver, pool_options options,
                                 clock now) {
    std::shared_ptr<pool> made{new pool};
    made->inside_ = std::make_unique<inside>(std::move(name), std::move(driver), options, std::move(now));
    return made;
}

void pool::stop() noexcept {
    std::vector<connection_ptr> dead;
    std::lock_guard hold{inside_->guard};
    for (const slot_number slot : inside_->rules.stop(inside_->now())) {
        dead.push_back(std::move(inside_->at(slot)));
    }
    inside_->pass_on();
}

pool_counts pool::counts() const {
    std::lock_guard hold{inside_->guard};
    return inside_->rules.counts(inside_->now());
}

const std::string& pool::name() const noexcept {
    return inside_->name;
}
driver::driver& pool::server() const noexcept {
    return *inside_->server;
}

}  // namespace ashlar::pool
