#include "driver/pgwire/server_socket.hpp"

#include "core/errno_text.hpp"
#include "core/io/blocking_threads.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

namespace ashlar::driver::pgwire {

namespace {

constexpr seconds background_cancel_max{10};
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;
constexpr std::string_view unix_folder_usual = "/var/run/postgresql";

using addresses = std::vector<server_address>;

error no_connection(const server_target& to, std::string_view why) {
    return error{errc::connect_failed, "no connection to " + to.describe() + ": " + std::string{why}};
}

server_address address_of(const void* where, std::size_t size) {
    server_address a;
    std::memcpy(&a.where, where, size);
    a.size = static_cast<socklen_t>(size);
    return a;
}

result<addresses> unix_address(const server_target& to) {
    const std::string& folder = to.options().host;
    const std::string path =
        (folder.empty() ? std::string{unix_folder_usual} : folder) + "/.s.PGSQL." + std::to_string(to.options().port);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    if (path.size() >= sizeof at.sun_path) return no_connection(to, "the path of the Unix socket is too long");
    path.copy(at.sun_path, path.size());
    return addresses{address_of(&at, sizeof at)};
}

// What the host is when it is written as an address.
std::optional<server_address> literal_address(const std::string& host, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) return address_of(&v4, sizeof v4);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) return address_of(&v6, sizeof v6);
    return std::nullopt;
}

struct lookup {
    std::string host, port;
    int problem = 0;
    addresses found;

    void run() {
        addrinfo wanted{};
        wanted.ai_socktype = SOCK_STREAM;
        addrinfo* all = nullptr;
        problem = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &all);
        if (problem != 0) return;
        for (const addrinfo* one = all; one != nullptr; one = one->ai_next) {
            found.push_back(address_of(one->ai_addr, one->ai_addrlen));
        }
        ::freeaddrinfo(all);
    }
};

task<result<addresses>> resolve(io::loop& loop, const server_target& to) {
    if (to.is_unix()) co_return unix_address(to);
    const server_options& o = to.options();
    if (auto literal = literal_address(o.host, o.port)) co_return addresses(1, *literal);
    lookup names;
    names.host = o.host;
    names.port = std::to_string(o.port);
    std::function<void()> work = [&names] { names.run(); };
    co_await loop.run_blocking(std::move(work));
    if (names.problem != 0) co_return no_connection(to, ::gai_strerror(names.problem));
    co_return std::move(names.found);
}

void set_option(int fd, int level, int option, int value) noexcept {
    (void)::setsockopt(fd, level, option, &value, sizeof value);
}

void set_tcp_options(int fd, const server_options& o) noexcept {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(o.keepalive_after.count()));
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(o.unacknowledged_max.count()));
}

error from_errno(int number) {
    return error{errc::connect_failed, errno_text(number)};
}

task<result<io::byte_stream>> connect_to(io::loop& loop, server_address to, const server_options* how, deadline until) {
    const int fd = ::socket(to.where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) co_return from_errno(errno);
    io::byte_stream made{loop, fd};
    if (how != nullptr && to.where.ss_family != AF_UNIX) set_tcp_options(fd, *how);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to.where), to.size) == 0) co_return std::move(made);
    if (errno != EINPROGRESS) co_return from_errno(errno);
    if (auto connected = co_await loop.wait(fd, io::interest::writable, until); !connected) {
        co_return std::move(connected).error();
    }
    int problem = 0;
    socklen_t size = sizeof problem;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) != 0) problem = errno;
    if (problem != 0) co_return from_errno(problem);
    co_return std::move(made);
}

}  // namespace

bool server_address::is_local() const noexcept {
    if (where.ss_family == AF_UNIX) return true;
    if (where.ss_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, &where, sizeof v4);
        return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    }
    sockaddr_in6 v6;
    std::memcpy(&v6, &where, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

task<result<connected_socket>> connect_socket(io::loop& loop, const server_target& to, deadline until) {
    auto found = co_await resolve(loop, to);
    if (!found) co_return std::move(found).error();
    error last{errc::connect_failed, "the name has no address"};
    for (const server_address& each : *found) {
        auto made = co_await connect_to(loop, each, &to.options(), until);
        if (made) co_return connected_socket{*std::move(made), each};
        last = std::move(made).error();
        if (last == errc::deadline_passed) break;
    }
    if (last == errc::deadline_passed) {
        co_return error{errc::connect_failed, "no connection to " + to.describe() + " was made before the deadline"};
    }
    co_return no_connection(to, last.message());
}

task<result<bool>> ask_for_tls(io::byte_stream& on, const server_tls& by, std::string host, deadline until) {
    std::string request;
    wire::write_ssl_request(request);
    if (auto sent = co_await on.send(request, until); !sent) co_return std::move(sent).error();
    // One byte: what a server sends behind it in clear stays where TLS will find it, and refuse it (CVE-2021-23222).
    char answer = 0;
    const std::span<char> into{&answer, 1};
    auto got = co_await on.receive(into, until);
    if (!got) co_return std::move(got).error();
    if (*got == 0) co_return error{errc::peer_closed, "the server closed the connection when asked for TLS"};
    if (answer == 'N') co_return false;
    if (answer != 'S') co_return error{errc::protocol_violation, "the server does not know the request for TLS"};
    std::string no_offer;
    auto agreed = co_await io::connect_tls(on, by.context, std::move(host), std::move(no_offer), until);
    if (!agreed) co_return std::move(agreed).error();
    co_return true;
}

// --- cancelling ---------------------------------------------------------------------------------------------------

struct server_canceller::shared {
    server_address address;
    std::shared_ptr<const server_target> tls;  // whose options say how; nullptr: plain
    wire::cancel_key key;
    mutable std::mutex guard;
    std::size_t under_way = 0;
    std::vector<io::signal> waiters;  // each is set when none is under way
};

// One that is under way.
class server_canceller::count {
public:
    explicit count(std::shared_ptr<shared> of) : of_(std::move(of)) {
        std::lock_guard hold{of_->guard};
        ++of_->under_way;
    }
    ~count() {
        std::vector<io::signal> told;
        {
            std::lock_guard hold{of_->guard};
            if (--of_->under_way == 0) told.swap(of_->waiters);
        }
        for (io::signal& each : told) each.set();
    }
    count(const count&) = delete;
    count& operator=(const count&) = delete;

private:
    std::shared_ptr<shared> of_;
};

server_canceller::server_canceller(server_address address, wire::cancel_key key,
                                   std::shared_ptr<const server_target> tls)
    : shared_(std::make_shared<shared>()) {
    shared_->address = address;
    shared_->tls = std::move(tls);
    shared_->key = std::move(key);
}

task<status> server_canceller::send(io::loop& loop, deadline until) {
    const std::shared_ptr<shared> what = shared_;  // this object may be gone before the server has answered
    if (!what) co_return error{errc::unsupported, "the server gave no key to cancel with"};
    const count counted{what};
    auto made = co_await connect_to(loop, what->address, nullptr, until);
    if (!made) co_return std::move(made).error();
    if (what->tls != nullptr) {
        const server_options& o = what->tls->options();
        auto secured = co_await ask_for_tls(*made, o.tls, o.host, until);
        if (!secured) co_return std::move(secured).error();
        if (!*secured) co_return error{errc::connect_failed, "the server offers no TLS for the cancel"};
    }
    std::string request;
    wire::write_cancel_request(request, what->key);
    if (auto sent = co_await made->send(request, until); !sent) co_return std::move(sent).error();
    // The server answers with nothing but the end.
    std::array<char, 64> nothing;
    const std::span<char> into{nothing};
    for (;;) {
        auto got = co_await made->receive(into, until);
        if (!got && got.error() != errc::peer_closed) co_return std::move(got).error();
        if (!got || *got == 0) co_return status{};
    }
}

void server_canceller::send_in_background() {
    if (!shared_) return;
    auto counted = std::make_shared<count>(shared_);  // from now on, not only from when a thread is free
    io::run_on_blocking_thread([me = *this, counted]() mutable {
        const auto loop = io::make_poll_loop();
        (void)loop->run(me.send(*loop, deadline::in(background_cancel_max)));
        counted.reset();
    });
}

std::size_t server_canceller::under_way() const noexcept {
    if (!shared_) return 0;
    std::lock_guard hold{shared_->guard};
    return shared_->under_way;
}

task<status> server_canceller::settled(io::loop& loop, deadline until) const {
    if (!shared_) co_return status{};
    io::signal none;
    {
        std::lock_guard hold{shared_->guard};
        if (shared_->under_way == 0) co_return status{};
        shared_->waiters.push_back(none);
    }
    co_return co_await loop.wait_for(none, until);
}

}  // namespace ashlar::driver::pgwire
