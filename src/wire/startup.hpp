// startup.hpp: the first packets of a connection, which have a length but no type: start-up, cancel, TLS, GSS.
//
// Both directions: the proxy reads what clients send, and writes what its own links send to servers.
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ashlar::wire {

// What names a session to a server that is asked to cancel its statement. 4 secret bytes in protocol 3.0, up
// to 256 in 3.2.
struct cancel_key {
    std::uint32_t process = 0;
    std::string secret;
    // Compares the secret in constant time.
    friend bool operator==(const cancel_key& a, const cancel_key& b) noexcept;
};

struct ssl_request {};
struct tls_hello {};  // TLS from the first byte (sslnegotiation=direct): nothing was taken
struct gss_request {};
struct cancel_request {
    cancel_key key;
};
struct startup_request {
    std::uint16_t minor = 0;  // as asked for; above 0 or with `unknown_options` answer NegotiateProtocolVersion
    std::vector<std::pair<std::string, std::string>> parameters;  // in order; without the _pq_. options
    std::vector<std::string> unknown_options;                     // names that begin with _pq_.: none is known yet

    std::string_view find(
        std::string_view name) const noexcept;  // empty when absent; the last one wins, as in PostgreSQL
    std::string_view user() const noexcept { return find("user"); }
    // PostgreSQL's rule: without a database the user's name is meant.
    std::string_view database() const noexcept;
    bool needs_negotiation() const noexcept { return minor > 0 || !unknown_options.empty(); }
};

struct first_packet {
    std::variant<ssl_request, tls_hello, gss_request, cancel_request, startup_request> what;
    std::size_t size = 0;  // how many of the bytes it took
};

inline constexpr std::size_t startup_packet_max = 10'000;  // as PostgreSQL has it

// The packet at the front of what has arrived so far; nullopt when more must come. Fails as soon as it can be seen that
// no good packet will come of it: protocol_violation (08P01; 0A000 for another major version) or login_failed (no
// user).
//
// After an SSLRequest or GSSENCRequest nothing may have arrived beyond `size`: whoever has sent more has sent it in the
// clear to be taken for encrypted (CVE-2021-23214). The caller closes then.
result<std::optional<first_packet>> read_first_packet(std::string_view arrived);

void write_startup(std::string& out, const std::vector<std::pair<std::string, std::string>>& parameters);
void write_ssl_request(std::string& out);
void write_cancel_request(std::string& out, const cancel_key& key);

}  // namespace ashlar::wire
