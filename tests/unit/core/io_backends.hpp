// io_backends.hpp: the three back ends of core/io as types, so that one test speaks of all of them.
#pragma once

#include "core/io/loop.hpp"
#include "core/io/sim_loop.hpp"
#include "core/io/task_group.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace ashlar::test {

// Real stream sockets for a real back end.
template <std::unique_ptr<io::loop> (*Make)()>
struct real_backend {
    std::unique_ptr<io::loop> loop = Make();

    std::pair<int, int> stream() {
        int two[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, two), 0);
        return {two[0], two[1]};
    }
    void finish_sending(int fd) { ::shutdown(fd, SHUT_WR); }
    void close(int fd) {
        loop->forget(fd);
        ::close(fd);
    }
};
struct on_epoll : real_backend<io::make_epoll_loop> {};
struct on_poll : real_backend<io::make_poll_loop> {};

struct on_sim {
    std::unique_ptr<io::sim_loop> loop = std::make_unique<io::sim_loop>(81);

    std::pair<int, int> stream() { return loop->make_stream(); }
    void finish_sending(int fd) { loop->finish_sending(fd); }
    void close(int fd) { loop->close(fd); }
};

template <class Backend>
struct io_test : testing::Test {
    Backend backend;
    io::loop& loop = *backend.loop;

    deadline in(milliseconds span) {  // by the loop's clock, brought up to date
        loop.run(io_test::nothing());
        return deadline{loop.now() + span};
    }
    static task<void> nothing() { co_return; }
};

using every_backend = testing::Types<on_epoll, on_poll, on_sim>;
struct backend_name {
    template <class T>
    static std::string GetName(int) {
        if (std::is_same_v<T, on_epoll>) return "epoll";
        return std::is_same_v<T, on_poll> ? "poll" : "sim";
    }
};

// A task's way to let others run: one turn of the loop.
inline task<void> one_turn(io::loop& l) {
    io::signal soon;
    l.post([soon]() mutable { soon.set(); });
    (void)co_await l.wait_for(soon);
}

}  // namespace ashlar::test
