// pool_inside.hpp: what the files of the pool share: its state, and a caller's turn. Nobody else's.
//
// One mutex guards rules, idle connections and the waiters' promises; nobody awaits, closes or opens anything while
// holding it.
#pragma once

#include "core/io/task_group.hpp"
#include "pool/pool.hpp"
#include "pool/pool_rules.hpp"

#include <mutex>
#include <optional>
#include <random>
#include <unordered_map>

namespace ashlar::pool {

using connection_ptr = std::unique_ptr<driver::connection>;

// Where an idle connection counts as bound. One whose loop may go any time is not left with it.
place park(driver::connection& what, io::loop& where);

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

}  // namespace ashlar::pool
