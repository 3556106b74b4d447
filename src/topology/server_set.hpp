// server_set.hpp: the servers of one database, its primary and its replicas, each with its pool: which of them takes writes,
// which are fit to be read from, and which are not asked for a while because they keep failing.
//
// Roles     With replicas, a monitor asks all servers every check_interval; role_rules name the writer. When a connection of
//           the writer's is lost, or none can be made, nobody writes before the servers have been asked again: so an old
//           primary that comes back takes no write.
// Fit       A replica that answers, applies, follows the writer's timeline and is no more than max_lag behind.
// Reading   Among the fit those that show what the reader wrote (reading_terms), by policy. While somebody waits for that, the
//           servers are asked every sample_interval. None: the writer, primary_reads_max at once, the others wait; or refused.
// Silence   A server that the monitor's last look got no answer from is silent. Reads that wait for it are to be ended by
//           their owners and asked elsewhere. A server is in doubt once its pool has waited for an answer for doubt_after.
// Breaker   One for each server, fed by those who used it: failed() and well().
// Gate      Closed until the gatekeeper, if there is one, has looked at the database: who asks before is let wait for that look.
// Alone     A database without replicas costs a look at one atomic: its server is the writer, and is asked only
//           while its breaker is not closed.
// Threads   All members from any thread, but for watch(), which is called once.
#pragma once

#include "config/description.hpp"
#include "health/alert_rules.hpp"
#include "health/breaker.hpp"
#include "health/lag_rules.hpp"
#include "health/role_rules.hpp"
#include "pool/pool.hpp"
#include "pool/share.hpp"
#include "topology/alert_desk.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::topology {

struct server {
    std::string name;  // "shard_1" for the configured primary, "shard_1/replica_2"
    const config::endpoint* where = nullptr;
    std::shared_ptr<pool::pool> pool;  // shared with its leases
    std::uint32_t weight = 1;
};

// What a reader demands of a replica beyond being fit.
struct reading_terms {
    instant wrote_at = instant::min();            // its own last write, acknowledged before: the replica must show it
    const health::log_position* after = nullptr;  // the same from another process
    std::optional<milliseconds> max_staleness;    // what it reads was the latest so long ago at most
    std::uint64_t avoid = 0;                      // bit n: server n has just failed this reader
    reading_terms() = default;
};

// How a server stands, for people and metrics.
struct server_state {
    std::string name;
    bool writer = false, fit = false;
    std::string why;  // it is not fit, or nobody may write
    milliseconds lag{0};
    std::uint64_t behind = 0;  // bytes or transactions
    health::breaker::state breaker = health::breaker::state::closed;
    std::optional<microseconds> latency;  // of the last look; none: no answer
    pool::pool_counts pool;
};

struct loan {
    pool::share::permit instead;  // of a replica; lives as long as the lease
    pool::lease lease;
    std::size_t server = 0;
    bool from_replica = false;
};

// Says whether a database may be used: that it is the one that is meant. It outlives the sets that it guards.
class gatekeeper {
public:
    // Any thread. Success: the set's gate is open.
    virtual task<status> admit(io::loop& loop, std::string database, deadline until) = 0;

protected:
    ~gatekeeper() = default;
};

class server_set {
public:
    // The first server is the configured primary. 64 at most.
    server_set(std::string database, std::vector<server> servers, const config::replica_settings& how,
               health::breaker_options breaking);

    const std::vector<server>& servers() const noexcept { return servers_; }
    bool is_alone() const noexcept { return servers_.size() == 1; }

    // Who takes writes, if nothing has to be waited or asked for; else lend_to_write().
    std::optional<std::size_t> writer_now() const noexcept;
    // A replica to read from; nullopt: none is fit for these terms. Somebody who then reads from the writer, or waits,
    // makes the monitor look more often.
    std::optional<std::size_t> replica_now(const reading_terms& terms, instant now);
    // The connection of one is used now: the next reader's turn.
    void took_replica() noexcept { turn_.fetch_add(1, std::memory_order_relaxed); }

    // Closes the gate. Before anything is lent.
    void guard_by(gatekeeper& keeper);
    void open_gate() noexcept { gate_open_.store(true, std::memory_order_release); }
    void close_gate() noexcept { gate_open_.store(false, std::memory_order_release); }
    bool gate_is_open() const noexcept { return gate_open_.load(std::memory_order_acquire); }
    // Done at once when the gate is open; else asks the gatekeeper, and fails with what it says.
    task<status> pass_gate(io::loop& loop, deadline until);
    // For the gatekeeper, and to read what a database has: the writer, or where nobody may write any server that answers.
    task<result<loan>> lend_to_look(io::loop& loop, deadline until);
    // For the gatekeeper: as lend_to_write() with the gate open.
    task<result<loan>> lend_writer(io::loop& loop, deadline until, pool::borrower who = pool::borrower::one_database);

    // Fail with what pool::lend says, what the gatekeeper says, and with shard_unavailable: nobody may write, the breaker is
    // open, no replica is fit.
    // pool_timeout also when too many reads wait for the writer in place of a replica.
    task<result<loan>> lend_to_write(io::loop& loop, deadline until, pool::borrower who = pool::borrower::one_database);
    task<result<loan>> lend_to_read(io::loop& loop, reading_terms terms, deadline until,
                                    pool::borrower who = pool::borrower::one_database);

    // Does the writer answer, as far as is known? For statements that any database can answer.
    bool seems_well(instant now);
    // Did the last look get no answer from this server?
    bool is_silent(std::size_t which) const noexcept { return marks_[which].silent.load(std::memory_order_relaxed); }
    // Somebody waits for an answer of it: a look is taken if it is in doubt.
    bool is_in_doubt(std::size_t which, instant now);

    // What became of using a server.
    void failed(std::size_t which, const error& why);
    void well(std::size_t which) {
        if (!marks_[which].breaker.is_spotless()) note_well(which);
    }

    std::vector<server_state> states() const;
    // How often another one has taken the writes.
    std::uint64_t failovers() const noexcept { return failovers_.load(std::memory_order_relaxed); }
    // The same after a look that begins now; what the last one found when `until` passes before it has ended.
    task<std::vector<server_state>> check(io::loop& loop, deadline until);
    // The writer's position now: whatever was acknowledged before the call stands before it.
    task<result<health::log_position>> position(io::loop& loop, deadline until);

    // From now on the servers are looked at always, and what changes is told there. Before watch(); `desk` outlives this.
    void tell_changes_to(alert_desk& desk);
    // The monitor, on a loop of its owner's; ends after stop().
    task<status> watch(io::loop& on);
    void stop();

private:
    // What is read without the lock.
    struct mark {
        explicit mark(health::breaker_options o) : breaker(o) {}
        std::atomic<bool> fit{false};
        std::atomic<instant::rep> as_of{instant::min().time_since_epoch().count()};
        std::atomic<instant::rep> seen_at{instant::min().time_since_epoch().count()};
        std::atomic<std::int64_t> lag_ms{0};
        std::atomic<bool> silent{false}, doubted{false};
        std::atomic<instant::rep> doubt_at{instant::min().time_since_epoch().count()};  // when `doubted` was found
        std::atomic<instant::rep> asked_at{instant::min().time_since_epoch().count()};  // for a look because of doubt
        health::breaker breaker;  // guarded, but for what it allows any thread
        bool is_down = false;     // as the log has it; guarded
    };
    struct watching;
    static constexpr int nobody = -1;

    bool may_read(std::size_t which, const reading_terms& terms, instant now) const;
    std::size_t pick(const std::vector<std::size_t>& among);
    void note_well(std::size_t which);
    error cannot_write() const;
    error broken(std::size_t which) const;
    health::breaker::verdict ask_breaker(std::size_t which);
    task<result<std::size_t>> writer(io::loop& loop, deadline until);
    task<result<loan>> lend_server(io::loop& loop, std::size_t which, deadline until, pool::borrower who);
    task<result<pool::share::permit>> read_from_primary(io::loop& loop, deadline until);
    task<result<pool::lease>> lend_unless_silent(io::loop& loop, std::size_t which, deadline until, pool::borrower who);
    task<std::optional<result<pool::lease>>> lend_one(io::loop& loop, std::size_t which, deadline until,
                                                      pool::borrower who);
    task<std::optional<result<pool::lease>>> await_silence(io::loop& loop, std::size_t which);
    task<bool> await_look(io::loop& loop, deadline until);
    void want_fresher(instant now);
    task<void> look(io::loop& on, watching& w);
    task<void> ask(io::loop& on, watching& w, std::size_t which);
    void conclude(watching& w);
    void tell_changes(watching& w, instant now);
    void judge(watching& w, std::size_t which, std::optional<std::size_t> writer);
    bool wants_looks() const;

    const std::string database_;
    const std::vector<server> servers_;
    const config::replica_settings how_;
    std::deque<mark> marks_;                      // by server; never grows
    std::shared_ptr<pool::share> primary_reads_;  // shared with the leases
    std::atomic<int> writer_;                     // nobody: see trouble_
    std::atomic<bool> suspect_{false};            // nobody writes before the next look
    std::atomic<bool> gate_open_{true};
    gatekeeper* keeper_ = nullptr;
    std::atomic<std::uint32_t> turn_{0};
    std::atomic<std::uint64_t> failovers_{0};
    std::atomic<instant::rep> fresher_until_{instant::min().time_since_epoch().count()};
    std::atomic<bool> asked_{false};  // for a look that nobody else wants
    std::atomic<bool> stopped_{false};
    io::signal wake_;

    mutable std::mutex guard_;  // of all below, and of the breakers
    health::role_rules roles_;
    health::sample_history history_;
    std::vector<server_state> states_;
    std::vector<health::log_position> positions_;
    std::string trouble_;
    std::optional<std::size_t> last_writer_;
    alert_desk* desk_ = nullptr;
    std::vector<health::alert_rules> alerts_;           // by server
    instant looked_at_ = instant::min();                // when the last look that has ended began
    instant suspected_at_ = instant::min();             // a look that began before proves nothing
    std::vector<std::shared_ptr<io::signal>> waiting_;  // shared with those who wait
};

}  // namespace ashlar::topology
