// contents.hpp: what a statement contains anywhere, whatever its tables: functions that must not run everywhere, constructs
// outside the whitelist, row locks. Pure.
#pragma once

#include "route/catalogue.hpp"
#include "route/functions.hpp"
#include "sql/facts.hpp"

#include <ashlar/error.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route {

struct place {
    std::string name;
    int location = -1;
};

struct contents {
    bool over_sqlite = false;      // for hints
    std::optional<place> unknown;  // a construct outside the whitelist
    std::optional<place> clock, local, random, sequence, lock, session, own_function,
        unknown_function;     // the first of each behaviour
    std::string why_unknown;  // what is known of unknown_function: "names the unsharded table audit"; "" = nothing
    // The first function that would look at empty copies on the database of unsharded tables, and what it does there. With
    // `any_shard`, all such functions can run on any shard.
    std::optional<place> touching;
    std::string why_touching;
    bool any_shard = true;
    std::vector<std::string> unknown_names;  // functions that neither PostgreSQL nor the catalogue has
    std::optional<place> volatile_function;  // the first of the unknown that the catalogue does not call STABLE
    std::optional<place> reading;            // may set what statements are read by: search_path …
    std::optional<place> session_lock;       // an advisory lock that outlives its transaction
    std::optional<place> keyword;            // current_timestamp, current_user …
    std::optional<place> clock_word;         // 'now', 'today' …: what a moment's input function makes of them
    std::optional<place> own_operator;       // not PostgreSQL's own
    std::optional<place> system_column;      // ctid, xmin …
    std::optional<place> object_name;        // regclass and its like, or a type of one's own
    std::optional<place> own_group;          // GROUP BY or DISTINCT by a server's own numbers
    std::vector<std::size_t> looked_up;      // parameters that stand for objects, and must be names
    std::optional<place> window;
    std::optional<place> row_locks, into;
    std::optional<place> arbitrary;  // a sub-query with LIMIT but without ORDER BY: each shard may choose other rows

    bool may_write() const noexcept {
        return unknown_function || own_function || has_other_writers();  // set_config() changes no data
    }
    // The same if functions of the user's own keep what STABLE promises.
    bool may_write_though_stable() const noexcept { return volatile_function || has_other_writers(); }
    bool has_other_writers() const noexcept { return sequence || lock || row_locks || into || unknown; }
    bool may_change_session() const noexcept { return unknown_function || own_function || session || lock || unknown; }
};

contents contents_of(const sql::statement& s, const catalogue& known);
class analysis;
// With what the views hold that the statement reads.
contents contents_of(const sql::statement& s, const catalogue& known, const analysis& tables);

// What may not run beside sharded or reference tables even on one shard.
std::optional<error> refuse_on_one_shard(const contents& c, std::string_view text);
// What may not run on several shards at once.
std::optional<error> refuse_on_several(const contents& c, std::string_view text);

}  // namespace ashlar::route
