// connection.hpp: driver::connection over a SQLite database: the coroutines that carry cursor's work to worker threads
// and wait for locks without holding one.
//
// One class serves both a connection of its own, which may take other files into its transaction (attached.hpp), and
// the connection to such a file, which shares its host's handle and transaction.
#pragma once

#include "core/io/blocking_threads.hpp"
#include "driver/connection.hpp"
#include "driver/sqlite/cursor.hpp"
#include "driver/sqlite/database.hpp"

#include <atomic>
#include <coroutine>
#include <functional>
#include <memory>
#include <string>

namespace ashlar::driver::sqlite {

// From here on, what the task awaits is reached by no cancellation.
struct leave_scope {
    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> h) const noexcept {
        h.promise().scope = nullptr;
        return false;
    }
    void await_resume() const noexcept {}
};

// Runs `work` where it may block: in place on a loop whose caller waits anyway, else on a worker thread. `turn` is held
// meanwhile. `work` is named in the caller's frame, which outlives the wait. No cancellation ends it early.
template <class Work>
task<void> hop(io::loop& on, std::mutex& turn, Work& work) {
    auto locked = [&] {
        const std::lock_guard hold{turn};
        work();
    };
    if (on.runs_in_place()) {
        locked();
    } else {
        co_await on.run_blocking(std::ref(locked));
    }
}

// The same for work that may take long. Cancelled, it calls hurry(), which makes the work end soon, and waits for that end
// without keeping the loop from others.
template <class Work, class Hurry>
task<void> hop_and_hurry(io::loop& on, std::mutex& turn, Work& work, Hurry& hurry) {
    auto locked = [&] {
        const std::lock_guard hold{turn};
        work();
    };
    if (on.runs_in_place()) {
        locked();
        co_return;
    }
    struct end_first {  // whatever becomes of this frame, `work` has ended before
        io::signal ended;
        ~end_first() { ended.block_until_set(); }
    } finish;
    io::run_on_blocking_thread([&locked, ended = finish.ended]() mutable {
        locked();
        ended.set();
    });
    bool cancelled = false;
    try {
        (void)co_await on.wait_for(finish.ended);
    } catch (const io::cancelled_exception&) {
        cancelled = true;
    }
    if (!cancelled) co_return;
    hurry();
    const leave_scope alone;
    co_await alone;
    (void)co_await on.wait_for(finish.ended);
    throw io::cancelled_exception{};
}

// How long to sleep before asking for a lock again: 1 ms at first, 20 ms at most, never beyond the end of patience.
class patience {
public:
    patience(deadline until, milliseconds busy_timeout) : until_(until), busy_timeout_(busy_timeout) {}
    bool ended_by_deadline() const noexcept { return end_ == until_; }
    // The instant to try again at; none when it is time to give up.
    std::optional<deadline> next(instant now);
    error given_up() const;

private:
    deadline until_;
    milliseconds busy_timeout_;
    deadline end_;
    milliseconds pause_{0};
};

class file_connection final : public connection {
public:
    // The handle is shared by a host and the files that joined it: it closes with the last of them.
    file_connection(std::shared_ptr<database> on, io::loop& loop, std::uint64_t number);
    ~file_connection() override;

    // A connection to `file` in the transaction that this one is in. Fails with unsupported (WAL mode, too many files),
    // transaction_state, and deadlock or serialization_failed where the file's lock did not come free in time.
    task<result<std::unique_ptr<connection>>> take_in(std::string file, std::uint64_t number, deadline until);

    dialect speaks() const noexcept override { return dialect::sqlite; }
    void bind(io::loop& loop) override { loop_ = &loop; }
    task<result<columns>> start(statement what, deadline until) override;
    task<result<fetched>> fetch(row_batch& into, deadline until) override;
    const completion& completed() const noexcept override { return cursor_.completed(); }
    bool at_end() const noexcept override { return pending_.empty() && pending_end_; }
    task<status> run_script(std::string sql, deadline until) override;
    task<status> begin(transaction_options how, deadline until) override;
    task<status> commit(deadline until) override;
    task<status> rollback(deadline until) override;
    task<status> savepoint(std::string_view name, deadline until) override;
    task<status> rollback_to(std::string_view name, deadline until) override;
    task<status> release(std::string_view name, deadline until) override;
    bool in_transaction() const noexcept override;
    void cancel() noexcept override;
    task<status> ping(deadline until) override;
    task<status> reset(deadline until) override;
    bool is_reusable() const noexcept override { return !broken_; }
    bool is_clean() const noexcept override { return !cursor_.is_open() && pending_.empty() && on_->is_clean(); }
    std::string describe() const override;

private:
    // A file that joined: its schema is the only one it may touch.
    file_connection(std::shared_ptr<database> on, io::loop& loop, std::uint64_t number, std::string file,
                    std::string schema);
    bool has_joined() const noexcept { return !schema_.empty(); }
    task<advanced> advance(row_batch& into, deadline until);
    task<status> run_waiting(std::string sql, deadline until);
    task<status> run_inside(std::string sql, deadline until);
    task<void> give_up_statement();
    status refuse_if_joined() const;

    const std::shared_ptr<database> on_;
    io::loop* loop_;
    const std::uint64_t number_;
    const std::string file_;
    const std::string schema_;  // empty: the handle's own file
    bool reads_only_ = false;   // the transaction under way
    std::atomic<bool> cancelled_ = false;
    std::atomic<bool> computes_ = false;  // a statement of this connection is on a worker thread
    bool broken_ = false;
    cursor cursor_;
    row_batch pending_;         // rows that start() came by
    bool pending_end_ = false;  // and there are no more
    milliseconds lock_patience_;
};

// Statements of a script, cut where SQLite sees their ends (a trigger's body is one statement).
std::vector<std::string> split_script(std::string_view script);

}  // namespace ashlar::driver::sqlite
