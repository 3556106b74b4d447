// What each operation promises, on every back end.
#include "io_backends.hpp"

#include <atomic>
#include <latch>
#include <string>
#include <thread>

using namespace ashlar;
using namespace ashlar::test;
using std::chrono::seconds;

namespace {

template <class B>
struct IoOperations : io_test<B> {};
TYPED_TEST_SUITE(IoOperations, every_backend, backend_name);

task<result<std::size_t>> receive_into(io::loop& l, int fd, std::string& into, deadline until) {
    char buffer[16];
    auto got = co_await l.receive(fd, buffer, until);
    if (got) into.append(buffer, *got);
    co_return got;
}
task<result<std::size_t>> send_all(io::loop& l, int fd, std::string what, deadline until) {
    co_return co_await l.send(fd, what, until);
}
task<void> send_later(io::loop& l, int fd, std::string what, milliseconds after) {
    (void)co_await l.sleep_until(deadline{l.now() + after});
    (void)co_await l.send(fd, what);
}
task<std::string> read_to_end(io::loop& l, int fd) {
    std::string all;
    char buffer[8'192];
    for (;;) {
        auto got = co_await l.receive(fd, buffer);
        if (!got || *got == 0) co_return all;
        all.append(buffer, *got);
    }
}

TYPED_TEST(IoOperations, AReceiveWaitsForBytesAndGivesWhatCame) {
    auto [a, b] = this->backend.stream();
    struct scene {
        static task<std::string> play(io::loop& l, int mine, int theirs) {
            io::task_group<> peer{l};
            peer.start(send_later(l, theirs, "hello", milliseconds{5}));
            std::string got;
            (void)co_await receive_into(l, mine, got, deadline::never());
            co_await peer.join();
            co_return got;
        }
    };
    EXPECT_EQ(this->loop.run(scene::play(this->loop, a, b)), "hello");
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoOperations, AReceiveEndsByItsDeadlineAndLosesNothingThatComesLater) {
    auto [a, b] = this->backend.stream();
    std::string got;
    auto late = this->loop.run(receive_into(this->loop, a, got, this->in(milliseconds{3})));
    EXPECT_EQ(late.error(), errc::deadline_passed);
    EXPECT_TRUE(this->loop.run(send_all(this->loop, b, "after all", deadline::never())).has_value());
    EXPECT_TRUE(this->loop.run(receive_into(this->loop, a, got, deadline::never())).has_value());
    EXPECT_EQ(got, "after all");
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoOperations, WhatIsReadyByAPassedDeadlineSucceeds) {
    auto [a, b] = this->backend.stream();
    std::string got;
    EXPECT_TRUE(this->loop.run(send_all(this->loop, b, "x", deadline::never())).has_value());
    EXPECT_TRUE(this->loop.run(receive_into(this->loop, a, got, this->in(milliseconds{-5}))).has_value());
    EXPECT_EQ(this->loop.run(receive_into(this->loop, a, got, this->in(milliseconds{-5}))).error(),
              errc::deadline_passed);
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoOperations, AfterAHalfCloseTheRestIsReadThenTheEndAndTheOtherWayStillWorks) {
    auto [a, b] = this->backend.stream();
    struct scene {
        static task<void> play(io::loop& l, TypeParam& backend, int mine, int theirs) {
            (void)co_await l.send(theirs, "the rest, longer than one buffer");
            backend.finish_sending(theirs);
            std::string all = co_await read_to_end(l, mine);
            EXPECT_EQ(all, "the rest, longer than one buffer");
            EXPECT_EQ(co_await read_to_end(l, mine), "") << "the end stays the end";
            (void)co_await l.send(mine, "answer");
            std::string got;
            (void)co_await receive_into(l, theirs, got, deadline::never());
            EXPECT_EQ(got, "answer");
        }
    };
    this->loop.run(scene::play(this->loop, this->backend, a, b));
    this->backend.close(a);
    this->backend.close(b);
}

// The bytes and the end come in one event; the short read must not make the loop wait for another one.
TYPED_TEST(IoOperations, AnEndThatComesTogetherWithTheLastBytesIsSeen) {
    auto [a, b] = this->backend.stream();
    struct scene {
        static task<void> reader(io::loop& l, int fd, std::string& all) { all = co_await read_to_end(l, fd); }
        static task<void> play(io::loop& l, TypeParam& backend, int mine, int theirs) {
            std::string all;
            io::task_group<> group{l};
            group.start(reader(l, mine, all));
            co_await one_turn(l);  // the reader is registered and waits
            (void)co_await l.send(theirs, "last words");
            backend.finish_sending(theirs);
            co_await group.join();
            EXPECT_EQ(all, "last words");
        }
    };
    this->loop.run(scene::play(this->loop, this->backend, a, b));
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoOperations, APeerThatIsGoneIsToldAsPeerClosed) {
    auto [a, b] = this->backend.stream();
    this->backend.close(b);
    EXPECT_EQ(this->loop.run(send_all(this->loop, a, "anyone?", deadline::never())).error(), errc::peer_closed);
    this->backend.close(a);
}

TYPED_TEST(IoOperations, ADescriptorThatIsNoneIsAnErrorAndNoHang) {
    std::string got;
    EXPECT_EQ(this->loop.run(receive_into(this->loop, 999'999, got, this->in(seconds{5}))).error(), errc::io_failure);
}

TYPED_TEST(IoOperations, ALargeSendGoesOnAsFastAsASlowReaderTakesIt) {
    auto [a, b] = this->backend.stream();
    struct scene {
        static task<void> slow_reader(io::loop& l, int fd, std::string& all) {
            std::vector<char> buffer(100'000);
            for (;;) {
                auto got = co_await l.receive(fd, buffer);
                if (!got || *got == 0) co_return;
                all.append(buffer.data(), *got);
                co_await one_turn(l);
            }
        }
        static task<void> play(io::loop& l, TypeParam& backend, int mine, int theirs) {
            std::string all, whole;
            for (int i = 0; whole.size() < 4'000'000; ++i) whole += std::to_string(i);
            io::task_group<> reader{l};
            reader.start(slow_reader(l, theirs, all));
            auto sent = co_await l.send(mine, whole);
            EXPECT_EQ(sent.value(), whole.size());
            backend.finish_sending(mine);
            co_await reader.join();
            EXPECT_TRUE(all == whole);
        }
    };
    this->loop.run(scene::play(this->loop, this->backend, a, b));
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoOperations, ASendToAPeerThatDoesNotReadEndsByItsDeadline) {
    auto [a, b] = this->backend.stream();
    auto sent = this->loop.run(send_all(this->loop, a, std::string(8'000'000, 'x'), this->in(milliseconds{5})));
    EXPECT_EQ(sent.error(), errc::deadline_passed);
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoOperations, WaitTellsTheLevelEachTimeItIsAsked) {
    auto [a, b] = this->backend.stream();
    struct scene {
        static task<void> play(io::loop& l, int mine, int theirs, deadline soon) {
            EXPECT_TRUE(co_await l.wait(mine, io::interest::writable));
            const status none = co_await l.wait(mine, io::interest::readable, soon);
            EXPECT_FALSE(none);
            (void)co_await l.send(theirs, "ab");
            for (int i = 0; i < 3; ++i) EXPECT_TRUE(co_await l.wait(mine, io::interest::readable));
            EXPECT_TRUE(co_await l.wait_for_arrival(mine));
            std::string got;
            (void)co_await receive_into(l, mine, got, deadline::never());
            EXPECT_EQ(got, "ab");
            const status again = co_await l.wait(mine, io::interest::readable, soon);
            EXPECT_FALSE(again);
            (void)co_await l.send(theirs, "c");  // receive works on after wait has narrowed the registration
            (void)co_await receive_into(l, mine, got, deadline::never());
            EXPECT_EQ(got, "abc");
        }
    };
    this->loop.run(scene::play(this->loop, a, b, this->in(milliseconds{3})));
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoOperations, AnArrivalIsToldOnlyWhenThereIsOne) {
    auto [a, b] = this->backend.stream();
    struct scene {
        static task<void> play(io::loop& l, int mine, int theirs) {
            io::task_group<> peer{l};
            std::string got;
            for (int i = 0; i < 5; ++i) {
                peer.start(send_later(l, theirs, "x", milliseconds{1}));
                do {  // the first one on a descriptor may be a guess
                    EXPECT_TRUE(co_await l.wait_for_arrival(mine));
                } while (!co_await receive_into(l, mine, got, deadline{l.now()}));
            }
            EXPECT_EQ(got, "xxxxx");
            co_await peer.join();
        }
    };
    this->loop.run(scene::play(this->loop, a, b));
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoOperations, BothDirectionsOfADescriptorMayBeUnderWayAtOnce) {
    auto [a, b] = this->backend.stream();
    struct scene {
        static task<void> echo(io::loop& l, int fd, std::size_t bytes) {
            std::vector<char> buffer(4'096);
            while (bytes > 0) {
                auto got = co_await l.receive(fd, buffer);
                if (!got || *got == 0) co_return;
                bytes -= *got;
                (void)co_await l.send(fd, std::string_view{buffer.data(), *got});
            }
        }
        static task<void> write(io::loop& l, int fd, const std::string& what) { (void)co_await l.send(fd, what); }
        static task<void> play(io::loop& l, int mine, int theirs) {
            std::string whole(1'000'000, 'q'), back;
            io::task_group<> others{l};
            others.start(echo(l, theirs, whole.size()));
            others.start(write(l, mine, whole));
            std::vector<char> buffer(4'096);
            while (back.size() < whole.size()) {
                auto got = co_await l.receive(mine, buffer);
                if (!got || *got == 0) break;
                back.append(buffer.data(), *got);
            }
            co_await others.join();
            EXPECT_TRUE(back == whole);
        }
    };
    this->loop.run(scene::play(this->loop, a, b));
    this->backend.close(a);
    this->backend.close(b);
}

TYPED_TEST(IoOperations, ANewStreamOnAForgottenNumberStartsAfresh) {
    for (int i = 0; i < 50; ++i) {
        auto [a, b] = this->backend.stream();
        std::string got;
        EXPECT_EQ(this->loop.run(receive_into(this->loop, a, got, this->in(milliseconds{-1}))).error(),
                  errc::deadline_passed);
        EXPECT_TRUE(this->loop.run(send_all(this->loop, b, "new", deadline::never())).has_value());
        EXPECT_TRUE(this->loop.run(receive_into(this->loop, a, got, this->in(seconds{5}))).has_value());
        EXPECT_EQ(got, "new");
        this->backend.close(a);
        this->backend.close(b);
    }
}

// libpq and libmariadb close their sockets by themselves when a server goes.
TEST(EpollLoop, ASocketThatALibraryClosedLeavesNothingToTheNextOfItsNumber) {
    on_epoll backend;
    io::loop& loop = *backend.loop;
    struct scene {
        static task<void> play(io::loop& l, int mine, int theirs) {
            const status none = co_await l.wait(mine, io::interest::readable, deadline{l.now() + milliseconds{5}});
            EXPECT_EQ(none.error(), errc::deadline_passed) << "nothing has come";
            EXPECT_TRUE(co_await l.wait(mine, io::interest::writable));
            (void)co_await l.send(theirs, "x");
            EXPECT_TRUE(co_await l.wait(mine, io::interest::readable));
        }
    };
    for (int i = 0; i < 5; ++i) {
        auto [a, b] = backend.stream();
        loop.run(scene::play(loop, a, b));
        ::close(a);  // not forgotten
        backend.close(b);
    }
}

TYPED_TEST(IoOperations, ThousandsOfTimersEndInTheOrderOfTheirDeadlines) {
    struct scene {
        static task<void> sleep(io::loop& l, deadline until, std::vector<deadline>& order) {
            EXPECT_TRUE(co_await l.sleep_until(until));
            EXPECT_TRUE(until.passed(l.now()));
            order.push_back(until);
        }
        static task<void> play(io::loop& l) {
            std::vector<deadline> order;
            io::task_group<> sleepers{l};
            unsigned mixed = 1;
            const instant start = l.now() + milliseconds{1};
            for (int i = 0; i < 5'000; ++i) {
                mixed = mixed * 1'664'525u + 1'013'904'223u;
                sleepers.start(sleep(l, deadline{start + microseconds{(mixed >> 8) % 20'000}}, order));
            }
            co_await sleepers.join();
            EXPECT_EQ(order.size(), 5'000u);
            EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
        }
    };
    this->loop.run(scene::play(this->loop));
}

TYPED_TEST(IoOperations, ATaskWhosePeerIsAlwaysReadyLetsTheOthersRun) {
    struct scene {
        static task<void> busy(io::loop& l, bool& stop, int& rounds) {
            io::signal always;
            always.set();
            while (!stop && rounds < 1'000'000) {
                (void)co_await l.wait_for(always);
                ++rounds;
            }
        }
        static task<void> play(io::loop& l, int& rounds) {
            bool stop = false;
            io::task_group<> other{l};
            other.start(busy(l, stop, rounds));
            co_await one_turn(l);
            stop = true;
            co_await other.join();
        }
    };
    int rounds = 0;
    this->loop.run(scene::play(this->loop, rounds));
    EXPECT_LT(rounds, 1'000);
}

// --- signals ------------------------------------------------------------------------------------------------------

TYPED_TEST(IoOperations, ASignalSetBeforeTheWaitOrByAnotherThreadEndsIt) {
    struct scene {
        static task<void> wait(io::loop& l, io::signal s) { EXPECT_TRUE(co_await l.wait_for(s)); }
    };
    io::signal early;
    early.set();
    early.set();
    this->loop.run(scene::wait(this->loop, early));
    for (int i = 0; i < 200; ++i) {
        io::signal s;
        std::thread setter{[s]() mutable { s.set(); }};
        this->loop.run(scene::wait(this->loop, s));
        setter.join();
    }
}

// A deadline and a setter race for the wait; whoever wins, nothing is resumed twice and nothing is lost.
TYPED_TEST(IoOperations, ASignalThatRacesWithItsDeadlineEndsTheWaitOnce) {
    struct scene {
        static task<void> wait(io::loop& l, io::signal s, int& timeouts) {
            for (;;) {
                const status ended = co_await l.wait_for(s, deadline{l.now() + microseconds{50}});
                if (ended) co_return;
                ++timeouts;
            }
        }
    };
    int timeouts = 0;
    for (int i = 0; i < 60; ++i) {
        io::signal s;
        std::thread setter{[s]() mutable {
            std::this_thread::yield();
            s.set();
        }};
        this->loop.run(scene::wait(this->loop, s, timeouts));
        setter.join();
    }
}

TYPED_TEST(IoOperations, PostedWorkRunsInOrderFromAnyThread) {
    std::atomic<int> last{-1};
    io::signal all_run;
    std::thread poster{[&, this] {
        for (int i = 0; i < 1'000; ++i) {
            this->loop.post([&last, i] { EXPECT_EQ(last.exchange(i), i - 1); });
        }
        this->loop.post([all_run]() mutable { all_run.set(); });
    }};
    struct scene {
        static task<void> wait(io::loop& l, io::signal s) { (void)co_await l.wait_for(s); }
    };
    this->loop.run(scene::wait(this->loop, all_run));
    poster.join();
    EXPECT_EQ(last, 999);
}

TYPED_TEST(IoOperations, StopEndsALoopThatRunsWithoutATask) {
    std::thread stopper{[this] { this->loop.stop(); }};
    this->loop.run();
    stopper.join();
}

// --- work that blocks ---------------------------------------------------------------------------------------------

TYPED_TEST(IoOperations, BlockingWorkEndsBeforeTheTaskGoesOn) {
    struct scene {
        static task<int> work(io::loop& l, int n) {
            int answer = 0;
            std::function<void()> what = [&answer, n] { answer = n * 2; };
            co_await l.run_blocking(std::move(what));
            co_return answer;
        }
        static task<int> many(io::loop& l) {
            io::task_group<int> all{l};
            for (int i = 0; i < 100; ++i) all.start(work(l, i));
            int sum = 0;
            while (auto one = co_await all.next()) sum += *one;
            co_return sum;
        }
    };
    EXPECT_EQ(this->loop.run(scene::many(this->loop)), 9'900);
}

TEST(PollLoop, BlockingWorkRunsOnTheCallersThreadWhenItIsAloneAndElseAtOnceWithOthers) {
    const std::unique_ptr<io::loop> loop = io::make_poll_loop();
    struct scene {
        static task<std::thread::id> alone(io::loop& l) {
            std::thread::id where;
            std::function<void()> what = [&where] { where = std::this_thread::get_id(); };
            co_await l.run_blocking(std::move(what));
            co_return where;
        }
        static task<void> meet(io::loop& l, std::latch& both) {
            std::function<void()> what = [&both] { both.arrive_and_wait(); };  // for ever, if one after the other
            co_await l.run_blocking(std::move(what));
        }
        static task<void> together(io::loop& l, std::latch& both) {
            io::task_group<> group{l};
            for (int i = 0; i < 2; ++i) group.start(meet(l, both));
            co_await group.join();
        }
    };
    std::latch both{2};
    EXPECT_EQ(loop->run(scene::alone(*loop)), std::this_thread::get_id());
    loop->run(scene::together(*loop, both));
    EXPECT_EQ(loop->run(scene::alone(*loop)), std::this_thread::get_id());
}

TYPED_TEST(IoOperations, BlockingWorkIsNotEndedByCancellationSinceItMayReferToTheFrame) {
    struct scene {
        static task<void> work(io::loop& l, std::atomic<bool>& ended) {
            std::function<void()> what = [&ended] {
                std::this_thread::sleep_for(milliseconds{20});
                ended = true;
            };
            co_await l.run_blocking(std::move(what));
        }
        static task<void> play(io::loop& l, std::atomic<bool>& ended) {
            io::task_group<> group{l};
            group.start(work(l, ended));
            co_await group.cancel_and_join();
            EXPECT_TRUE(ended);
        }
    };
    std::atomic<bool> ended{false};
    this->loop.run(scene::play(this->loop, ended));
}

}  // namespace
