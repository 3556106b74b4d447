// server.hpp: the proxy: clients of PostgreSQL's protocol on one side, a world of databases on the other.
//
// Life      Construct, start(), then stop() from any thread or signal-free context; the destructor stops too. The world is
//           opened by the caller with proxy::driver_for, started by start() and stopped by stop().
// Threads   One acceptor, which is the first worker too, and serve.workers workers, each with an event loop of its own. A
//           client stays with the worker that has the fewest when it comes.
// Stop      stop() closes the listener, ends clients who are outside a transaction with 57P01, gives the others `grace` to
//           finish theirs, and ends them then.
#pragma once

#include "proxy/service.hpp"
#include "proxy/statistics.hpp"
#include "topology/world.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <memory>

namespace ashlar::proxy {

// What topology::world::open() is to be given: our own links for PostgreSQL, the usual drivers for all else.
result<std::shared_ptr<driver::driver>> driver_for(const config::endpoint& where, const config::pool_settings& how);

class server {
public:
    explicit server(std::shared_ptr<topology::world> world);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    // Listens, starts the workers, and reads the catalogue. A database that is away then is no failure, nor are tables that
    // differ from shard to shard: what cannot be answered is refused until it can. Fails with io_failure when the address
    // cannot be listened on, and config_invalid for `trust` on an address that is not of the loopback.
    status start();
    // Waits until stop() was called and all has ended.
    void wait();
    void stop(milliseconds grace = milliseconds{5'000});

    // Reads the files of TLS to clients again, for logins from now on. On failure (config_invalid) those read before stay.
    status reload_certificates();

    std::uint16_t port() const noexcept;          // after start(): the one listened on, also when 0 was asked for
    std::uint16_t metrics_port() const noexcept;  // the same for serve.metrics_listen; 0: not listened
    traffic counts() const;                       // of all clients; once wait() has returned

private:
    struct inside;
    std::unique_ptr<inside> inside_;
};

}  // namespace ashlar::proxy
