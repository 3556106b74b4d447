#include "driver/sqlite/connection.hpp"

#include "core/quoting.hpp"
#include "driver/sqlite/qualify.hpp"
#include "driver/sqlite/tokens.hpp"
#include "driver/zero_bytes.hpp"

#include <algorithm>

namespace ashlar::driver::sqlite {

std::optional<deadline> patience::next(instant now) {
    if (end_.is_never()) end_ = earlier(until_, deadline{now + busy_timeout_});
    if (end_.passed(now)) return std::nullopt;
    pause_ = std::min(pause_ * 3 / 2 + milliseconds{1}, milliseconds{20});
    return earlier(end_, deadline{now + pause_});
}

error patience::given_up() const {
    if (end_ == until_) {
        return error{errc::deadline_passed, "the deadline passed while another connection held the lock of the file"};
    }
    return error{errc::database_locked}.hint("Another program writes to the file; busy_timeout says how long to wait.");
}

file_connection::file_connection(std::shared_ptr<database> on, io::loop& loop, std::uint64_t number)
    : on_(std::move(on)),
      loop_(&loop),
      number_(number),
      file_(on_->file()),
      cursor_(*on_),
      lock_patience_(on_->busy_timeout()) {}

file_connection::file_connection(std::shared_ptr<database> on, io::loop& loop, std::uint64_t number, std::string file,
                                 std::string schema)
    : on_(std::move(on)),
      loop_(&loop),
      number_(number),
      file_(std::move(file)),
      schema_(std::move(schema)),
      cursor_(*on_, &schema_),
      lock_patience_(on_->busy_timeout()) {}

file_connection::~file_connection() {
    const std::lock_guard hold{on_->turn()};
    cursor_.close();
}

std::string file_connection::describe() const {
    const std::string text = "sqlite:" + file_ + " #" + std::to_string(number_);
    return has_joined() ? text + " (joined " + on_->file() + ")" : text;
}

bool file_connection::in_transaction() const noexcept {
    return on_->transaction() == transaction_state::open || on_->transaction() == transaction_state::failed;
}

// The flag is looked at every thousand steps of SQLite's machine, some of which can be long; the interrupt more often.
void file_connection::cancel() noexcept {
    cancelled_.store(true, std::memory_order_relaxed);
    if (computes_.load()) on_->interrupt();
}

// --- statements ---------------------------------------------------------------------------------------------------

// One step, and again while another connection holds the lock. failed: cursor_.why() has the reason.
task<advanced> file_connection::advance(row_batch& into, deadline until) {
    patience wait{until, lock_patience_};
    for (;;) {
        advanced how = advanced::busy;
        auto work = [&] {
            on_->arm(until, &cancelled_);
            computes_.store(true);
            how = on_->was_cancelled() || on_->is_late() ? cursor_.interrupt() : cursor_.advance(into);
            computes_.store(false);
        };
        auto hurry = [this] { cancel(); };
        co_await hop_and_hurry(*loop_, on_->turn(), work, hurry);
        if (how != advanced::busy) co_return how;
        const auto again = wait.next(steady_clock::now());
        if (again) {
            (void)co_await loop_->sleep_until(*again);
            continue;
        }
        auto stop = [&] { cursor_.give_up(wait.given_up()); };
        co_await hop(*loop_, on_->turn(), stop);
        co_return advanced::failed;
    }
}

task<result<columns>> file_connection::start(statement what, deadline until) {
    if (status whole = check_zero_bytes(what); !whole) co_return std::move(whole).error();
    if (cursor_.is_open() || !pending_.empty()) {
        co_return error{errc::transaction_state, "another statement is under way on " + describe()}.hint(
            "Fetch all its rows first, or close it.");
    }
    if (has_joined()) what.sql = qualified(what.sql, schema_);
    cancelled_.store(false, std::memory_order_relaxed);
    pending_end_ = false;
    lock_patience_ = what.lock_patience.value_or(on_->busy_timeout());
    {
        const std::lock_guard hold{on_->turn()};
        cursor_.open(std::move(what));
    }
    const advanced how = co_await advance(pending_, until);
    if (how == advanced::failed) {
        pending_.clear();  // the rows before the one that failed are nobody's
        pending_end_ = true;
        error why = cursor_.why();
        if (has_joined()) why.at(0);  // it counts in a text that the caller has not seen
        co_return why;
    }
    pending_end_ = how == advanced::ended;
    co_return cursor_.take_columns();
}

namespace {

void hand_over(row_batch& from, row_batch& to) {
    if (to.empty()) {
        std::swap(from, to);
    } else {
        for (std::size_t r = 0; r < from.rows(); ++r) {
            for (std::size_t c = 0; c < from.width(); ++c) to.add(from.at(r, c), from.kind_at(r, c));
            to.end_row();
        }
    }
    from.clear();
}

}  // namespace

task<result<fetched>> file_connection::fetch(row_batch& into, deadline until) {
    if (!pending_.empty()) {
        hand_over(pending_, into);
        co_return fetched::rows;
    }
    if (pending_end_ || !cursor_.is_open()) co_return fetched::ended;
    const std::size_t before = into.rows();
    const advanced how = co_await advance(into, until);
    if (how == advanced::failed) co_return cursor_.why();
    pending_end_ = how == advanced::ended;
    co_return into.rows() > before ? fetched::rows : fetched::ended;
}

task<void> file_connection::give_up_statement() {
    pending_.clear();
    pending_end_ = true;
    if (!cursor_.is_open()) co_return;
    auto work = [&] { cursor_.close(); };
    co_await hop(*loop_, on_->turn(), work);
}

// --- scripts ------------------------------------------------------------------------------------------------------

std::vector<std::string> split_script(std::string_view script) {
    std::vector<std::string> statements;
    std::size_t begin = 0;
    tokens all{script};
    for (token t = all.next(); t.kind != token_kind::end; t = all.next()) {
        if (!t.is_symbol(';')) continue;
        const std::string so_far{script.substr(begin, t.offset + 1 - begin)};
        if (sqlite3_complete(so_far.c_str()) == 0) continue;  // inside a trigger's body
        if (!is_blank(so_far)) statements.push_back(so_far);
        begin = t.offset + 1;
    }
    if (!is_blank(script.substr(begin))) statements.emplace_back(script.substr(begin));
    return statements;
}

namespace {

// All or nothing, as PostgreSQL runs several statements in one text; unless the script handles transactions itself, or
// holds a statement that refuses to run in one.
bool wants_a_transaction(const std::vector<std::string>& statements) {
    return statements.size() > 1 && std::ranges::all_of(statements, [](const std::string& s) {
               const verb v = kind_of(s).what;
               return v == verb::select || v == verb::define || changes_rows(v);
           });
}

}  // namespace

task<status> file_connection::run_script(std::string sql, deadline until) {
    if (status whole = check_zero_bytes(sql); !whole) co_return whole;
    const std::vector<std::string> statements = split_script(sql);
    const bool as_one = !in_transaction() && wants_a_transaction(statements);
    if (as_one) {
        const transaction_options writing;
        if (status s = co_await begin(writing, until); !s) co_return s;
    }
    for (const std::string& each : statements) {
        statement one;
        one.sql = each;
        one.prepare = false;
        std::optional<error> why;
        row_batch dropped;
        if (auto c = co_await start(std::move(one), until); !c) why = std::move(c).error();
        for (bool ended = why.has_value(); !ended; dropped.clear()) {
            auto f = co_await fetch(dropped, until);
            if (!f) why = f.error();
            ended = !f || *f == fetched::ended;
        }
        if (!why) continue;
        if (as_one) (void)co_await rollback(deadline{});
        co_return std::move(*why);
    }
    if (as_one) co_return co_await commit(until);
    co_return status{};
}

// --- transactions -------------------------------------------------------------------------------------------------

task<status> file_connection::run_waiting(std::string sql, deadline until) {
    patience wait{until, on_->busy_timeout()};
    for (;;) {
        int code = SQLITE_OK;
        std::optional<error> why;
        auto work = [&] {
            on_->arm(until, nullptr);
            code = on_->run(sql.c_str());
            if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) why = on_->failure(code, sql);
        };
        co_await hop(*loop_, on_->turn(), work);
        if (why) co_return std::move(*why);
        if (code == SQLITE_OK) co_return status{};
        const auto again = wait.next(steady_clock::now());
        if (!again) co_return wait.given_up();
        (void)co_await loop_->sleep_until(*again);
    }
}

status file_connection::refuse_if_joined() const {
    if (!has_joined()) return {};
    return error{errc::transaction_state,
                 "a file that takes part in another file's transaction cannot begin a separate transaction"};
}

task<status> file_connection::begin(transaction_options how, deadline until) {
    if (status s = refuse_if_joined(); !s) co_return s;
    if (on_->transaction() != transaction_state::none) {
        co_return error{errc::transaction_state, "a transaction is under way already"}.sqlstate("25001");
    }
    if (!on_->others().empty()) {
        if (status s = co_await reset(until); !s) co_return s;
    }
    reads_only_ = how.read_only;
    on_->tick(how.moment);
    // Every isolation level is served by SQLite's only one, which is serializable.
    if (!how.read_only) {
        if (status s = co_await run_waiting("BEGIN IMMEDIATE", until); !s) co_return s;
        on_->set_transaction(transaction_state::open);
        co_return status{};
    }
    if (status s = co_await run_waiting("PRAGMA query_only=ON", until); !s) co_return s;
    status begun = co_await run_waiting("BEGIN", until);
    if (begun) on_->set_transaction(transaction_state::open);
    // From this read on the transaction sees the file as it is now.
    if (begun) begun = co_await run_waiting("SELECT 1 FROM sqlite_schema", until);
    if (!begun) (void)co_await rollback(deadline{});
    co_return begun;
}

task<status> file_connection::commit(deadline until) {
    if (status s = refuse_if_joined(); !s) co_return s;
    if (on_->transaction() == transaction_state::failed) {
        (void)co_await rollback(deadline{});
        co_return error{errc::transaction_failed, "the transaction had failed and was rolled back"};
    }
    if (!in_transaction()) co_return error{errc::transaction_state, "no transaction is under way"}.sqlstate("25P01");
    co_await give_up_statement();
    // On failure the transaction is still open, and the caller decides: try again, or roll back.
    if (status s = co_await run_waiting("COMMIT", until); !s) co_return s;
    on_->set_transaction(transaction_state::none);
    co_return co_await run_waiting("PRAGMA query_only=OFF", deadline{});
}

task<status> file_connection::rollback(deadline) {
    if (status s = refuse_if_joined(); !s) co_return s;
    co_await give_up_statement();
    bool outside = false;
    auto work = [&] {
        on_->arm(deadline{}, nullptr);
        if (sqlite3_get_autocommit(on_->handle()) == 0) on_->run("ROLLBACK");
        on_->run("PRAGMA query_only=OFF");
        outside = sqlite3_get_autocommit(on_->handle()) != 0;
    };
    co_await hop(*loop_, on_->turn(), work);
    broken_ = !outside;
    if (broken_) co_return error{errc::io_failure, "the transaction could not be rolled back"};
    on_->set_transaction(transaction_state::none);
    co_return status{};
}

task<status> file_connection::run_inside(std::string sql, deadline until) {
    if (status s = refuse_if_joined(); !s) co_return s;
    if (on_->transaction() == transaction_state::failed) co_return error{errc::transaction_failed};
    if (!in_transaction()) {
        co_return error{errc::transaction_state, "savepoints exist only inside a transaction"}.sqlstate("25P01");
    }
    co_return co_await run_waiting(std::move(sql), until);
}

task<status> file_connection::savepoint(std::string_view name, deadline until) {
    return run_inside("SAVEPOINT " + quoted_name(name), until);
}
task<status> file_connection::rollback_to(std::string_view name, deadline until) {
    return run_inside("ROLLBACK TO " + quoted_name(name), until);
}
task<status> file_connection::release(std::string_view name, deadline until) {
    return run_inside("RELEASE " + quoted_name(name), until);
}

// --- other files --------------------------------------------------------------------------------------------------

namespace {

// Who waits for a lock out of the order of the files' names gives up this many times sooner: of transactions that wait
// for one another in a ring at least one does, and the others go on.
constexpr int haste_out_of_order = 5;

error never_free(const std::string& file, bool in_order) {
    if (!in_order) {
        return error{errc::deadlock, "another transaction holds the lock of " + file + " and may wait for one of ours"}
            .hint("Run the transaction again; transactions that take their shards in the same order never meet so.");
    }
    return error{errc::serialization_failed, "another transaction held the lock of " + file + " for too long"}.hint(
        "Run the transaction again.");
}

}  // namespace

task<result<std::unique_ptr<connection>>> file_connection::take_in(std::string file, std::uint64_t number,
                                                                   deadline until) {
    if (status s = refuse_if_joined(); !s) co_return std::move(s).error();
    if (on_->transaction() == transaction_state::failed) co_return error{errc::transaction_failed};
    if (!in_transaction()) {
        co_return error{errc::transaction_state, "a file joins only a transaction"}.sqlstate("25P01");
    }
    cancelled_.store(false, std::memory_order_relaxed);
    const bool in_order = on_->others().is_in_order(file);
    patience wait{until, in_order ? on_->busy_timeout() : on_->busy_timeout() / haste_out_of_order};
    for (;;) {
        result<const std::string*> schema = nullptr;
        auto work = [&] {
            on_->arm(until, &cancelled_);
            schema = on_->others().join(file, reads_only_);
        };
        co_await hop(*loop_, on_->turn(), work);
        if (!schema) co_return std::move(schema).error();
        if (*schema != nullptr) {
            co_return std::unique_ptr<connection>{new file_connection{on_, *loop_, number, std::move(file), **schema}};
        }
        if (cancelled_.load(std::memory_order_relaxed)) co_return error{errc::cancelled};
        const auto again = wait.next(steady_clock::now());
        if (!again) co_return wait.ended_by_deadline() ? wait.given_up() : never_free(file, in_order);
        (void)co_await loop_->sleep_until(*again);
    }
}

task<status> file_connection::ping(deadline until) {
    co_return co_await run_waiting("SELECT 1 FROM sqlite_schema", until);
}

task<status> file_connection::reset(deadline) {
    co_await give_up_statement();
    cancelled_.store(false, std::memory_order_relaxed);
    if (has_joined()) co_return status{};
    std::optional<error> why;
    auto work = [&] {
        if (status s = on_->reset(); !s) why = std::move(s).error();
    };
    co_await hop(*loop_, on_->turn(), work);
    broken_ = why.has_value();
    if (why) co_return std::move(*why);
    co_return status{};
}

}  // namespace ashlar::driver::sqlite
