#include "driver/mysql/handle.hpp"

#include "core/io/blocking_threads.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace ashlar::driver::mysql {

namespace {

// A host's name goes into a fixed buffer of libmariadb's.
constexpr std::size_t host_size_max = 255;

// Of the stack that libmariadb's calls run on, name look-up and TLS handshake among them. Its own choice is 60 KiB.
constexpr std::size_t stack_size = 256 * 1024;

// Ways to log in that do not hand the password to whoever asks: no mysql_clear_password, no dialog.
constexpr const char* login_plugins = "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password";

struct text_option {
    std::string_view name;
    mysql_option option;
};
constexpr std::array text_options{
    text_option{"ssl_ca", MYSQL_OPT_SSL_CA},
    text_option{"ssl_capath", MYSQL_OPT_SSL_CAPATH},
    text_option{"ssl_cert", MYSQL_OPT_SSL_CERT},
    text_option{"ssl_key", MYSQL_OPT_SSL_KEY},
    text_option{"ssl_cipher", MYSQL_OPT_SSL_CIPHER},
    text_option{"ssl_crl", MYSQL_OPT_SSL_CRL},
    text_option{"tls_version", MARIADB_OPT_TLS_VERSION},
};

enum class encryption { disabled, preferred, required, verify_identity };

result<encryption> encryption_of(const mysql_options& where) {
    const auto given = where.extra.find("ssl_mode");
    // By a Unix socket there is nobody to listen.
    if (given == where.extra.end()) return where.socket.empty() ? encryption::preferred : encryption::disabled;
    constexpr std::array<std::pair<std::string_view, encryption>, 4> names{{
        {"disabled", encryption::disabled},
        {"preferred", encryption::preferred},
        {"required", encryption::required},
        {"verify_identity", encryption::verify_identity},
    }};
    for (const auto& [name, e] : names) {
        if (given->second == name) return e;
    }
    return error{errc::invalid_argument, "ssl_mode is not one of disabled, preferred, required, verify_identity"};
}

thread_local deadline blocks_until{instant::min()};

extern "C" {
// libmariadb would wait on `fd` by itself.
static int wait_for_io(my_socket fd, my_bool is_read, int) {
    const instant now = steady_clock::now();
    if (blocks_until.passed(now)) return 0;
    const auto left = std::chrono::ceil<milliseconds>(blocks_until.at() - now);
    return is_read != 0 ? io::blocks_until_readable(fd, left) : io::blocks_until_writable(fd, left);
}

// LOAD DATA LOCAL: a server may ask for any file at any time. It gets none.
static int refuse_file(void**, const char*, void*) {
    return 1;
}
static int read_nothing(void*, char*, unsigned) {
    return -1;
}
static void end_nothing(void*) {}
static int say_refused(void*, char* message, unsigned size) {
    if (size > 0) message[0] = '\0';
    return 2000;  // CR_UNKNOWN_ERROR
}
}

status set_options(MYSQL* m, const mysql_options& where, seconds patience, use how) {
    const auto encrypted = encryption_of(where);
    if (!encrypted) return encrypted.error();
    const auto set = [&](mysql_option option, const void* value) { (void)mysql_optionsv(m, option, value); };
    const unsigned off = 0, wait = static_cast<unsigned>(std::max<std::int64_t>(patience.count(), 1));
    const unsigned protocol = where.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
    set(MYSQL_OPT_PROTOCOL, &protocol);  // else "localhost" would mean a socket somewhere
    set(MYSQL_OPT_CONNECT_TIMEOUT, &wait);
    set(MYSQL_OPT_LOCAL_INFILE, &off);
    set(MYSQL_SET_CHARSET_NAME, "utf8mb4");
    set(MARIADB_OPT_RESTRICTED_AUTH, login_plugins);
    const auto encrypts = static_cast<my_bool>(*encrypted != encryption::disabled ? 1 : 0);
    const auto verifies = static_cast<my_bool>(*encrypted == encryption::verify_identity ? 1 : 0);
    set(MYSQL_OPT_SSL_ENFORCE, &encrypts);
    set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verifies);
    for (const auto& [name, text] : where.extra) {
        if (name == "ssl_mode") continue;
        const auto* known = std::ranges::find(text_options, name, &text_option::name);
        if (known == text_options.end()) return error{errc::invalid_argument, "the option " + name + " is not known"};
        if (encrypts != 0) set(known->option, text.c_str());
    }
    (void)mysql_optionsv(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "ashlar");
    if (how == use::non_blocking) {
        set(MYSQL_OPT_NONBLOCK, &stack_size);
        set(MARIADB_OPT_IO_WAIT, reinterpret_cast<const void*>(&wait_for_io));
    } else {
        set(MYSQL_OPT_READ_TIMEOUT, &wait);
        set(MYSQL_OPT_WRITE_TIMEOUT, &wait);
    }
    mysql_set_local_infile_handler(m, refuse_file, read_nothing, end_nothing, say_refused, nullptr);
    return {};
}

// What mysql_real_connect takes beside the handle.
struct arguments {
    explicit arguments(const mysql_options& w)
        : host(w.socket.empty() ? w.host.c_str() : nullptr),
          database(w.database.empty() ? nullptr : w.database.c_str()),
          socket(w.socket.empty() ? nullptr : w.socket.c_str()) {}
    const char *host, *database, *socket;
    static constexpr unsigned long flags = CLIENT_FOUND_ROWS;  // UPDATE counts the rows it found, as PostgreSQL does
};

}  // namespace

void forget_tls_errors() noexcept {
    ERR_clear_error();
}

result<handle> make_handle(const mysql_options& where, seconds patience, use how) {
    static std::once_flag begun;
    std::call_once(begun, [] { mysql_library_init(0, nullptr, nullptr); });
    if (where.host.size() > host_size_max || where.host.find(',') != std::string::npos) {
        return error{errc::invalid_argument, "the host's name is too long, or several"};
    }
    handle made{mysql_init(nullptr)};
    if (made == nullptr) return error{errc::io_failure, "out of memory"};
    if (status s = set_options(made.get(), where, patience, how); !s) return std::move(s).error();
    return made;
}

MYSQL* connect_blocking(MYSQL* m, const mysql_options& where) {
    const arguments a{where};
    forget_tls_errors();
    return mysql_real_connect(m, a.host, where.user.c_str(), where.password.c_str(), a.database, where.port, a.socket,
                              arguments::flags);
}

int begin_connect(MYSQL** done, MYSQL* m, const mysql_options& where) {
    const arguments a{where};
    return mysql_real_connect_start(done, m, a.host, where.user.c_str(), where.password.c_str(), a.database, where.port,
                                    a.socket, arguments::flags);
}

status check_encryption(MYSQL* m, const mysql_options& where) {
    const encryption wanted = encryption_of(where).value();
    const bool must = wanted == encryption::required || wanted == encryption::verify_identity;
    if (!must || mysql_get_ssl_cipher(m) != nullptr) return {};
    // The server was reached, and trying again gives the same: a login that is refused, by us.
    return error{errc::login_failed, "the server offers no TLS, and ssl_mode asks for it"}.sqlstate("08001").hint(
        "Give the server a certificate, or put ssl_mode=preferred into the URL, which takes a connection without "
        "TLS.");
}

void stop_blocking(MYSQL* m) noexcept {
    const int fd = mysql_get_socket(m);
    if (fd >= 0) (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

may_block::may_block(deadline until) noexcept {
    blocks_until = until;
}
may_block::~may_block() {
    blocks_until = deadline{instant::min()};
}

void call::give_up(MYSQL* of) noexcept {
    const int fd = mysql_get_socket(of);
    if (fd >= 0) (void)::shutdown(fd, SHUT_RDWR);
    // Each turn ends one wait: of an address that is tried, of the greeting, of the answer.
    for (int turns = 0; !ended() && turns < 1'000; ++turns) waits_ = go_on_(MYSQL_WAIT_TIMEOUT);
    waits_ = 0;
}

}  // namespace ashlar::driver::mysql
