// world_inside.hpp: what a world keeps: its members, the thread that keeps house, the catalogue and who is reading it. Private to
// this room: world.cpp has the members' life, world_catalogue.cpp the reading, world_marks.cpp the shards' marks, world_oids.cpp the
// numbers of own types, world_watch.cpp what changes on the servers.
#pragma once

#include "core/io/loop.hpp"
#include "driver/session_defaults.hpp"
#include "topology/catalogue_builder.hpp"
#include "topology/learning_rules.hpp"
#include "topology/mark_table.hpp"
#include "topology/row_sample.hpp"
#include "topology/world.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace ashlar::topology {

struct world::inside final : gatekeeper {
    config::description description;
    std::optional<keyspace::shard_map> map;
    map_description configured;
    std::unique_ptr<alert_desk> desk;
    std::vector<member> shards, databases;
    std::shared_ptr<driver::session_defaults> sessions = std::make_shared<driver::session_defaults>();

    std::mutex building;  // held before `guard`, by who makes a catalogue of what was read
    readings said;        // the last that each database said of itself; guarded by `building`
    bool was_built = false;
    std::vector<shard_standing> standings;  // of the shards' marks, in their order; guarded by `building`
    std::string cluster_id;                 // that the marks name; empty: none is known yet; likewise
    std::vector<std::string> unmarked;      // why a shard that takes part has no mark; likewise
    std::atomic<instant::rep> began_at{instant::min().time_since_epoch().count()};  // the last reading of all

    mutable std::mutex guard;  // of all below, to the loop
    std::shared_ptr<const route::catalogue> catalogue;
    std::atomic<std::uint64_t> catalogue_version{1};      // of that, for those who only ask whether it is another one
    std::vector<bool> adopted;                            // shards without a mark whose rows were found to fit
    std::vector<table_difference> differences;            // that it was made with
    std::map<std::string, error, std::less<>> unread;     // who has not said anything yet, and why
    std::set<std::string, std::less<>> present;           // whose presence alone was asked, and who has answered
    std::map<std::string, instant, std::less<>> read_at;  // when the reading began that `said` has
    std::map<std::string, instant, std::less<>> learnt;   // the same for databases whose numbers were read again since
    std::map<std::string, std::string, std::less<>> tokens;  // of the schemas that `said` has, by database

    std::unique_ptr<io::loop> loop;
    std::thread housekeeper;

    // Who reads a database's numbers again, and who waits for it.
    struct learning {
        learning_rules rules;
        std::vector<std::shared_ptr<io::signal>> waiting;
    };
    std::mutex learning_guard;
    std::map<std::string, learning, std::less<>> learnings;

    // Who waits for one database to be looked at for the first time.
    struct admission {
        bool under_way = false;
        instant failed_at = instant::min();
        std::optional<error> why;  // it failed
        std::vector<std::shared_ptr<io::signal>> waiting;
    };
    std::mutex admission_guard;
    std::map<std::string, admission, std::less<>> admissions;
    struct admitting {
        inside& all;
        const std::string& database;
        std::optional<status> outcome;  // nullopt: called off
        ~admitting();
    };

    const member* find(std::string_view name) const noexcept;
    // Those whose tables make the catalogue: the shards, and the unsharded database.
    std::vector<const member*> read_whole() const;
    // Without any of these, the shards and the primary, nothing can be asked.
    bool is_essential(const member& of) const;
    task<status> keep_house();
    // Notices schemas that were changed on the servers, and reads those again; until it is cancelled. world_watch.cpp.
    struct watched;
    task<void> watch_schemas();
    task<void> watch_some(std::deque<watched> some);
    task<void> watch_one(watched& here, deadline until);
    task<bool> ask_through(watched& here, driver::connection& on, deadline until);
    task<bool> read_changed(watched& here, driver::connection& on);
    enum class asked : std::uint8_t {
        tables,     // all that it has: of the shards and the unsharded database
        own_types,  // the numbers of its own types: of other PostgreSQL databases
        presence,   // whether it lets us in: of MySQL databases, whose tables nothing is planned by
    };
    // What one database says of itself.
    struct look {
        const member* of = nullptr;
        asked what = asked::tables;
        driver::connection* through = nullptr;  // instead of one that a pool lends
        std::string token = {};                 // as it was before the schema was read
        schema_snapshot schema = {};
        own_oids numbers = {};
        std::optional<error> failed = std::nullopt;
        bool refused = false;         // it answered, and may not be used
        bool never_answered = false;  // neither now nor before
        // Of a shard; the samples only where there is no mark.
        std::optional<mark_reading> mark = std::nullopt;
        std::vector<table_sample> samples = {};
    };
    // One for each database that is asked something when the catalogue is read.
    std::deque<look> looks_at_all_databases() const;
    // The error that whoever reads the catalogue must get, if there is one.
    status verdict_on(const std::deque<look>& looks) const;
    task<void> look_at(io::loop& on, look& into, deadline until) const;
    task<status> ask_for(driver::connection& from, look& into, deadline until) const;
    task<status> look_at_mark(driver::connection& from, look& into, deadline until) const;
    task<void> look_at_all(io::loop& on, std::deque<look>& all, deadline until) const;
    status take_in(std::deque<look>& looks, instant began);
    // Holds the marks of those that were looked at against the configuration, and writes those that are missing. A look at a
    // shard whose mark or rows do not fit has failed then.
    task<void> settle_marks(io::loop& on, std::deque<look>& looks, deadline until);
    // Other processes may have written all marks between two of our looks: a shard that seems to lack its mark beside one that
    // says that all have theirs is read once more.
    task<void> read_missing_marks_again(io::loop& on, std::deque<look>& looks, deadline until) const;
    bool refuse_wrong_marks(std::deque<look>& looks);
    bool refuse_misfits(std::deque<look>& looks) const;
    task<void> write_marks(io::loop& on, std::deque<look>& looks, deadline until);
    task<void> mark_one(io::loop& on, look& at, std::string cluster, std::uint64_t epoch, deadline until);
    task<void> note_all_marked(io::loop& on, std::deque<look>& looks, deadline until);
    std::string mark_name(const member& of) const;
    std::size_t number_of_shard(const member& of) const;
    task<status> admit(io::loop& on, std::string database, deadline until) override;
    // Of one database, under way: its end is told whoever ends it.
    struct reading {
        inside& all;
        const std::string& database;
        const missing_oids& what;
        ~reading();
    };

    void keep_what_was_learnt(route::catalogue& in);
    // In a session that has set nothing.
    void note_how_texts_are_read(route::catalogue& in) const;
    bool knows(const std::string& database, const missing_oids& what) const;
    task<bool> read_oids_again(io::loop& loop, const member& from, deadline until);
};

}  // namespace ashlar::topology
