// pool.hpp: a bounded set of open connections to one server, lent out one at a time.
//
// Life      Construct, then co_await run() on one loop (the housekeeper's): it opens min_connections, resets what came
//           back dirty, closes the idle and the old, and returns after stop() once all leases are back. Lending works
//           from any loop, also without a housekeeper.
// Turns     First come, first served over all threads. The connection used last is lent first, if possible one that was
//           bound to the borrower's loop. A waiter that is cancelled or late leaves the queue at once, and a connection
//           promised to it goes to the next. Who was told to open a connection has had its turn.
// Dirt      A lease's end does not wait. A connection that comes back in a transaction or with session state goes, to
//           be reset by whoever needs it first, to the next borrower or the housekeeper. Without a housekeeper and a
//           waiter, one that is in a transaction is closed at once, so that its locks are not held until somebody
//           comes.
// Failing   After a refused connect the next attempt waits 50 ms, doubling up to a second, and is made by one caller
//           alone. Meanwhile lend() fails at once if nothing is open, and waits for what is open otherwise.
// Cap       Pools of one server may share a server_cap. Who then finds neither an idle connection nor room for a new one gets
//           the room of another pool's idle connection, that of the one that comes back next, or waits; first come, first
//           served over all these pools, but for a quarter of a second in favour of what saves a login. A connection counts
//           until the server has ended it, or has not done so within a second; without a housekeeper, until it is closed here.
// Fan-outs  Statements over several databases have fan_out_bound() of the connections at most; the others of them wait, in a
//           queue of their own, first come, first served. So a server that hangs elsewhere does not use this pool up.
// Loops     A loop of which is_brief() is true may go as soon as its leases are back; any other one that leases were
//           lent on must outlive the pool's connections (stop(), and run() returned).
// Threads   All members from any thread; a lease belongs to the loop that it was lent on.
// Failure   What can be expected to go wrong arrives as result<T>.
#pragma once

#include "driver/connection.hpp"
#include "pool/pool_options.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace ashlar::pool {

class pool;
class server_cap;

// A connection on loan. Destroying it gives it back, clean or not: the pool resets what is dirty and closes
// what is broken, without making the owner wait.
class lease {
public:
    lease() noexcept = default;
    lease(lease&& other) noexcept;
    lease& operator=(lease&& other) noexcept;
    ~lease();

    explicit operator bool() const noexcept { return connection_ != nullptr; }
    driver::connection& operator*() const noexcept { return *connection_; }
    driver::connection* operator->() const noexcept { return connection_.get(); }

    void give_back() noexcept;  // idempotent
    void discard() noexcept;    // closes the connection instead of giving it back

private:
    friend class pool;
    lease(std::shared_ptr<pool> from, std::unique_ptr<driver::connection> what, std::uint32_t slot,
          io::loop& where) noexcept;
    void end(bool discard) noexcept;
    std::shared_ptr<pool> from_;  // a lease may outlive every other owner of the pool during shutdown
    std::unique_ptr<driver::connection> connection_;
    std::uint32_t slot_ = 0;
    bool in_share_ = false;  // one of those that fan-outs may have
    io::loop* where_ = nullptr;
};

class pool : public std::enable_shared_from_this<pool> {
public:
    // The time as the pool sees it; it must agree with the loops' clocks.
    using clock = std::function<instant()>;

    // `name` is for messages: "shard_3". `cap`: what it shares with the other pools of the server. No I/O happens before
    // run() or lend().
    static std::shared_ptr<pool> make(std::string name, std::shared_ptr<driver::driver> driver, pool_options options,
                                      clock now = steady_clock::now, std::shared_ptr<server_cap> cap = nullptr);
    ~pool();

    // The housekeeper; call it once. Its value is success once the pool is stopped and empty.
    task<status> run(io::loop& housekeeper);

    // Borrows a connection bound to `loop`, waiting no later than `until` or checkout_timeout from now. Fails
    // with
    //   pool_timeout     none came free in time; the last failed connect, if any, is in the detail
    //   pool_queue_full  waiters_max were waiting already; this call did not queue (a fan-out waits in one of the two queues)
    //   pool_stopped     stop() came before or during the wait
    //   connect_failed, login_failed … what the driver said: nothing is open, and the server refuses
    //   connections
    // A cancelled caller leaves no waiter behind and loses no connection.
    task<result<lease>> lend(io::loop& loop, deadline until = {}, borrower who = borrower::one_database);
    // What lend() would give without waiting, opening or resetting anything; an empty lease when nothing is to be had so,
    // or others wait: then ask lend(). For hot paths that cannot afford a coroutine frame.
    lease lend_ready(io::loop& loop, borrower who = borrower::one_database);

    void stop() noexcept;        // twice is as good as once
    pool_counts counts() const;  // one consistent snapshot
    std::vector<connection_facts> connections() const;
    // See pool_rules.
    std::optional<instant> unanswered_since() const;
    const std::string& name() const noexcept;
    const pool_options& options() const noexcept;
    driver::driver& server() const noexcept;
    const server_cap* cap() const noexcept;  // nullptr: none

private:
    pool();
    task<result<lease>> lend_one(io::loop& loop, deadline until);
    task<result<lease>> lend_in_share(io::loop& loop, deadline until);
    friend class lease;
    friend class server_cap;
    class turn;
    struct inside;
    std::unique_ptr<inside> inside_;
};

}  // namespace ashlar::pool
