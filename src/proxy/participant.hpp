// participant.hpp: a server that takes part in what a session is doing, with the settings that stand on it.
#pragma once

#include "driver/pgwire/server_driver.hpp"
#include "execute/transaction.hpp"
#include "proxy/session_settings.hpp"

#include <cstdint>
#include <memory>

namespace ashlar::proxy {

// The links that the proxy relays on.
using driver::pgwire::server_canceller;
using driver::pgwire::server_link;
using driver::pgwire::server_link_of;
using driver::pgwire::server_parameters;

using settings_ptr = std::shared_ptr<const settings>;

// What the proxy remembers with a link: the settings that were last put on it, and when it was used.
struct link_notes {
    settings_ptr applied;
    mutable instant last_used;
};

struct participant : execute::participant {
    server_link* link = nullptr;   // nullptr: another kind of connection, which is not relayed from
    bool begin_pending = false;    // BEGIN goes with the next message
    bool touched = false;          // a function that ran here may have changed settings
    bool unspread = false;         // … and the transaction's other servers have not been told
    bool settings_unsure = false;  // a partial rollback may have undone some: reset before anybody else
    settings_ptr at_begin;         // what was on it when its transaction began
    std::uint32_t steps = 0;       // of merged answers that use it
    std::uint32_t heard = 0;       // what its link had received when it was first found silent; see end_silent_waits()
    bool silent = false;           // it was given up because it did not answer any more

    std::size_t place() const noexcept { return where->number; }
    // The connection is unusable and must be closed.
    void close() noexcept {
        link = nullptr;
        loan.lease.discard();
    }
};

}  // namespace ashlar::proxy
