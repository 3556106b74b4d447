// fake_server.hpp: a driver whose server is a script: how long logins, pings and resets take, which of them
// fail. It keeps count of what is open and checks that each connection is used by one owner at a time, on the
// loop it is bound to.
#pragma once

#include "driver/connection.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>

namespace ashlar::test {

class fake_connection;

class fake_server final : public driver::driver {
public:
    // The script. Change it only while nothing runs, or from the thread that runs the one loop.
    milliseconds login_takes{0}, ping_takes{0}, reset_takes{0};
    bool refuses_logins = false;
    std::function<bool()> drops_login, drops_ping, drops_reset;  // asked each time; empty: no
    std::function<milliseconds()> statement_takes;               // asked for each; empty: it knows no statements
    std::function<bool()> refuses_commit;                        // … the transaction is rolled back then
    std::function<bool()> loses_commit;                          // … the connection is lost under it
    std::function<void(const char* verb)> heard;                 // of each commit and rollback that was done, or "lost"

    std::atomic<int> open{0}, most_open{0}, logins{0}, attempts{0}, pings{0}, resets{0};

    // Every connection that is open now dies: its next use fails.
    void kill_all();

    ashlar::driver::dialect speaks() const noexcept override { return ashlar::driver::dialect::postgres; }
    task<result<std::unique_ptr<ashlar::driver::connection>>> connect(io::loop& loop, deadline until) override;
    std::string describe() const override { return "fake://server"; }

private:
    friend class fake_connection;
    std::mutex guard_;
    std::set<fake_connection*> living_;
};

class fake_connection final : public ashlar::driver::connection {
public:
    fake_connection(fake_server& of, io::loop& loop);
    ~fake_connection() override;

    // What a borrower does to it.
    void make_dirty(bool open_transaction = false) { dirty_ = true, in_transaction_ = open_transaction; }
    void break_it() { dead_ = found_dead_ = true; }
    int number() const noexcept { return number_; }
    io::loop* bound_to() const noexcept { return loop_; }
    task<status> work_for(milliseconds span);  // as if a statement ran; fails if the connection is dead

    ashlar::driver::dialect speaks() const noexcept override { return ashlar::driver::dialect::postgres; }
    void bind(io::loop& loop) override;
    task<result<columns>> start(ashlar::driver::statement, deadline) override;
    task<result<ashlar::driver::fetched>> fetch(row_batch&, deadline) override;
    const ashlar::driver::completion& completed() const noexcept override { return completion_; }
    task<status> run_script(std::string, deadline) override;
    task<status> begin(ashlar::driver::transaction_options, deadline) override;
    task<status> commit(deadline) override;
    task<status> rollback(deadline) override;
    task<status> savepoint(std::string_view, deadline) override;
    task<status> rollback_to(std::string_view, deadline) override;
    task<status> release(std::string_view, deadline) override;
    bool in_transaction() const noexcept override { return in_transaction_; }
    void cancel() noexcept override {}
    task<status> ping(deadline until) override;
    task<status> reset(deadline until) override;
    bool is_reusable() const noexcept override { return !found_dead_ && !busy_; }
    bool is_clean() const noexcept override { return !dirty_; }
    std::string describe() const override { return "fake://server #" + std::to_string(number_); }

private:
    friend class fake_server;
    task<status> take(milliseconds span, deadline until);

    fake_server& server_;
    io::loop* loop_;
    int number_;
    std::atomic<bool> dead_{false};
    bool found_dead_ = false, dirty_ = false, in_transaction_ = false, busy_ = false;
    bool has_row_ = false;  // of the statement under way, which gives one: 1
    ashlar::driver::completion completion_;
};

}  // namespace ashlar::test
