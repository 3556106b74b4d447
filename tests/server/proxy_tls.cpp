// TLS between clients and the proxy, with libpq, and with clients that mean no good.
#include "core/io/tls.hpp"
#include "support/becomes.hpp"
#include "support/certificates.hpp"
#include "support/libpq_client.hpp"
#include "support/proxied.hpp"
#include "wire/startup.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

namespace ashlar {
namespace {

using test::libpq_client;
using test::proxied;
using ::testing::HasSubstr;

using connection = std::unique_ptr<PGconn, test::libpq_finish>;

class ProxyTls : public ::testing::Test {
protected:
    test::certificates files;

    std::unique_ptr<proxied> serve(std::string mode,
                                   std::function<void(config::serve_settings::client_tls&)> more = {}) {
        proxied::options o;
        o.shards = 2;
        o.schema = {"create table users(id int primary key, name text)"};
        o.tables = {proxied::sharded("users", "id")};
        o.change = [&, mode](config::description& d) {
            d.serve.tls.sslmode = mode;
            d.serve.tls.cert_file = files.cert("localhost");
            d.serve.tls.key_file = files.key("localhost");
            if (more) more(d.serve.tls);
        };
        return std::make_unique<proxied>(std::move(o));
    }
    static connection open(const proxied& to, const std::string& options, const std::string& host = "localhost") {
        return connection{PQconnectdb(
            fmt::format("host={} port={} user=postgres dbname=main connect_timeout=30 {}", host, to.port(), options)
                .c_str())};
    }
    // "TLSv1.3", "no", or what libpq says of the failure.
    static std::string version(const proxied& to, const std::string& options, const std::string& host = "localhost") {
        const connection c = open(to, options, host);
        if (PQstatus(c.get()) != CONNECTION_OK) return PQerrorMessage(c.get());
        if (PQsslInUse(c.get()) == 0) return "no";
        return PQsslAttribute(c.get(), "protocol");
    }
};

TEST_F(ProxyTls, IsSpokenAsBothSidesSay) {
    const auto off = serve("disable");
    EXPECT_EQ(version(*off, "sslmode=prefer"), "no");
    EXPECT_THAT(version(*off, "sslmode=require"), HasSubstr("does not support SSL"));
    const auto allowed = serve("allow");
    EXPECT_EQ(version(*allowed, "sslmode=disable"), "no");
    EXPECT_EQ(version(*allowed, "sslmode=prefer"), "TLSv1.3");
    EXPECT_EQ(version(*allowed, "sslmode=require ssl_max_protocol_version=TLSv1.2"), "TLSv1.2");
    const auto required = serve("require", [](auto& tls) { tls.most = "TLSv1.2"; });
    EXPECT_THAT(version(*required, "sslmode=disable"), HasSubstr("accepts encrypted connections only"));
    EXPECT_EQ(version(*required, "sslmode=require"), "TLSv1.2");
    EXPECT_THAT(version(*required, "sslmode=require ssl_min_protocol_version=TLSv1.3"), HasSubstr("SSL error"));
}

TEST_F(ProxyTls, ShowsItsCertificateAndChecksThoseOfClients) {
    const std::string ca = " sslrootcert=" + files.authority();
    const auto house = serve("allow");
    EXPECT_EQ(version(*house, "sslmode=verify-full" + ca), "TLSv1.3");
    EXPECT_THAT(version(*house, "sslmode=verify-full" + ca, "127.0.0.1"), HasSubstr("does not match host name"));
    EXPECT_THAT(version(*house, "sslmode=verify-ca sslrootcert=" + files.other_authority()),
                HasSubstr("verify failed"));
    const auto expired = serve("allow", [&](auto& tls) {
        tls.cert_file = files.cert("expired", -1);
        tls.key_file = files.key("expired");
    });
    EXPECT_THAT(version(*expired, "sslmode=verify-ca" + ca), HasSubstr("verify failed"));

    const auto strict = serve("verify-ca", [&](auto& tls) { tls.ca_file = files.authority(); });
    EXPECT_THAT(version(*strict, "sslmode=require"), HasSubstr("certificate required"));
    const std::string mine = files.cert("postgres"), key = files.key("postgres");
    std::filesystem::permissions(key, std::filesystem::perms::owner_read);
    const std::string with = fmt::format("sslmode=require sslcert={} sslkey={}", mine, key);
    EXPECT_EQ(version(*strict, with), "TLSv1.3");
    EXPECT_THAT(version(*strict, "sslmode=disable"), HasSubstr("accepts encrypted connections only"));
}

TEST_F(ProxyTls, CarriesEverythingThatAPlainConnectionDoes) {
    const auto house = serve("require");
    const connection c = open(*house, "sslmode=require");
    ASSERT_EQ(PQstatus(c.get()), CONNECTION_OK) << PQerrorMessage(c.get());
    const auto query = [&](const std::string& sql) { return libpq_client::shown(PQexec(c.get(), sql.c_str())); };
    EXPECT_EQ(query("insert into users values (1, 'one')"), "INSERT 0 1");
    EXPECT_EQ(query("select length(repeat('x', 20000000))"), "20000000");
    EXPECT_EQ(query("select repeat('x', 3000000)").size(), 3'000'000u);
    const std::string long_one = "select length('" + std::string(5'000'000, 'y') + "')";
    EXPECT_EQ(query(long_one), "5000000");
    EXPECT_EQ(query("select count(*) from users"), "1");

    // A pipeline, and a cancel, which libpq sends in clear: it carries nothing but the key.
    ASSERT_EQ(PQenterPipelineMode(c.get()), 1);
    for (int i = 0; i < 500; ++i) {
        const std::string sql = "select name from users where id = " + std::to_string(i);
        ASSERT_EQ(PQsendQueryParams(c.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0), 1);
    }
    ASSERT_EQ(PQpipelineSync(c.get()), 1);
    int answers = 0;
    for (bool synced = false; !synced;) {
        PGresult* const got = PQgetResult(c.get());
        if (got == nullptr) continue;
        synced = PQresultStatus(got) == PGRES_PIPELINE_SYNC;
        answers += PQresultStatus(got) == PGRES_TUPLES_OK ? 1 : 0;
        PQclear(got);
    }
    EXPECT_EQ(answers, 500);
    ASSERT_EQ(PQexitPipelineMode(c.get()), 1);
    ASSERT_EQ(PQsendQuery(c.get(), "select pg_sleep(60)"), 1);
    PGcancel* const handle = PQgetCancel(c.get());
    char problem[256];
    EXPECT_TRUE(test::becomes([&] {
        (void)PQcancel(handle, problem, sizeof problem);
        (void)PQconsumeInput(c.get());
        return PQisBusy(c.get()) == 0;
    }));
    PQfreeCancel(handle);
    EXPECT_EQ(libpq_client::shown(PQgetResult(c.get())), "57014");
    while (PGresult* rest = PQgetResult(c.get())) PQclear(rest);
    EXPECT_EQ(query("select 1"), "1");
}

// A client by hand: what it sends after SSLRequest, or in place of it, is up to the test.
class by_hand {
public:
    explicit by_hand(std::uint16_t port) : stream_(*loop_, ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(stream_.descriptor(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) {
            throw std::runtime_error("no connection");
        }
        (void)::fcntl(stream_.descriptor(), F_SETFL, O_NONBLOCK);
    }
    void send(std::string bytes) {
        (void)loop_->run([](io::byte_stream& to, std::string what) -> task<status> {
            auto sent = co_await to.send(what, deadline::in(seconds{30}));
            co_return sent ? status{} : std::move(sent).error();
        }(stream_, std::move(bytes)));
    }
    // All that comes until the end of the stream, or at least `enough` bytes.
    std::string receive(std::size_t enough = SIZE_MAX) {
        return loop_->run([](io::byte_stream& from, std::size_t most) -> task<std::string> {
            std::string all;
            std::array<char, 4096> room;
            const std::span<char> into{room};
            while (all.size() < most) {
                auto got = co_await from.receive(into, deadline::in(seconds{30}));
                if (!got || *got == 0) break;
                all.append(room.data(), *got);
            }
            co_return all;
        }(stream_, enough));
    }
    result<io::tls_facts> shake(std::string offers) {
        auto context = io::tls_context::for_client({}).value();
        return loop_->run(io::connect_tls(stream_, context, "localhost", std::move(offers), deadline::in(seconds{30})));
    }

private:
    std::unique_ptr<io::loop> loop_ = io::make_poll_loop();
    io::byte_stream stream_;
};

std::string ssl_request() {
    std::string out;
    wire::write_ssl_request(out);
    return out;
}

std::string startup() {
    std::string out;
    wire::write_startup(out, {{"user", "postgres"}, {"database", "main"}});
    return out;
}

TEST_F(ProxyTls, MayBeginWithTheFirstByte) {
    const auto house = serve("require");
    by_hand direct{house->port()};
    const auto agreed = direct.shake("postgresql");
    ASSERT_TRUE(agreed) << agreed.error();
    EXPECT_EQ(agreed->protocol, "postgresql");
    direct.send(startup());
    EXPECT_EQ(direct.receive(9).substr(0, 1), "R");
    by_hand silent{house->port()};  // says in nothing that it means PostgreSQL
    if (silent.shake("")) {
        silent.send(startup());
        EXPECT_THAT(silent.receive(), HasSubstr("ALPN"));
    }
    by_hand other{house->port()};
    EXPECT_FALSE(other.shake("http/1.1"));
    EXPECT_EQ(version(*house, "sslmode=require"), "TLSv1.3");
}

TEST_F(ProxyTls, IsNotBegunByBytesInClear) {
    const auto house = serve("allow");
    by_hand eager{house->port()};
    eager.send(ssl_request() + startup());
    EXPECT_THAT(eager.receive(), HasSubstr("bytes arrived after a request for encryption"));
    by_hand plain{house->port()};
    plain.send(ssl_request());
    ASSERT_EQ(plain.receive(1), "S");
    plain.send(startup());
    const std::string said = plain.receive();
    EXPECT_EQ(said.find('Z'), std::string::npos) << "no login in clear";
    by_hand twice{house->port()};
    twice.send(ssl_request());
    ASSERT_EQ(twice.receive(1), "S");
    ASSERT_TRUE(twice.shake(""));
    twice.send(ssl_request());
    EXPECT_THAT(twice.receive(), HasSubstr("TLS within TLS"));
    EXPECT_EQ(version(*house, "sslmode=require"), "TLSv1.3");
}

TEST_F(ProxyTls, HasItsCertificateReadAgainWithoutDroppingAClient) {
    std::string cert, key;
    const auto house = serve("allow", [&](auto& tls) {
        cert = tls.cert_file = files.cert("first");
        key = tls.key_file = files.key("first");
    });
    const std::string ca = "sslmode=verify-full sslrootcert=" + files.authority();
    EXPECT_THAT(version(*house, ca), HasSubstr("does not match host name"));
    const connection before = open(*house, "sslmode=require");
    std::filesystem::copy_file(files.cert("localhost"), cert, std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(house->server().reload_certificates().error(), errc::config_invalid) << "the key is still the old one";
    EXPECT_THAT(version(*house, ca), HasSubstr("does not match host name"));
    std::filesystem::copy_file(files.key("localhost"), key, std::filesystem::copy_options::overwrite_existing);
    EXPECT_TRUE(house->server().reload_certificates());
    EXPECT_EQ(version(*house, ca), "TLSv1.3");
    EXPECT_EQ(libpq_client::shown(PQexec(before.get(), "select 1")), "1");
}

TEST_F(ProxyTls, WithoutAUsableCertificateTheProxyDoesNotStart) {
    try {
        (void)serve("allow", [](auto& tls) { tls.cert_file = "/no/such/file"; });
        FAIL() << "it started";
    } catch (const std::runtime_error& e) {
        EXPECT_THAT(e.what(), HasSubstr("the certificate /no/such/file cannot be used"));
    }
}

}  // namespace
}  // namespace ashlar
