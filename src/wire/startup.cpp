#include "wire/startup.hpp"

#include "wire/reader.hpp"
#include "wire/violation.hpp"
#include "wire/writer.hpp"

#include <openssl/crypto.h>

namespace ashlar::wire {

namespace {

constexpr std::uint16_t major_version = 3;
constexpr std::uint32_t code_of_cancel = 80877102, code_of_ssl = 80877103, code_of_gss = 80877104;
constexpr std::size_t smallest_packet = 8;
constexpr std::size_t secret_min = 4, secret_max = 256;

result<cancel_request> read_cancel(reader in) {
    cancel_request request;
    request.key.process = in.u32();
    request.key.secret = in.rest();
    const std::size_t size = request.key.secret.size();
    if (!in.ok() || size < secret_min || size > secret_max) return malformed("CancelRequest");
    return request;
}

result<startup_request> read_startup(std::uint32_t version, reader in) {
    if (version >> 16 != major_version) {
        return error{errc::protocol_violation, "unsupported frontend protocol " + std::to_string(version >> 16) + "." +
                                                   std::to_string(version & 0xffff) + ": version 3 is spoken here"}
            .sqlstate("0A000");
    }
    startup_request request;
    request.minor = static_cast<std::uint16_t>(version & 0xffff);
    for (;;) {
        const std::string_view name = in.cstring();
        if (!in.ok()) return malformed("StartupMessage");
        if (name.empty()) break;
        const std::string_view value = in.cstring();
        if (!in.ok()) return malformed("StartupMessage");
        if (name.starts_with("_pq_.")) {
            request.unknown_options.emplace_back(name);
        } else {
            request.parameters.emplace_back(name, value);
        }
    }
    if (!in.ended()) return malformed("StartupMessage");
    if (request.user().empty()) return error{errc::login_failed, "no user name specified in the start-up packet"};
    return request;
}

}  // namespace

bool operator==(const cancel_key& a, const cancel_key& b) noexcept {
    return a.process == b.process && a.secret.size() == b.secret.size() &&
           CRYPTO_memcmp(a.secret.data(), b.secret.data(), a.secret.size()) == 0;
}

std::string_view startup_request::find(std::string_view name) const noexcept {
    for (auto at = parameters.rbegin(); at != parameters.rend(); ++at) {
        if (at->first == name) return at->second;
    }
    return {};
}

std::string_view startup_request::database() const noexcept {
    const std::string_view named = find("database");
    return named.empty() ? user() : named;
}

result<std::optional<first_packet>> read_first_packet(std::string_view arrived) {
    // The type of a TLS record that begins a handshake; a start-up packet of such a length would be far too long.
    constexpr char tls_handshake = 0x16;
    if (!arrived.empty() && arrived.front() == tls_handshake) return std::optional<first_packet>{{tls_hello{}, 0}};
    if (arrived.size() < 4) return std::optional<first_packet>{};
    const std::uint32_t size = reader{arrived}.u32();
    if (size < smallest_packet || size > startup_packet_max) {
        return error{errc::protocol_violation, "invalid length of start-up packet"};
    }
    if (arrived.size() < size) return std::optional<first_packet>{};

    reader in{arrived.substr(4, size - 4)};
    const std::uint32_t code = in.u32();
    first_packet packet;
    packet.size = size;
    if (code == code_of_ssl || code == code_of_gss) {
        if (!in.ended()) return malformed(code == code_of_ssl ? "SSLRequest" : "GSSENCRequest");
        if (code == code_of_ssl) packet.what = ssl_request{};
        if (code == code_of_gss) packet.what = gss_request{};
    } else if (code == code_of_cancel) {
        auto request = read_cancel(in);
        if (!request) return std::move(request).error();
        packet.what = *std::move(request);
    } else {
        auto request = read_startup(code, in);
        if (!request) return std::move(request).error();
        packet.what = *std::move(request);
    }
    return std::optional<first_packet>{std::move(packet)};
}

void write_startup(std::string& out, const std::vector<std::pair<std::string, std::string>>& parameters) {
    writer to{out};
    const auto begun = to.begin_untyped();
    to.u16(major_version);
    to.u16(0);
    for (const auto& [name, value] : parameters) {
        to.cstring(name);
        to.cstring(value);
    }
    to.u8(0);
    to.end(begun);
}

void write_ssl_request(std::string& out) {
    writer to{out};
    const auto begun = to.begin_untyped();
    to.u32(code_of_ssl);
    to.end(begun);
}

void write_cancel_request(std::string& out, const cancel_key& key) {
    writer to{out};
    const auto begun = to.begin_untyped();
    to.u32(code_of_cancel);
    to.u32(key.process);
    to.bytes(key.secret);
    to.end(begun);
}

}  // namespace ashlar::wire
