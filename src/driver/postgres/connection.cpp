#include "driver/postgres/connection.hpp"

#include "core/assert.hpp"
#include "core/quoting.hpp"
#include "driver/error_map.hpp"
#include "driver/socket_news.hpp"
#include "driver/zero_bytes.hpp"

#include <fcntl.h>

#include <algorithm>

namespace ashlar::driver::postgres {

namespace {

constexpr std::size_t batch_bytes = 64 * 1024;
constexpr std::size_t batch_rows = 4'096;  // for rows of nothing but NULL
constexpr std::size_t notices_max = 100;
constexpr milliseconds grace{250};

}  // namespace

server_connection::server_connection(connection_handle open, std::shared_ptr<canceller> stop, io::loop& loop,
                                     std::string where, std::size_t prepared_max)
    : open_(std::move(open)),
      stop_(std::move(stop)),
      loop_(&loop),
      socket_(PQsocket(open_.get())),
      where_(std::move(where)),
      names_(prepared_max) {
    PQsetNoticeReceiver(open_.get(), &server_connection::on_notice, this);
}

server_connection::~server_connection() {
    // A server notices that its client has gone only when it writes: what still runs is told to end.
    if (phase_ == phase::running && PQtransactionStatus(open_.get()) == PQTRANS_ACTIVE) stop_->send();
    held_.reset();
    if (socket_ >= 0) loop_->forget(socket_);
}

void server_connection::bind(io::loop& loop) {
    if (loop_ == &loop) return;
    if (socket_ >= 0) loop_->forget(socket_);
    loop_ = &loop;
}

std::string server_connection::describe() const {
    return where_ + " #" + std::to_string(PQbackendPID(open_.get()));
}

int server_connection::watch_end() const noexcept {
    return PQsocket(open_.get()) >= 0 ? ::fcntl(PQsocket(open_.get()), F_DUPFD_CLOEXEC, 0) : -1;
}

// What has come may be a notice, or a TLS session ticket: only libpq can tell. It reads a farewell and the stream's end in
// two steps.
bool server_connection::has_ended() noexcept {
    for (int step = 0; step < 2 && !broken_ && has_news(PQsocket(open_.get())); ++step) {
        const bool read = PQconsumeInput(open_.get()) == 1;
        if (read) (void)PQisBusy(open_.get());  // takes in what has come
        if (!read || PQstatus(open_.get()) != CONNECTION_OK) broken_ = true;
        mind_socket();
    }
    return broken_;
}

bool server_connection::in_transaction() const noexcept {
    const PGTransactionStatusType t = PQtransactionStatus(open_.get());
    return t == PQTRANS_INTRANS || t == PQTRANS_INERROR || (t == PQTRANS_ACTIVE && !stake_.alone);
}

bool server_connection::is_reusable() const noexcept {
    return !broken_ && phase_ != phase::running && PQstatus(open_.get()) == CONNECTION_OK;
}

bool server_connection::is_clean() const noexcept {
    return is_reusable() && clean_ && PQtransactionStatus(open_.get()) == PQTRANS_IDLE && !stop_->is_under_way();
}

void server_connection::cancel() noexcept {
    if (running_.load(std::memory_order_acquire)) stop_->send();
}

void server_connection::on_notice(void* self, const PGresult* r) noexcept {
    auto& notices = static_cast<server_connection*>(self)->completed_.notices;
    if (notices.size() < notices_max) notices.push_back(report_of(r));
}

// --- failures -----------------------------------------------------------------------------------------------------

// The connection is gone, and nobody said what became of the statement.
void server_connection::mind_socket() noexcept {
    const int now = PQsocket(open_.get());
    if (now == socket_) return;
    if (socket_ >= 0) loop_->forget(socket_);
    socket_ = now;
}

bool server_connection::consume() noexcept {
    const bool read = PQconsumeInput(open_.get()) == 1;
    mind_socket();
    return read;
}

error server_connection::lost() {
    mind_socket();
    broken_ = true;
    running_ = false;
    phase_ = phase::idle;
    server_report said;
    said.message = PQerrorMessage(open_.get());
    while (said.message.ends_with('\n')) said.message.pop_back();
    const bool unknown = stake_.alone && !stake_.only_reads;
    error e{unknown ? errc::commit_unknown : errc::connection_lost};
    if (unknown) e.hint("Look whether the statement's change is there before running it again.");
    e.server(std::move(said));
    return std::move(e.on(where_));
}

error server_connection::failed(const PGresult* r) {
    if (PQstatus(open_.get()) == CONNECTION_BAD && PQresultErrorField(r, PG_DIAG_SQLSTATE) == nullptr) return lost();
    error e = from_report(report_of(r));
    if (e == errc::connection_lost) broken_ = true;
    if (const char* context = PQresultErrorField(r, PG_DIAG_CONTEXT)) e.detail(context);
    return e;
}

error server_connection::unsent() {
    stake_.only_reads = true;  // nothing reached the server
    return lost();
}

// The deadline came while the server worked. Tells it to stop and waits a little for its answer.
task<error> server_connection::late(error why) {
    if (broken_) co_return why;  // nobody is there to be told
    stop_->send();
    const deadline end = deadline::in(grace);
    const bool unknown_if_done = stake_.alone && !stake_.only_reads;
    bool refused = false;
    held_.reset();
    for (;;) {
        auto r = co_await next_result(end);
        if (!r) {
            broken_ = true;
            running_ = false;
            if (unknown_if_done)
                why = error{errc::commit_unknown, "the deadline passed and the server does not answer"};
            co_return std::move(why.on(where_));
        }
        if (*r == nullptr) break;
        refused = PQresultStatus(r->get()) == PGRES_FATAL_ERROR;
    }
    phase_ = phase::idle;
    running_ = false;
    (void)co_await stop_->settled(*loop_, end);
    if (!refused && unknown_if_done) {
        co_return error{errc::commit_unknown,
                        "the deadline passed, and the statement was carried out before it could be stopped"};
    }
    co_return why;
}

// --- the stream of results ----------------------------------------------------------------------------------------

task<status> server_connection::flush(deadline until) {
    for (;;) {
        const int left = PQflush(open_.get());
        mind_socket();
        if (left == 0) co_return status{};
        if (left < 0) co_return lost();
        status s = co_await loop_->wait(PQsocket(open_.get()), io::interest::writable, until);
        if (!s) co_return s;
        if (!consume()) co_return lost();
    }
}

// The next result; nullptr when the server is ready for the next statement. Fails with deadline_passed and as lost().
task<result<result_handle>> server_connection::next_result(deadline until) {
    while (PQisBusy(open_.get()) != 0) {
        if (socket_ < 0) co_return lost();
        status s = co_await loop_->wait(PQsocket(open_.get()), io::interest::readable, until);
        if (!s) co_return std::move(s).error();
        // What the server said before it went is still to be read.
        if (!consume() && PQisBusy(open_.get()) != 0) co_return lost();
    }
    result_handle got{PQgetResult(open_.get())};
    mind_socket();
    co_return std::move(got);
}

task<status> server_connection::drain(deadline until) {
    for (;;) {
        auto r = co_await next_result(until);
        if (!r) co_return std::move(r).error();
        if (*r == nullptr) break;
        if (PQresultStatus(r->get()) == PGRES_FATAL_ERROR && PQstatus(open_.get()) == CONNECTION_BAD) co_return lost();
    }
    phase_ = phase::drained;
    running_ = false;
    co_return status{};
}

// Nothing stands in the way of the next statement; otherwise make_ready() is needed.
bool server_connection::is_ready() const noexcept {
    return !broken_ && phase_ != phase::running && PQstatus(open_.get()) == CONNECTION_OK && !stop_->is_under_way();
}

void server_connection::begin_statement() {
    held_.reset();
    completed_ = {};
    phase_ = phase::idle;
    stake_.alone = PQtransactionStatus(open_.get()) == PQTRANS_IDLE;
    stake_.only_reads = false;
}

// Before a statement: nothing of an older one is under way, and no cancel either.
task<status> server_connection::make_ready(deadline until) {
    if (broken_ || PQstatus(open_.get()) != CONNECTION_OK) {
        co_return error{errc::connection_lost, "the connection to the server is gone"}.on(where_);
    }
    if (phase_ == phase::running) {
        error given_up{errc::cancelled};
        (void)co_await late(std::move(given_up));
        if (broken_) co_return error{errc::connection_lost, "the statement before would not end"}.on(where_);
    }
    if (stop_->is_under_way() && !co_await stop_->settled(*loop_, until)) {
        broken_ = true;
        co_return error{errc::connection_lost, "a cancel of the statement before would not end"}.on(where_);
    }
    begin_statement();
    co_return status{};
}

// --- statements ---------------------------------------------------------------------------------------------------

void server_connection::fill_parameters(const statement& what) {
    values_.clear();
    lengths_.clear();
    formats_.clear();
    types_.clear();
    for (const parameter& p : what.parameters) {
        values_.push_back(p.bytes ? p.bytes->c_str() : nullptr);
        lengths_.push_back(p.bytes ? static_cast<int>(p.bytes->size()) : 0);
        formats_.push_back(static_cast<int>(p.format));
        types_.push_back(p.type);
    }
}

namespace {

bool has_types(const statement& what) {
    return std::ranges::any_of(what.parameters, [](const parameter& p) { return p.type != 0; });
}

std::string key_of(const statement& what) {
    std::string key = what.sql;
    if (!has_types(what)) return key;
    key += '\0';
    for (const parameter& p : what.parameters) key.append(std::to_string(p.type)).append(" ");
    return key;
}

// The server compiled the statement under another shape of its tables, or does not have it any more.
bool is_stale(const PGresult* r) {
    if (PQresultStatus(r) != PGRES_FATAL_ERROR) return false;
    const char* state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (state == nullptr) return false;
    if (std::string_view{state} == "26000") return true;
    const char* function = PQresultErrorField(r, PG_DIAG_SOURCE_FUNCTION);
    return std::string_view{state} == "0A000" && function != nullptr &&
           std::string_view{function} == "RevalidateCachedQuery";
}

}  // namespace

// The statement under its name on the server, if it has one and may be run by it now.
const prepared_statement* server_connection::find_prepared(const statement& what) {
    if (!what.prepare || PQtransactionStatus(open_.get()) == PQTRANS_INERROR) return nullptr;
    return has_types(what) ? names_.find(key_of(what)) : names_.find(what.sql);
}

// The same, prepared now where it was not. nullptr: run it without a name.
task<result<const prepared_statement*>> server_connection::prepared(const statement& what, deadline until) {
    if (!what.prepare || PQtransactionStatus(open_.get()) == PQTRANS_INERROR) co_return nullptr;
    std::string key = key_of(what);
    const text_facts facts = facts_of_text(what.sql);
    if (names_.full()) {
        auto gone = co_await simple("DEALLOCATE " + names_.evict(), until);
        if (!gone) co_return std::move(gone).error();
    }
    const prepared_statement* added = names_.add(std::move(key), facts);
    const std::string again = added->key;  // `added` may be gone when the server refuses
    fill_parameters(what);
    stake_.only_reads = true;  // preparing changes nothing
    if (PQsendPrepare(open_.get(), added->name.c_str(), what.sql.c_str(), static_cast<int>(types_.size()),
                      types_.data()) == 0) {
        co_return unsent();
    }
    phase_ = phase::running;
    std::optional<error> why;
    if (status s = co_await flush(until); !s) why = std::move(s).error();
    while (!why) {
        auto r = co_await next_result(until);
        if (!r) {
            why = std::move(r).error();
            if (*why == errc::deadline_passed) why = co_await late(std::move(*why));
            break;
        }
        if (*r == nullptr) break;
        if (PQresultStatus(r->get()) == PGRES_FATAL_ERROR) {
            error refused = failed(r->get());
            if (status s = co_await drain(until); !s) refused = std::move(s).error();
            why = std::move(refused);
            break;
        }
    }
    phase_ = broken_ ? phase_ : phase::idle;
    if (!why) {
        stake_.only_reads = false;
        co_return names_.find(again);
    }
    names_.remove(again);
    co_return std::move(*why);
}

bool server_connection::send_prepared(const statement& what, const prepared_statement* as) {
    fill_parameters(what);
    const int count = static_cast<int>(values_.size());
    const int format = static_cast<int>(what.results.of(0));
    const int sent = as != nullptr ? PQsendQueryPrepared(open_.get(), as->name.c_str(), count, values_.data(),
                                                         lengths_.data(), formats_.data(), format)
                                   : PQsendQueryParams(open_.get(), what.sql.c_str(), count, types_.data(),
                                                       values_.data(), lengths_.data(), formats_.data(), format);
    return sent != 0 && PQsetSingleRowMode(open_.get()) != 0;
}

// Runs the statement up to its first result.
task<result<result_handle>> server_connection::send_and_first(const statement& what, deadline until) {
    const prepared_statement* as = find_prepared(what);
    if (as == nullptr) {
        auto made = co_await prepared(what, until);
        if (!made) co_return std::move(made).error();
        as = *made;
    }
    const text_facts facts = as != nullptr ? as->facts : facts_of_text(what.sql);
    stake_.only_reads = facts.only_reads;
    if (facts.leaves_state) clean_ = false;
    if (!send_prepared(what, as)) co_return unsent();
    phase_ = phase::running;
    running_.store(true, std::memory_order_release);
    std::optional<error> why;
    if (PQflush(open_.get()) != 0) {
        if (status s = co_await flush(until); !s) why = std::move(s).error();
    }
    if (!why) {
        auto first = co_await next_result(until);
        if (first) co_return std::move(*first);
        why = std::move(first).error();
    }
    if (*why == errc::deadline_passed) why = co_await late(std::move(*why));
    co_return std::move(*why);
}

task<result<columns>> server_connection::start(statement what, deadline until) {
    if (!what.results.of_all()) co_return error{errc::unsupported, "libpq asks for all columns in one format"};
    if (status whole = check_zero_bytes(what); !whole) co_return std::move(whole).error();
    if (is_ready()) {
        begin_statement();
    } else if (status s = co_await make_ready(until); !s) {
        co_return std::move(s).error();
    }
    if (!until.is_never() && until.passed(steady_clock::now())) co_return error{errc::deadline_passed};
    for (bool first_try = true;; first_try = false) {
        auto r = co_await send_and_first(what, until);
        if (!r) co_return std::move(r).error();
        switch (PQresultStatus(r->get())) {
            case PGRES_SINGLE_TUPLE: {
                columns shape = columns_of(r->get());
                held_ = std::move(*r);
                co_return shape;
            }
            case PGRES_TUPLES_OK:
            case PGRES_COMMAND_OK:
            case PGRES_EMPTY_QUERY: {
                take_completion(r->get());
                columns shape = columns_of(r->get());
                if (status s = co_await drain(until); !s) co_return std::move(s).error();
                co_return shape;
            }
            case PGRES_FATAL_ERROR: {
                const bool stale = first_try && stake_.alone && is_stale(r->get());
                error why = failed(r->get());
                if (broken_) co_return why;
                if (status s = co_await drain(until); !s && broken_) co_return std::move(s).error();
                phase_ = phase::idle;
                if (!stale) co_return why;
                names_.remove(key_of(what));
                continue;
            }
            default: {  // COPY
                const ExecStatusType kind = PQresultStatus(r->get());
                r->reset();
                co_return co_await leave_copy(kind);
            }
        }
    }
}

// A COPY that came as a statement has begun: ends it and refuses it.
task<error> server_connection::leave_copy(ExecStatusType kind) {
    const deadline end = deadline::in(grace);
    status left;
    if (kind == PGRES_COPY_IN) {
        (void)PQputCopyEnd(open_.get(), "COPY is not available here");
        left = co_await flush(end);
    } else {
        stop_->send();
        while (left) {
            char* row = nullptr;
            const int size = PQgetCopyData(open_.get(), &row, 1);
            PQfreemem(row);
            if (size < 0) break;
            if (size > 0) continue;
            left = co_await loop_->wait(PQsocket(open_.get()), io::interest::readable, end);
            if (left && !consume()) left = lost();
        }
    }
    if (left) left = co_await drain(end);
    if (left && !co_await stop_->settled(*loop_, end)) left = error{errc::deadline_passed};
    if (!left) broken_ = true;
    error refused{errc::unsupported, "COPY cannot be run as a statement with rows"};
    refused.hint("Use the bulk writer, or `ashlar load`.");
    co_return refused;
}

task<result<fetched>> server_connection::fetch(row_batch& into, deadline until) {
    // What stands in `into` already is not of this batch: callers may collect a whole answer in one.
    const std::size_t before = into.rows(), rows_end = before + batch_rows, bytes_end = into.byte_size() + batch_bytes;
    if (held_) {
        add_row(into, held_.get());
        held_.reset();
    }
    while (phase_ == phase::running && into.byte_size() < bytes_end && into.rows() < rows_end) {
        // Rows that are here are handed over before the next are waited for.
        const bool is_here = PQisBusy(open_.get()) == 0;
        if (into.rows() > before && !is_here) break;
        result<result_handle> r = result_handle{};
        if (is_here) {
            r = result_handle{PQgetResult(open_.get())};
            mind_socket();
        } else {
            r = co_await next_result(until);
        }
        if (!r) {
            error why = std::move(r).error();
            if (why == errc::deadline_passed) why = co_await late(std::move(why));
            co_return why;
        }
        if (*r == nullptr) {
            phase_ = phase::drained;
            running_ = false;
            break;
        }
        if (PQresultStatus(r->get()) == PGRES_SINGLE_TUPLE) {
            add_row(into, r->get());
        } else if (PQresultStatus(r->get()) == PGRES_TUPLES_OK) {
            take_completion(r->get());
        } else {
            error why = failed(r->get());
            if (!broken_) {
                if (status s = co_await drain(until); s) phase_ = phase::idle;
            }
            co_return why;
        }
    }
    co_return into.rows() > before ? fetched::rows : fetched::ended;
}

void server_connection::add_row(row_batch& into, const PGresult* r) const {
    const unfinished_row row{into};
    const int width = PQnfields(r);
    for (int i = 0; i < width; ++i) {
        if (PQgetisnull(r, 0, i) != 0) {
            into.add(std::nullopt);
        } else {
            into.add(std::string_view{PQgetvalue(r, 0, i), static_cast<std::size_t>(PQgetlength(r, 0, i))});
        }
    }
    into.end_row();
}

void server_connection::take_completion(const PGresult* r) {
    completed_.tag = PQcmdStatus(const_cast<PGresult*>(r));
    if (completed_.tag == "PREPARE" || completed_.tag.starts_with("DEALLOCATE")) names_may_be_stale_ = true;
    if (completed_.tag == "DISCARD ALL" || completed_.tag == "DEALLOCATE ALL") names_.clear();
    const std::size_t space = completed_.tag.find_last_of(' ');
    completed_.rows_affected = 0;
    if (space == std::string::npos) return;
    for (const char c : std::string_view{completed_.tag}.substr(space + 1)) {
        if (c < '0' || c > '9') return;
        completed_.rows_affected = completed_.rows_affected * 10 + static_cast<std::uint64_t>(c - '0');
    }
}

// --- commands -----------------------------------------------------------------------------------------------------

// Runs text as it stands, rows dropped: the last command tag, or the first error.
task<result<std::string>> server_connection::simple(std::string sql, deadline until, bool keeps_clean) {
    if (!keeps_clean) clean_ = false;
    if (PQsendQuery(open_.get(), sql.c_str()) == 0) co_return unsent();
    (void)PQsetSingleRowMode(open_.get());  // so that nobody holds a large result
    phase_ = phase::running;
    running_.store(true, std::memory_order_release);
    std::optional<error> why;
    std::string tag;
    if (status s = co_await flush(until); !s) why = std::move(s).error();
    while (!broken_) {
        if (why && *why == errc::deadline_passed) co_return co_await late(std::move(*why));
        auto r = co_await next_result(until);
        if (!r) {
            why = std::move(r).error();
            continue;
        }
        if (*r == nullptr) {
            phase_ = phase::idle;
            running_ = false;
            break;
        }
        const ExecStatusType kind = PQresultStatus(r->get());
        if (kind == PGRES_FATAL_ERROR) {
            if (!why) why = failed(r->get());
        } else if (kind == PGRES_COPY_IN || kind == PGRES_COPY_OUT || kind == PGRES_COPY_BOTH) {
            r->reset();
            co_return co_await leave_copy(kind);
        } else {
            tag = PQcmdStatus(r->get());
        }
    }
    if (why) co_return std::move(*why);
    co_return tag;
}

task<status> server_connection::command(std::string sql, deadline until) {
    if (status s = co_await make_ready(until); !s) co_return s;
    stake_.only_reads = true;  // what dies with the session does nobody harm
    auto tag = co_await simple(std::move(sql), until);
    if (!tag) co_return std::move(tag).error();
    co_return status{};
}

task<status> server_connection::run_script(std::string sql, deadline until) {
    if (status whole = check_zero_bytes(sql); !whole) co_return whole;
    if (status s = co_await make_ready(until); !s) co_return s;
    names_may_be_stale_ = true;
    auto tag = co_await simple(std::move(sql), until, false);
    if (!tag) co_return std::move(tag).error();
    co_return status{};
}

task<status> server_connection::begin(transaction_options how, deadline until) {
    if (in_transaction()) {
        co_return error{errc::transaction_state, "a transaction is under way already"}.sqlstate("25001");
    }
    std::string sql = "BEGIN";
    switch (how.level) {
        case isolation::server_default:
            break;
        case isolation::read_committed:
            sql += " ISOLATION LEVEL READ COMMITTED";
            break;
        case isolation::repeatable_read:
            sql += " ISOLATION LEVEL REPEATABLE READ";
            break;
        case isolation::serializable:
            sql += " ISOLATION LEVEL SERIALIZABLE";
            break;
    }
    if (how.read_only) sql += " READ ONLY";
    co_return co_await command(std::move(sql), until);
}

task<status> server_connection::commit(deadline until) {
    if (status s = co_await make_ready(until); !s) co_return s;
    if (!in_transaction()) co_return error{errc::transaction_state, "no transaction is under way"}.sqlstate("25P01");
    stake_.alone = true;  // from here on the outcome hangs on the answer
    stake_.only_reads = false;
    auto tag = co_await simple("COMMIT", until);
    if (!tag) {
        // A server that ended the session while COMMIT was under way may have carried it out.
        if (tag.error() == errc::connection_lost || (broken_ && !(tag.error() == errc::commit_unknown))) {
            error unknown{errc::commit_unknown};
            if (const server_report* said = tag.error().server()) unknown.server(*said);
            co_return std::move(unknown.sqlstate("08007").on(where_));
        }
        co_return std::move(tag).error();
    }
    if (*tag == "ROLLBACK") co_return error{errc::transaction_failed, "the transaction had failed and was rolled back"};
    co_return status{};
}

task<status> server_connection::rollback(deadline until) {
    if (status s = co_await make_ready(until); !s) co_return s;
    if (PQtransactionStatus(open_.get()) == PQTRANS_IDLE) co_return status{};
    stake_.only_reads = true;
    auto tag = co_await simple("ROLLBACK", until);
    if (!tag) co_return std::move(tag).error();
    co_return status{};
}

task<status> server_connection::savepoint(std::string_view name, deadline until) {
    return command("SAVEPOINT " + quoted_name(name), until);
}
task<status> server_connection::rollback_to(std::string_view name, deadline until) {
    return command("ROLLBACK TO SAVEPOINT " + quoted_name(name), until);
}
task<status> server_connection::release(std::string_view name, deadline until) {
    return command("RELEASE SAVEPOINT " + quoted_name(name), until);
}

task<status> server_connection::ping(deadline until) {
    return command("", until);
}

task<status> server_connection::reset(deadline until) {
    if (status s = co_await rollback(until); !s) co_return s;
    if (clean_) co_return status{};
    // Our own prepared statements stay, unless somebody may have touched them: they are plans of texts, not state.
    std::string sql = "DISCARD ALL";
    if (!names_may_be_stale_) {
        sql =
            "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; "
            "SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";
    }
    stake_.only_reads = true;
    auto tag = co_await simple(std::move(sql), until);
    if (!tag) {
        broken_ = true;  // a session that cannot be cleaned goes to nobody
        co_return std::move(tag).error();
    }
    if (names_may_be_stale_) names_.clear();
    names_may_be_stale_ = false;
    completed_ = {};
    clean_ = true;
    co_return status{};
}

}  // namespace ashlar::driver::postgres
