// world.hpp: which databases exist, each with the pool that lends connections to it, and what tables they hold.
//
// Made once from a description; immutable but for its pools' own life and the catalogue, which is re-read as a whole.
//
// Life      open() makes drivers and pools and does no I/O. start() runs the pools' housekeeping on a thread of its
//           own. stop() ends the pools and the thread; the destructor does so too.
// Threads   All members from any thread. catalogue() gives an immutable snapshot that stays valid while it is held.
#pragma once

#include "config/description.hpp"
#include "core/oid_map.hpp"
#include "driver/oid_source.hpp"
#include "pool/pool.hpp"
#include "route/catalogue.hpp"
#include "topology/server_set.hpp"
#include "topology/table_differences.hpp"

#include <ashlar/result.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::topology {

// One database: a shard or a named one.
struct member {
    std::string name;        // "shard_3", "primary"
    std::size_t number = 0;  // among all: the shards, then the named ones
    const config::database* described = nullptr;
    std::shared_ptr<pool::pool> pool;     // of the configured primary
    std::shared_ptr<server_set> servers;  // shared with nobody; a member is copied when the lists are made
};

// Makes the driver for one server. The proxy puts its own wire link here for PostgreSQL; the library takes the default.
using driver_factory =
    std::function<result<std::shared_ptr<driver::driver>>(const config::endpoint&, const config::pool_settings&)>;
// SQLite, libpq and libmariadb.
result<std::shared_ptr<driver::driver>> default_driver(const config::endpoint& where, const config::pool_settings& how);

class world final : public driver::oid_source {
public:
    // Fails with config_invalid for what only shows when all is put together: shards of several engines, a
    // primary of another engine than the shards, a key type that the function cannot place.
    // `also`: told of each change of a server's health, beside [alerts].
    static result<std::shared_ptr<world>> open(config::description from,
                                               const driver_factory& make_driver = default_driver,
                                               alert_desk::callback also = {});
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    void start();
    void stop();

    const config::description& description() const noexcept;
    const std::vector<member>& shards() const noexcept;        // in the order of their numbers
    const std::vector<member>& databases() const noexcept;     // the named ones
    const member& shard(keyspace::shard_id id) const;          // precondition: the id is of this world's map
    const member* find(std::string_view name) const noexcept;  // a shard or a named database; nullptr for none

    // The primary when its SQL is not planned (MySQL): statements of the cluster itself go there as they are. Else nullptr.
    const member* takes_everything() const noexcept;

    // Opens the connections that a pool keeps (min_connections, one at least) and runs its warm_up on each, on all pools
    // at once; pools without warm_up are left to their housekeeping. Success, or the first failure of a pool that requires it;
    // the others' failures are logged.
    task<status> warm_up(io::loop& loop, deadline until);

    // Reads tables, columns, collations and functions from the shards and the primary, all at once, and makes the catalogue of
    // what those say that answer. Tables that differ from shard to shard stand in it with their differences. A database
    // that has never answered lends no connection before it has been looked at: that is tried when one is asked for, and
    // by the next read. Fails when none answers, and with what only a person can mend (login_failed, database_unknown,
    // config_invalid …); the catalogue is made of the others all the same.
    task<status> read_catalogue(io::loop& loop, deadline until);
    // The same again because of a refusal that a newer catalogue may end, no more often than once a second. True: it was read.
    task<bool> read_catalogue_again(io::loop& loop, deadline until);
    // Are there relations or functions of these names on the primary or the first shard that the catalogue does not have? Then it is
    // read again. True: there were, and it has been read.
    task<bool> look_for(io::loop& loop, std::vector<std::string> names, deadline until);
    // Before anything of a shard is used, its mark is held against the configuration (shard_mark.hpp): config_invalid says what
    // differs. A shard without one gets its mark if its rows fit the map.
    // What the last reading found.
    std::vector<table_difference> differences() const;
    // Shards that take part without a mark, and why none could be stored; by name. Their rows are sampled at each start.
    std::map<std::string, std::string, std::less<>> unmarked() const;
    // Shards, and the primary, that have never answered, and why; by name.
    std::map<std::string, error, std::less<>> unread() const;
    // Reads the numbers of a database's own types and relations again, and those of the catalogue database, where some are
    // missing: made directly on the servers since the catalogue was read. On connections of its own, so that callers who
    // hold those of the pools do not wait for each other; no more often than learning_rules say. True: all are known now,
    // and the catalogue has grown.
    task<bool> learn_oids(io::loop& loop, std::string database, missing_oids what, deadline until) override;
    std::shared_ptr<const oid_map> oids_of(const std::string& database) const override;
    std::shared_ptr<const type_book> own_types() const override;
    // With what every PostgreSQL server's sessions begin; nullptr: none has been asked yet, or there is none.
    std::shared_ptr<const driver::session_values> session_defaults() const;
    // The same, asked for when need be.
    task<status> learn_session_defaults(io::loop& loop, deadline until);

    // The latest; before the first read it knows only what the description says: kinds and shard keys, no columns.
    std::shared_ptr<const route::catalogue> catalogue() const;
    std::uint64_t catalogue_version() const noexcept;  // of that; cheap, from any thread

private:
    world();
    struct inside;
    std::unique_ptr<inside> inside_;
};

}  // namespace ashlar::topology
