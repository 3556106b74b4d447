// server_socket.hpp: a stream to a server, by name, address or Unix socket; and what tells a
// server to cancel, which needs a socket of its own.
#pragma once

#include "core/io/byte_stream.hpp"
#include "driver/pgwire/server_target.hpp"
#include "wire/startup.hpp"

#include <sys/socket.h>

#include <memory>
#include <utility>

namespace ashlar::driver::pgwire {

// Where a socket went: enough to go to the very same server again.
struct server_address {
    sockaddr_storage where{};
    socklen_t size = 0;
    bool is_local() const noexcept;  // a Unix socket or a loopback address
};

// Asks the server for TLS, and begins it. False: it offers none, and the stream is plain. Fails as connect_socket, and with
// what connect_tls says.
task<result<bool>> ask_for_tls(io::byte_stream& on, const server_tls& by, std::string host, deadline until);

struct connected_socket {
    io::byte_stream stream;
    server_address address;
};

// Resolves (on a thread that may block, unless it is an address) and connects, trying each address in turn.
// Fails with connect_failed, or deadline_passed.
task<result<connected_socket>> connect_socket(io::loop& loop, const server_target& to, deadline until);

// Can tell the server to cancel what one session runs. A value: copied freely, used from any thread and loop,
// outlives the link harmlessly.
class server_canceller {
public:
    server_canceller() = default;
    // `tls`: of the session; nullptr: it is not encrypted.
    server_canceller(server_address address, wire::cancel_key key, std::shared_ptr<const server_target> tls = nullptr);

    // Sends the request on a connection of its own and waits until the server has closed that: from then on
    // the request can hit nothing that the session starts later.
    task<status> send(io::loop& loop, deadline until);
    // The same on a background thread, from any thread; returns at once.
    void send_in_background();

    // How many are under way, by whoever holds a copy.
    std::size_t under_way() const noexcept;
    // Waits until none is.
    task<status> settled(io::loop& loop, deadline until) const;

private:
    struct shared;
    class count;
    std::shared_ptr<shared> shared_;
};

}  // namespace ashlar::driver::pgwire
