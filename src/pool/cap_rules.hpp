// cap_rules.hpp: how the pools of one server share the connections that may be open to it. Pure: each event is told, each
// answer is a value; no pool is known here but by its number. server_cap.cpp carries the answers out.
//
// Room      The permission to have one connection open. A pool holds one for each of its connections, from before its
//           login until the server has seen its end.
// Turns     A pool that needs room says since when its first caller waits. Room goes to whoever waits longest, over all pools.
// Idle      Where there is no room, somebody's idle connection is to be closed: the order `make_room`. Where none is idle,
//           the next one that a caller gives back is (yields()), unless its own pool's first caller came earlier.
// Slack     Closing a connection to log in again next door is dear. So a pool that waits, has connections of its own and
//           no fewer than the other (but one) gets none from it before it has waited `slack` longer.
// Threads   None of its business: the owner holds a lock.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace ashlar::pool {

enum class pool_number : std::uint32_t {};

class cap_rules {
public:
    static constexpr milliseconds slack{250};

    // `most` rooms, one at least.
    explicit cap_rules(std::uint32_t most) : most_(most) {}

    pool_number enter();
    // The pool is no more, nor are its connections.
    void leave(pool_number who);

    // --- who needs room

    // Its first caller came at `since`. True: it has the room at once. False: a grant will come, unless unwant() does;
    // repeated, it tells of another first caller.
    bool want(pool_number who, instant since);
    void unwant(pool_number who);
    // For those whom nobody waits for. True: there was room that nobody else waited for.
    bool take_free(pool_number who);

    // --- what becomes of it

    // One of the pool's connections is being closed; gone() follows.
    void leaving(pool_number who);
    void gone(pool_number who, bool was_leaving);
    // A connection is free in this pool, whose own first caller came at `own_first`, if there is one. True: it is to be closed
    // for another pool, and counts as leaving from now on.
    bool yields(pool_number who, std::optional<instant> own_first);
    // The search that was ordered has ended.
    void searched() { --searching_; }

    // --- what has to be done

    struct order {
        enum class kind : std::uint8_t {
            none,
            grant,      // `to` has room for one more connection
            make_room,  // close the connection that is idle longest, of all pools: leaving(); then searched()
        };
        kind what = kind::none;
        pool_number to{};
    };
    bool has_order() const noexcept;
    order next();

    // --- questions

    // Somebody waits for whom nothing is on the way yet.
    bool is_contended() const noexcept { return waiting_ > free() + leaving_; }
    bool is_full() const noexcept { return held_ >= most_; }
    std::uint32_t most() const noexcept { return most_; }
    std::uint32_t held() const noexcept { return held_; }
    std::uint32_t held_by(pool_number who) const { return pools_[index_of(who)].held; }

private:
    struct facts {
        std::uint32_t held = 0;     // rooms, those of the leaving among them
        std::uint32_t leaving = 0;  // connections on their way out
        std::optional<instant> since;
        bool searched = false;  // for this want
        bool is_gone = false;
    };
    static std::size_t index_of(pool_number who) noexcept { return static_cast<std::size_t>(who); }
    facts& of(pool_number who) { return pools_[index_of(who)]; }
    std::uint32_t free() const noexcept { return most_ - held_; }
    const facts* first_waiting(const facts* but = nullptr) const noexcept;
    void grant(facts& to) noexcept;

    const std::uint32_t most_;
    std::vector<facts> pools_;
    std::uint32_t held_ = 0, leaving_ = 0;  // over all pools
    std::uint32_t waiting_ = 0;             // pools with `since`
    std::uint32_t unsearched_ = 0;          // of these, for whom nobody has searched yet
    std::uint32_t searching_ = 0;
};

}  // namespace ashlar::pool
