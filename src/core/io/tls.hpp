// tls.hpp: TLS over a byte_stream, by OpenSSL, for both ends.
//
// Context   Made once from files; shared by all its streams, any thread. Reading the files again is making a new one.
// Handshake Waits on the stream's loop; afterwards the stream's bytes are encrypted. What it costs is the key exchange and a
//           signature, about a millisecond of the loop's thread.
// Errors    OpenSSL keeps a queue of errors for each thread: it is emptied before each call here, so that no stream sees
//           another one's. Messages quote OpenSSL's reason, never a key.
// Versions  TLS 1.2 and newer unless asked otherwise; no compression, no renegotiation.
#pragma once

#include "core/io/byte_stream.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::io {

struct tls_versions {
    std::string least, most;  // "TLSv1.2", "TLSv1.3" …; empty: TLSv1.2, and the newest there is
};

// How a server shows itself, and what it wants of clients.
struct tls_server_options {
    std::string cert_file, key_file;
    std::string ca_file;                    // whose clients' certificates are believed; empty: none is asked for
    bool wants_client_certificate = false;  // a client without one that `ca_file` signed is refused
    std::string ciphers;                    // OpenSSL's list, of TLS 1.2; empty: OpenSSL's own choice
    std::string cipher_suites;              // of TLS 1.3; the same
    tls_versions versions;
};

// What a client believes. By libpq's sslmode: `require` believes everybody.
enum class tls_verify { nothing, authority, authority_and_name };
struct tls_client_options {
    tls_verify verify = tls_verify::nothing;
    std::string ca_file;  // "system": the machine's own authorities; empty: none, which is right for `nothing` only
    std::string crl_file;
    std::string cert_file, key_file;  // of this client; empty: none
    tls_versions versions;
    bool sends_name = true;  // SNI
};

class tls_context {
public:
    // Fail with config_invalid: a file that cannot be read, a key that is not the certificate's, an unknown cipher or version.
    static result<std::shared_ptr<const tls_context>> for_server(const tls_server_options& how);
    static result<std::shared_ptr<const tls_context>> for_client(const tls_client_options& how);
    ~tls_context();

    struct inside;
    const inside& in() const noexcept { return *inside_; }

private:
    explicit tls_context(std::unique_ptr<inside> made);
    std::unique_ptr<inside> inside_;
};

// What was agreed on.
struct tls_facts {
    std::string version, cipher;  // "TLSv1.3", "TLS_AES_256_GCM_SHA384"
    std::string peer_name;        // the common name of the peer's certificate; empty: none was shown
    std::string protocol;         // by ALPN; empty: none was agreed on
    // The hash of the server's certificate, for SCRAM's channel binding (RFC 5929, tls-server-end-point). Empty: it has none.
    std::string end_point;
};

// The server's part: `arrived` is what was read of the client's first message already. Fails with deadline_passed,
// peer_closed, or protocol_violation with OpenSSL's reason.
task<result<tls_facts>> accept_tls(byte_stream& on, std::shared_ptr<const tls_context> by, std::string arrived,
                                   deadline until);
// The client's part; `host`: whose name is sent and, for authority_and_name, has to be the certificate's. `offers`: ALPN's
// name, empty: none. Fails as above, and with login_failed where the server's certificate is not believed.
task<result<tls_facts>> connect_tls(byte_stream& on, std::shared_ptr<const tls_context> by, std::string host,
                                    std::string offers, deadline until);

}  // namespace ashlar::io
