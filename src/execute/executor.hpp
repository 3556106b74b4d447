// executor.hpp: a bound plan → rows. Runs the steps on connections from the pools, at once where there are several, and
// merges. The same for the library and the proxy, which must answer alike. It decides nothing about the SQL.
//
// Connections  Are asked for one after the other in the order of the shards, by all statements, so that two statements that
//              need several each never wait for each other in a ring. Each shard starts as soon as its connection is there,
//              and what it answers is read ahead, within read_ahead_max, while others are still waited for: a connection goes
//              back when its shard has answered, whatever the others do.
// Failure      The first failure ends the rest: what still runs is cancelled and drained, and the error names the shard.
// Locks        A read over SQLite files that meets a lock lets go of those it has and starts anew: the writer who holds the
//              one may be waiting for the other. Not in a transaction, which keeps what it has.
// Bounds       Rows held for a merge: limits.merge_memory_max, and the bound of limits.account. Statements being started at once: limits.fan_out_max.
// Snapshots    Each shard answers from its own snapshot. A read over several shards is not one moment of all of them.
#pragma once

#include "core/io/loop.hpp"
#include "core/result_formats.hpp"
#include "core/rows.hpp"
#include "driver/connection.hpp"
#include "execute/lender.hpp"
#include "execute/typed_parameters.hpp"
#include "route/plan.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace ashlar::execute {

// Rows that arrive bit by bit. Columns are known from birth. Belongs to the loop's thread it was made on.
class answer {
public:
    virtual ~answer() = default;
    virtual const columns& shape() const noexcept = 0;
    // Appends rows to `into`, at least one and some 64 KiB, or says that all is done. After a failure the connections
    // have been dealt with: nothing is left to abandon.
    // Precondition: `into` is empty.
    virtual task<result<driver::fetched>> fetch(row_batch& into, deadline until) = 0;
    // Valid once ended. The tag is the whole statement's: "SELECT 12", "UPDATE 7".
    virtual const driver::completion& completed() const noexcept = 0;
    // Ends early: cancels what runs and drains it. Must be awaited before the answer is destroyed, unless fetch said
    // ended or failed. A connection that could not be drained says so by is_reusable().
    virtual task<void> abandon() = 0;
};

struct limits {
    std::uint64_t merge_memory_max = 256u << 20;  // bytes of rows held for one merge
    memory_account* account = nullptr;            // on which all of it stands; outlives the answer; nullptr: none
    std::uint32_t fan_out_max = 64;               // statements being started at once
    std::uint32_t read_ahead_max = 256u << 10;    // bytes of one shard's rows, while other shards are waited for
    session_names names;                          // of the session that asks
    bool text_floats_exact = true;                // no setting makes the servers round floats that they write
    // Where the databases' own object ids are not told as clients know them yet (by the library's driver): how to. nullptr: they are.
    std::shared_ptr<const oid_maps> object_ids;
    limits() = default;
};

// Runs a plan that reads, or writes on one shard; a plan that writes on several is atomic only if the connections are
// in transactions that their owner commits as one. The answer owns the lender.
task<result<std::unique_ptr<answer>>> run(io::loop& loop, route::bound_plan plan,
                                          std::vector<driver::parameter> parameters, std::unique_ptr<lender> from,
                                          result_formats results, limits within, deadline until);

// The same to its end, rows dropped: for commands.
task<result<driver::completion>> run_to_end(io::loop& loop, route::bound_plan plan,
                                            std::vector<driver::parameter> parameters, std::unique_ptr<lender> from,
                                            limits within, deadline until);

// One tag for the tags of several shards: counts are summed ("UPDATE 3" and "UPDATE 4" → "UPDATE 7"), or taken once where
// every shard did the same (`once`). Pure.
std::string combine_tags(const std::vector<std::string>& tags, bool once);

}  // namespace ashlar::execute
