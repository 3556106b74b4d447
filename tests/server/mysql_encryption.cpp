// The MySQL driver over TLS, and beside servers that mean no good.
#include "driver/drivers.hpp"
#include "support/becomes.hpp"
#include "support/driver_calls.hpp"
#include "support/mariadb_server.hpp"
#include "support/server_template.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

namespace ashlar {
namespace {

using test::answered;
using test::driver_calls;
using test::mariadb_server;

// --- TLS ----------------------------------------------------------------------------------------------------------

// A certificate for "localhost" alone, signed by itself.
struct certificate {
    test::temporary_folder folder;
    certificate() {
        const test::command_result made =
            test::run({.arguments = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                                     "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key(),
                                     "-out", cert()}});
        if (!made.ok()) throw std::runtime_error("openssl: " + made.describe());
        for (const std::string& each : {folder.path(), key(), cert()}) test::hand_over(each, "nobody");
    }
    std::string key() const { return folder.file("key.pem"); }
    std::string cert() const { return folder.file("cert.pem"); }
};

struct Encrypted {
    certificate made;
    mariadb_server server{with(made)};
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    driver_calls calls{*loop};

    static mariadb_server::options with(const certificate& c) {
        mariadb_server::options o;
        o.settings["ssl_cert"] = c.cert();
        o.settings["ssl_key"] = c.key();
        return o;
    }
    driver::mysql_options where(std::string mode, std::string host = "localhost") const {
        driver::mysql_options o;
        o.host = std::move(host);
        o.port = server.port();
        o.user = server.user();
        o.password = server.password();
        o.database = "test";
        if (!mode.empty()) o.extra["ssl_mode"] = std::move(mode);
        return o;
    }
    result<std::unique_ptr<driver::connection>> connect(driver::mysql_options to) {
        auto d = driver::make_mysql_driver(std::move(to));
        return loop->run(d->connect(*loop, driver_calls::soon()));
    }
    std::string cipher(driver::connection& of) {
        return calls.run(of, "show session status like 'Ssl_cipher'").value().cell(0, 1);
    }
};

TEST(MysqlEncryption, IsUsedWhereTheServerHasItAndCanBeDemandedOrForbidden) {
    Encrypted e;
    for (const char* mode : {"", "preferred", "required"}) {
        auto c = e.connect(e.where(mode)).value();
        EXPECT_NE(e.cipher(*c), "") << mode;
    }
    auto plain = e.connect(e.where("disabled")).value();
    EXPECT_EQ(e.cipher(*plain), "");
    mariadb_server without;
    driver::mysql_options to = e.where("required");
    to.port = without.port();
    const error refused = e.connect(to).error();
    EXPECT_EQ(refused.code(), errc::login_failed);
    to.extra["ssl_mode"] = "preferred";
    EXPECT_TRUE(e.connect(to));
    to.extra["ssl_mode"] = "verify_identity";
    EXPECT_EQ(e.connect(to).error().code(), errc::login_failed);
}

TEST(MysqlEncryption, ThatIsVerifiedWantsTheRightCertificateForTheRightHost) {
    Encrypted e;
    driver::mysql_options to = e.where("verify_identity");
    EXPECT_EQ(e.connect(to).error().code(), errc::login_failed);  // nobody known has signed it
    to.extra["ssl_ca"] = e.made.cert();
    auto c = e.connect(to).value();
    EXPECT_NE(e.cipher(*c), "");
    to.host = "127.0.0.1";
    const error other_name = e.connect(to).error();
    EXPECT_EQ(other_name.code(), errc::login_failed) << other_name;
}

TEST(MysqlEncryption, ChangesNothingOfStreamsDeadlinesAndCancels) {
    Encrypted e;
    auto c = e.connect(e.where("required")).value();
    driver::statement s;
    s.sql = "select seq, repeat('x', 500) from seq_1_to_100000";
    ASSERT_TRUE(e.loop->run(c->start(s, driver_calls::soon())));
    std::size_t rows = 0;
    for (row_batch batch;; batch.clear()) {
        if (e.loop->run(c->fetch(batch, driver_calls::soon())).value() == driver::fetched::ended) break;
        rows += batch.rows();
    }
    EXPECT_EQ(rows, 100'000u);
    // The kill's own login, with its handshake, has a quarter of a second. On a busy machine it may need more, and the
    // connection is then given up.
    int reused = 0;
    ASSERT_TRUE(test::becomes([&] {
        EXPECT_EQ(e.calls.run(*c, "select sleep(30)", {}, deadline::in(milliseconds{100})).error().code(),
                  errc::deadline_passed);
        if (!c->is_reusable())
            c = e.connect(e.where("required")).value();
        else
            ++reused;
        EXPECT_EQ(e.calls.run(*c, "select 1").value().cell(), "1");
        return reused == 3;
    }));
    e.server.pause();
    EXPECT_EQ(e.calls.run(*c, "select 1", {}, deadline::in(milliseconds{100})).error().code(), errc::deadline_passed);
    EXPECT_FALSE(c->is_reusable());
    c.reset();  // says farewell to a server that does not listen
    e.server.resume();
}

// OpenSSL tells a session's state by a queue of errors that all sessions of a thread share.
TEST(MysqlEncryption, ThatBreaksOnOneConnectionLeavesTheOthersOfItsThreadAlone) {
    Encrypted e;
    auto other = e.connect(e.where("required")).value();
    const auto waits = [&] {
        auto slow = e.calls.run(*other, "select sleep(0.2)");
        return slow ? "" : slow.error().to_string();
    };
    EXPECT_EQ(waits(), "");
    auto killed = e.connect(e.where("required")).value();
    EXPECT_FALSE(e.calls.run(*killed, "kill connection_id()"));
    EXPECT_FALSE(e.calls.run(*killed, "select 1"));
    EXPECT_EQ(waits(), "") << "after one that its server has ended";
    auto given_up = e.connect(e.where("required")).value();
    e.server.pause();
    EXPECT_FALSE(e.calls.run(*given_up, "select 1", {}, deadline::in(milliseconds{100})));
    e.server.resume();
    EXPECT_FALSE(given_up->is_reusable());
    EXPECT_EQ(waits(), "") << "after a connection that was abandoned while it waited";
    driver::mysql_options unknown = e.where("verify_identity");
    for (int i = 0; i < 8; ++i) EXPECT_FALSE(e.connect(unknown));  // on each thread that connects
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(e.connect(e.where("required")));
    EXPECT_EQ(waits(), "") << "after certificates that were refused";
}

// --- servers that mean no good ------------------------------------------------------------------------------------

// Speaks MySQL's protocol by hand with one client after the other.
class impostor {
public:
    // `behave` gets each client after its greeting was sent.
    explicit impostor(std::function<void(impostor&)> behave, bool offers_tls = false) : tls_(offers_tls) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) || ::listen(listener_, 8) ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size)) {
            throw std::runtime_error("no listener");
        }
        port_ = ntohs(at.sin_port);
        thread_ = std::jthread{[this, behave = std::move(behave)] {
            while ((client_ = ::accept(listener_, nullptr, nullptr)) >= 0) {
                greet();
                behave(*this);
                ::close(client_);
            }
        }};
    }
    ~impostor() {
        stop();
        ::close(listener_);
    }
    // What its clients said. All of them have gone; nobody is served after it.
    std::string heard_to_the_end() {
        stop();
        return heard_;
    }
    impostor(const impostor&) = delete;
    impostor& operator=(const impostor&) = delete;

    // One packet's body; empty at the end of the stream. All that came is kept for heard_to_the_end().
    std::string receive() {
        std::string header = take(4);
        if (header.size() < 4) return {};
        const auto byte = [&](int i) { return static_cast<std::size_t>(static_cast<unsigned char>(header[i])); };
        number_ = static_cast<char>(header[3] + 1);
        return take(byte(0) | byte(1) << 8 | byte(2) << 16);
    }
    void send(const std::string& body) {
        std::string packet{static_cast<char>(body.size()), static_cast<char>(body.size() >> 8), '\0', number_++};
        packet += body;
        (void)::send(client_, packet.data(), packet.size(), MSG_NOSIGNAL);
    }
    void accept_login() { send(std::string{"\0\0\0\2\0\0\0", 7}); }
    std::string take(std::size_t count) {
        std::string bytes(count, '\0');
        std::size_t got = 0;
        while (got < count) {
            const ssize_t n = ::recv(client_, bytes.data() + got, count - got, 0);
            if (n <= 0) break;
            got += static_cast<std::size_t>(n);
        }
        bytes.resize(got);
        heard_ += bytes;
        return bytes;
    }

    driver::mysql_options where() const {
        driver::mysql_options o;
        o.host = "127.0.0.1";
        o.port = port_;
        o.user = "ashlar";
        o.password = "topsecret";
        return o;
    }

private:
    void stop() {
        if (!thread_.joinable()) return;
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
    }
    void greet() {
        number_ = 0;
        const unsigned capabilities = 0x000fa28f | (tls_ ? 0x800u : 0u);  // LOAD DATA LOCAL among them
        std::string g = "\12" + std::string{"10.11.0-MariaDB"} + '\0' + std::string{"\1\0\0\0", 4} + "12345678" + '\0';
        g += static_cast<char>(capabilities);
        g += static_cast<char>(capabilities >> 8);
        g += std::string{"\55\2\0", 3};
        g += static_cast<char>(capabilities >> 16);
        g += static_cast<char>(capabilities >> 24);
        g += '\25';
        g += std::string(10, '\0') + "123456789012" + '\0' + "mysql_native_password" + '\0';
        send(g);
    }

    const bool tls_;
    int listener_ = -1, client_ = -1;
    std::uint16_t port_ = 0;
    char number_ = 0;
    std::string heard_;
    std::jthread thread_;
};

error connect_to(const impostor& server, milliseconds patience = seconds{5}) {
    auto loop = io::make_epoll_loop();
    auto d = driver::make_mysql_driver(server.where());
    return loop->run(d->connect(*loop, deadline::in(patience))).error();
}

TEST(MysqlImpostor, WhoAsksForAFileGetsNone) {
    const test::temporary_folder folder;
    const std::string file = folder.write("private", "the crown jewels");
    std::string heard;
    {
        impostor server{[&](impostor& s) {
            (void)s.receive();
            s.accept_login();
            (void)s.receive();  // the first statement, whatever it is
            s.send('\xfb' + file);
            while (!s.receive().empty()) {
            }
        }};
        const error e = connect_to(server);
        EXPECT_FALSE(e == errc::internal) << e;
        heard = server.heard_to_the_end();
    }
    EXPECT_NE(heard.find("SET NAMES"), std::string::npos);
    EXPECT_EQ(heard.find("crown jewels"), std::string::npos);
}

TEST(MysqlImpostor, WhoAsksForThePasswordInClearDoesNotGetIt) {
    std::string heard;
    for (const char* way : {"mysql_clear_password", "dialog"}) {
        {
            impostor server{[&](impostor& s) {
                (void)s.receive();
                s.send(std::string{"\376"} + way + '\0' + "Password: ");
                while (!s.receive().empty()) {
                }
            }};
            const error e = connect_to(server);
            EXPECT_EQ(e.code(), errc::login_failed) << e;
            heard += server.heard_to_the_end();
        }
    }
    EXPECT_NE(heard.find("ashlar"), std::string::npos);
    EXPECT_EQ(heard.find("topsecret"), std::string::npos);
}

TEST(MysqlImpostor, WhoFallsSilentAnywhereIsLeftAtTheDeadline) {
    for (const bool in_handshake : {false, true}) {
        std::atomic<bool> over = false;
        impostor server{[&](impostor& s) {
                            (void)s.receive();
                            while (!over) std::this_thread::yield();
                        },
                        in_handshake};
        const auto begun = steady_clock::now();
        const error e = connect_to(server, milliseconds{300});
        EXPECT_EQ(e.code(), errc::connect_failed) << e;
        EXPECT_LT(steady_clock::now() - begun, seconds{30}) << in_handshake;
        over = true;
    }
}

TEST(MysqlImpostor, WhoTalksNonsenseIsNotBelieved) {
    for (const std::string& answer : {std::string{"\xff"}, std::string{"\xff\x15\x04"}, std::string(200, '\xff'),
                                      std::string{"\5"}, std::string{}, std::string{"\xfc\xff\xff"}}) {
        impostor server{[&](impostor& s) {
            (void)s.receive();
            s.accept_login();
            (void)s.receive();
            s.send(answer);
        }};
        EXPECT_TRUE(connect_to(server) == errc::connect_failed) << answer.size();
    }
}

}  // namespace
}  // namespace ashlar
