// probe.hpp: asks a server what it is and how far it has got, in one or two statements on a connection of the monitor's own.
//
// PostgreSQL  Any login may ask. Whether replay goes on is asked, too; of which timeline a replica is, is told only to
//             members of pg_read_all_stats (pg_stat_wal_receiver) or learnt from pg_control_recovery().
// MariaDB     Any login may ask for positions and read_only. Whether it follows somebody needs the privilege SLAVE MONITOR:
//             without it read_only alone tells a replica.
// SQLite      Takes writes, and has no log to compare.
#pragma once

#include "driver/connection.hpp"
#include "health/role_rules.hpp"

namespace ashlar::health {

// Fails as the connection's calls do, and with bad_value when the answer cannot be read (MySQL's GTID sets).
task<result<finding>> ask_server(driver::connection& on, deadline until);

}  // namespace ashlar::health
