#include "core/io/tls.hpp"

#include "core/errno_text.hpp"
#include "core/io/secure_channel.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace ashlar::io {

namespace {

constexpr std::string_view postgres_protocol = "postgresql";  // ALPN's name, registered by PostgreSQL 17

struct context_closer {
    void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
};
struct session_closer {
    void operator()(SSL* s) const noexcept { SSL_free(s); }
};
struct certificate_closer {
    void operator()(X509* c) const noexcept { X509_free(c); }
};

// The first reason in the thread's queue, which is emptied.
std::string openssl_reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return {};
    if (const char* text = ERR_reason_error_string(code)) return text;
    return fmt::format("error {:#x}", code);
}

error bad_file(std::string_view what, const std::string& file) {
    const int number = errno;
    const std::string reason = openssl_reason();
    return error{errc::config_invalid,
                 fmt::format("{} {} cannot be used: {}", what, file, !reason.empty() ? reason : errno_text(number))};
}

result<int> version_number(const std::string& name, int usual) {
    if (name.empty()) return usual;
    if (name == "TLSv1") return TLS1_VERSION;
    if (name == "TLSv1.1") return TLS1_1_VERSION;
    if (name == "TLSv1.2") return TLS1_2_VERSION;
    if (name == "TLSv1.3") return TLS1_3_VERSION;
    return error{errc::config_invalid, "unknown TLS version \"" + name + "\""}.hint(
        "Write TLSv1.2 or TLSv1.3; TLSv1 and TLSv1.1 are known, too.");
}

status set_versions(SSL_CTX* c, const tls_versions& v) {
    auto least = version_number(v.least, TLS1_2_VERSION);
    if (!least) return std::move(least).error();
    auto most = version_number(v.most, 0);
    if (!most) return std::move(most).error();
    if (SSL_CTX_set_min_proto_version(c, *least) != 1 || SSL_CTX_set_max_proto_version(c, *most) != 1) {
        return error{errc::config_invalid, "OpenSSL does not take these TLS versions: " + openssl_reason()};
    }
    return {};
}

status set_identity(SSL_CTX* c, const std::string& cert, const std::string& key) {
    if (cert.empty()) return {};
    if (SSL_CTX_use_certificate_chain_file(c, cert.c_str()) != 1) return bad_file("the certificate", cert);
    const std::string& of = key.empty() ? cert : key;
    if (SSL_CTX_use_PrivateKey_file(c, of.c_str(), SSL_FILETYPE_PEM) != 1) return bad_file("the key", of);
    if (SSL_CTX_check_private_key(c) != 1) {
        ERR_clear_error();
        return error{errc::config_invalid, fmt::format("the key {} is not that of the certificate {}", of, cert)};
    }
    return {};
}

void set_habits(SSL_CTX* c) {
    SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(c, 1);  // one receive takes a record's head and body, and what follows
}

// --- the bytes below ----------------------------------------------------------------------------------------------

// What OpenSSL reads from and writes to: the socket, after what was read of it already.
struct socket_end {
    int descriptor = -1;
    std::string arrived;  // goes first
    bool drained = false;
    bool at_end = false;
    int error_number = 0;
};

socket_end& end_of(BIO* b) {
    return *static_cast<socket_end*>(BIO_get_data(b));
}

extern "C" {
static int read_bio(BIO* b, char* into, std::size_t room, std::size_t* count) {
    socket_end& e = end_of(b);
    BIO_clear_retry_flags(b);
    *count = 0;
    if (!e.arrived.empty()) {
        *count = e.arrived.copy(into, room);
        e.arrived.erase(0, *count);
        e.drained = false;
        return 1;
    }
    ssize_t n = 0;
    do {
        n = ::recv(e.descriptor, into, room, 0);
    } while (n < 0 && errno == EINTR);
    e.drained = n < 0 || static_cast<std::size_t>(n) < room;
    if (n > 0) {
        *count = static_cast<std::size_t>(n);
        return 1;
    }
    if (n == 0) {
        e.at_end = true;
        return 0;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        BIO_set_retry_read(b);
    } else {
        e.error_number = errno;
    }
    return 0;
}

static int write_bio(BIO* b, const char* from, std::size_t size, std::size_t* count) {
    socket_end& e = end_of(b);
    BIO_clear_retry_flags(b);
    *count = 0;
    ssize_t n = 0;
    do {
        n = ::send(e.descriptor, from, size, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        *count = static_cast<std::size_t>(n);
        return 1;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        BIO_set_retry_write(b);
    } else {
        e.error_number = errno;
    }
    return 0;
}

static long control_bio(BIO* b, int what, long, void*) {
    switch (what) {
        case BIO_CTRL_FLUSH:
            return 1;
        case BIO_CTRL_EOF:
            return end_of(b).at_end ? 1 : 0;
        default:
            return 0;
    }
}
}

const BIO_METHOD* socket_method() {
    static BIO_METHOD* const made = [] {
        BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ashlar socket");
        BIO_meth_set_read_ex(m, read_bio);
        BIO_meth_set_write_ex(m, write_bio);
        BIO_meth_set_ctrl(m, control_bio);
        return m;
    }();
    return made;
}

// --- a session ----------------------------------------------------------------------------------------------------

class tls_channel final : public secure_channel {
public:
    // nullptr: without memory.
    static std::unique_ptr<tls_channel> make(std::shared_ptr<const tls_context> by, SSL_CTX* context, int descriptor,
                                             std::string arrived) {
        std::unique_ptr<tls_channel> made{new tls_channel{std::move(by)}};
        made->end_.descriptor = descriptor;
        made->end_.arrived = std::move(arrived);
        made->ssl_.reset(SSL_new(context));
        BIO* const bio = BIO_new(socket_method());
        if (made->ssl_ == nullptr || bio == nullptr) {
            BIO_free(bio);
            return nullptr;
        }
        BIO_set_data(bio, &made->end_);
        BIO_set_init(bio, 1);
        SSL_set_bio(made->ssl_.get(), bio, bio);
        return made;
    }

    attempted receive(std::span<char> into) noexcept override {
        ERR_clear_error();
        std::size_t count = 0;
        const int done = SSL_read_ex(ssl_.get(), into.data(), into.size(), &count);
        return what_came(done, count);
    }
    attempted peek(std::span<char> into) noexcept override {
        ERR_clear_error();
        std::size_t count = 0;
        const int done = SSL_peek_ex(ssl_.get(), into.data(), into.size(), &count);
        return what_came(done, count);
    }
    attempted send(std::string_view bytes) noexcept override {
        ERR_clear_error();
        std::size_t count = 0;
        const int done = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
        return what_came(done, count);
    }
    bool holds_bytes() const noexcept override { return SSL_has_pending(ssl_.get()) != 0; }
    bool has_drained() const noexcept override { return end_.drained; }
    std::string_view trouble() const noexcept override { return trouble_; }
    void say_end() noexcept override {
        if (broken_ || SSL_is_init_finished(ssl_.get()) == 0) return;
        ERR_clear_error();
        (void)SSL_shutdown(ssl_.get());
    }

    attempted shake() noexcept {
        ERR_clear_error();
        const int done = SSL_do_handshake(ssl_.get());
        return what_came(done == 1 ? 1 : 0, 0, done);
    }
    SSL* ssl() const noexcept { return ssl_.get(); }

private:
    explicit tls_channel(std::shared_ptr<const tls_context> by) : by_(std::move(by)) {}

    attempted what_came(int done, std::size_t count, std::optional<int> code = {}) noexcept {
        using enum attempted::outcome;
        if (done == 1) return {moved, count, 0};
        switch (SSL_get_error(ssl_.get(), code.value_or(0))) {
            case SSL_ERROR_WANT_READ:
                return {needs_read, 0, 0};
            case SSL_ERROR_WANT_WRITE:
                return {needs_write, 0, 0};
            case SSL_ERROR_ZERO_RETURN:
                return {ended, 0, 0};
            default:
                break;
        }
        broken_ = true;  // nothing more may be said in it
        if (trouble_.empty()) trouble_ = openssl_reason();
        ERR_clear_error();
        if (end_.error_number == 0 && end_.at_end && !is_in_handshake()) return {ended, 0, 0};
        return {failed, 0, end_.error_number};
    }
    bool is_in_handshake() const noexcept { return SSL_is_init_finished(ssl_.get()) == 0; }

    std::shared_ptr<const tls_context> by_;
    socket_end end_;
    std::unique_ptr<SSL, session_closer> ssl_;
    std::string trouble_;
    bool broken_ = false;
};

// RFC 5929: the hash that signed the certificate; SHA-256 in place of MD5 and SHA-1. None for Ed25519 and its like.
std::string end_point_of(X509* certificate) {
    if (certificate == nullptr) return {};
    int digest = 0;
    if (OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, nullptr) != 1) return {};
    if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
    const EVP_MD* const by = EVP_get_digestbynid(digest);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    if (by == nullptr || X509_digest(certificate, by, hash.data(), &size) != 1) return {};
    return {reinterpret_cast<const char*>(hash.data()), size};
}

std::string common_name_of(X509* certificate) {
    if (certificate == nullptr) return {};
    std::array<char, 256> name{};
    const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                                               static_cast<int>(name.size()));
    // A zero byte within would let "a\0.evil" pass for "a".
    if (size <= 0 || std::strlen(name.data()) != static_cast<std::size_t>(size)) return {};
    return {name.data(), static_cast<std::size_t>(size)};
}

tls_facts facts_of(SSL* ssl, bool is_server) {
    tls_facts out;
    out.version = SSL_get_version(ssl);
    out.cipher = SSL_get_cipher_name(ssl);
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &name, &size);
    out.protocol.assign(reinterpret_cast<const char*>(name), size);
    const std::unique_ptr<X509, certificate_closer> peer{SSL_get1_peer_certificate(ssl)};
    out.peer_name = common_name_of(peer.get());
    out.end_point = end_point_of(is_server ? SSL_get_certificate(ssl) : peer.get());
    ERR_clear_error();
    return out;
}

// Why a handshake failed: whose certificate it was, where it was one.
error refusal_of(const tls_channel& of, const attempted& last, bool is_server) {
    const long verdict = SSL_get_verify_result(of.ssl());
    if (verdict != X509_V_OK && !is_server) {
        return error{errc::login_failed, fmt::format("the server's certificate is not accepted: {}",
                                                     X509_verify_cert_error_string(verdict))}
            .sqlstate("08001");
    }
    if (last.error_number != 0) return error{errc::peer_closed, "TLS: " + errno_text(last.error_number)};
    if (of.trouble().empty()) return error{errc::peer_closed, "the connection was closed during the TLS handshake"};
    return error{errc::protocol_violation, fmt::format("the TLS handshake failed: {}", of.trouble())};
}

task<result<tls_facts>> shake_hands(byte_stream& on, std::unique_ptr<tls_channel> channel, bool is_server,
                                    deadline until) {
    for (;;) {
        const attempted now = channel->shake();
        if (now.what == attempted::outcome::moved) break;
        const bool reads = now.what == attempted::outcome::needs_read;
        if (!reads && now.what != attempted::outcome::needs_write) co_return refusal_of(*channel, now, is_server);
        status ready =
            co_await on.where().wait(on.descriptor(), reads ? interest::readable : interest::writable, until);
        if (!ready) co_return std::move(ready).error();
    }
    on.where().forget(on.descriptor());  // OpenSSL has read behind its back
    tls_facts facts = facts_of(channel->ssl(), is_server);
    on.encrypt(std::move(channel));
    co_return facts;
}

}  // namespace

struct tls_context::inside {
    std::unique_ptr<SSL_CTX, context_closer> context;
    tls_verify verify = tls_verify::nothing;
    bool sends_name = false;
};

tls_context::tls_context(std::unique_ptr<inside> made) : inside_(std::move(made)) {}
tls_context::~tls_context() = default;

namespace {

extern "C" {
// ALPN is optional; a client that names protocols must know PostgreSQL's.
static int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                           unsigned in_size, void*) {
    for (unsigned at = 0; at < in_size && at + 1 + in[at] <= in_size; at += 1u + in[at]) {
        const std::string_view name{reinterpret_cast<const char*>(in + at + 1), in[at]};
        if (name != postgres_protocol) continue;
        *out = in + at + 1;
        *size = in[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}
}

}  // namespace

result<std::shared_ptr<const tls_context>> tls_context::for_server(const tls_server_options& how) {
    ERR_clear_error();
    auto made = std::make_unique<inside>();
    made->context.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* const c = made->context.get();
    if (c == nullptr) return error{errc::io_failure, "OpenSSL has no memory"};
    set_habits(c);
    if (status s = set_versions(c, how.versions); !s) return std::move(s).error();
    if (status s = set_identity(c, how.cert_file, how.key_file); !s) return std::move(s).error();
    if (!how.ciphers.empty() && SSL_CTX_set_cipher_list(c, how.ciphers.c_str()) != 1) {
        ERR_clear_error();
        return error{errc::config_invalid, "OpenSSL knows none of the ciphers \"" + how.ciphers + "\""};
    }
    if (!how.cipher_suites.empty() && SSL_CTX_set_ciphersuites(c, how.cipher_suites.c_str()) != 1) {
        ERR_clear_error();
        return error{errc::config_invalid, "OpenSSL does not know the cipher suites \"" + how.cipher_suites + "\""};
    }
    SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(c, 0);  // no client of PostgreSQL resumes a session
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
    SSL_CTX_set_alpn_select_cb(c, choose_protocol, nullptr);
    if (!how.ca_file.empty()) {
        if (SSL_CTX_load_verify_locations(c, how.ca_file.c_str(), nullptr) != 1) {
            return bad_file("the file of authorities", how.ca_file);
        }
        SSL_CTX_set_client_CA_list(c, SSL_load_client_CA_file(how.ca_file.c_str()));
        SSL_CTX_set_verify(c, SSL_VERIFY_PEER | (how.wants_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                           nullptr);
        ERR_clear_error();
    }
    return std::shared_ptr<const tls_context>{new tls_context{std::move(made)}};
}

result<std::shared_ptr<const tls_context>> tls_context::for_client(const tls_client_options& how) {
    ERR_clear_error();
    auto made = std::make_unique<inside>();
    made->context.reset(SSL_CTX_new(TLS_client_method()));
    made->verify = how.verify;
    made->sends_name = how.sends_name;
    SSL_CTX* const c = made->context.get();
    if (c == nullptr) return error{errc::io_failure, "OpenSSL has no memory"};
    set_habits(c);
    if (status s = set_versions(c, how.versions); !s) return std::move(s).error();
    if (status s = set_identity(c, how.cert_file, how.key_file); !s) return std::move(s).error();
    if (how.ca_file == "system") {
        if (SSL_CTX_set_default_verify_paths(c) != 1) return bad_file("the machine's authorities", how.ca_file);
    } else if (!how.ca_file.empty() && SSL_CTX_load_verify_locations(c, how.ca_file.c_str(), nullptr) != 1) {
        return bad_file("the file of authorities", how.ca_file);
    }
    if (!how.crl_file.empty()) {
        X509_STORE* const store = SSL_CTX_get_cert_store(c);
        if (X509_STORE_load_locations(store, how.crl_file.c_str(), nullptr) != 1) {
            return bad_file("the list of revoked certificates", how.crl_file);
        }
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    SSL_CTX_set_verify(c, how.verify == tls_verify::nothing ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    return std::shared_ptr<const tls_context>{new tls_context{std::move(made)}};
}

task<result<tls_facts>> accept_tls(byte_stream& on, std::shared_ptr<const tls_context> by, std::string arrived,
                                   deadline until) {
    SSL_CTX* const context = by->in().context.get();
    auto channel = tls_channel::make(std::move(by), context, on.descriptor(), std::move(arrived));
    if (channel == nullptr) co_return error{errc::io_failure, "OpenSSL has no memory"};
    SSL_set_accept_state(channel->ssl());
    auto agreed = co_await shake_hands(on, std::move(channel), true, until);
    co_return agreed;
}

task<result<tls_facts>> connect_tls(byte_stream& on, std::shared_ptr<const tls_context> by, std::string host,
                                    std::string offers, deadline until) {
    const tls_context::inside& in = by->in();
    const tls_verify verify = in.verify;
    const bool sends_name = in.sends_name;
    SSL_CTX* const context = in.context.get();
    auto channel = tls_channel::make(std::move(by), context, on.descriptor(), {});
    if (channel == nullptr) co_return error{errc::io_failure, "OpenSSL has no memory"};
    SSL* const ssl = channel->ssl();
    SSL_set_connect_state(ssl);
    std::array<unsigned char, sizeof(in6_addr)> address{};
    const bool is_address = ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
                            ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
    if (sends_name && !is_address && !host.empty()) SSL_set_tlsext_host_name(ssl, host.c_str());
    if (verify == tls_verify::authority_and_name) {
        X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
        X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        const int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str())
                                   : X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
        if (set != 1) co_return error{errc::login_failed, "the host \"" + host + "\" cannot be verified by name"};
    }
    if (!offers.empty()) {
        std::string list(1, static_cast<char>(offers.size()));
        list += offers;
        SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(list.data()),
                            static_cast<unsigned>(list.size()));
    }
    auto agreed = co_await shake_hands(on, std::move(channel), false, until);
    co_return agreed;
}

}  // namespace ashlar::io
