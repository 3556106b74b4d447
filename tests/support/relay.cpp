#include "support/relay.hpp"

#include "support/free_port.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <list>
#include <stdexcept>
#include <string>
#include <vector>

namespace ashlar::test {

namespace {

using clock = std::chrono::steady_clock;

sockaddr_in at_port(std::uint16_t port) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return where;
}

void at_once(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// One direction of one connection: what was read and is still on its way.
struct stream {
    int from, to;
    struct piece {
        clock::time_point due;
        std::string bytes;
    };
    std::deque<piece> under_way;
    std::size_t held = 0;
    bool ended = false;     // `from` has said its last
    bool told_end = false;  // and `to` has been told
    static constexpr std::size_t held_max = 1u << 20;
};

struct connection {
    int client, server;
    stream there{client, server, {}, 0, false, false}, back{server, client, {}, 0, false, false};
    bool broken = false;
    connection(int c, int s) : client(c), server(s) {}
    connection(const connection&) = delete;
    ~connection() {
        ::close(client);
        ::close(server);
    }
};

void read_some(stream& s, std::chrono::milliseconds delay, bool& broken) {
    std::array<char, 16384> buffer;
    const ssize_t got = ::recv(s.from, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) {
        s.under_way.push_back({clock::now() + delay, std::string{buffer.data(), static_cast<std::size_t>(got)}});
        s.held += static_cast<std::size_t>(got);
    } else if (got == 0) {
        s.ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        broken = true;
    }
}

void write_due(stream& s, bool& broken) {
    while (!s.under_way.empty() && s.under_way.front().due <= clock::now()) {
        std::string& bytes = s.under_way.front().bytes;
        const ssize_t sent = ::send(s.to, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            broken = broken || (errno != EAGAIN && errno != EINTR);
            return;
        }
        s.held -= static_cast<std::size_t>(sent);
        bytes.erase(0, static_cast<std::size_t>(sent));
        if (!bytes.empty()) return;
        s.under_way.pop_front();
    }
    if (s.ended && s.under_way.empty() && !s.told_end) {
        ::shutdown(s.to, SHUT_WR);
        s.told_end = true;
    }
}

}  // namespace

relay::relay(std::uint16_t to) : to_(to) {
    for (int attempt = 0; attempt < 10 && listening_ < 0; ++attempt) {
        port_ = free_port();
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const sockaddr_in where = at_port(port_);
        if (::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 && ::listen(fd, 128) == 0) {
            listening_ = fd;
        } else {
            ::close(fd);
        }
    }
    if (listening_ < 0 || ::pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("no relay can be made");
    thread_ = std::thread([this] { run(); });
}

relay::~relay() {
    over_ = true;
    wake();
    thread_.join();
    ::close(listening_);
    ::close(wake_[0]);
    ::close(wake_[1]);
}

void relay::wake() const {
    (void)!::write(wake_[1], "", 1);
}
void relay::pass() {
    delay_ = std::chrono::milliseconds{0};
    mode_ = mode::pass;
    wake();
}
void relay::delay(std::chrono::milliseconds by) {
    delay_ = by;
    mode_ = mode::pass;
    wake();
}
void relay::silence() {
    mode_ = mode::silence;
    wake();
}
void relay::cut() {
    mode_ = mode::cut;
    wake();
}

void relay::run() {
    std::list<connection> all;
    while (!over_) {
        const mode now = mode_;
        if (now == mode::cut) all.clear();
        std::vector<pollfd> waits{{wake_[0], POLLIN, 0}, {listening_, POLLIN, 0}};
        auto next_due = clock::now() + std::chrono::seconds{1};
        for (const connection& each : all) {
            for (const stream* s : {&each.there, &each.back}) {
                short events = 0;
                if (now == mode::pass && !s->ended && s->held < stream::held_max) events |= POLLIN;
                waits.push_back(
                    {events != 0 ? s->from : -1, events, 0});  // without -1 a hang-up would be told for ever
                if (now == mode::pass && !s->under_way.empty()) next_due = std::min(next_due, s->under_way.front().due);
            }
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_due - clock::now());
        (void)::poll(waits.data(), waits.size(), static_cast<int>(std::max<std::int64_t>(1, left.count())));
        std::array<char, 64> drop;
        while (::read(wake_[0], drop.data(), drop.size()) > 0) {
        }
        std::size_t at = 2;
        for (connection& each : all) {
            for (stream* s : {&each.there, &each.back}) {
                const short found = waits[at++].revents;
                if (now != mode::pass) continue;
                if (found & (POLLIN | POLLHUP | POLLERR) && !s->ended) read_some(*s, delay_, each.broken);
                write_due(*s, each.broken);
            }
        }
        all.remove_if([](const connection& c) { return c.broken || (c.there.told_end && c.back.told_end); });
        if (waits[1].revents & POLLIN) {
            const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) continue;
            const sockaddr_in where = at_port(to_);
            const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            const bool reached =
                now != mode::cut && ::connect(server, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
            if (!reached) {
                ::close(client);
                ::close(server);
                continue;
            }
            at_once(client);
            at_once(server);
            all.emplace_back(client, server);
        }
    }
}

}  // namespace ashlar::test
