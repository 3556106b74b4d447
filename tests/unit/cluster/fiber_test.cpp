#include "cluster/fiber.hpp"

#include "cluster/wait_here.hpp"
#include "core/io/task_group.hpp"

#include <stdexcept>

using namespace ashlar;
using namespace ashlar::detail;
using namespace std::chrono_literals;

namespace {

io::task<int> later(io::loop& loop, milliseconds pause, int value) {
    (void)co_await loop.sleep_until(deadline::in(pause));
    co_return value;
}

io::task<int> failing(io::loop& loop) {
    (void)co_await loop.sleep_until(deadline::in(1ms));
    throw std::runtime_error("no luck");
}

io::task<void> drive_all(io::loop& loop, std::vector<std::unique_ptr<fiber>>& fibers) {
    io::task_group<void> group{loop};
    for (auto& each : fibers) group.start(each->drive());
    co_await group.join();
}

void run_together(std::vector<std::function<void()>> bodies) {
    std::vector<std::unique_ptr<fiber>> fibers;
    for (auto& body : bodies) fibers.push_back(std::make_unique<fiber>(std::move(body)));
    io::loop& loop = loop_of_this_thread();
    loop.run(drive_all(loop, fibers));
}

}  // namespace

TEST(Fiber, BlockingCodeOfManyRunsAtOnceOnOneThread) {
    std::string order;
    std::vector<std::function<void()>> bodies;
    for (int i = 0; i < 5; ++i) {
        bodies.push_back([&order, i] {
            const int got = wait_here(later(loop_of_this_thread(), milliseconds{40 - 8 * i}, i));
            order += static_cast<char>('0' + got);
        });
    }
    run_together(std::move(bodies));
    EXPECT_EQ(order, "43210");  // the shortest wait first: they waited together
}

TEST(Fiber, WhatTheTaskThrowsArrivesWhereItWasAwaited) {
    std::string said;
    run_together({[&] {
        try {
            (void)wait_here(failing(loop_of_this_thread()));
        } catch (const std::runtime_error& e) {
            said = e.what();
        }
    }});
    EXPECT_EQ(said, "no luck");
}

TEST(Fiber, EachKeepsTheExceptionThatItHandlesAcrossSwitches) {
    std::string said;
    auto body = [&](const char* name, milliseconds pause) {
        try {
            throw std::runtime_error(name);
        } catch (...) {
            (void)wait_here(later(loop_of_this_thread(), pause, 0));
            try {
                throw;  // must be this fiber's own, whatever the other threw meanwhile
            } catch (const std::runtime_error& e) {
                said += e.what();
            }
        }
    };
    run_together({[&] { body("a", 10ms); }, [&] { body("b", 5ms); }});
    EXPECT_EQ(said, "ba");
}

TEST(Fiber, MayDriveFibersInside) {
    int sum = 0;
    run_together({[&] {
        for (int i = 0; i < 2; ++i) {
            std::vector<std::unique_ptr<fiber>> inner;
            for (int n = 0; n < 3; ++n) {
                inner.push_back(
                    std::make_unique<fiber>([&sum] { sum += wait_here(later(loop_of_this_thread(), 1ms, 1)); }));
            }
            wait_here(drive_all(loop_of_this_thread(), inner));
        }
    }});
    EXPECT_EQ(sum, 6);
}

TEST(Fiber, HasAStackForOrdinaryCode) {
    std::size_t depth = 0;
    std::function<void(int)> descend = [&](int left) {
        volatile char room[1024] = {};
        room[0] = static_cast<char>(left);
        ++depth;
        if (left > 0) descend(left - 1);
        room[1] = room[0];
    };
    run_together({[&] { descend(100); }});
    EXPECT_EQ(depth, 101u);
}
