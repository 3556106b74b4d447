#include "proxy/server.hpp"

#include "core/errno_text.hpp"
#include "core/io/loop.hpp"
#include "driver/pgwire/server_driver.hpp"
#include "proxy/measures.hpp"
#include "proxy/metrics_listener.hpp"
#include "proxy/worker.hpp"
#include "topology/measures.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>

namespace ashlar::proxy {

namespace {

using driver::pgwire::make_server_driver;
using driver::pgwire::server_options;

struct listener {
    int descriptor = -1;
    std::uint16_t port = 0;
};

error cannot_listen(const std::string& where, std::string_view why) {
    error e{errc::io_failure, fmt::format("cannot listen on {}: {}", where, why)};
    e.hint(
        "Set serve.listen_addr and serve.listen_port to an address of this machine that no other program listens on.");
    return e;
}

bool is_loopback(const sockaddr* address) {
    if (address->sa_family == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(address);
        return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    }
    if (address->sa_family == AF_INET6) {
        const auto* in6 = reinterpret_cast<const sockaddr_in6*>(address);
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    return false;
}

result<listener> listen_on(const std::string& host, std::uint16_t port, bool loopback_only) {
    const std::string where = fmt::format("{}:{}", host, port);
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const std::string any = host == "*" ? "" : host;
    const int failed = ::getaddrinfo(any.empty() ? nullptr : any.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failed != 0) return cannot_listen(where, ::gai_strerror(failed));
    std::string why = "no address";
    for (addrinfo* each = found; each != nullptr; each = each->ai_next) {
        if (loopback_only && !is_loopback(each->ai_addr)) {
            ::freeaddrinfo(found);
            return error{errc::config_invalid, fmt::format("auth_type = \"trust\" is not taken for {}", where)}.hint(
                "Listen on 127.0.0.1, or set serve.auth_type = \"scram-sha-256\" and list serve.users.");
        }
        const int fd = ::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            why = errno_text(errno);
            continue;
        }
        const int on = 1;
        (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        if (::bind(fd, each->ai_addr, each->ai_addrlen) == 0 && ::listen(fd, 4096) == 0 &&
            ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0) {
            ::freeaddrinfo(found);
            listener out;
            out.descriptor = fd;
            out.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                                         : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
            return out;
        }
        why = errno_text(errno);
        ::close(fd);
    }
    ::freeaddrinfo(found);
    return cannot_listen(where, why);
}

}  // namespace

namespace {

// libpq's keywords of TLS. What is not one is left alone; what cannot be kept is refused, never weakened.
status read_tls_option(const std::string& name, const std::string& value, driver::pgwire::server_tls& into) {
    using mode = driver::pgwire::server_tls::mode;
    constexpr std::array<std::pair<std::string_view, mode>, 6> modes{{{"disable", mode::disable},
                                                                      {"allow", mode::allow},
                                                                      {"prefer", mode::prefer},
                                                                      {"require", mode::require},
                                                                      {"verify-ca", mode::verify_ca},
                                                                      {"verify-full", mode::verify_full}}};
    if (name == "sslmode") {
        const auto at = std::find_if(modes.begin(), modes.end(), [&](const auto& m) { return m.first == value; });
        if (at == modes.end()) return error{errc::config_invalid, "sslmode=" + value + " is not known"};
        into.how = at->second;
        into.is_given = true;
    } else if (name == "sslrootcert") {
        into.options.ca_file = value;
    } else if (name == "sslcert") {
        into.options.cert_file = value;
    } else if (name == "sslkey") {
        into.options.key_file = value;
    } else if (name == "sslcrl") {
        into.options.crl_file = value;
    } else if (name == "sslsni") {
        into.options.sends_name = value != "0";
    } else if (name == "ssl_min_protocol_version") {
        into.options.versions.least = value;
    } else if (name == "sslpassword" || (name == "channel_binding" && value == "require") ||
               (name == "gssencmode" && value == "require")) {
        return error{errc::config_invalid, "the proxy cannot keep " + name + " to its servers"}.hint(
            "Leave it out of the database's URL.");
    }
    return {};
}

}  // namespace

result<std::shared_ptr<driver::driver>> driver_for(const config::endpoint& where, const config::pool_settings& how) {
    if (where.engine == config::engine::mysql) {
        return error{errc::unsupported, "the proxy does not serve MySQL and MariaDB databases yet: " + where.display()}
            .hint("The library does. Leave them out of the configuration that is served.");
    }
    if (where.engine != config::engine::postgres) return topology::default_driver(where, how);
    server_options o;
    o.host = where.host;
    o.port = where.port == 0 ? std::uint16_t{5432} : where.port;
    o.user = where.user;
    o.password = where.password;
    o.database = where.database;
    for (const auto& [name, value] : where.options) {
        if (name == "application_name" || name == "options") o.startup.emplace_back(name, value);
        if (status s = read_tls_option(name, value, o.tls); !s) return std::move(s).error();
    }
    return make_server_driver(std::move(o));
}

struct server::inside {
    explicit inside(std::shared_ptr<topology::world> world) : shared(std::move(world)) {}

    service shared;
    std::vector<std::unique_ptr<worker>> workers;
    listener listening;
    std::unique_ptr<io::loop> loop;  // the acceptor's
    std::thread acceptor;
    std::mutex guard;
    std::condition_variable ended;
    bool started = false, stopped = false;
    std::atomic<bool> serving{false};  // the workers have been made and started
    std::unique_ptr<metrics_listener> metrics;

    task<void> accept_clients();
    task<void> keep_catalogue();
    std::vector<metric_family> measures() const;  // any thread
    void take(int descriptor);
};

namespace {

// The proxy serves what can be served; the log has what cannot.
void tell_what_is_amiss(const topology::world& world, const status& read) {
    if (!read) spdlog::warn("{}", read.error().to_string());
    for (const auto& [name, why] : world.unread()) spdlog::warn("{} does not take part yet: {}", name, why.message());
    for (const topology::table_difference& each : world.differences()) {
        spdlog::warn("the table {} is not the same on all shards: on {} {}", each.table, each.shard, each.what);
    }
}

// The loop's wait is level-triggered: all that wait in the queue are taken at once.
int accept_one(int listening) {
    return ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

}  // namespace

void server::inside::take(int descriptor) {
    const auto most = shared.settings().max_client_conn;
    // Sockets before login count too, a little above the limit, so that the refusal can be said. Whoever has been silent
    // for longest makes room: thousands of them keep nobody out.
    std::size_t all = 0, strangers = 0;
    worker* least = workers.front().get();
    worker* strangest = least;
    for (auto& each : workers) {
        all += each->clients();
        strangers += each->strangers();
        if (each->clients() < least->clients()) least = each.get();
        if (each->strangers() > strangest->strangers()) strangest = each.get();
    }
    const std::size_t room = std::size_t{most} + most / 8 + 64;
    if (all >= room) {
        if (strangers == 0) {
            shared.counts.clients_refused.fetch_add(1, std::memory_order_relaxed);
            ::close(descriptor);
            return;
        }
        strangest->end_oldest_stranger();
    }
    least->take_client(descriptor);
}

task<void> server::inside::accept_clients() {
    for (;;) {
        status ready = co_await loop->wait(listening.descriptor, io::interest::readable);
        if (!ready) co_return;
        for (;;) {
            const int fd = accept_one(listening.descriptor);
            if (fd >= 0) {
                take(fd);
                continue;
            }
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                // Out of descriptors: those that wait stay in the queue until some come free.
                const deadline soon{loop->now() + milliseconds{100}};
                (void)co_await loop->sleep_until(soon);
            }
            break;
        }
    }
}

// Read at start; again while a database was away or tables differ from shard to shard; and slowly for ever, for changes that
// did not come through us.
task<void> server::inside::keep_catalogue() {
    bool known = false;
    bool told = false;
    for (;;) {
        const deadline until{steady_clock::now() + seconds{10}};
        status read = co_await shared.world().read_catalogue(*loop, until);
        if (!read && !told) {
            spdlog::warn("the catalogue cannot be read: {}", read.error().to_string());
            told = true;
        }
        if (read) {
            if (told) spdlog::info("the catalogue has been read");
            told = false;
            known = true;
        }
        const bool well = known && read && shared.world().unread().empty() && shared.world().differences().empty();
        const milliseconds pause = well ? milliseconds{30'000} : milliseconds{1'000};
        const deadline next{steady_clock::now() + pause};
        (void)co_await loop->sleep_until(next);
    }
}

std::vector<metric_family> server::inside::measures() const {
    std::vector<metric_family> all = topology::measures(shared.world());
    if (shared.draining || !serving) return all;
    std::vector<worker*> of;
    for (const auto& each : workers) of.push_back(each.get());
    auto reports = census::begin(of, false)->block();
    if (!reports) {
        spdlog::warn("metrics without those of clients: {}", reports.error().message());
        return all;
    }
    const snapshot now = make_snapshot(shared, std::move(*reports), false);
    for (auto& more : {own_measures(now), pgbouncer_measures(now)}) all.insert(all.end(), more.begin(), more.end());
    return all;
}

server::server(std::shared_ptr<topology::world> world) : inside_(std::make_unique<inside>(std::move(world))) {}

server::~server() {
    stop();
    wait();
}

status server::reload_certificates() {
    return inside_->shared.open_tls();
}

status server::start() {
    const config::serve_settings& settings = inside_->shared.settings();
    if (status secured = inside_->shared.open_tls(); !secured) return secured;
    auto listening = listen_on(settings.listen_addr, settings.listen_port, inside_->shared.trusts());
    if (!listening) return std::move(listening).error();
    inside_->listening = *listening;
    if (settings.metrics_listen) {
        auto collect = [in = inside_.get()] { return in->measures(); };
        auto metrics = metrics_listener::start(*settings.metrics_listen, std::move(collect));
        if (!metrics) {
            ::close(inside_->listening.descriptor);
            return std::move(metrics).error();
        }
        inside_->metrics = std::move(*metrics);
    }
    inside_->shared.world().start();
    inside_->loop = io::make_epoll_loop();

    // What the databases hold, before the first client asks.
    const deadline until = deadline::in(seconds{10});
    status read = inside_->loop->run(inside_->shared.world().read_catalogue(*inside_->loop, until));
    if (!read && read.error() == errc::config_invalid) {
        ::close(inside_->listening.descriptor);
        inside_->shared.world().stop();
        return read;
    }
    tell_what_is_amiss(inside_->shared.world(), read);

    const deadline warm_until = deadline::in(seconds{30});
    status warm = inside_->loop->run(inside_->shared.world().warm_up(*inside_->loop, warm_until));
    if (!warm) {
        ::close(inside_->listening.descriptor);
        inside_->shared.world().stop();
        return warm;
    }

    const std::uint32_t processors = std::max(1U, std::thread::hardware_concurrency());
    const std::uint32_t count = settings.workers == 0 ? processors : settings.workers;
    for (std::uint32_t i = 0; i < count; ++i) {
        inside_->workers.push_back(std::make_unique<worker>(inside_->shared, i, count));
    }
    std::vector<worker*> all;
    for (auto& each : inside_->workers) all.push_back(each.get());
    for (auto& each : inside_->workers) {
        each->know(all);
        each->start();
    }
    inside_->serving = true;
    inside_->acceptor = std::thread{[in = inside_.get()] {
        sigset_t every;
        sigfillset(&every);
        (void)::pthread_sigmask(SIG_BLOCK, &every, nullptr);
        io::task_group<void> tasks{*in->loop};
        tasks.start(in->accept_clients());
        tasks.start(in->keep_catalogue());
        in->loop->run();
        in->loop->run(tasks.cancel_and_join());
    }};
    inside_->started = true;
    return {};
}

void server::stop(milliseconds grace) {
    std::lock_guard hold{inside_->guard};
    if (!inside_->started || inside_->stopped) return;
    inside_->stopped = true;
    inside_->shared.draining = true;
    inside_->loop->stop();
    inside_->acceptor.join();
    inside_->loop->forget(inside_->listening.descriptor);
    ::close(inside_->listening.descriptor);
    const deadline until = deadline::in(grace);
    for (auto& each : inside_->workers) each->stop(until);
    inside_->metrics.reset();  // its own threads take up to two seconds to end
    for (auto& each : inside_->workers) each->join();
    inside_->shared.world().stop();
    inside_->ended.notify_all();
}

void server::wait() {
    std::unique_lock hold{inside_->guard};
    inside_->ended.wait(hold, [this] { return !inside_->started || inside_->stopped; });
}

std::uint16_t server::port() const noexcept {
    return inside_->listening.port;
}

std::uint16_t server::metrics_port() const noexcept {
    return inside_->metrics == nullptr ? std::uint16_t{0} : inside_->metrics->port();
}

traffic server::counts() const {
    traffic out;
    for (const auto& each : inside_->workers) out += each->counted();
    return out;
}

}  // namespace ashlar::proxy
