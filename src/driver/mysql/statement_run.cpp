// Statements with parameters and rows: prepared, run, read.
#include "driver/error_map.hpp"
#include "driver/mysql/connection.hpp"
#include "driver/mysql/report.hpp"

#include <errmsg.h>
#include <mysqld_error.h>

#include <algorithm>

namespace ashlar::driver::mysql {

namespace {

constexpr std::size_t batch_bytes = 64 * 1024;
constexpr std::size_t batch_rows = 4'096;  // for rows of nothing but NULL

}  // namespace

quoting server_connection::quotes() const noexcept {
    quoting q;
    q.backslash_escapes = (open_->server_status & SERVER_STATUS_NO_BACKSLASH_ESCAPES) == 0;
    // MySQL does not tell of ANSI_QUOTES; without backslash escapes both readings find the same end.
    q.ansi_quotes = is_mariadb() ? (open_->server_status & SERVER_STATUS_ANSI_QUOTES) != 0 : !q.backslash_escapes;
    return q;
}

// The statement as it is known, or as it is now read.
result<prepared_statement*> server_connection::statement_for(const statement& what) {
    const quoting how = quotes();
    if (prepared_statement* known = kept_.find(what.sql)) {
        if (known->read_under == how) return known;
        if (MYSQL_STMT* old = kept_.remove(known)) leftovers_.push_back(old);
    }
    auto placed = place_parameters(what.sql, how);
    if (!placed) return std::move(placed).error();
    prepared_statement made;
    made.key = what.sql;
    made.text = std::move(placed->text);
    made.places = std::move(placed->places);
    made.read_under = how;
    made.facts = facts_of(what.sql, how);
    if (!what.prepare) {
        passing_ = std::move(made);
        return &passing_;
    }
    if (kept_.full()) {
        if (MYSQL_STMT* oldest = kept_.evict()) leftovers_.push_back(oldest);
    }
    return kept_.add(std::move(made));
}

status server_connection::may_run(const statement_facts& facts) const {
    const bool ends = facts.what == verb::commit || facts.what == verb::rollback;
    if (failed_ && !ends && facts.what != verb::savepoint) return error{errc::transaction_failed};
    if ((other_charset_ || other_zone_) && !ends && facts.tag != "SET") {
        return error{errc::unsupported, other_zone_ ? "the session's time zone was changed from UTC"
                                                    : "the session's character set was changed from utf8mb4"}
            .hint("Set it back: what the server sends could not be read.");
    }
    if (facts.what == verb::begin && in_transaction()) {
        return error{errc::transaction_state, "a transaction is under way already"}.sqlstate("25001");
    }
    if (facts.what == verb::savepoint && !in_transaction()) {
        return error{errc::transaction_state, "savepoints exist only inside a transaction"}.sqlstate("25P01");
    }
    if (facts.commits_by_the_way && server_says_in_transaction()) {
        return error{errc::unsupported, "MySQL would commit the open transaction before " + facts.tag}
            .hint("Run it outside of the transaction.")
            .sqlstate("25001");
    }
    return {};
}

// A server that gets more closes the connection in the midst of it, which would look like a server that died. What the
// client library adds to the bytes is below the allowance.
status server_connection::fits_a_packet(const statement& what) const {
    constexpr std::uint64_t allowance = 64, per_parameter = 16;
    std::uint64_t values = allowance;
    for (const parameter& each : what.parameters) values += per_parameter + (each.bytes ? each.bytes->size() : 0);
    return fits_a_packet(std::max<std::uint64_t>(values, what.sql.size() + allowance));
}

status server_connection::fits_a_packet(std::uint64_t bytes) const {
    if (packet_max_ == 0 || bytes <= packet_max_) return {};
    return error{errc::limit_reached, "the statement has " + std::to_string(bytes) + " bytes, and the server takes " +
                                          std::to_string(packet_max_) + " in one packet"}
        .hint("Raise max_allowed_packet of the server, or send smaller values.")
        .sqlstate("54000");
}

// --- preparing ----------------------------------------------------------------------------------------------------

task<status> server_connection::prepare(prepared_statement& which, deadline until) {
    for (bool first_try = true;; first_try = false) {
        MYSQL_STMT* const s = mysql_stmt_init(open_.get());
        if (s == nullptr) co_return error{errc::io_failure, "out of memory"};
        leftovers_.push_back(s);  // until it is known to be of use
        phase_ = phase::running;
        running_.store(true, std::memory_order_release);
        stake_.only_reads = true;  // preparing changes nothing
        text_ = which.text;
        call_.begin([&] { return mysql_stmt_prepare_start(&code_, s, text_.data(), text_.size()); },
                    [this, s](int events) { return mysql_stmt_prepare_cont(&code_, s, events); });
        if (status ended = co_await finish_call(until); !ended) co_return ended;
        if (code_ == 0) {
            leftovers_.pop_back();
            which.handle = s;
            which.told.clear();
            for (unsigned i = 0; i < s->field_count; ++i) which.told.emplace_back(s->fields[i]);
            stake_.only_reads = false;
            co_return status{};
        }
        const unsigned number = mysql_stmt_errno(s);
        if (number == ER_UNSUPPORTED_PS && which.places.empty()) {
            which.as_text = true;
            stake_.only_reads = false;
            co_return status{};
        }
        if (number == ER_MAX_PREPARED_STMT_COUNT_REACHED && first_try && !kept_.empty()) {
            // The server's bound, for all its clients. Ours give way, save the one that is asked for.
            while (!kept_.empty()) {
                prepared_statement* const oldest = kept_.oldest();
                if (oldest == &which) break;
                if (MYSQL_STMT* old = kept_.evict()) leftovers_.push_back(old);
            }
            if (status closed = co_await close_leftovers(until); !closed) co_return closed;
            continue;
        }
        if (ends_connection(number) || is_gone()) co_return failed();
        error refused = failure_of(number, mysql_stmt_sqlstate(s), mysql_stmt_error(s));
        phase_ = phase::drained;
        running_ = false;
        co_return refused;
    }
}

bool server_connection::is_stale(unsigned number) const noexcept {
    return number == ER_NEED_REPREPARE || number == ER_UNKNOWN_STMT_HANDLER || number == CR_NEW_STMT_METADATA ||
           number == CR_NO_PREPARE_STMT || number == CR_STMT_CLOSED;
}

// The run has ended: what is not kept is closed before the next one.
void server_connection::retire() noexcept {
    prepared_statement* const r = std::exchange(run_, nullptr);
    if (r == nullptr) return;
    if (!r->kept) {
        if (r->handle != nullptr) leftovers_.push_back(std::exchange(r->handle, nullptr));
    } else if (r->stale) {
        if (MYSQL_STMT* old = kept_.remove(r)) leftovers_.push_back(old);
    }
}

// --- running ------------------------------------------------------------------------------------------------------

task<result<columns>> server_connection::start(statement what, deadline until) {
    if (status s = fits_a_packet(what); !s) co_return std::move(s).error();
    if (status s = co_await make_ready(until); !s) co_return std::move(s).error();
    if (!until.is_never() && until.passed(steady_clock::now())) co_return error{errc::deadline_passed};
    for (bool first_try = true;; first_try = false) {
        auto found = statement_for(what);
        if (!found) co_return std::move(found).error();
        prepared_statement& which = **found;
        if (status s = may_run(which.facts); !s) co_return std::move(s).error();
        if (failed_ && which.facts.what == verb::commit) {  // as PostgreSQL ends such a transaction
            if (status s = co_await rollback(until); !s) co_return std::move(s).error();
            completed_.tag = "ROLLBACK";
            co_return columns{};
        }
        if (which.handle == nullptr && !which.as_text) {
            status prepared = co_await prepare(which, until);
            if (!prepared) {
                if (which.kept) (void)kept_.remove(&which);
                co_return std::move(prepared).error();
            }
        }
        auto shape = co_await execute(which, what, until);
        if (shape || broken_ || !is_stale(refused_by_)) co_return shape;
        // The table has changed since. CR_NEW_STMT_METADATA comes after the fact: the statement has been carried out.
        const bool is_done = refused_by_ == CR_NEW_STMT_METADATA && !which.facts.only_reads;
        const bool alone = stake_.alone;
        which.stale = true;
        run_ = &which;
        if (status s = co_await drain(until); !s && (broken_ || !call_.ended())) {
            co_return co_await late(std::move(s).error());
        }
        retire();
        if (is_done && alone) {
            co_return error{errc::commit_unknown,
                            "the statement was carried out, but the table's columns had changed, "
                            "and its answer cannot be read"};
        }
        if (is_done) {
            failed_ = true;
            co_return error{errc::serialization_failed, "the table's columns changed during the transaction"};
        }
        if (!first_try) co_return shape;
        if (status s = co_await make_ready(until); !s) co_return std::move(s).error();
    }
}

task<result<columns>> server_connection::execute(prepared_statement& which, const statement& what, deadline until) {
    refused_by_ = 0;
    if (status s = parameters_.take(what.parameters, which.places); !s) {
        run_ = &which;
        retire();
        phase_ = phase::drained;
        running_ = false;
        co_return std::move(s).error();
    }
    run_ = &which;
    stake_.only_reads = which.facts.only_reads;
    if (which.facts.leaves_state) clean_ = false;
    if (which.facts.tag == "USE") used_database_ = true;
    if (which.as_text) co_return co_await execute_as_text(which, until);
    MYSQL_STMT* const s = which.handle;
    if (parameters_.count() > 0 && mysql_stmt_bind_param(s, parameters_.binds()) != 0) co_return failed();
    phase_ = phase::running;
    running_.store(true, std::memory_order_release);
    call_.begin([&] { return mysql_stmt_execute_start(&code_, s); },
                [this, s](int events) { return mysql_stmt_execute_cont(&code_, s, events); });
    if (!call_.ended()) {
        if (status ended = co_await finish_call(until); !ended) co_return std::move(ended).error();
    }
    if (code_ != 0) {
        refused_by_ = mysql_stmt_errno(s);
        if (is_stale(refused_by_) && !is_gone()) co_return failure_of(refused_by_, "HY000", mysql_stmt_error(s));
        error why = failed();
        retire();
        co_return why;
    }
    const unsigned count = mysql_stmt_field_count(s);
    if (open_->field_count == 0 || count == 0) {
        if (status ended = co_await finish_answer(until); !ended) co_return std::move(ended).error();
        co_return columns{};
    }
    notice_shape(open_->fields, count);
    static const std::vector<told_column> nothing;
    rows_.expect(open_->fields, count, which.stale ? nothing : which.told);
    if (mysql_stmt_bind_result(s, rows_.binds()) != 0) {
        error why = failed();
        phase_ = phase::running;
        error given_up{errc::cancelled};
        (void)co_await late(std::move(given_up));
        co_return why;
    }
    co_return rows_.shape();
}

// libmariadb keeps what PREPARE told, and shows it again later though the table has changed and the server said so once.
// A statement whose columns were seen to differ is prepared anew the next time.
void server_connection::notice_shape(const MYSQL_FIELD* fields, unsigned count) {
    const std::vector<told_column>& told = run_->told;
    run_->stale = told.size() != count;
    for (unsigned i = 0; i < count && !run_->stale; ++i) run_->stale = told[i].differs(fields[i]);
}

task<result<columns>> server_connection::execute_as_text(prepared_statement& which, deadline until) {
    begin_query(which.text);
    if (status ended = co_await finish_call(until); !ended) co_return std::move(ended).error();
    if (code_ != 0) {
        error why = failed();
        retire();
        co_return why;
    }
    MYSQL* m = open_.get();
    if (m->field_count == 0) {
        if (status ended = co_await finish_answer(until); !ended) co_return std::move(ended).error();
        co_return columns{};
    }
    text_answer_ = mysql_use_result(m);
    rows_.expect(mysql_fetch_fields(text_answer_), mysql_num_fields(text_answer_), {});
    co_return rows_.shape();
}

// --- reading ------------------------------------------------------------------------------------------------------

void server_connection::begin_fetch() {
    fetching_ = true;
    if (text_answer_ != nullptr) {
        MYSQL_RES* const r = text_answer_;
        call_.begin([&] { return mysql_fetch_row_start(&row_, r); },
                    [this, r](int events) { return mysql_fetch_row_cont(&row_, r, events); });
    } else {
        MYSQL_STMT* const s = run_->handle;
        call_.begin([&] { return mysql_stmt_fetch_start(&code_, s); },
                    [this, s](int events) { return mysql_stmt_fetch_cont(&code_, s, events); });
    }
}

// What the fetch has brought: true for a row, false for the end of the rows.
result<bool> server_connection::take_row(row_batch& into) {
    fetching_ = false;
    if (text_answer_ != nullptr) {
        if (row_ == nullptr) {
            if (mysql_errno(open_.get()) != 0) return failed();
            return false;
        }
        if (status s = rows_.add_text(into, row_, mysql_fetch_lengths(text_answer_)); !s) return std::move(s).error();
    } else {
        if (code_ == MYSQL_NO_DATA) return false;
        if (code_ != 0 && code_ != MYSQL_DATA_TRUNCATED) return failed();
        if (status s = rows_.add(into, run_->handle); !s) return std::move(s).error();
    }
    ++rows_seen_;
    return true;
}

task<result<fetched>> server_connection::fetch(row_batch& into, deadline until) {
    // What stands in `into` already is not of this batch: callers may collect a whole answer in one.
    const std::size_t before = into.rows(), rows_end = before + batch_rows, bytes_end = into.byte_size() + batch_bytes;
    while (phase_ == phase::running && into.byte_size() < bytes_end && into.rows() < rows_end) {
        if (!fetching_) begin_fetch();
        if (!call_.ended()) {
            if (into.rows() > before) break;  // rows that are here are handed over before the next are waited for
            if (status s = co_await finish_call(until); !s) co_return std::move(s).error();
        }
        auto some = take_row(into);
        if (!some) {
            error why = std::move(some).error();
            if (phase_ == phase::running) {  // the row is here, but cannot be shown
                error given_up{errc::cancelled};
                (void)co_await late(std::move(given_up));
            }
            retire();
            co_return why;
        }
        if (!*some) {
            if (status s = co_await finish_answer(until); !s) co_return std::move(s).error();
        }
    }
    co_return into.rows() > before ? fetched::rows : fetched::ended;
}

// The rows are out, if there were any. A CALL has more to say: at least that it has ended.
task<status> server_connection::finish_answer(deadline until) {
    MYSQL* m = open_.get();
    const bool had_rows = m->field_count > 0;
    const std::uint64_t changed = had_rows ? 0 : mysql_affected_rows(m);
    bool several = false;
    if (text_answer_ != nullptr) mysql_free_result(std::exchange(text_answer_, nullptr));  // read to its end
    for (;;) {
        MYSQL_STMT* const s = run_->handle;
        if (s != nullptr ? mysql_stmt_more_results(s) == 0 : mysql_more_results(m) == 0) break;
        phase_ = phase::running;
        if (s != nullptr) {
            call_.begin([&] { return mysql_stmt_next_result_start(&code_, s); },
                        [this, s](int events) { return mysql_stmt_next_result_cont(&code_, s, events); });
        } else {
            call_.begin([&] { return mysql_next_result_start(&code_, m); },
                        [this, m](int events) { return mysql_next_result_cont(&code_, m, events); });
        }
        if (status ended = co_await finish_call(until); !ended) co_return ended;
        if (code_ > 0) {
            error why = failed();
            retire();
            co_return why;
        }
        if (code_ < 0 || m->field_count == 0) continue;
        several = true;
        if (status ended = co_await drain(until); !ended) {
            if (broken_ || call_.ended()) co_return ended;
            co_return co_await late(std::move(ended).error());
        }
    }
    phase_ = phase::drained;
    running_ = false;
    const statement_facts& facts = run_->facts;
    const std::uint64_t rows = changes_rows(facts.what) && !had_rows ? changed : rows_seen_;
    completed_.tag = facts.tag;
    completed_.rows_affected = rows;
    if (changes_rows(facts.what) || facts.tag == "SELECT") completed_.tag += " " + std::to_string(rows);
    look_at_session();
    status kept = look_at_transaction(facts);
    retire();
    if (several) {
        co_return error{errc::unsupported, "the statement returned several sets of rows"}.hint(
            "Let the procedure return one, or call it by a script.");
    }
    co_return kept;
}

}  // namespace ashlar::driver::mysql
