// fan_out_room.hpp: the room that a statement over several databases reserves where their servers are capped
// (pool.max_connections_per_server), before it asks for its first connection.
//
// Ring      Two statements that each had some of a server's last connections would wait for each other. So each reserves all
//           that it needs of a server at once, server after server in one order.
// Freed     One unit of each server of a database as that database's step ends; the rest with the reservation.
#pragma once

#include "pool/share.hpp"
#include "topology/server_set.hpp"

#include <span>
#include <vector>

namespace ashlar::topology {

class fan_out_room {
public:
    // Nothing where no server has a cap. Fails with pool_timeout by the databases' checkout_timeout, and as share::take.
    static task<result<fan_out_room>> reserve(io::loop& loop, std::span<const server_set* const> databases,
                                              deadline until);
    void ended(const server_set& database) noexcept;

private:
    struct one {
        const pool::server_cap* of;
        std::uint32_t steps;  // that have not ended
        std::uint32_t units;
        pool::share::permit permit;
    };
    std::vector<one> all_;
};

}  // namespace ashlar::topology
