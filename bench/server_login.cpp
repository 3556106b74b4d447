// CPU of a login to a real PostgreSQL server by our own link and by libpq, client side.
//
//     bench_server_login [HOST PORT USER PASSWORD [LOGINS]]
//
// Without a server's name it starts one, which asks for SCRAM.
//
// All threads of the process are counted, so that keys derived on a worker thread are not forgotten.
#include "driver/pgwire/server_link.hpp"
#include "support/postgres_server.hpp"

#include <libpq-fe.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

using namespace ashlar;
using namespace ashlar::driver::pgwire;

namespace {

double cpu_microseconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
    return of(used.ru_utime) + of(used.ru_stime);
}

template <class F>
void measure(const char* what, int logins, F login) {
    const double before = cpu_microseconds();
    for (int i = 0; i < logins; ++i) login();
    std::printf("%-40s %8.0f us CPU a login\n", what, (cpu_microseconds() - before) / logins);
}

void by_libpq(const server_options& o) {
    const std::string port = std::to_string(o.port);
    const char* names[] = {"host", "port", "user", "password", "dbname", "sslmode", "gssencmode", nullptr};
    const char* values[] = {o.host.c_str(), port.c_str(), o.user.c_str(), o.password.c_str(),
                            "postgres",     "disable",    "disable",      nullptr};
    PGconn* c = PQconnectdbParams(names, values, 0);
    if (PQstatus(c) != CONNECTION_OK) std::abort();
    PQfinish(c);
}

}  // namespace

int main(int count, char** arguments) {
    server_options o;
    std::optional<test::postgres_server> own;
    if (count < 5) {
        test::postgres_server::options how;
        how.auth = "scram-sha-256";
        own.emplace(how);
        o.host = own->host();
        o.port = own->port();
        o.user = own->user();
        o.password = own->password();
    } else {
        o.host = arguments[1];
        o.port = static_cast<std::uint16_t>(std::atoi(arguments[2]));
        o.user = arguments[3];
        o.password = arguments[4];
    }
    o.database = "postgres";
    const int logins = count > 5 ? std::atoi(arguments[5]) : 200;

    const auto loop = io::make_epoll_loop();
    auto ours = [&](const std::shared_ptr<server_target>& target) {
        const deadline until = deadline::in(seconds{20});
        if (!loop->run(server_link::connect(*loop, target, until))) std::abort();
    };
    const auto kept = std::make_shared<server_target>(o);
    ours(kept);
    measure("own link, kept keys", logins, [&] { ours(kept); });
    measure("own link, keys derived each time", logins, [&] { ours(std::make_shared<server_target>(o)); });
    measure("libpq", logins, [&] { by_libpq(o); });
    return 0;
}
