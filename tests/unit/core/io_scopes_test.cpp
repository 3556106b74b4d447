// Cancellation and task groups, on every back end.
#include "io_backends.hpp"

using namespace ashlar;
using namespace ashlar::test;

namespace {

template <class B>
struct IoScopes : io_test<B> {};
TYPED_TEST_SUITE(IoScopes, every_backend, backend_name);

enum class way { receive, send, wait, arrival, sleep, signal };

// Waits for something that never comes.
task<void> wait_for_ever(io::loop& l, way how, int fd, bool& was_cancelled) {
    std::vector<char> buffer(16);
    const std::string large(8'000'000, 'x');
    io::signal never;
    try {
        switch (how) {
            case way::receive:
                (void)co_await l.receive(fd, buffer);
                break;
            case way::send:
                (void)co_await l.send(fd, large);
                break;
            case way::wait:
                (void)co_await l.wait(fd, io::interest::readable);
                break;
            case way::arrival:
                for (;;) {
                    (void)co_await l.wait_for_arrival(fd);
                    (void)co_await l.receive(fd, buffer);
                }
            case way::sleep:
                (void)co_await l.sleep_until(deadline::never());
                break;
            case way::signal:
                (void)co_await l.wait_for(never);
                break;
        }
    } catch (const io::cancelled_exception&) {
        was_cancelled = true;
        throw;
    }
}

TYPED_TEST(IoScopes, CancellationEndsEveryKindOfOperation) {
    for (const way how : {way::receive, way::send, way::wait, way::arrival, way::sleep, way::signal}) {
        auto [a, b] = this->backend.stream();
        struct scene {
            static task<void> play(io::loop& l, way w, int fd) {
                bool was_cancelled = false;
                io::task_group<> group{l};
                group.start(wait_for_ever(l, w, fd, was_cancelled));
                co_await one_turn(l);
                EXPECT_EQ(group.running(), 1u);
                co_await group.cancel_and_join();
                EXPECT_TRUE(was_cancelled) << static_cast<int>(w);
            }
        };
        this->loop.run(scene::play(this->loop, how, a));
        this->backend.close(a);
        this->backend.close(b);
    }
}

TYPED_TEST(IoScopes, WhatStartsInACancelledScopeEndsAtOnceEvenIfItCouldSucceed) {
    auto [a, b] = this->backend.stream();
    struct scene {
        static task<void> play(io::loop& l, int mine, int theirs) {
            (void)co_await l.send(theirs, "ready");
            bool was_cancelled = false;
            io::task_group<> group{l};
            group.cancel();
            group.start(wait_for_ever(l, way::receive, mine, was_cancelled));
            EXPECT_TRUE(was_cancelled);
            co_await group.join();
        }
    };
    this->loop.run(scene::play(this->loop, a, b));
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoScopes, CancellationReachesTheScopesInside) {
    struct scene {
        static task<void> inner(io::loop& l, int depth, int& ended) {
            io::this_scope here;
            io::cancel_scope* const outer = co_await here;
            io::task_group<> group{l, outer};
            bool was_cancelled = false;
            if (depth > 0) {
                group.start(inner(l, depth - 1, ended));
                group.start(inner(l, depth - 1, ended));
            } else {
                group.start(wait_for_ever(l, way::signal, -1, was_cancelled));
            }
            co_await group.join();
            if (depth == 0 && was_cancelled) ++ended;
        }
        static task<void> play(io::loop& l, int& ended) {
            io::task_group<> top{l};
            top.start(inner(l, 4, ended));
            co_await one_turn(l);
            EXPECT_EQ(ended, 0);
            co_await top.cancel_and_join();
        }
    };
    int ended = 0;
    this->loop.run(scene::play(this->loop, ended));
    EXPECT_EQ(ended, 16);
}

TYPED_TEST(IoScopes, CancellingOneGroupLeavesItsSiblingsAlone) {
    struct scene {
        static task<void> nap(io::loop& l, bool& slept) {
            (void)co_await l.sleep_until(deadline{l.now() + milliseconds{2}});
            slept = true;
        }
        static task<void> play(io::loop& l) {
            bool one = false, two = false;
            io::task_group<> doomed{l}, lucky{l};
            doomed.start(nap(l, one));
            lucky.start(nap(l, two));
            co_await doomed.cancel_and_join();
            co_await lucky.join();
            EXPECT_FALSE(one);
            EXPECT_TRUE(two);
        }
    };
    this->loop.run(scene::play(this->loop));
}

TYPED_TEST(IoScopes, RunUnderACancelledScopeThrowsToItsCaller) {
    struct scene {
        static task<void> nap(io::loop& l) { (void)co_await l.sleep_until(deadline::never()); }
    };
    io::cancel_scope scope;
    scope.cancel();
    EXPECT_THROW(this->loop.run(scene::nap(this->loop), &scope), io::cancelled_exception);
}

// --- groups -------------------------------------------------------------------------------------------------------

TYPED_TEST(IoScopes, AGroupGivesResultsInTheOrderOfArrival) {
    struct scene {
        static task<int> nap(io::loop& l, int n) {
            (void)co_await l.sleep_until(deadline{l.now() + milliseconds{n}});
            co_return n;
        }
        static task<void> play(io::loop& l) {
            std::vector<int> order;
            io::task_group<int> all{l};
            for (const int n : {9, 3, 6, 0}) all.start(nap(l, n));
            while (auto one = co_await all.next()) order.push_back(*one);
            EXPECT_EQ(order, (std::vector<int>{0, 3, 6, 9}));
            EXPECT_EQ(all.running(), 0u);
        }
    };
    this->loop.run(scene::play(this->loop));
}

TYPED_TEST(IoScopes, TheFirstFailureEndsTheRest) {
    struct scene {
        static task<result<int>> read(io::loop& l, int n) {
            if (n == 2) co_return error{errc::connection_lost};
            (void)co_await l.sleep_until(deadline::never());
            co_return n;
        }
        static task<result<int>> gather(io::loop& l) {
            io::task_group<result<int>> readers{l};
            for (int n = 0; n < 5; ++n) readers.start(read(l, n));
            while (auto one = co_await readers.next()) {
                if (*one) continue;
                co_await readers.cancel_and_join();
                co_return std::move(*one).error();
            }
            co_return 0;
        }
    };
    EXPECT_EQ(this->loop.run(scene::gather(this->loop)).error(), errc::connection_lost);
}

TYPED_TEST(IoScopes, AnExceptionOfAChildComesOutOfNext) {
    struct scene {
        static task<void> fail(io::loop& l) {
            co_await one_turn(l);
            throw std::runtime_error{"child"};
        }
        static task<void> play(io::loop& l) {
            io::task_group<> group{l};
            group.start(fail(l));
            group.start(fail(l));
            EXPECT_EQ(group.running(), 2u);
            std::string what;
            try {
                (void)co_await group.next();
            } catch (const std::runtime_error& e) {
                what = e.what();
            }
            EXPECT_EQ(what, "child");
            co_await group.cancel_and_join();
        }
    };
    this->loop.run(scene::play(this->loop));
}

TYPED_TEST(IoScopes, JoiningIsNotEndedByTheCancellationOfWhoJoins) {
    struct scene {
        static task<void> work(io::loop& l, bool& cleaned) {
            try {
                (void)co_await l.sleep_until(deadline::never());
            } catch (const io::cancelled_exception&) {
            }
            cleaned = true;
        }
        static task<void> owner(io::loop& l, bool& cleaned) {
            io::this_scope here;
            io::cancel_scope* const outer = co_await here;
            io::task_group<> group{l, outer};
            group.start(work(l, cleaned));
            std::exception_ptr thrown;
            try {
                (void)co_await group.next();
            } catch (...) {
                thrown = std::current_exception();
            }
            co_await group.cancel_and_join();
            EXPECT_TRUE(cleaned);
            if (thrown) std::rethrow_exception(thrown);
        }
        static task<void> play(io::loop& l, bool& cleaned) {
            io::task_group<> top{l};
            top.start(owner(l, cleaned));
            co_await one_turn(l);
            co_await top.cancel_and_join();
        }
    };
    bool cleaned = false;
    this->loop.run(scene::play(this->loop, cleaned));
    EXPECT_TRUE(cleaned);
}

// --- tasks that are destroyed -------------------------------------------------------------------------------------

// Holds a task that was started and lets it be destroyed at any point of its life.
struct started {
    task<void> what;
    explicit started(task<void> t) : what(std::move(t)) { what.frame().resume(); }
};

TYPED_TEST(IoScopes, ATaskMayBeDestroyedWhileItWaits) {
    for (const way how : {way::receive, way::send, way::wait, way::sleep, way::signal}) {
        auto [a, b] = this->backend.stream();
        bool unused = false;
        {
            started s{wait_for_ever(this->loop, how, a, unused)};
            this->loop.run(one_turn(this->loop));
        }
        this->loop.run(one_turn(this->loop));
        this->backend.close(a);
        this->backend.close(b);
    }
}

TYPED_TEST(IoScopes, ATaskMayBeDestroyedBetweenTheEndOfItsWaitAndItsResumption) {
    struct scene {
        static task<void> wait(io::loop& l, io::signal s, bool& resumed) {
            (void)co_await l.wait_for(s);
            resumed = true;
        }
        static task<void> play(io::loop& l, bool& resumed) {
            io::signal s;
            auto other = std::make_unique<started>(wait(l, s, resumed));
            s.set();        // ready now
            other.reset();  // and gone
            co_await one_turn(l);
        }
    };
    bool resumed = false;
    this->loop.run(scene::play(this->loop, resumed));
    EXPECT_FALSE(resumed);
}

TYPED_TEST(IoScopes, ATaskThatIsReadyMayBeDestroyedByAnotherThatIsReady) {
    struct scene {
        static task<void> killer(io::loop& l, io::signal s, std::unique_ptr<started>& victim) {
            (void)co_await l.wait_for(s);
            victim.reset();
        }
        static task<void> wait(io::loop& l, io::signal s, bool& resumed) {
            (void)co_await l.wait_for(s);
            resumed = true;
        }
        static task<void> play(io::loop& l, bool& resumed) {
            io::signal first, second;
            std::unique_ptr<started> victim;
            started k{killer(l, first, victim)};
            victim = std::make_unique<started>(wait(l, second, resumed));
            first.set();
            second.set();
            co_await one_turn(l);
            co_await one_turn(l);
        }
    };
    bool resumed = false;
    this->loop.run(scene::play(this->loop, resumed));
    EXPECT_FALSE(resumed);
}

TYPED_TEST(IoScopes, DestroyingATaskThatRunsBlockingWorkWaitsForTheWork) {
    struct scene {
        static task<void> work(io::loop& l, std::atomic<bool>& ended) {
            std::function<void()> what = [&ended] {
                std::this_thread::sleep_for(milliseconds{10});
                ended = true;
            };
            co_await l.run_blocking(std::move(what));
        }
    };
    std::atomic<bool> ended{false};
    { started s{scene::work(this->loop, ended)}; }
    EXPECT_TRUE(ended);
    this->loop.run(one_turn(this->loop));
}

// Symmetric transfer: a task that awaits a million tasks which never wait needs no stack for them. Sanitizers keep g++
// from making tail calls, so under them it does need some.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int many = 1'000;
#else
constexpr int many = 1'000'000;
#endif
TYPED_TEST(IoScopes, AwaitingAMillionTasksThatEndAtOnceTakesNoStack) {
    struct scene {
        static task<int> one() { co_return 1; }
        static task<int> all() {
            int sum = 0;
            for (int i = 0; i < many; ++i) sum += co_await one();
            co_return sum;
        }
    };
    EXPECT_EQ(this->loop.run(scene::all()), many);
}

}  // namespace
