// mark_table.hpp: where a shard keeps its marks: the table ashlar.shard_mark on PostgreSQL, ashlar_shard_mark on SQLite.
//
// A row for each cluster that uses the database, by the cluster's configured name (empty by default), so that two clusters may
// share a database, each with its own schema or tables. The table is Ashlar's own: it takes no part in catalogues and
// comparisons, and statements of clients that would change it are refused.
#pragma once

#include "driver/connection.hpp"
#include "topology/shard_mark.hpp"

#include <ashlar/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::topology {

struct mark_reading {
    std::optional<shard_mark> mark;
    std::string unreadable;  // why it could not be read whether there is one: the role may not
};
// Fails with what the server says; a table that may not be read is no failure.
task<result<mark_reading>> read_mark(driver::connection& from, std::string name, deadline until);

// Stores the mark unless there is one by this name; makes the table where there is none. Two who do it at once do not hurt each
// other: who was first is read afterwards. Fails with what the server says (read_only, or 42501 for a role that may not).
task<status> write_mark(driver::connection& on, std::string name, shard_mark mark, deadline until);
// In place of the mark that there is, if any.
task<status> replace_mark(driver::connection& on, std::string name, shard_mark mark, deadline until);
// Notes that all shards of its map have marks.
task<status> note_complete(driver::connection& on, std::string name, std::string cluster, deadline until);

}  // namespace ashlar::topology
