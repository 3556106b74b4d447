// writer.hpp: one thread for each database, which commits the batches that the reader of the file hands over.
//
// Bounds    Two batches wait at most; push() blocks the reader meanwhile.
// Failure   A lost connection is made anew a few times; the database then says whether the batch had been committed. What
//           cannot be mended stops this writer, and through `stop` all others and the reader.
#pragma once

#include "cli/load/bad_rows.hpp"
#include "cli/load/target.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace ashlar::cli::load {

struct counters {  // of all writers
    std::atomic<std::uint64_t> rows{0}, bytes{0};
    std::atomic<bool> stop{false};
};

class writer {
public:
    writer(std::string name, std::unique_ptr<target> to, bad_rows& bad, counters& all)
        : name_(std::move(name)), target_(std::move(to)), bad_(bad), all_(all) {}
    ~writer();
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;

    // Connects and reads how far an earlier run got. Before start(), on any thread.
    status open();
    const std::optional<checkpoint>& reached() const noexcept { return reached_; }

    void start();
    // False: the load is being stopped.
    bool push(batch what);
    // No more will come; waits for the end. The error that stopped this writer, if one did.
    status finish();
    // Before start(): drops the row of progress of another load.
    status forget(const std::string& id) { return target_->forget(id); }

    const std::string& name() const noexcept { return name_; }
    std::uint64_t rows() const noexcept { return rows_.load(); }

private:
    void work();
    status commit(batch& what);
    result<std::optional<refused_row>> write_surely(const batch& what);

    const std::string name_;
    const std::unique_ptr<target> target_;
    bad_rows& bad_;
    counters& all_;
    std::optional<checkpoint> reached_;
    std::atomic<std::uint64_t> rows_{0};

    std::mutex guard_;
    std::condition_variable changed_;
    std::deque<batch> waiting_;    // guard_
    bool no_more_ = false;         // guard_
    std::optional<error> failed_;  // the thread's until it is joined
    std::thread thread_;
};

}  // namespace ashlar::cli::load
