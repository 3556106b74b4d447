// session_defaults.hpp: with what every session of a cluster begins, on whatever server, so that all of them read a literal
// alike and write a value alike.
//
// The values are those of the reference server, which is the first of a list to answer, as a session there begins with them by
// its configuration file, ALTER DATABASE and ALTER ROLE; what the configuration names wins. They are read once, by the first
// who connects to any server, and stay for the life of the process: later clients are told what earlier ones were.
//
// Threads   All members from any thread, but what stands under "before".
#pragma once

#include "core/io/loop.hpp"
#include "driver/session_values.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace ashlar::driver {

class driver;
class connection;

class session_defaults {
public:
    using values_ptr = std::shared_ptr<const session_values>;

    // --- before anybody connects
    void use_configured(session_values given) { configured_ = std::move(given); }
    // In the order in which they are asked; kept only as long as their owners keep them.
    void add_source(std::string name, const std::shared_ptr<driver>& server) {
        sources_.push_back({std::move(name), server});
    }
    bool has_sources() const noexcept { return !sources_.empty(); }

    // The values. Whoever comes first asks; others wait for it. Fails with the first source's failure when all fail.
    task<result<values_ptr>> values(io::loop& loop, deadline until);
    // nullptr: not known yet.
    values_ptr known() const;

private:
    struct source {
        std::string name;
        std::weak_ptr<driver> server;
    };
    struct asking;  // ends whatever becomes of the one who asks
    task<result<values_ptr>> ask(io::loop& loop, deadline until);

    session_values configured_;
    std::vector<source> sources_;
    mutable std::mutex guard_;  // of all below
    values_ptr known_;
    bool asked_ = false;
    std::vector<std::shared_ptr<io::signal>> waiting_;
};

// One for each server: opens its sessions as the defaults say, and refuses a server that keeps others.
class session_opener {
public:
    // Before the first open(). Without it a session begins as the server has it.
    void use(std::shared_ptr<session_defaults> defaults) { defaults_ = std::move(defaults); }

    // `on` makes connections that begin with given values. One round trip more than a connect.
    task<result<std::unique_ptr<connection>>> open(driver& on, io::loop& loop, deadline until);

private:
    task<result<std::vector<std::string>>> differing(connection& of, const session_values& from, deadline until) const;
    session_values to_send(const session_values& all) const;

    std::shared_ptr<session_defaults> defaults_;
    mutable std::mutex guard_;
    std::set<std::string> checked_to_send_;  // the server has other values of these by itself
};

}  // namespace ashlar::driver
