// server_target.hpp: where our own links to a PostgreSQL server go and who they are there: what all links of one driver
// share. It keeps the SCRAM keys of its password, so that only the first login pays for deriving them, and the
// parameters that the server greets with, so that a thousand idle links hold one copy.
//
// Threads   All members from any thread.
// Secrets   The password and keys are wiped with the target, and appear in no error and no describe().
// TLS       By libpq's sslmode, never over a Unix socket. Without one: `prefer`, and none to a loopback address. A request
//           to cancel is encrypted as its session is. A password goes in clear only within TLS that verifies the server, over
//           a Unix socket, or to a loopback address.
#pragma once

#include "core/io/tls.hpp"
#include "wire/scram.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ashlar::driver::pgwire {

// libpq's sslmode and what goes with it.
struct server_tls {
    enum class mode { disable, allow, prefer, require, verify_ca, verify_full };
    mode how = mode::prefer;
    bool is_given = false;  // by the URL: without, a server on this machine is not asked for TLS
    io::tls_client_options options;
    std::shared_ptr<const io::tls_context> context;  // made by make_server_driver(); nullptr for `disable`
};

struct server_options {
    std::string host;  // a name, an address, or the folder of a Unix socket (begins with '/'; empty:
                       // /var/run/postgresql)
    std::uint16_t port = 5432;
    std::string user, password;
    std::string database;  // empty: as the user is called
    // Sent at start-up, after user, database and client_encoding=UTF8; RESET ALL returns to these.
    std::vector<std::pair<std::string, std::string>> startup;
    server_tls tls;
    std::size_t prepared_statements_max = 200;
    // How long sent bytes may stay unacknowledged, and a silent link unprobed, before it counts as dead. Too small and
    // a congested network kills transactions; too large and a vanished server holds its leases that long.
    milliseconds unacknowledged_max{30'000};
    seconds keepalive_after{30};
    // The longest message that is assembled whole for a caller of connection (one row). Relays have
    // no such bound.
    std::uint32_t message_max = 0x3fff'ffff;
    server_options() = default;
};

// Name and value, in the order in which the server said them first.
using server_parameters = std::vector<std::pair<std::string, std::string>>;

class server_target {
public:
    explicit server_target(server_options options);
    ~server_target();
    server_target(const server_target&) = delete;
    server_target& operator=(const server_target&) = delete;

    const server_options& options() const noexcept { return options_; }
    bool is_unix() const noexcept { return options_.host.empty() || options_.host.front() == '/'; }
    std::string describe() const;  // "postgres://shop@db7b:5432/orders"

    // The keys for this salt: kept ones, or derived on a thread that may block.
    task<wire::scram_keys> keys_for(io::loop& loop, std::string salt, std::uint32_t iterations);
    // The same list for all who were greeted alike.
    std::shared_ptr<const server_parameters> share(server_parameters greeted);

private:
    struct kept_keys {
        std::string salt;
        std::uint32_t iterations = 0;
        wire::scram_keys keys;
    };
    server_options options_;
    std::mutex guard_;  // of all below
    std::optional<kept_keys> keys_;
    std::shared_ptr<const server_parameters> greeting_;
};

}  // namespace ashlar::driver::pgwire
