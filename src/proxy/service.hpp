// service.hpp: what all workers of one proxy share: the world behind it, who may log in, and what is counted.
//
// Made before the workers and destroyed after them. What changes while they run is atomic or guarded.
#pragma once

#include "config/description.hpp"
#include "core/io/tls.hpp"
#include "core/memory_bound.hpp"
#include "driver/pgwire/server_target.hpp"
#include "proxy/interned.hpp"
#include "proxy/session_settings.hpp"
#include "topology/world.hpp"
#include "wire/scram.hpp"
#include "wire/startup.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

class service {
public:
    explicit service(std::shared_ptr<topology::world> world);

    topology::world& world() const noexcept { return *world_; }
    // What all clients hold together is bounded by it.
    const std::shared_ptr<memory_bound>& memory() const noexcept { return memory_; }
    const config::serve_settings& settings() const noexcept { return world_->description().serve; }

    // Where statements may go, numbered: the shards, then the named databases.
    std::size_t places() const noexcept { return places_.size(); }
    const topology::member& place(std::size_t n) const noexcept { return *places_[n]; }
    std::size_t shards() const noexcept { return world_->shards().size(); }
    std::size_t place_of_database(std::string_view name) const noexcept;  // SIZE_MAX: none
    // Does what only reads go to replicas by itself?
    bool splits_reads() const noexcept { return splits_reads_; }
    bool has_replicas() const noexcept { return has_replicas_; }
    // The keys' way to the shards; nullptr: there are none.
    const keyspace::shard_map* map() const noexcept { return map_ ? &*map_ : nullptr; }
    // What clients get for the database's name; "": what the servers say.
    const std::string& shown_name() const noexcept { return shown_name_; }
    // Are the shards and the primary SQLite files?
    bool is_sqlite() const noexcept { return sqlite_; }

    // The verifier for this user; for an unknown one a mock that no password fits, with `known` false.
    wire::scram_verifier verifier_of(const std::string& user, bool& known) const;
    bool has_user(const std::string& user) const { return users_.find(user) != users_.end(); }
    // TLS to clients: nullptr until open_tls() has read the files, and where it is off. Any thread.
    std::shared_ptr<const io::tls_context> tls() const;
    // Reads the certificate's files, at the start and again later; on failure what was read before stays.
    status open_tls();
    bool trusts() const noexcept { return settings().auth_type == "trust"; }

    // What real servers greet with; empty before the first link was made.
    std::shared_ptr<const driver::pgwire::server_parameters> greeting() const;
    void set_greeting(std::shared_ptr<const driver::pgwire::server_parameters> what);

    // One object for all sessions of the same settings, whichever worker they are on: comparing pointers then tells, in the
    // common case, that a connection is set as a session needs it.
    std::shared_ptr<const proxy::settings> shared_settings(std::shared_ptr<const proxy::settings> what);

    // A connection to the place was found lost: its siblings that were last used before are looked at before they are used.
    void lost_one(std::size_t place, instant now) noexcept {
        lost_at_[place].store(now.time_since_epoch().count(), std::memory_order_relaxed);
    }
    instant last_loss(std::size_t place) const noexcept {
        return instant{instant::duration{lost_at_[place].load(std::memory_order_relaxed)}};
    }

    struct counters {
        std::atomic<std::uint64_t> clients{0};   // now, logged in
        std::atomic<std::uint64_t> consoles{0};  // the same of the console's
        std::atomic<std::uint64_t> clients_refused{0}, cancels{0};
    };
    counters counts;
    std::atomic<bool> draining{false};

private:
    std::shared_ptr<topology::world> world_;
    std::shared_ptr<memory_bound> memory_;  // shared with its accounts
    std::vector<const topology::member*> places_;
    std::vector<std::atomic<instant::rep>> lost_at_;  // by place
    std::optional<keyspace::shard_map> map_;
    std::string shown_name_;
    bool sqlite_ = false;
    bool splits_reads_ = false, has_replicas_ = false;
    std::map<std::string, wire::scram_verifier> users_;
    std::string secret_;  // for mock verifiers
    mutable std::mutex guard_;
    std::shared_ptr<const driver::pgwire::server_parameters> greeting_;
    std::shared_ptr<const io::tls_context> tls_;
    interned<std::map<std::string, std::string>, proxy::settings> settings_;
};

}  // namespace ashlar::proxy
