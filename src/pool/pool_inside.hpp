// pool_inside.hpp: what the files of the pool share: its state, and a caller's turn. Nobody else's.
//
// One mutex guards rules, idle connections and the waiters' promises; nobody awaits, closes or opens anything while
// holding it. Who changes anything does so on a visit, at whose end what was to be closed is.
#pragma once

#include "core/io/task_group.hpp"
#include "pool/pool.hpp"
#include "pool/pool_rules.hpp"
#include "pool/server_cap.hpp"
#include "pool/share.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <random>
#include <unordered_map>

namespace ashlar::pool {

using connection_ptr = std::unique_ptr<driver::connection>;

// Where an idle connection counts as bound. One whose loop may go any time is not left with it.
place park(driver::connection& what, io::loop& where);

// A connection that was closed here, and which the server may not have seen the end of yet. Its room is given back with it.
class farewell {
public:
    farewell(std::shared_ptr<server_cap> cap, pool_number of, int end) noexcept
        : cap_(std::move(cap)), of_(of), end_(end) {}
    farewell(farewell&& other) noexcept
        : cap_(std::move(other.cap_)), of_(other.of_), end_(std::exchange(other.end_, -1)) {}
    farewell& operator=(farewell&&) = delete;
    ~farewell() { over(); }
    bool is_awaited() const noexcept { return end_ >= 0; }
    void close_our_side() const noexcept;
    task<void> wait(io::loop& on);
    void over() noexcept;  // gives the room back; without any pool's guard

private:
    std::shared_ptr<server_cap> cap_;  // shared with the pools
    pool_number of_;
    int end_;
};

struct pool::inside {
    class visit;
    const std::string name;
    const std::shared_ptr<driver::driver> server;
    const pool_options options;
    const clock now;
    const std::shared_ptr<server_cap> cap;  // shared by the pools of a server; nullptr: none
    pool_number number{};                   // at the cap
    const std::shared_ptr<share> fan_outs;  // shared with those who wait for it
    std::atomic<std::uint64_t> fan_outs_late{0};

    std::mutex guard;  // of all that follows
    pool_rules rules;
    std::vector<connection_ptr> connections;  // by slot; empty while somebody else holds it
    struct birth {
        instant at;
        std::uint32_t process = 0;
    };
    std::vector<birth> births;  // by slot: when its connection was opened, and the server's number for it
    std::unordered_map<std::uint64_t, turn*> waiting;
    std::optional<error> last_failure;  // of a connect, until one succeeds
    bool has_housekeeper = false;
    io::signal wake;                   // the housekeeper's
    std::vector<connection_ptr> dead;  // to be closed at the end of the visit
    std::vector<farewell> farewells;   // for the housekeeper to see off
    bool wants_room = false;           // the cap knows

    inside(std::string n, std::shared_ptr<driver::driver> d, pool_options o, clock c, std::shared_ptr<server_cap> all)
        : name(std::move(n)),
          server(std::move(d)),
          options(o),
          now(std::move(c)),
          cap(std::move(all)),
          fan_outs(share::make(fan_out_bound(o), o.waiters_max)),
          rules(o, std::random_device{}(), cap != nullptr) {}

    // --- with the guard held

    connection_ptr& at(slot_number slot) {
        const auto i = static_cast<std::size_t>(slot);
        if (i >= connections.size()) connections.resize(i + 1);
        return connections[i];
    }
    void pass_on();  // tells waiters and the housekeeper what the last event made possible
    // Closes the slot's connection at the end of the visit. The slot is free already. `counted`: the cap knows that it leaves.
    void close(slot_number slot, bool counted = false);
    // Before somebody arrives: gets him the room that is to be had without waiting.
    void take_free_room();
    void settle_with_cap();
    void hand_out();

    // --- without it

    // The cap's orders.
    void room_granted();
    instant longest_idle();
    bool give_way();  // false: none was idle
    void bury(connection_ptr what);

    void take_back(connection_ptr what, slot_number slot, io::loop& where, bool discard);
    bool opened(slot_number slot, connection_ptr& what, bool kept, io::loop& where);
    void open_failed(slot_number slot, const error& why);
    void open_abandoned(slot_number slot, bool had_begun);
    error came_too_late(instant since);
    error refused(const grant& g, const std::optional<error>& own_failure);
    error no_share(error why, instant since);

    // Was it idle for a while, and has its server ended it meanwhile?
    bool has_ended(driver::connection& what, slot_number slot);
    task<bool> make_ready(driver::connection& what, chore needs, deadline until);
    task<void> keep_house(io::loop& on, io::task_group<void>& tending);
    task<void> warm(io::loop& on, slot_number slot);
    task<void> tend(io::loop& on, slot_number slot);
    task<void> see_off(io::loop& on, farewell what);
};

// The guard, held. At the end what was to be closed is, and what that means to other pools is carried out.
class pool::inside::visit {
public:
    // `quietly`: by one who carries out the cap's orders already.
    explicit visit(inside& of, bool quietly = false) : of_(of), hold_(of.guard), quietly_(quietly) {}
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() {
        if (of_.cap == nullptr && of_.dead.empty()) return;
        end();
    }

private:
    void end() noexcept;

    inside& of_;
    std::unique_lock<std::mutex> hold_;
    const bool quietly_;
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

}  // namespace ashlar::pool
