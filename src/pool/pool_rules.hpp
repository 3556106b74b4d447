// pool_rules.hpp: every decision of a pool, without connections, I/O, clock or lock. Pure: each event is told with the
// time at which it happened, each answer is a value. pool.cpp carries the answers out.
//
// Slots     A slot stands for one connection, from the permission to open it until it is closed.
// Turns     A caller has a turn from arrive() until it holds a lease or gives up. Its number is its place in the queue:
//           lower numbers go first, and a turn that comes back (its connection proved dead) keeps its place.
// Failing   After a failed connect nobody tries again before retry_at(), and then one alone, until one succeeds.
//           Meanwhile callers are refused at once if nothing is open, and wait for what is open otherwise.
// Room      Where the server has a cap (cap_rules), a connection is opened only with room that the owner has put in.
// Threads   None of its business: the owner holds a lock.
#pragma once

#include "pool/pool_options.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace ashlar::pool {

enum class slot_number : std::uint32_t {};
enum class turn_number : std::uint64_t {};

// Where a connection is bound or a borrower runs: the loop's identity, never looked into.
using place = const void*;

// What must be done to a connection before it may be used.
enum class chore : std::uint8_t {
    none,
    check,  // it was idle long, or others have died: ping it
    reset,  // its last borrower left it in a transaction or with session state
};

// How its borrower left a connection.
enum class condition : std::uint8_t {
    clean,
    dirty,      // to be reset before its next borrower
    broken,     // the server went away, or the connection is in a state that nothing mends
    discarded,  // the borrower wants it closed; says nothing of the server
    not_ours,   // another pool of the server is to have its room
};

enum class closed_because : std::uint8_t { broken, discarded, too_old, stopped, gave_way };

// An answer to a borrower.
struct grant {
    enum class kind : std::uint8_t {
        wait,            // in the queue now
        lend,            // `slot` is yours once `needs` is done
        open,            // open a connection for `slot`
        look_again,      // you are first in the queue: call look() when retry_at() has come
        refuse_full,     // the queue is full
        refuse_failing,  // nothing is open and the server refuses connections
        refuse_stopped,
    };
    kind what = kind::wait;
    turn_number turn{};
    slot_number slot{};
    chore needs = chore::none;
    grant() = default;
    grant(kind k, turn_number t, slot_number s = {}, chore n = chore::none) noexcept
        : what(k), turn(t), slot(s), needs(n) {}
};

// What the housekeeper has to do now.
struct chores {
    std::vector<slot_number> close;  // these slots are gone already: destroy their connections
    std::vector<slot_number> reset;
    std::optional<slot_number> open;
    instant look_again;  // call housekeep() again no later
};

class pool_rules {
public:
    // `seed` draws the connections' ends. `needs_room`: the server has a cap.
    pool_rules(pool_options options, std::uint64_t seed, bool needs_room = false);

    // --- callers -----------------------------------------------------------------------------------------------------

    // A new caller. kind::wait: the answer will be among take_grants() one day.
    grant arrive(place where, instant now);
    // What arrive() would lend without a chore; nothing: ask by arrive().
    std::optional<slot_number> lend_ready(place where, instant now);
    // How long a connection that was lent just now had been idle; of no meaning for a new one.
    microseconds idle_before(slot_number slot) const noexcept;
    // The same caller once more, at its old place in the queue, after what it got was of no use.
    grant come_back(turn_number turn, place where, instant now);
    // A caller leaves without a lease: too late, or cancelled. Most often it is in the queue.
    void give_up(turn_number turn, bool too_late, instant now);
    // The caller who was told to look again does.
    void look(instant now) { settle(now); }
    // Answers for callers in the queue that became possible by what happened since. Empty after each call.
    std::vector<grant> take_grants();

    // --- connections -------------------------------------------------------------------------------------------------

    // The slot's connection is open. Its opener holds it as a lease (`kept`), or it is free for all.
    // False: the pool has stopped meanwhile; close it.
    bool opened(slot_number slot, bool kept, place where, instant now);
    // The server refused. The slot is gone.
    void open_failed(slot_number slot, instant now);
    // The opener went away before the end; nothing is known of the server. The slot is gone. An attempt that
    // had begun is repeated once by the housekeeper, with all of connect_timeout, lest impatient callers keep
    // a slow server's pool empty for ever.
    void open_abandoned(slot_number slot, bool had_begun, instant now);
    // What the slot's chore came to. Not well: the slot is gone, and others are suspected of the same; a
    // borrower who did the chore must come_back() or give_up() next. False: the connection is to be closed.
    bool chore_done(slot_number slot, bool well, place where, instant now);
    // A lease came back. Engaged: the slot is gone, close the connection.
    std::optional<closed_because> returned(slot_number slot, condition as, place where, instant now);
    // A caller to whom the slot was lent never took it. Engaged: as above.
    std::optional<closed_because> declined(slot_number slot, instant now);

    // --- room, where the server has a cap ----------------------------------------------------------------------------

    // A caller who comes now, or comes back, would open a connection if there were room.
    bool would_open(instant now) const noexcept { return idle_.empty() && may_open_with_room(now); }
    // The same for the housekeeper.
    bool wants_more(instant now) const noexcept;
    // Since when the first in the queue waits who would; nothing: nobody.
    std::optional<instant> wants_room(instant now) const noexcept;
    // One connection more may be opened: by the first in the queue, or whoever asks next.
    void put_room(instant now);
    // What of it nobody needs.
    std::uint32_t take_room_back() noexcept { return std::exchange(room_, 0U); }
    // When the connection that is idle longest was used; max(): none is idle.
    instant longest_idle() const noexcept;
    // That one is given up (it is gone, close it).
    std::optional<slot_number> give_way();
    std::optional<instant> first_waits_since() const noexcept;

    // --- housekeeping ------------------------------------------------------------------------------------------------

    chores housekeep(instant now);
    // Gives up all idle slots (they are gone, close them) and refuses all callers from now on.
    std::vector<slot_number> stop(instant now);

    // --- questions ---------------------------------------------------------------------------------------------------

    pool_counts counts(instant now) const;
    // By slot; nullopt for one without a connection. What the rules do not know is left as it is.
    std::vector<std::optional<connection_facts>> connections() const;
    instant retry_at() const noexcept { return retry_at_; }
    bool is_failing() const noexcept { return failing_; }
    bool is_stopped() const noexcept { return stopped_; }
    bool is_empty() const noexcept { return open_ == 0; }
    bool has_waiters() const noexcept { return !waiting_.empty(); }
    // Since when it owes an answer: the longest lease that began after the last time that a connection came back, proved
    // alive or logged in. nullopt: none. A borrower that is slow by itself looks the same.
    std::optional<instant> unanswered_since() const noexcept;
    bool has_idle() const noexcept { return !idle_.empty(); }
    std::uint32_t open() const noexcept { return open_; }
    // Something is there that the housekeeper should do before its next round.
    bool wants_housekeeping() const noexcept;

private:
    enum class state : std::uint8_t {
        absent,   // no connection; the slot may be used for a new one
        opening,  // somebody opens it: opened(), open_failed(), open_abandoned()
        idle,     // in idle_, to be lent
        lent,     // with a borrower, or promised to one: returned(), declined()
        tended,   // with the housekeeper for a chore: chore_done()
    };
    struct slot_facts {
        state now = state::absent;
        bool dirty = false;
        place where = nullptr;
        instant ends;       // its lifetime is over then
        instant last_used;  // when it was opened, returned or found alive
        instant lent_at;
    };
    struct waiter {
        place where;
        instant since;
    };

    slot_facts& facts(slot_number slot) { return slots_[static_cast<std::size_t>(slot)]; }
    std::optional<grant> answer_now(turn_number turn, place where, instant now);
    std::vector<slot_number>::iterator best_idle(place where);
    slot_number take_idle(std::vector<slot_number>::iterator at);
    bool may_open(instant now) const noexcept { return has_room() && may_open_with_room(now); }
    bool may_open_with_room(instant now) const noexcept;
    bool has_room() const noexcept { return !needs_room_ || room_ > 0; }
    slot_number new_slot();
    void release(slot_number slot) noexcept;
    void make_idle(slot_number slot, instant now);
    void lend_to(slot_number slot, instant now);
    chore chore_of(const slot_facts& s, instant now) const noexcept;
    void settle(instant now);
    void hand_out(const grant& g, instant now);
    void connected() noexcept;
    void failed(instant now) noexcept;

    const pool_options options_;
    const bool needs_room_;
    std::mt19937_64 random_;

    std::vector<slot_facts> slots_;
    std::vector<slot_number> absent_;
    std::vector<slot_number> idle_;  // the one used last at the end
    std::uint32_t open_ = 0;         // slots that are not absent
    std::uint32_t opening_ = 0;
    std::uint32_t dirty_idle_ = 0;
    std::uint32_t room_ = 0;  // for connections to be opened
    bool crowded_ = false;    // the housekeeper wants to open more and found no room

    std::map<turn_number, waiter> waiting_;
    std::vector<grant> granted_;
    std::uint64_t turns_ = 0;
    std::optional<turn_number> lookout_;  // who was told to look again

    bool stopped_ = false;
    bool failing_ = false;
    milliseconds backoff_{0};
    instant retry_at_{};
    instant answered_at_{};     // the server did, for certain
    instant suspect_before_{};  // connections last used earlier may have died with another
    std::uint32_t owed_ = 0;    // openings that an impatient caller gave up

    std::uint64_t lent_ = 0, waits_ = 0, timeouts_ = 0, refused_ = 0, opened_ = 0, closed_ = 0, failed_connects_ = 0;
    microseconds wait_time_{0};
};

}  // namespace ashlar::pool
