// database.hpp: one open SQLite handle, with all that hangs on it: settings, guard, prepared statements, the state of
// the transaction, deadline and cancel. Everything here blocks and belongs to one thread at a time; connection.cpp
// calls it on worker threads.
//
// Waiting   SQLite's own busy handler would sleep on a worker thread while the holder of the lock waits for one. So
//           calls say SQLITE_BUSY at once and the coroutine above sleeps. Only a writer who holds the write lock waits
//           in place, for readers to end; its COMMIT does not, for it can be asked again.
// Writing   A transaction that may write begins IMMEDIATE: a reader who turns writer later can meet a SQLITE_BUSY that
//           no waiting cures. A single statement that writes runs in such a transaction too, so that its COMMIT may
//           wait for readers without doing the work again.
#pragma once

#include "core/regex.hpp"
#include "core/time.hpp"
#include "driver/connection.hpp"
#include "driver/drivers.hpp"
#include "driver/sqlite/attached.hpp"
#include "driver/sqlite/functions.hpp"
#include "driver/sqlite/guard.hpp"
#include "driver/sqlite/tokens.hpp"
#include "driver/sqlite/types.hpp"

#include <sqlite3.h>

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ashlar::driver::sqlite {

struct statement_closer {
    void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
};
using statement_handle = std::unique_ptr<sqlite3_stmt, statement_closer>;

// A compiled statement and what was learned of it once.
struct prepared {
    std::string sql;
    statement_handle handle;
    statement_kind kind;
    bool writes = false;       // as SQLite sees it
    bool vacuums = false;      // VACUUM, which attaches a file of its own for a moment; not VACUUM INTO
    std::vector<int> numbers;  // of each SQLite parameter: which of ours ($1 is 1)
    int compiled = -1;         // how often SQLite had compiled it anew when the two below were read
    columns names;             // types as declared; oid::unknown where nothing is
    std::vector<declared_type> types;
    bool busy = false;  // a cursor runs it
};

// The transaction that the handle is in.
enum class transaction_state : std::uint8_t {
    none,      // each statement commits by itself
    implicit,  // of the one statement under way; ended by it
    open,      // by begin() or a BEGIN statement
    failed,    // SQLite rolled an open one back by itself: refuses everything until rollback()
};

class database {
public:
    // Fails with connect_failed.
    static result<std::unique_ptr<database>> open(const sqlite_options& how);
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    // From now on, work ends with SQLITE_INTERRUPT at this deadline, or when the flag is raised (nullptr: never).
    void arm(deadline until, const std::atomic<bool>* cancelled) noexcept;
    bool was_cancelled() const noexcept { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }
    // Ends the work under way soon. Any thread.
    void interrupt() noexcept;
    bool is_late() const noexcept { return !until_.is_never() && until_.passed(steady_clock::now()); }

    // The statement, compiled: from the cache, or anew. It is the caller's until release(). With a schema, it is
    // refused unless it reads and changes rows of that schema alone.
    result<prepared*> prepare(std::string_view sql, bool keep, const std::string* schema);
    void release(prepared* what) noexcept;

    // Runs our own SQL without rows: an SQLite result code, SQLITE_BUSY among them.
    // sqlite3_step() of a compiled statement.
    int step(const prepared& what) noexcept;
    int run(const char* sql) noexcept;
    // The first value of our own SQL's answer; empty for no row.
    result<std::string> one_text(const std::string& sql);

    // The error for a result code of the call just made. Precondition: not SQLITE_OK, ROW or DONE.
    error failure(int code, std::string_view sql = {});
    // After a statement ended or failed: what became of the transaction.
    void look_at_transaction() noexcept;
    // A statement or a transaction begins, at `moment` or at this one.
    void tick(std::optional<timestamp> moment) noexcept;

    transaction_state transaction() const noexcept { return transaction_; }
    void set_transaction(transaction_state s) noexcept { transaction_ = s; }

    // Drops what a borrower left: transaction, temporary tables, rowid memory. Opens the file anew where it must.
    status reset();
    bool is_clean() const noexcept {
        return transaction_ == transaction_state::none && !guard_->leaves_state() && others_.empty();
    }

    sqlite3* handle() const noexcept { return handle_.get(); }
    guard& access() noexcept { return *guard_; }
    attached& others() noexcept { return others_; }
    const sqlite_options& options() const noexcept { return how_; }
    const std::string& file() const noexcept { return how_.file; }
    const std::string& mode() const noexcept { return mode_; }  // the journal mode that the file is in
    milliseconds busy_timeout() const noexcept { return how_.busy_timeout; }
    std::mutex& turn() noexcept { return turn_; }  // held for each hop where several cursors share the handle

private:
    struct closer {
        void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
    };
    explicit database(sqlite_options how);
    status open_files();
    status apply_settings();
    result<std::unique_ptr<prepared>> compile(std::string_view sql, unsigned flags);
    result<prepared*> prepare_apart(std::string_view sql, const std::string& schema);
    void forget_statements() noexcept;
    void evict();
    static int progressed(void* self) noexcept;
    static int busy(void* self, int tries) noexcept;

    const sqlite_options how_;
    std::mutex turn_;
    deadline until_;
    const std::atomic<bool>* cancelled_ = nullptr;
    moments clocks_;
    regex_stop_check stop_{&database::progressed, this};
    transaction_state transaction_ = transaction_state::none;
    std::string mode_;
    bool runs_own_sql_ = false;
    attached others_{*this};

    std::mutex handle_guard_;  // held while the handle changes, and while another thread interrupts it
    std::unique_ptr<sqlite3, closer> handle_;
    std::unique_ptr<guard> guard_;
    std::list<std::unique_ptr<prepared>> kept_;  // the last used first
    std::unordered_map<std::string_view, std::list<std::unique_ptr<prepared>>::iterator> by_text_;
    std::list<std::unique_ptr<prepared>> passing_;  // in use, not to be kept
};

}  // namespace ashlar::driver::sqlite
