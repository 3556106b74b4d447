// attached.hpp: the other files in the transaction of one handle, so that its COMMIT is the commit of all.
//
// Atomic    SQLite commits several attached files as one by a super-journal, which it has in the rollback-journal modes
//           only: a file in WAL mode is refused, and so is one beyond SQLite's limit (ten besides the handle's own).
// Locks     A file is attached within the transaction, when a statement first needs it, and locked at once as BEGIN
//           would have locked it: so what was read stays true until the commit, and no later statement can meet a lock
//           that waiting does not cure.
// Apart     While others are attached, each statement may touch the file that it is meant for and no other. Its bare
//           names are qualified (qualify.hpp), the guard refuses what it sees, and touches_only() reads in the compiled
//           program which files it opens.
#pragma once

#include "driver/sqlite/guard.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;

namespace ashlar::driver::sqlite {

class database;

class attached {
public:
    explicit attached(database& to) noexcept : to_(to) {}

    // The file's schema once it takes part, nullptr while another connection has its lock: call again. Fails with
    // unsupported (WAL, too many) and what SQLite says. Precondition: a transaction is open.
    result<const std::string*> join(const std::string& file, bool read_only);
    // Would waiting for this file, with those held, keep to the order that all who wait could keep to?
    bool is_in_order(const std::string& file) const noexcept;
    // After the transaction. False: only closing the handle will do.
    bool leave() noexcept;
    void forget() noexcept { others_.clear(); }  // with the handle

    bool empty() const noexcept { return others_.empty(); }
    // The schema of statements that are meant for the handle's own file; nullptr: they need no check.
    const std::string* own_schema() const noexcept { return others_.empty() ? nullptr : &main_; }

private:
    struct other {
        std::string file, schema;
        bool is_locked = false;
    };
    status attach(const std::string& file, other*& made);
    int lock(other& which, bool read_only) noexcept;

    database& to_;
    const std::string main_ = "main";
    std::vector<std::unique_ptr<other>> others_;
};

// Does the compiled statement open tables of no other schema? Precondition: it compiles.
status touches_only(sqlite3* on, const std::string& sql, const std::string& schema);

}  // namespace ashlar::driver::sqlite
