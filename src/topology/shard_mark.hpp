// shard_mark.hpp: what a shard remembers of the map that its rows were spread by, so that a configuration which does not fit
// them is noticed before a row is missed or stored twice. Pure.
//
// Each shard holds one mark for each cluster that uses it (mark_table.hpp keeps it there). The first use of a cluster by any face
// writes them; from then on, a start whose map is another one is refused. `epoch` and `state` are there for changes of the map.
#pragma once

#include "config/description.hpp"
#include "keyspace/shard_map.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::topology {

// How rows are spread: all that a shard function goes by.
struct map_description {
    keyspace::function_kind function = keyspace::function_kind::modulo;
    keyspace::key_type key_type = keyspace::key_type::uuid;
    std::vector<keyspace::shard_traits> shards;  // in order
};
map_description map_description_of(const config::shards& from);
// By which name a shard keeps the mark of this configuration: the configured one of the cluster and, since shards of one database
// may be told apart by it, the search_path that the URL sets.
std::string mark_name_of(const config::shards& all, const config::database& shard);

struct shard_mark {
    std::string cluster;       // the same on all shards of a cluster, made at random
    std::string shard;         // which one this database is
    std::uint32_t number = 0;  // 1 for the first
    map_description map;
    std::uint64_t epoch = 1;  // grows with each change of the map
    std::string state;        // serving()
    bool complete = false;    // every shard of the map has had a mark
    // In a form that this version does not know; nothing else of the mark is to be relied on then.
    bool unknown_form = false;

    static constexpr std::string_view serving = "serving";
};

// The part of a mark that tells the shards, one line for each: `shard_1`, `big weight=2`, `north from=a until=n`,
// `europe values DE FR default`; with backslashes before blanks and backslashes in values.
std::string shards_to_text(const std::vector<keyspace::shard_traits>& shards);
std::optional<std::vector<keyspace::shard_traits>> shards_from_text(std::string_view text);

// What one map says and the other does not, as one would tell it to who wrote the configuration; empty: rows are spread alike.
// "4 shards were stored with, 5 are configured".
std::string map_differences(const map_description& stored, const map_description& configured);

// What is known of one configured shard.
struct shard_standing {
    std::string name;
    bool answered = false;
    std::optional<shard_mark> mark;
    bool may_have_mark = false;  // it could not be read whether there is one
};

struct mark_verdict {
    std::vector<std::string> wrong;  // for each shard; empty: nothing is
    std::string cluster;             // that the good marks name; empty: no shard has one
    std::uint64_t epoch = 1;         // that they name
    bool is_good() const;
};
// Holds the marks against the configured map, and against each other. `settled`: the cluster that was found to be meant before;
// empty: what most marks name. Precondition: one standing for each configured shard.
mark_verdict judge_marks(const map_description& configured, const std::vector<shard_standing>& all,
                         std::string_view settled = {});

// One error for all that is wrong. `stored`: the map that most marks tell of, if there is one, for the hint.
error map_does_not_fit(const std::vector<shard_standing>& all, const mark_verdict& verdict);

}  // namespace ashlar::topology
