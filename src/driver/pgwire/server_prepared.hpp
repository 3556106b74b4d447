// server_prepared.hpp: which statements one link has prepared at its server, and under which names. Pure.
//
// A key stands for everything that parsing depends on: the text, the parameter types, and where they can
// differ between borrowers, the role and settings too (TRAPS 8). It is compared whole, never by a hash alone:
// two statements that share a plan by accident would answer one with the other's rows. Least recently used
// goes first when the bound is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ashlar::driver::pgwire {

class server_prepared {
public:
    // `max`: above 0.
    explicit server_prepared(std::size_t max) noexcept : max_(max) {}
    // Views in the index point into the list's own strings.
    server_prepared(const server_prepared&) = delete;
    server_prepared& operator=(const server_prepared&) = delete;

    // The name of the statement at the server, now the most recently used; empty when it is not prepared here.
    std::string_view find(std::string_view key);

    struct place {
        std::string_view name;               // Parse under this name; valid until the statement is forgotten
        std::optional<std::string> evicted;  // and Close this one first
    };
    // Precondition: find(key) was empty. The statement counts as prepared from now on: when its Parse fails,
    // or is never answered, call forget().
    place add(std::string_view key);
    void forget(std::string_view key);
    // After DISCARD ALL or DEALLOCATE ALL. Names are never used again.
    void clear() noexcept;
    std::size_t size() const noexcept { return recent_.size(); }

private:
    struct entry {
        std::string key, name;
    };
    std::size_t max_;
    std::uint64_t next_ = 1;
    std::list<entry> recent_;  // the most recently used first
    std::unordered_map<std::string_view, std::list<entry>::iterator> by_key_;
};

}  // namespace ashlar::driver::pgwire
