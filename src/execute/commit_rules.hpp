// commit_rules.hpp: which databases one transaction may write together, and in which order they commit. Pure.
//
// Host     SQLite files join the transaction of the first one, the host. The host's commit commits all of them.
// Order    Participants that only read commit first, the one that wrote commits last: a commit that fails before it has
//          written nothing, and the rest is rolled back. Joined participants commit with their host.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ashlar::execute {

// What a participant has done, as far as its commit is concerned.
struct commit_part {
    bool wrote = false;
    bool is_host = false;  // others may join its transaction
    bool joined = false;   // it is in the host's transaction, and ends with it

    constexpr bool with_host() const noexcept { return is_host || joined; }
};

// Two participants that write: do they commit as one?
constexpr bool commit_as_one(const commit_part& a, const commit_part& b) noexcept {
    return a.with_host() && b.with_host();
}

// Does the commit of this participant keep changes? Else its loss is no doubt about what was kept.
bool commits_changes(std::span<const commit_part> all, std::size_t which);

// The participants that commit by themselves, as indices, in their order. The host counts as a writer when one that joined it
// wrote.
std::vector<std::size_t> commit_order(std::span<const commit_part> all);

}  // namespace ashlar::execute
