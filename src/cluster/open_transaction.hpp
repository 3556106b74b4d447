// open_transaction.hpp: the connections that one transaction holds, one for each database that joined, and how it ends.
//
// Joining   A database joins when a statement first needs it. Its connection stays until the end.
// Writing   As execute/transaction.hpp says: a statement that would make the transaction write on a second database is refused
//           before anything is sent, except on SQLite files, which commit together.
// Failing   After a failed statement only rollback() is left.
// Threads   One.
#pragma once

#include "cluster/cluster_inside.hpp"
#include "cluster/work.hpp"
#include "driver/connection.hpp"
#include "execute/transaction.hpp"
#include "pool/pool.hpp"

#include <ashlar/transaction.hpp>

#include <list>
#include <memory>
#include <string>
#include <vector>

namespace ashlar::detail {

// A write was asked of reading().
error only_reads();

class open_transaction {
public:
    // With a view that reads from replicas it is one that reads only.
    open_transaction(std::shared_ptr<cluster_inside> inside, transaction_options options, view_pointer seen) noexcept;
    ~open_transaction() { let_go(); }
    open_transaction(const open_transaction&) = delete;
    open_transaction& operator=(const open_transaction&) = delete;

    // Runs a plan on the transaction's connections, all of it on `only` when given. Fails with unsupported (a second writer),
    // transaction_failed, transaction_state (it has ended), and as execute::run does.
    io::task<result<rows>> run(io::loop& loop, route::bound_plan plan, std::vector<driver::parameter> parameters,
                               bool writes, const topology::member* only);

    // Fails with transaction_failed (and has rolled back), or with what the server said.
    io::task<status> commit(io::loop& loop);
    io::task<void> rollback(io::loop& loop);

    // Begun through reading(): on replicas, and read only to its servers.
    bool only_reads() const noexcept { return view_->reads; }
    bool ended() const noexcept { return state_ == state::ended; }

private:
    enum class state {
        open,    // takes statements
        failed,  // a statement failed: only rollback() is left
        ended,   // committed or rolled back
    };

    status may_run() const;
    io::task<result<driver::connection*>> take_in(io::loop& loop, const topology::member& where, bool writes,
                                                  deadline until, pool::borrower who);
    io::task<result<topology::loan>> lend(io::loop& loop, const topology::member& where, deadline until,
                                          pool::borrower who);
    execute::participant* find(const topology::member& where) noexcept;
    std::string silent_replica(instant now) const;
    void told(const execute::participant& p, const status& how);
    io::task<status> end(execute::ending how);
    void let_go() noexcept;

    const std::shared_ptr<cluster_inside> inside_;  // shared with the handles, so that the pools outlive the leases
    transaction_options options_;
    const timestamp began_ = driver::this_moment();
    const view_pointer view_;  // shared with the handle that began it
    state state_ = state::open;
    std::list<execute::participant> participants_;
};

}  // namespace ashlar::detail
