// Birth and end of a connection, and what all its work stands on: calls driven to their end, and what to do when they fail
// or are late.
#include "driver/mysql/connection.hpp"

#include "core/assert.hpp"
#include "driver/error_map.hpp"
#include "driver/mysql/report.hpp"
#include "driver/socket_news.hpp"

#include <fcntl.h>
#include <mysqld_error.h>
#include <sys/socket.h>

namespace ashlar::driver::mysql {

namespace {

constexpr milliseconds grace{250};

}  // namespace

server_connection::server_connection(handle open, io::loop& loop, mysql_options where, std::string described)
    : open_(std::move(open)),
      where_(std::move(where)),
      described_(std::move(described)),
      loop_(&loop),
      fd_(mysql_get_socket(open_.get())),
      kept_(std::max<std::size_t>(where_.prepared_statements_max, 1)) {
    stop_blocking(open_.get());
}

server_connection::~server_connection() {
    // A server notices that its client has gone only when it writes: what still runs is told to end.
    if (phase_ == phase::running && !broken_ && stop_) stop_->send();
    if (fd_ >= 0) loop_->forget(fd_);
    if (phase_ == phase::running && fd_ >= 0) (void)::shutdown(fd_, SHUT_RDWR);  // nothing more is read of it
    if (!call_.ended()) call_.give_up(open_.get());
    if (text_answer_ != nullptr) mysql_free_result(text_answer_);
    open_.reset();
    // From here on their server knows nothing of them: only memory is freed.
    while (!kept_.empty()) {
        if (MYSQL_STMT* s = kept_.evict()) leftovers_.push_back(s);
    }
    if (passing_.handle != nullptr) leftovers_.push_back(passing_.handle);
    for (MYSQL_STMT* s : leftovers_) mysql_stmt_close(s);
}

void server_connection::bind(io::loop& loop) {
    if (loop_ == &loop) return;
    if (fd_ >= 0) loop_->forget(fd_);
    loop_ = &loop;
}

std::string server_connection::describe() const {
    return described_ + " #" + number_;
}

int server_connection::watch_end() const noexcept {
    return fd_ >= 0 ? ::fcntl(fd_, F_DUPFD_CLOEXEC, 0) : -1;
}

// A server of this protocol says nothing unasked but farewell.
bool server_connection::has_ended() noexcept {
    if (!broken_ && phase_ != phase::running && (is_gone() || has_news(mysql_get_socket(open_.get())))) go_out_of_use();
    return broken_;
}

bool server_connection::is_mariadb() const noexcept {
    return std::string_view{mysql_get_server_info(open_.get())}.find("MariaDB") != std::string_view::npos;
}

bool server_connection::server_says_in_transaction() const noexcept {
    return (open_->server_status & SERVER_STATUS_IN_TRANS) != 0;
}

bool server_connection::in_transaction() const noexcept {
    return failed_ || server_says_in_transaction();
}

bool server_connection::is_reusable() const noexcept {
    return !broken_ && phase_ != phase::running && call_.ended();
}

bool server_connection::is_clean() const noexcept {
    return is_reusable() && clean_ && !left_insert_id_ && !in_transaction() && !stop_->was_sent();
}

void server_connection::cancel() noexcept {
    if (running_.load(std::memory_order_acquire)) stop_->send();
}

// --- failures -----------------------------------------------------------------------------------------------------

bool server_connection::is_gone() const noexcept {
    return mysql_get_socket(open_.get()) == MARIADB_INVALID_SOCKET;
}

void server_connection::go_out_of_use() noexcept {
    if (fd_ >= 0) loop_->forget(fd_);
    if (!call_.ended()) call_.give_up(open_.get());
    if (is_gone()) fd_ = -1;
    broken_ = true;
    running_ = false;
    phase_ = phase::idle;
}

// The connection is gone, and nobody said what became of the statement.
error server_connection::lost() {
    const unsigned number = mysql_errno(open_.get());
    server_report said = report_of(number, mysql_sqlstate(open_.get()), mysql_error(open_.get()));
    go_out_of_use();
    const bool unknown = stake_.alone && !stake_.only_reads;
    error e{unknown ? errc::commit_unknown : errc::connection_lost};
    if (unknown) e.hint("Look whether the statement's change is there before running it again.");
    if (number != 0) e.server(std::move(said));
    return std::move(e.sqlstate(facts_of(e.code()).sqlstate).on(described_));
}

error server_connection::failure_of(unsigned number, std::string_view state, std::string_view message) {
    server_report said = report_of(number, state, message);
    if (was_in_transaction_ && may_end_transaction(number, said.sqlstate)) failed_ = true;
    return from_report(std::move(said));
}

// The call under way has ended, and failed.
error server_connection::failed() {
    MYSQL_STMT* const s = run_ != nullptr ? run_->handle : nullptr;
    const bool by_statement = s != nullptr && mysql_stmt_errno(s) != 0;
    const unsigned number = by_statement ? mysql_stmt_errno(s) : mysql_errno(open_.get());
    const std::string state = by_statement ? mysql_stmt_sqlstate(s) : mysql_sqlstate(open_.get());
    const std::string message = by_statement ? mysql_stmt_error(s) : mysql_error(open_.get());
    const bool ends = ends_connection(number);
    // Numbers from 2000 on are libmariadb's: the server said nothing.
    if ((ends && number >= 2000) || (is_gone() && number == 0)) return lost();
    error e = failure_of(number, state, message);
    if (ends || is_gone()) {
        go_out_of_use();
        return std::move(e.on(described_));
    }
    phase_ = phase::drained;
    running_ = false;
    return e;
}

// The deadline came while the server worked. Tells it to stop and waits a little for its answer.
task<error> server_connection::late(error why) {
    if (broken_) co_return why;
    if (stop_) stop_->send();
    const deadline end = deadline::in(grace);
    const bool unknown_if_done = stake_.alone && !stake_.only_reads;
    const bool awaited = !call_.ended();
    status ended = co_await drive(end);
    const bool refused = ended && awaited && code_ != 0 && code_ != MYSQL_NO_DATA && code_ != MYSQL_DATA_TRUNCATED;
    if (ended) ended = co_await drain(end);
    if (broken_ || !call_.ended()) {
        go_out_of_use();
        if (unknown_if_done) why = error{errc::commit_unknown, "the deadline passed and the server does not answer"};
        co_return std::move(why.on(described_));
    }
    retire();
    phase_ = phase::idle;
    running_ = false;
    if (stop_) (void)co_await stop_->settled(*loop_, end);
    if (refused) co_return why;
    if (unknown_if_done) {
        co_return error{errc::commit_unknown,
                        "the deadline passed, and the statement was carried out before it could be stopped"};
    }
    // It has failed for its caller: nothing of it may be committed later.
    if (was_in_transaction_ && !stake_.only_reads) failed_ = true;
    co_return why;
}

// --- calls --------------------------------------------------------------------------------------------------------

// Goes on with the call under way until it has ended. Whatever the error, the call is still under way then.
task<status> server_connection::drive(deadline until) {
    while (!call_.ended()) {
        if (fd_ < 0) co_return error{errc::connection_lost, "the connection to the server is gone"};
        status s = co_await loop_->wait(fd_, call_.waits_for(), until);
        if (!s) co_return s;
        call_.go_on();
        if (is_gone() && fd_ >= 0) loop_->forget(std::exchange(fd_, -1));  // before another descriptor has its number
    }
    co_return status{};
}

task<status> server_connection::finish_call(deadline until) {
    status s = co_await drive(until);
    if (s) co_return s;
    if (s.error() == errc::deadline_passed) co_return co_await late(std::move(s).error());
    go_out_of_use();
    co_return s;
}

void server_connection::begin_query(std::string sql) {
    text_ = std::move(sql);
    phase_ = phase::running;
    running_.store(true, std::memory_order_release);
    MYSQL* m = open_.get();
    call_.begin([&] { return mysql_real_query_start(&code_, m, text_.data(), text_.size()); },
                [this, m](int events) { return mysql_real_query_cont(&code_, m, events); });
}

// Reads what is left of the answer, and of answers that follow, and drops it. An error among them is the result.
task<status> server_connection::drain(deadline until) {
    MYSQL* m = open_.get();
    fetching_ = false;
    for (;;) {
        MYSQL_STMT* const s = run_ != nullptr ? run_->handle : nullptr;
        if (s == nullptr && text_answer_ == nullptr && m->status == MYSQL_STATUS_GET_RESULT) {
            text_answer_ = mysql_use_result(m);
        }
        if (text_answer_ != nullptr) {
            MYSQL_RES* const r = std::exchange(text_answer_, nullptr);
            call_.begin([&] { return mysql_free_result_start(r); },
                        [r](int events) { return mysql_free_result_cont(r, events); });
        } else if (s != nullptr && m->status != MYSQL_STATUS_READY) {
            call_.begin([&] { return mysql_stmt_free_result_start(&flag_, s); },
                        [this, s](int events) { return mysql_stmt_free_result_cont(&flag_, s, events); });
        }
        if (status ended = co_await drive(until); !ended) co_return ended;
        if (is_gone()) co_return lost();
        if (s != nullptr ? mysql_stmt_more_results(s) == 0 : mysql_more_results(m) == 0) break;
        if (s != nullptr) {
            call_.begin([&] { return mysql_stmt_next_result_start(&code_, s); },
                        [this, s](int events) { return mysql_stmt_next_result_cont(&code_, s, events); });
        } else {
            call_.begin([&] { return mysql_next_result_start(&code_, m); },
                        [this, m](int events) { return mysql_next_result_cont(&code_, m, events); });
        }
        if (status ended = co_await drive(until); !ended) co_return ended;
        if (code_ > 0) co_return failed();
        if (code_ < 0) break;
    }
    phase_ = phase::drained;
    running_ = false;
    co_return status{};
}

// Before a statement: nothing of an older one is under way, and no kill either.
task<status> server_connection::make_ready(deadline until) {
    if (!broken_ && phase_ == phase::running) {
        error given_up{errc::cancelled};
        (void)co_await late(std::move(given_up));
        if (broken_) co_return error{errc::connection_lost, "the statement before would not end"}.on(described_);
    }
    if (!broken_ && io::peer_has_closed(fd_)) go_out_of_use();
    if (broken_) co_return error{errc::connection_lost, "the connection to the server is gone"}.on(described_);
    if (stop_ && stop_->is_under_way() && !co_await stop_->settled(*loop_, until)) {
        go_out_of_use();
        co_return error{errc::connection_lost, "a cancel of the statement before would not end"}.on(described_);
    }
    was_in_transaction_ = in_transaction();
    stake_.only_reads = true;
    if (stop_ && stop_->take_sent()) {  // a kill that came too late may wait for the next statement: here it is
        begin_query("do 0");
        running_ = false;  // nobody is to send another one for this
        if (status s = co_await finish_call(until); !s) co_return s;
        if (code_ != 0 && mysql_errno(open_.get()) != ER_QUERY_INTERRUPTED) co_return failed();
    }
    if (!leftovers_.empty()) {
        if (status s = co_await close_leftovers(until); !s) co_return s;
    }
    completed_ = {};
    rows_seen_ = 0;
    phase_ = phase::idle;
    running_ = false;
    stake_.alone = !was_in_transaction_ && (open_->server_status & SERVER_STATUS_AUTOCOMMIT) != 0;
    stake_.only_reads = false;
    co_return status{};
}

task<status> server_connection::close_leftovers(deadline until) {
    while (!leftovers_.empty()) {
        MYSQL_STMT* const s = leftovers_.back();
        leftovers_.pop_back();
        if (s->mysql == nullptr) {  // its server has forgotten it already
            mysql_stmt_close(s);
            continue;
        }
        phase_ = phase::running;
        call_.begin([&] { return mysql_stmt_close_start(&flag_, s); },
                    [this, s](int events) { return mysql_stmt_close_cont(&flag_, s, events); });
        if (status ended = co_await finish_call(until); !ended) co_return ended;
        if (is_gone()) co_return lost();
        phase_ = phase::idle;
    }
    co_return status{};
}

}  // namespace ashlar::driver::mysql
