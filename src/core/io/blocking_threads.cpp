#include "core/io/blocking_threads.hpp"

#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace ashlar::io {

namespace {

class blocking_threads {
public:
    ~blocking_threads() {
        {
            std::lock_guard hold{guard_};
            stopping_ = true;
        }
        wake_.notify_all();
        for (auto& t : threads_) t.join();
    }

    void add(std::function<void()> work) {
        {
            std::lock_guard hold{guard_};
            queue_.push_back(std::move(work));
            if (queue_.size() > idle_ && threads_.size() < threads_max) threads_.emplace_back([this] { serve(); });
        }
        wake_.notify_one();
    }

private:
    // Enough for a scatter over 16 SQLite files to overlap their waits for the disk, few enough to cost little.
    static constexpr std::size_t threads_max = 16;

    void serve() {
        // Signals are for the thread that waits for them.
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        std::unique_lock hold{guard_};
        for (;;) {
            ++idle_;
            wake_.wait(hold, [this] { return stopping_ || !queue_.empty(); });
            --idle_;
            if (queue_.empty()) return;
            std::function<void()> work = std::move(queue_.front());
            queue_.pop_front();
            hold.unlock();
            work();
            work = nullptr;
            hold.lock();
        }
    }

    std::mutex guard_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> queue_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    bool stopping_ = false;
};

bool becomes(int fd, short what, std::chrono::milliseconds patience) noexcept {
    pollfd p{fd, what, 0};
    return ::poll(&p, 1, static_cast<int>(patience.count())) == 1;
}

}  // namespace

bool blocks_until_writable(int fd, std::chrono::milliseconds patience) noexcept {
    return becomes(fd, POLLOUT, patience);
}

bool blocks_until_readable(int fd, std::chrono::milliseconds patience) noexcept {
    return becomes(fd, POLLIN, patience);
}

void run_on_blocking_thread(std::function<void()> work) {
    static blocking_threads all;
    all.add(std::move(work));
}

}  // namespace ashlar::io
