// view.hpp: how a handle of a cluster looks at it: does it read from replicas, and which writes must it see.
#pragma once

#include "core/time.hpp"
#include "health/log_position.hpp"
#include "topology/server_set.hpp"
#include "topology/world.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::detail {

// When somebody last wrote on each database: a replica that he reads from must show it. Any thread.
class causality {
public:
    explicit causality(std::size_t members) : wrote_(members) {}

    // Called once the write is acknowledged, or may have happened.
    void wrote(std::size_t member) noexcept;
    void add_to(topology::reading_terms& terms, std::size_t member) const;

    // "v1!shard_1!p1-0000000003000148!…". take_in() fails with bad_value, and with database_unknown.
    status take_in(std::string_view token, const topology::world& world);
    io::task<result<std::string>> to_token(io::loop& loop, const topology::world& world, deadline until) const;

private:
    std::vector<std::atomic<instant::rep>> wrote_;  // by member; 0: never
    // From other processes; not changed once it has been taken in.
    std::map<std::size_t, health::log_position> after_;
};

struct view {
    bool reads = false;                         // from replicas; what would write is refused
    std::optional<milliseconds> max_staleness;  // of what is read so
    std::shared_ptr<causality> seen;            // shared by all handles of one session
};
using view_pointer = std::shared_ptr<const view>;

}  // namespace ashlar::detail
