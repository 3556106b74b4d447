// transaction.hpp: the databases that take part in one transaction: which may be written together, which joins which, and how
// the transaction ends on all of them. The same code for the library and the proxy.
//
// The owner keeps the participants, in a list of its own type derived from `participant`, with what only it needs beside them:
// the proxy has settings on each connection, the library has none.
// Threads   One: the owner's.
#pragma once

#include "driver/connection.hpp"
#include "execute/commit_rules.hpp"
#include "topology/server_set.hpp"
#include "topology/world.hpp"

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace ashlar::execute {

// A database that takes part.
struct participant {
    const topology::member* where = nullptr;
    topology::loan loan;                         // a connection of its own …
    std::unique_ptr<driver::connection> joined;  // … or one in the host's transaction
    bool in_block = false;                       // its transaction has begun on the server
    bool is_host = false;                        // others of its engine join its transaction
    bool wrote = false;

    driver::connection& on() const noexcept { return joined ? *joined : *loan.lease; }
    commit_part part() const noexcept { return {wrote, is_host, joined != nullptr}; }
};

template <class List>
concept participant_list = std::derived_from<typename List::value_type, participant>;

// Can databases like this one be written in one transaction?
bool commits_with_others(const topology::member& m) noexcept;

// One transaction would write on both, and they do not commit as one.
error two_writers(const topology::member& a, const topology::member& b);

// The participant whose transaction others join; nullptr: none yet.
template <participant_list List>
auto host_of(List& all) noexcept -> decltype(&*all.begin()) {
    for (auto& each : all) {
        if (each.is_host) return &each;
    }
    return nullptr;
}

// May the transaction write on `where`, which is, or would be, part of the host's transaction or not? Fails with unsupported.
template <participant_list List>
status may_write(const List& all, const topology::member& where, bool with_host) {
    commit_part self;
    self.joined = with_host;
    for (const auto& each : all) {
        if (!each.wrote || each.where == &where || commit_as_one(each.part(), self)) continue;
        return two_writers(*each.where, where);
    }
    return {};
}

// A connection for `where` in the host's transaction. nullptr: it cannot join, and takes part with a transaction of its own;
// only when `must` is false. Fails with what the gate and the driver say.
task<result<std::unique_ptr<driver::connection>>> join(io::loop& loop, const topology::member& where,
                                                       driver::connection& host, bool must, deadline until);

// What joined participants wrote counts as the host's from now on. Before they are dropped, which is before the host is used for
// anything else.
template <participant_list List>
void credit_host(List& all) noexcept {
    bool wrote = false;
    for (const auto& each : all) wrote = wrote || (each.joined != nullptr && each.wrote);
    if (auto* host = host_of(all); host != nullptr && wrote) host->wrote = true;
}

enum class ending { commit, rollback };

// How a transaction ended.
struct outcome {
    bool committed = false;    // nothing was rolled back that was to be committed
    std::optional<error> why;  // the first commit that failed, with its database
};

// Called after each participant has ended, with how it should have ended and what came of it.
using ended_hook = std::function<void(participant&, ending, const status&)>;

// Ends the transaction on every participant that has begun it, in commit_order(). The first commit that fails turns the rest
// into rollbacks. A failed rollback is no error: the server rolls back what its connection loses. A connection that is still
// in a transaction afterwards, or is unusable, is closed: its participant has no lease any more.
// Precondition: joined participants are gone, see credit_host(). The others stay where they are meanwhile.
task<outcome> end(std::vector<participant*> all, ending how, ended_hook hook, deadline until);

// All of a list, for end().
template <participant_list List>
std::vector<participant*> pointers_to(List& all) {
    std::vector<participant*> out;
    out.reserve(all.size());
    for (auto& each : all) out.push_back(&each);
    return out;
}

}  // namespace ashlar::execute
