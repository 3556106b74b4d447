#include "support/fake_server.hpp"

namespace ashlar::test {

using ashlar::driver::connection;

task<result<std::unique_ptr<connection>>> fake_server::connect(io::loop& loop, deadline until) {
    ++attempts;
    if (login_takes > milliseconds{0}) {
        const deadline ready{loop.now() + login_takes};
        (void)co_await loop.sleep_until(earlier(ready, until));
        if (until < ready) co_return error{errc::deadline_passed, "the login took too long"};
    }
    if (refuses_logins || (drops_login && drops_login())) {
        co_return error{errc::connect_failed, "the script refuses logins"};
    }
    ++logins;
    std::unique_ptr<connection> made = std::make_unique<fake_connection>(*this, loop);
    co_return std::move(made);
}

void fake_server::kill_all() {
    std::lock_guard hold{guard_};
    for (fake_connection* c : living_) c->dead_ = true;
}

fake_connection::fake_connection(fake_server& of, io::loop& loop) : server_(of), loop_(&loop), number_(of.logins) {
    const int now_open = ++server_.open;
    int most = server_.most_open;
    while (now_open > most && !server_.most_open.compare_exchange_weak(most, now_open)) {
    }
    std::lock_guard hold{server_.guard_};
    server_.living_.insert(this);
}

fake_connection::~fake_connection() {
    loop_->forget(-1);  // as a real one does: its loop must still be there
    --server_.open;
    std::lock_guard hold{server_.guard_};
    server_.living_.erase(this);
}

void fake_connection::bind(io::loop& loop) {
    ASHLAR_ASSERT(!busy_);
    if (loop_ != &loop) loop_->forget(-1);
    loop_ = &loop;
}

task<status> fake_connection::take(milliseconds span, deadline until) {
    struct busy_while {
        bool& flag;
        explicit busy_while(bool& f) : flag(f) {
            ASHLAR_ASSERT(!flag);
            flag = true;
        }
        ~busy_while() { flag = false; }
    } busy{busy_};
    if (span > milliseconds{0}) {
        const deadline ready{loop_->now() + span};
        (void)co_await loop_->sleep_until(earlier(ready, until));
        if (until < ready) {
            dead_ = found_dead_ = true;
            co_return error{errc::deadline_passed, "the script takes longer"};
        }
    }
    if (dead_) {
        found_dead_ = true;
        co_return error{errc::connection_lost, "the script killed the server"};
    }
    co_return status{};
}

task<status> fake_connection::work_for(milliseconds span) {
    return take(span, deadline::never());
}

task<status> fake_connection::ping(deadline until) {
    ++server_.pings;
    if (server_.drops_ping && server_.drops_ping()) dead_ = true;
    return take(server_.ping_takes, until);
}

task<status> fake_connection::reset(deadline until) {
    ++server_.resets;
    if (server_.drops_reset && server_.drops_reset()) dead_ = true;
    status s = co_await take(server_.reset_takes, until);
    if (s) dirty_ = in_transaction_ = false;
    co_return s;
}

task<result<columns>> fake_connection::start(ashlar::driver::statement, deadline until) {
    if (!server_.statement_takes) co_return error{errc::unsupported, "the script knows no statements"};
    status answered = co_await take(server_.statement_takes(), until);
    if (!answered) co_return std::move(answered).error();
    has_row_ = true;
    columns shape(1);
    shape[0].name = "n";
    shape[0].type = oid::int4;
    co_return shape;
}
task<result<ashlar::driver::fetched>> fake_connection::fetch(row_batch& into, deadline) {
    if (has_row_) {
        has_row_ = false;
        into.add("1");
        into.end_row();
        co_return ashlar::driver::fetched::rows;
    }
    completion_.tag = "SELECT 1";
    co_return ashlar::driver::fetched::ended;
}
task<status> fake_connection::run_script(std::string, deadline until) {
    return take(milliseconds{0}, until);
}
task<status> fake_connection::begin(ashlar::driver::transaction_options, deadline until) {
    make_dirty(true);
    return take(milliseconds{0}, until);
}
task<status> fake_connection::commit(deadline until) {
    status done = co_await take(milliseconds{0}, until);
    if (!done) co_return done;
    dirty_ = in_transaction_ = false;
    if (server_.loses_commit && server_.loses_commit()) {
        if (server_.heard) server_.heard("lost");
        break_it();
        co_return error{errc::commit_unknown, "the script loses the connection"};
    }
    const bool refused = server_.refuses_commit && server_.refuses_commit();
    if (server_.heard) server_.heard(refused ? "rollback" : "commit");
    if (refused) co_return error{errc::serialization_failed, "the script refuses the commit"};
    co_return status{};
}
task<status> fake_connection::rollback(deadline until) {
    status done = co_await take(milliseconds{0}, until);
    if (!done) co_return done;
    dirty_ = in_transaction_ = false;
    if (server_.heard) server_.heard("rollback");
    co_return status{};
}
task<status> fake_connection::savepoint(std::string_view, deadline until) {
    return take(milliseconds{0}, until);
}
task<status> fake_connection::rollback_to(std::string_view, deadline until) {
    return take(milliseconds{0}, until);
}
task<status> fake_connection::release(std::string_view, deadline until) {
    return take(milliseconds{0}, until);
}

}  // namespace ashlar::test
