#include "testkit/free_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <stdexcept>

namespace ashlar::testkit {

namespace {

bool can_bind(std::uint16_t port) {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
    ::close(fd);
    return bound;
}

}  // namespace

std::uint16_t free_port() {
    thread_local std::mt19937 random{std::random_device{}()};
    std::uniform_int_distribution<int> any{20'000, 32'767};
    for (int attempt = 0; attempt < 1000; ++attempt) {
        auto port = static_cast<std::uint16_t>(any(random));
        if (can_bind(port)) return port;
    }
    throw std::runtime_error("no free port between 20000 and 32767");
}

}  // namespace ashlar::testkit
