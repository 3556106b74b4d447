// cursor.hpp: one statement under way on a SQLite database: from its text to its last row, in steps that a coroutine can
// repeat until a lock comes free. Blocking; belongs to one thread at a time.
#pragma once

#include "core/rows.hpp"
#include "driver/connection.hpp"
#include "driver/sqlite/database.hpp"

#include <optional>
#include <string>

namespace ashlar::driver::sqlite {

enum class advanced : std::uint8_t {
    rows,    // some rows were added; there may be more
    ended,   // nothing more comes; completed() is valid
    busy,    // another connection holds a lock: call advance() again later, nothing is lost
    failed,  // why() says
};

class cursor {
public:
    // `schema`: of an attached file, the only one it may touch.
    explicit cursor(database& on, const std::string* schema = nullptr) noexcept : on_(on), schema_(schema) {}
    ~cursor() { close(); }
    cursor(const cursor&) = delete;
    cursor& operator=(const cursor&) = delete;

    // Takes up a statement. A statement still under way is given up.
    void open(statement what);
    // Goes on until about 64 KiB of rows are in `into`, or it ended, or it cannot.
    advanced advance(row_batch& into);
    // Once advance() said rows or ended for the first time: the columns, with types that fit what came so far. From then
    // on they are fixed, and a value that does not fit fails with bad_value.
    columns take_columns() { return decide_columns(), std::move(announced_); }
    // Ends it with this reason: advance() would fail so.
    advanced give_up(error why) { return fail(std::move(why)); }
    // The same, because it was cancelled or is late.
    advanced interrupt() { return fail(SQLITE_INTERRUPT); }
    // Lets go of the statement and its locks; rolls back what it had begun for itself.
    void close() noexcept;

    bool is_open() const noexcept { return state_ != state::closed && state_ != state::ended; }
    const completion& completed() const noexcept { return completed_; }
    error why() { return std::move(*why_); }  // once after failed

private:
    enum class state : std::uint8_t {
        closed,      // nothing under way
        opened,      // has a text; not compiled, no lock
        ready,       // compiled and bound; next: the write lock, if it writes and is alone
        stepping,    // SQLite gives rows
        committing,  // all rows are out; its own transaction has to commit
        ended,
    };
    struct shown {              // one result column
        declared_type as;       // type 0: it has none, and what follows counts
        std::uint8_t fits = 0;  // storage classes that show as the type announced; 0: none is announced yet
        std::uint8_t held = 0;  // classes met so far
    };

    advanced compile();
    advanced begin();
    advanced step(row_batch& into);
    advanced commit();
    advanced finish();
    advanced fail(int code);
    advanced fail(error why);
    void read_shape();
    void decide_columns();
    bool add_row(row_batch& into);
    bool add_cell(row_batch& into, int index, shown& as);
    bool add_untyped(row_batch& into, int index, shown& as);
    bool fail_at(int index, std::string_view what);

    database& on_;
    const std::string* schema() noexcept { return schema_ != nullptr ? schema_ : on_.others().own_schema(); }
    const std::string* const schema_;
    state state_ = state::closed;
    statement what_;
    prepared* running_ = nullptr;
    std::vector<shown> shape_;
    bool shape_is_fixed_ = false;
    columns announced_;
    std::uint64_t rows_ = 0;
    completion completed_;
    std::optional<error> why_;
    std::string scratch_;
};

}  // namespace ashlar::driver::sqlite
