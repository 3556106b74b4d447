#include "testkit/faults.hpp"

#include <algorithm>

namespace ashlar::testkit {

void server_faults::lose_connections() {
    const std::lock_guard held{guard_};
    lost_up_to_ = made_;
}
void server_faults::take_down() {
    const std::lock_guard held{guard_};
    lost_up_to_ = made_;
    down_ = true;
}
void server_faults::bring_back() {
    const std::lock_guard held{guard_};
    come_back();
}
void server_faults::fail_next(errc with, std::size_t statements) {
    const std::lock_guard held{guard_};
    failing_ = with;
    failures_ = statements;
}
void server_faults::lose_next_commit(bool happens) {
    const std::lock_guard held{guard_};
    lost_commit_ = happens;
}
void server_faults::delay(milliseconds by) {
    const std::lock_guard held{guard_};
    delay_ = by;
}
void server_faults::heal() {
    const std::lock_guard held{guard_};
    come_back();
    failures_ = 0;
    lost_commit_.reset();
    delay_ = milliseconds{0};
}

// Those that were being made when it went down are lost with the others. Precondition: the guard is held.
void server_faults::come_back() {
    if (std::exchange(down_, false)) lost_up_to_ = made_;
}

std::uint64_t server_faults::new_connection() {
    const std::lock_guard held{guard_};
    return ++made_;
}
bool server_faults::is_down() const {
    const std::lock_guard held{guard_};
    return down_;
}
bool server_faults::is_lost(std::uint64_t connection) const {
    const std::lock_guard held{guard_};
    return down_ || connection <= lost_up_to_;
}
milliseconds server_faults::delayed() const {
    const std::lock_guard held{guard_};
    return delay_;
}
std::optional<errc> server_faults::next_failure() {
    const std::lock_guard held{guard_};
    if (failures_ == 0) return std::nullopt;
    --failures_;
    return failing_;
}
std::optional<bool> server_faults::next_lost_commit() {
    const std::lock_guard held{guard_};
    return std::exchange(lost_commit_, std::nullopt);
}

namespace {

error made_by_test(errc code) {
    return error{code}.detail("The test asked for this failure.");
}

class faulty_connection final : public driver::connection {
public:
    faulty_connection(std::unique_ptr<driver::connection> inside, io::loop& loop, std::shared_ptr<server_faults> faults)
        : inside_(std::move(inside)), loop_(&loop), faults_(std::move(faults)), number_(faults_->new_connection()) {}

    driver::connection& inside() const noexcept { return *inside_; }
    io::loop& loop() const noexcept { return *loop_; }
    void takes_no_failures() noexcept { takes_failures_ = false; }

    driver::dialect speaks() const noexcept override { return inside_->speaks(); }
    void bind(io::loop& loop) override {
        loop_ = &loop;
        inside_->bind(loop);
    }

    task<result<columns>> start(driver::statement what, deadline until) override {
        if (status may = co_await before_statement(until); !may) co_return std::move(may).error();
        co_return co_await inside_->start(std::move(what), until);
    }
    // What runs is not torn: a connection is found lost by the next statement.
    task<result<driver::fetched>> fetch(row_batch& into, deadline until) override {
        return inside_->fetch(into, until);
    }
    const driver::completion& completed() const noexcept override { return inside_->completed(); }
    bool at_end() const noexcept override { return inside_->at_end(); }
    task<status> run_script(std::string sql, deadline until) override {
        if (status may = co_await before_statement(until); !may) co_return may;
        co_return co_await inside_->run_script(std::move(sql), until);
    }

    task<status> begin(driver::transaction_options how, deadline until) override {
        if (status still = still_there(); !still) co_return still;
        co_return co_await inside_->begin(how, until);
    }
    task<status> commit(deadline until) override {
        if (status still = still_there(); !still) co_return still;  // before it is sent: nothing has happened
        const std::optional<bool> happens = faults_->next_lost_commit();
        if (!happens) co_return co_await inside_->commit(until);
        status done;
        if (*happens)
            done = co_await inside_->commit(until);
        else
            done = co_await inside_->rollback(until);
        if (!done) co_return done;
        broken_ = true;
        co_return made_by_test(errc::commit_unknown);
    }
    task<status> rollback(deadline until) override {
        if (status still = still_there(); !still) co_return still;
        co_return co_await inside_->rollback(until);
    }
    task<status> savepoint(std::string_view name, deadline until) override {
        if (status still = still_there(); !still) co_return still;
        co_return co_await inside_->savepoint(name, until);
    }
    task<status> rollback_to(std::string_view name, deadline until) override {
        if (status still = still_there(); !still) co_return still;
        co_return co_await inside_->rollback_to(name, until);
    }
    task<status> release(std::string_view name, deadline until) override {
        if (status still = still_there(); !still) co_return still;
        co_return co_await inside_->release(name, until);
    }
    bool in_transaction() const noexcept override { return inside_->in_transaction(); }

    void cancel() noexcept override { inside_->cancel(); }
    task<status> ping(deadline until) override {
        if (status still = still_there(); !still) co_return still;
        co_return co_await inside_->ping(until);
    }
    task<status> reset(deadline until) override {
        if (status still = still_there(); !still) co_return still;
        co_return co_await inside_->reset(until);
    }
    bool is_reusable() const noexcept override {
        return !broken_ && !faults_->is_lost(number_) && inside_->is_reusable();
    }
    bool is_clean() const noexcept override { return inside_->is_clean(); }
    std::unique_ptr<driver::bulk_writer> bulk() override { return inside_->bulk(); }
    std::string describe() const override { return inside_->describe(); }

private:
    status still_there() {
        if (broken_ || faults_->is_lost(number_)) {
            broken_ = true;
            return made_by_test(errc::connection_lost);
        }
        return {};
    }

    task<status> before_statement(deadline until) {
        if (status still = still_there(); !still) co_return still;
        if (const milliseconds by = faults_->delayed(); by > milliseconds{0}) {
            const deadline sent = deadline::in(by);
            (void)co_await loop_->sleep_until(earlier(sent, until));
            if (until < sent) co_return made_by_test(errc::deadline_passed);
            if (status still = still_there(); !still) co_return still;
        }
        const std::optional<errc> why = takes_failures_ ? faults_->next_failure() : std::nullopt;
        if (why) {
            if (*why == errc::connection_lost) broken_ = true;
            co_return made_by_test(*why);
        }
        co_return status{};
    }

    const std::unique_ptr<driver::connection> inside_;
    io::loop* loop_;
    const std::shared_ptr<server_faults> faults_;  // shared with the driver and the test
    const std::uint64_t number_;
    bool takes_failures_ = true;
    bool broken_ = false;
};

class faulty_driver final : public driver::driver {
public:
    faulty_driver(std::shared_ptr<driver> inside, std::shared_ptr<server_faults> faults)
        : inside_(std::move(inside)), faults_(std::move(faults)) {}

    ashlar::driver::dialect speaks() const noexcept override { return inside_->speaks(); }
    std::string describe() const override { return inside_->describe(); }

    task<result<std::unique_ptr<ashlar::driver::connection>>> connect(io::loop& loop, deadline until) override {
        if (faults_->is_down()) co_return made_by_test(errc::connect_failed).on(describe());
        auto made = co_await inside_->connect(loop, until);
        if (!made) co_return std::move(made).error();
        co_return wrapped(std::move(*made), loop);
    }

    // It shares the server's fate, but takes no failure that a statement of the test is to meet.
    task<result<std::unique_ptr<ashlar::driver::connection>>> connect_to_look(io::loop& loop, deadline until) override {
        if (faults_->is_down()) co_return made_by_test(errc::connect_failed).on(describe());
        auto made = co_await inside_->connect_to_look(loop, until);
        if (!made) co_return std::move(made).error();
        auto all = wrapped(std::move(*made), loop);
        all->takes_no_failures();
        co_return std::unique_ptr<ashlar::driver::connection>{std::move(all)};
    }

    task<result<std::unique_ptr<ashlar::driver::connection>>> join(ashlar::driver::connection& host,
                                                                   deadline until) override {
        if (faults_->is_down()) co_return made_by_test(errc::connect_failed).on(describe());
        auto& with = dynamic_cast<faulty_connection&>(host);  // all of a cluster's drivers are of this kind
        auto made = co_await inside_->join(with.inside(), until);
        if (!made) co_return std::move(made).error();
        co_return wrapped(std::move(*made), with.loop());
    }

private:
    std::unique_ptr<faulty_connection> wrapped(std::unique_ptr<ashlar::driver::connection> made, io::loop& loop) const {
        return std::make_unique<faulty_connection>(std::move(made), loop, faults_);
    }

    const std::shared_ptr<driver> inside_;
    const std::shared_ptr<server_faults> faults_;  // shared with the connections and the test
};

}  // namespace

std::shared_ptr<driver::driver> with_faults(std::shared_ptr<driver::driver> inside,
                                            std::shared_ptr<server_faults> faults) {
    return std::make_shared<faulty_driver>(std::move(inside), std::move(faults));
}

}  // namespace ashlar::testkit
