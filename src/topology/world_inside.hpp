// world_inside.hpp: what a world keeps: its members, the thread that keeps house, the catalogue and who is reading it. Private to
// this room: world.cpp has the members' life, world_catalogue.cpp the reading.
#pragma once

#include "core/io/loop.hpp"
#include "topology/learning_rules.hpp"
#include "topology/world.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace ashlar::topology {

struct world::inside {
    config::description description;
    std::optional<keyspace::shard_map> map;
    std::unique_ptr<alert_desk> desk;
    std::vector<member> shards, databases;

    mutable std::mutex guard;  // of the catalogue's pointer
    std::shared_ptr<const route::catalogue> catalogue;
    instant catalogue_began = instant::min();            // when its reading began: what was read later is newer
    std::map<std::string, instant, std::less<>> learnt;  // the same for databases whose numbers were read again since

    std::unique_ptr<io::loop> loop;
    std::thread housekeeper;

    // Who reads a database's numbers again, and who waits for it.
    struct learning {
        learning_rules rules;
        std::vector<std::shared_ptr<io::signal>> waiting;
    };
    std::mutex learning_guard;
    std::map<std::string, learning, std::less<>> learnings;

    std::shared_ptr<route::catalogue> bare_catalogue() const;
    task<status> keep_house();
    // Of one database, under way: its end is told whoever ends it.
    struct reading {
        inside& all;
        const std::string& database;
        const missing_oids& what;
        ~reading();
    };

    void keep_what_was_learnt(route::catalogue& in);
    bool knows(const std::string& database, const missing_oids& what) const;
    task<bool> read_oids_again(io::loop& loop, const member& from, deadline until);
};

}  // namespace ashlar::topology
