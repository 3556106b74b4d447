// parts.hpp: the readers of ashlar.toml's parts, one for each section of the file. Private to this room.
//
// Each reads its table, reports what is wrong with it, and answers with what it could read.
#pragma once

#include "config/section.hpp"

#include <map>
#include <string>
#include <vector>

namespace ashlar::config {

// Pool settings, and which of the two that bound each other were written rather than defaulted.
struct pool_reading {
    pool_settings values;
    bool max_given = false, min_given = false;
};
// `base` gives what the section leaves out; `what` is nullptr when there is no section.
pool_reading read_pool(reading& with, const node* what, const std::string& path, const pool_reading& base);

// [databases.NAME]
std::map<std::string, database> read_databases(reading& with, const node& what, const pool_reading& pool);

// [shards], by count and pattern or one by one. `databases` for names that are taken already.
std::optional<shards> read_shards(reading& with, const entry& what, const pool_reading& pool,
                                  const std::map<std::string, database>& databases);

// What the shard function demands of the shards, over all of them: overlaps, doubled values, two defaults.
struct shard_places {  // where each shard's parts stand in the file, for messages
    position name;
    std::vector<position> values;
    position from, until, is_default;  // line 0: not given
};
// `good_so_far`: no part of the section is wrong by itself, so that the map can be made to see what it says.
void check_shards(reading& with, const shards& what, const std::vector<shard_places>& places, position section,
                  bool good_so_far);
// Notes on what is no mistake, but hardly meant: gaps between ranges, a shard's database that has another name, too.
void advise_on_ranges(const shards& what, std::vector<std::string>& advice);
void advise_on_places(const description& what, std::vector<std::string>& advice);
// The primary takes part in plans with the shards, so that it has to speak as they do.
void check_primary(reading& with, const node& databases, const std::map<std::string, database>& read,
                   const shards& beside);

// [tables]
struct known_places {
    bool has_shards = false;
    const std::map<std::string, database>* databases = nullptr;
};
std::vector<table> read_tables(reading& with, const node& what, const known_places& known);

// The key `replicas` of a database or a shard; `shard`: the number that {shard} in their URLs stands for.
void read_replicas(section& from, database& into, std::optional<std::uint32_t> shard);
// [replicas], [breaker], [alerts]
replica_settings read_replica_settings(reading& with, const node& what);
breaker_settings read_breaker(reading& with, const node& what);
alert_settings read_alerts(reading& with, const node& what);

// [session_defaults]
std::map<std::string, std::string> read_session_defaults(reading& with, const node& what);

// [serve]
serve_settings read_serve(reading& with, const node& what);

// Letters, digits, _ and -, a letter or _ first, 63 at most; else that is reported.
bool check_name(reading& with, const entry& named, const std::string& subject);

}  // namespace ashlar::config
