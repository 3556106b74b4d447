// share_rules.hpp: how many units of something bounded may be in use at once, and who is next when all are. Pure: each event
// is told, each answer is a value. share.cpp carries the answers out.
//
// Turns     First come, first served. A caller takes all units that it asks for at once, or waits: two callers that need
//           several units never wait for each other. Nobody overtakes a caller that waits for many units.
// Too many  A caller that asks for more units than there are gets all of them: it is then alone.
// Threads   Not safe: the owner holds a lock.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace ashlar::pool {

class share_rules {
public:
    enum class ticket : std::uint64_t {};

    // `most` units, one at least.
    explicit share_rules(std::uint32_t most) noexcept : most_(most == 0 ? 1 : most) {}

    // Nobody waits, and so many units are free: they are taken. False: nothing happened.
    bool take_now(std::uint32_t units) noexcept;
    // A caller that waits from now on; its grant will be among take_grants().
    ticket arrive(std::uint32_t units);
    // It waits no longer. False: it has been granted, and owns its units.
    bool leave(ticket who);
    void give_back(std::uint32_t units) noexcept;

    // Those that have got their units since. Empty after each call.
    std::vector<ticket> take_grants();

    std::uint32_t most() const noexcept { return most_; }
    std::uint32_t used() const noexcept { return used_; }
    std::uint32_t waiting() const noexcept { return static_cast<std::uint32_t>(waiting_.size()); }
    // What a caller that asks for `units` really takes, and gives back later.
    std::uint32_t counted(std::uint32_t units) const noexcept { return units < most_ ? units : most_; }

private:
    void settle();

    std::uint32_t most_;
    std::uint32_t used_ = 0;
    std::uint64_t tickets_ = 0;
    std::map<ticket, std::uint32_t> waiting_;  // ticket → units
    std::vector<ticket> granted_;
};

}  // namespace ashlar::pool
