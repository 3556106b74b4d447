// guard.hpp: what a statement may touch in a SQLite file, asked of SQLite itself while it compiles the statement.
//
// SQLite's guarantees are switches of the connection, and any statement could turn them: PRAGMA journal_mode=off tears
// commits, ATTACH reads any file of the machine. The guard refuses what would undo a guarantee or leave a trace for the
// next borrower. On a handle with several files (attached.hpp) it also refuses every table of another file than the
// statement's own, so that a name which was not qualified can never read or write the wrong shard.
#pragma once

#include <ashlar/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;

namespace ashlar::driver::sqlite {

// The refusal of a statement that is meant for one file and would touch another.
error not_its_own(std::string_view touched, std::string_view own);

class guard {
public:
    // Installs itself; outlives every statement of the database.
    explicit guard(sqlite3* on);
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

    // The only schema that statements may touch from now on; nullptr: any. Set before each prepare and step, since
    // SQLite compiles a statement anew when the schema changed.
    void confine_to(const std::string* schema) noexcept { schema_ = schema; }
    // For the driver's own PRAGMAs and ATTACHes. Returns what was set before.
    bool stand_aside(bool while_true) noexcept { return std::exchange(aside_, while_true); }

    // Why the last statement was refused; none when SQLite itself had a reason. Taken once.
    std::optional<error> take_refusal() noexcept;

    // True once a statement made something that only this connection has (temporary tables).
    bool leaves_state() const noexcept { return leaves_state_; }

private:
    static int ask(void* self, int action, const char* a, const char* b, const char* schema, const char* trigger);
    int decide(int action, const char* a, const char* b, const char* schema);
    int decide_pragma(const char* name, const char* value);
    int refuse(error why);

    const std::string* schema_ = nullptr;
    bool aside_ = false;
    bool leaves_state_ = false;
    std::optional<error> refusal_;
};

}  // namespace ashlar::driver::sqlite
