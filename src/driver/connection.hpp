// connection.hpp: one open connection to one server, the same for every engine.
//
// Life      Made by a driver; destroyed to close. Move-only by unique_ptr; one owner at a time (a lease or the pool).
// Loop      All members that wait run on the loop that it was bound to last (bind). Rebinding is for idle connections.
// Turns     One statement at a time: start(), then fetch() until it says ended. A caller who stops early calls cancel()
//           and drains, or gives the connection up: is_reusable() tells the pool.
// Failure   connection_lost, deadline_passed (the statement was cancelled on the server as far as that is possible; the
//           connection is then reusable only if is_reusable() says so), and what the server said, mapped by errors of
//           driver/error_map.hpp with server_report kept apart.
#pragma once

#include "core/io/loop.hpp"
#include "core/result_formats.hpp"
#include "core/rows.hpp"
#include "core/shown_type.hpp"
#include "driver/bulk.hpp"
#include "driver/session_values.hpp"

#include <ashlar/value.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar {
class memory_account;
}

namespace ashlar::driver {

class session_defaults;

enum class dialect { postgres, mysql, sqlite };

enum class isolation { server_default, read_committed, repeatable_read, serializable };

struct transaction_options {
    isolation level = isolation::server_default;
    bool read_only = false;
    // What now() is in it, where it runs on several databases; none: the moment at which it begins (SQLite; others ignore it).
    std::optional<timestamp> moment = std::nullopt;
};

// The moment for `transaction_options` and `statement`.
inline timestamp this_moment() noexcept {
    return std::chrono::floor<microseconds>(std::chrono::system_clock::now());
}

// A parameter as bytes. type 0: the server infers it.
struct parameter {
    std::optional<std::string> bytes;  // nullopt: NULL
    std::uint32_t type = 0;
    cell_format format = cell_format::text;
    // For an engine that infers nothing (SQLite): what the bytes are when type is 0. 0: not known, bound as text.
    std::uint32_t meant = 0;
};
// Text form, type 0 (PostgreSQL infers best from the place where it stands), meant: the value's own type.
parameter to_parameter(const value& v);

struct statement {
    std::string sql;
    std::vector<parameter> parameters;
    // Kept prepared on the connection under its text, so that the next run is cheaper. Bounded by the driver (LRU).
    bool prepare = true;
    // How long start() may wait for a file's lock where the engine has such (SQLite); none: as the driver's options say.
    std::optional<milliseconds> lock_patience = std::nullopt;
    // libpq can ask for one format only, that of all columns; the proxy's own link for one of each.
    result_formats results;
    // The types of the answer's columns where the statement's text tells them, for an engine that types no expression
    // (SQLite). May be shorter than the answer is wide; others ignore it.
    std::vector<shown_type> shows = {};
    // What now() is outside of a transaction, where one statement runs on several databases; none: the moment at which it starts
    // (SQLite; others ignore it).
    std::optional<timestamp> moment = std::nullopt;
    // On which a driver counts what one long row takes while it arrives; outlives the statement. nullptr: nobody counts.
    memory_account* memory = nullptr;
};

// What a finished statement reported.
struct completion {
    std::string tag;                  // PostgreSQL's command tag, made up alike for the others: "INSERT 0 3"
    std::uint64_t rows_affected = 0;  // rows changed, or rows returned for a SELECT
    std::vector<server_report> notices;
};

enum class fetched { rows, ended };

class connection {
public:
    virtual ~connection() = default;

    virtual dialect speaks() const noexcept = 0;
    // From now on waits happen on this loop. Precondition: no statement under way.
    virtual void bind(io::loop& loop) = 0;

    // Sends the statement and waits until its columns are known (none for a statement without rows).
    // SQLite types no expression: a column that is neither declared nor told by statement::shows has the type of the first
    // rows' values, and oid::unknown when there is none but NULL among them. Such cells carry their storage class; cells of
    // typed columns are in PostgreSQL's text form of the type, and a value that is none of the type fails with 22P02.
    virtual task<result<columns>> start(statement what, deadline until) = 0;
    // Appends rows to `into`, at least one and about 64 KiB at most, or says that the statement ended.
    // Precondition: `into` is empty; a batch that is full already would look like the end.
    virtual task<result<fetched>> fetch(row_batch& into, deadline until) = 0;
    // Valid once fetch said ended, or at_end().
    virtual const completion& completed() const noexcept = 0;
    // True when the statement is known to have ended though fetch has not said so yet. The next statement may then begin,
    // and no fetch for the old one may follow it.
    virtual bool at_end() const noexcept { return false; }

    // Several statements without parameters in one text, their rows dropped. For DDL and set-up.
    virtual task<status> run_script(std::string sql, deadline until) = 0;

    virtual task<status> begin(transaction_options how, deadline until) = 0;
    virtual task<status> commit(deadline until) = 0;  // commit_unknown when the server went away meanwhile
    virtual task<status> rollback(deadline until) = 0;
    virtual task<status> savepoint(std::string_view name, deadline until) = 0;
    virtual task<status> rollback_to(std::string_view name, deadline until) = 0;
    virtual task<status> release(std::string_view name, deadline until) = 0;
    virtual bool in_transaction() const noexcept = 0;

    // Asks the server to end the statement under way. Any thread; returns at once; harmless when nothing runs.
    virtual void cancel() noexcept = 0;

    // Is the server still there? A round trip as cheap as the engine has.
    virtual task<status> ping(deadline until) = 0;
    // Rolls back and drops session state, so that the next borrower finds it as new.
    virtual task<status> reset(deadline until) = 0;
    // False once it is broken, or in a state that only closing mends.
    virtual bool is_reusable() const noexcept = 0;
    // Has the server ended it while it was idle? No round trip: a look at what has arrived. When it has, the connection is
    // not reusable from now on. Precondition: no statement under way. False where that cannot be told this way.
    virtual bool has_ended() noexcept { return false; }
    // Nothing to reset: not in a transaction, no session state set since the last reset.
    virtual bool is_clean() const noexcept = 0;

    // A descriptor of the caller's, to be closed by it, that is readable to its end (receive() gives 0) once the server has
    // ended this connection, which may be destroyed before. -1: there is no such thing, or none is left.
    virtual int watch_end() const noexcept { return -1; }

    // Writes many rows fast, on this connection, which it must not outlive. nullptr where the engine has no way.
    virtual std::unique_ptr<bulk_writer> bulk() { return nullptr; }

    // The server's number for this session, as its own views show it; 0: it has none.
    virtual std::uint32_t process() const noexcept { return 0; }
    // For people: "postgres://shop@db7b:5432/orders #4711".
    virtual std::string describe() const = 0;
};

// Makes connections to one server. Thread-safe.
class driver {
public:
    virtual ~driver() = default;
    virtual dialect speaks() const noexcept = 0;
    virtual task<result<std::unique_ptr<connection>>> connect(io::loop& loop, deadline until) = 0;
    virtual std::string describe() const = 0;  // the endpoint, without its password

    // As connect(), for probes of the server (no client's statement): faults that a test injects into statements do not affect it.
    virtual task<result<std::unique_ptr<connection>>> connect_to_look(io::loop& loop, deadline until) {
        return connect(loop, until);
    }

    // Before the first connect(): from then on each session begins with these values, or connect() fails. Engines without
    // such settings do nothing.
    virtual void begin_sessions_with(std::shared_ptr<session_defaults>) {}
    // As connect(), with these values alone; the server's own for all others. The default is for such engines.
    virtual task<result<std::unique_ptr<connection>>> connect_with(io::loop& loop, session_values, deadline until) {
        return connect(loop, until);
    }

    // A connection to this server in the transaction that `host`, to another server of the engine, is in: both commit at
    // once by host's commit, and neither without the other. It has no transaction calls of its own, is bound as host is,
    // and ends before host is used for anything else.
    // Fails with unsupported where the engine has no such way or the commit could not be whole; and with deadlock or
    // serialization_failed where other transactions stand in the way, which leaves host's transaction as it was.
    virtual task<result<std::unique_ptr<connection>>> join(connection& host, deadline until);
};

}  // namespace ashlar::driver
