// xa.hpp: two-phase commit on a MySQL connection: the verbs of XA, and what a recovery finds.
//
// Order     start, statements, end, prepare, then commit or rollback. While a branch is under way the connection is in a
//           transaction, and begin() is refused.
// Whose     The connection that prepared a branch also ends it. Another one cannot while the first one lives (MariaDB
//           answers "unknown XID"): a recovery waits until the preparer is gone. A branch that is prepared survives its
//           connection and its server's death, by MariaDB 10.5 and MySQL 5.7 on.
// Empty     A branch that changed nothing is forgotten when its connection ends, and a later commit is answered as if it had
//           been rolled back. Let every branch write a row first, which tells a recovery the truth.
// Failure   As the connection's commands; commit_unknown where the answer to prepare or commit was lost.
#pragma once

#include "driver/mysql/connection.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar::driver::mysql {

// Names a branch: 64 bytes at most each, any bytes.
struct xid {
    std::string global, branch;
    std::uint32_t format = 1;
    friend bool operator==(const xid&, const xid&) = default;
};

class xa {
public:
    explicit xa(server_connection& on) : on_(on) {}

    task<status> start(xid id, deadline until);
    task<status> end(xid id, deadline until);
    task<status> prepare(xid id, deadline until);
    task<status> commit(xid id, deadline until);
    // Without prepare, where there is only one branch. After end().
    task<status> commit_in_one_phase(xid id, deadline until);
    task<status> rollback(xid id, deadline until);
    // All branches that are prepared on this server, whoever made them.
    task<result<std::vector<xid>>> recover(deadline until);

private:
    task<status> run(const char* verb, xid id, const char* how, server_connection::fate means, deadline until);

    server_connection& on_;
};

}  // namespace ashlar::driver::mysql
