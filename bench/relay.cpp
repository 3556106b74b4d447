// relay.cpp: what core/io costs. Clients send 64-byte messages through a relay to an echo server and back, over TCP on
// this machine; the relay is once a raw epoll loop, once coroutines on core/io, in turns within one program. Printed is
// the relay thread's CPU time for each message pair (client to server and back), medians of interleaved runs.
//
//     bench_relay [connections=16] [milliseconds a run=1000] [runs=7]
//
// The aim is a ratio within 1.05. The relay reads 16 KiB at most and sends what it read; it does no other work, so that
// the difference is the loop's and the coroutines'.
#include "core/io/loop.hpp"
#include "core/io/task_group.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

using namespace ashlar;

namespace {

constexpr std::size_t message_size = 64;
constexpr std::size_t buffer_size = 16 * 1024;

void need(bool well, const char* what) {
    if (well) return;
    std::perror(what);
    std::exit(1);
}

// Two ends of a TCP connection on the loopback interface, both non-blocking.
struct tcp_pair {
    int near = -1, far = -1;
    tcp_pair() {
        const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof where;
        auto* const address = reinterpret_cast<sockaddr*>(&where);
        need(::bind(listener, address, length) == 0 && ::listen(listener, 1) == 0, "listen");
        need(::getsockname(listener, address, &length) == 0, "getsockname");
        near = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        need(::connect(near, address, length) == 0, "connect");
        far = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        need(far >= 0, "accept");
        ::close(listener);
        const int on = 1;
        for (const int fd : {near, far}) {
            need(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
            need(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
        }
    }
    tcp_pair(const tcp_pair&) = delete;
    tcp_pair& operator=(const tcp_pair&) = delete;
    ~tcp_pair() {
        ::close(near);
        ::close(far);
    }
};

// One client's way: client.near … client.far [relay] server.near … server.far.
struct way {
    tcp_pair client, server;
};

double thread_cpu_seconds() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

int watch(std::initializer_list<int> some, const std::vector<int>& fds) {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    const auto add = [epoll](int fd) {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.fd = fd;
        need(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
    };
    for (const int fd : some) add(fd);
    for (const int fd : fds) add(fd);
    return epoll;
}

// Clients and echo server share a thread, which is not measured: whatever comes in goes back out, and the clients' first
// messages set it off. Ends when `stop` is set.
void play_peers(const std::vector<std::unique_ptr<way>>& ways, const std::atomic<bool>& stop, std::uint64_t& pairs) {
    std::vector<int> fds;
    std::vector<bool> is_client(4'096);
    for (const auto& w : ways) {
        fds.push_back(w->client.near);
        fds.push_back(w->server.far);
        is_client[static_cast<std::size_t>(w->client.near)] = true;
    }
    const int epoll = watch({}, fds);
    std::array<char, buffer_size> buffer{};
    for (const auto& w : ways) need(::send(w->client.near, buffer.data(), message_size, 0) > 0, "send");
    std::array<epoll_event, 256> events{};
    while (!stop) {
        const int n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 10);
        for (int i = 0; i < n; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
            if (got <= 0) continue;
            if (is_client[static_cast<std::size_t>(fd)]) ++pairs;
            need(::send(fd, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got, "send");
        }
    }
    ::close(epoll);
}

// --- the two relays -----------------------------------------------------------------------------------------------

void relay_raw(const std::vector<std::unique_ptr<way>>& ways, int wake) {
    std::vector<int> to(4'096, -1), fds;
    for (const auto& w : ways) {
        to[static_cast<std::size_t>(w->client.far)] = w->server.near;
        to[static_cast<std::size_t>(w->server.near)] = w->client.far;
        fds.push_back(w->client.far);
        fds.push_back(w->server.near);
    }
    const int epoll = watch({wake}, fds);
    std::array<char, buffer_size> buffer{};
    std::array<epoll_event, 256> events{};
    for (bool stop = false; !stop;) {
        const int n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < n; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == wake) {
                stop = true;
                continue;
            }
            const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
            if (got <= 0) continue;
            need(::send(to[static_cast<std::size_t>(fd)], buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) ==
                     got,
                 "send");
        }
    }
    ::close(epoll);
}

task<void> carry(io::loop& loop, int from, int to, std::span<char> buffer) {
    for (;;) {
        auto got = co_await loop.receive(from, buffer);
        if (!got || *got == 0) co_return;
        const std::string_view what{buffer.data(), *got};
        const auto sent = co_await loop.send(to, what);
        if (!sent) co_return;
    }
}

task<void> carry_all(io::loop& loop, const std::vector<std::unique_ptr<way>>& ways, int wake) {
    std::vector<std::vector<char>> buffers;
    io::task_group<> carriers{loop};
    for (const auto& w : ways) {
        buffers.emplace_back(buffer_size);
        carriers.start(carry(loop, w->client.far, w->server.near, buffers.back()));
        buffers.emplace_back(buffer_size);
        carriers.start(carry(loop, w->server.near, w->client.far, buffers.back()));
    }
    (void)co_await loop.wait(wake, io::interest::readable);
    co_await carriers.cancel_and_join();
}

void relay_core_io(const std::vector<std::unique_ptr<way>>& ways, int wake) {
    auto loop = io::make_epoll_loop();
    loop->run(carry_all(*loop, ways, wake));
}

// --- measuring ----------------------------------------------------------------------------------------------------

using relay = void (*)(const std::vector<std::unique_ptr<way>>&, int);

// Microseconds of the relay thread's CPU for each message pair.
double measure(relay how, int connections, milliseconds span) {
    std::vector<std::unique_ptr<way>> ways;
    for (int i = 0; i < connections; ++i) ways.push_back(std::make_unique<way>());
    int wake[2];
    need(::pipe2(wake, O_CLOEXEC | O_NONBLOCK) == 0, "pipe");
    std::atomic<bool> stop{false};
    std::uint64_t pairs = 0;
    double cpu = 0;
    std::thread relay_thread{[&] {
        const double before = thread_cpu_seconds();
        how(ways, wake[0]);
        cpu = thread_cpu_seconds() - before;
    }};
    std::thread peers{[&] { play_peers(ways, stop, pairs); }};
    std::this_thread::sleep_for(span);
    need(::write(wake[1], "x", 1) == 1, "write");
    relay_thread.join();
    stop = true;
    peers.join();
    ::close(wake[0]);
    ::close(wake[1]);
    return cpu * 1e6 / static_cast<double>(std::max<std::uint64_t>(pairs, 1));
}

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
    const auto given = [&](int n, int otherwise) { return count > n ? std::atoi(arguments[n]) : otherwise; };
    const int connections = std::clamp(given(1, 16), 1, 500);
    const milliseconds span{given(2, 1'000)};
    const int runs = std::max(1, given(3, 7));
    std::vector<double> raw, ours, ratio;
    for (int i = 0; i < runs; ++i) {
        raw.push_back(measure(relay_raw, connections, span));
        ours.push_back(measure(relay_core_io, connections, span));
        ratio.push_back(ours.back() / raw.back());
    }
    std::printf("relay, %d connections, %d runs: raw epoll %.2f us, core/io %.2f us a message pair, ratio %.3f\n",
                connections, runs, median(raw), median(ours), median(ratio));
    std::printf("  best of each: raw epoll %.2f us, core/io %.2f us\n", *std::min_element(raw.begin(), raw.end()),
                *std::min_element(ours.begin(), ours.end()));
    return 0;
}
