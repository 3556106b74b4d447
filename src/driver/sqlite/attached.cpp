#include "driver/sqlite/attached.hpp"

#include "core/quoting.hpp"
#include "driver/sqlite/database.hpp"

#include <algorithm>
#include <map>

namespace ashlar::driver::sqlite {

namespace {

error in_wal_mode(const std::string& file) {
    return error{errc::unsupported, "the SQLite file " + file +
                                        " is in WAL mode, in which a commit over several files is "
                                        "not atomic"}
        .hint("Take it out with PRAGMA journal_mode=delete while no process uses it, or write on one shard alone.");
}

error too_many(int files) {
    return error{errc::unsupported,
                 "one transaction can write on " + std::to_string(files) + " SQLite files and no more"}
        .hint("Write on fewer shards in one transaction, for example shard by shard.");
}

}  // namespace

// --- joining ------------------------------------------------------------------------------------------------------

result<const std::string*> attached::join(const std::string& file, bool read_only) {
    if (to_.mode() == "wal") return in_wal_mode(to_.file());
    const auto found = std::ranges::find_if(others_, [&](const auto& o) { return o->file == file; });
    other* which = found == others_.end() ? nullptr : found->get();
    if (which == nullptr) {
        status made = attach(file, which);
        if (!made) return std::move(made).error();
        if (which == nullptr) return nullptr;
    }
    if (!which->is_locked) {
        const int code = lock(*which, read_only);
        if ((code & 0xff) == SQLITE_BUSY) return nullptr;
        if (code != SQLITE_OK) return to_.failure(code);
        which->is_locked = true;
    }
    return &which->schema;
}

// `made` stays nullptr when the file is locked.
status attached::attach(const std::string& file, other*& made) {
    const int most = sqlite3_limit(to_.handle(), SQLITE_LIMIT_ATTACHED, -1);
    if (static_cast<int>(others_.size()) >= most) return too_many(most + 1);
    auto fresh = std::make_unique<other>();
    fresh->file = file;
    fresh->schema = "joined_" + std::to_string(others_.size() + 2);
    const std::string schema = fresh->schema;
    const int code = to_.run(("ATTACH DATABASE " + quoted_text(file) + " AS " + schema).c_str());
    if ((code & 0xff) == SQLITE_BUSY) return {};
    if (code != SQLITE_OK) return to_.failure(code).on("sqlite:" + file);
    others_.push_back(std::move(fresh));
    auto mode = to_.one_text("PRAGMA " + schema + ".journal_mode");
    if (mode && *mode != "wal") mode = to_.one_text("PRAGMA " + schema + ".journal_mode=" + to_.options().journal_mode);
    if (mode && *mode != "wal") {
        made = others_.back().get();
        return {};
    }
    std::optional<error> why = mode ? in_wal_mode(file) : std::move(mode).error();
    if (to_.run(("DETACH DATABASE " + schema).c_str()) == SQLITE_OK) others_.pop_back();
    return std::move(*why);
}

int attached::lock(other& which, bool read_only) noexcept {
    const std::string read = "SELECT 1 FROM " + which.schema + ".sqlite_schema";
    if (read_only) return to_.run(read.c_str());
    // There is no BEGIN IMMEDIATE for one file. This statement begins by taking the write lock, and then moves a free
    // page to the end if the file is one that was made to be vacuumed so; for all others there is nothing to do.
    if (const int code = to_.run(("PRAGMA " + which.schema + ".incremental_vacuum(1)").c_str()); code != SQLITE_OK) {
        return code;
    }
    // What SQLite believes of the tables is as old as the attaching; from here on nobody can change them.
    if (const int code = to_.run(read.c_str()); code != SQLITE_OK) return code;
    return to_.run("SELECT 1 FROM main.sqlite_schema");
}

bool attached::is_in_order(const std::string& file) const noexcept {
    const bool after_others =
        std::ranges::all_of(others_, [&](const auto& o) { return !o->is_locked || o->file < file; });
    return after_others && to_.file() < file;
}

bool attached::leave() noexcept {
    while (!others_.empty()) {
        if (to_.run(("DETACH DATABASE " + others_.back()->schema).c_str()) != SQLITE_OK) return false;
        others_.pop_back();
    }
    return true;
}

// --- what a statement touches -------------------------------------------------------------------------------------

namespace {

// Which operand of an instruction is the number of a file; none for the others.
int file_of(std::string_view opcode, int p1, int p2, int p3) {
    if (opcode == "Transaction") return p1;
    if (opcode == "OpenRead" || opcode == "OpenWrite" || opcode == "ReopenIdx") return p3;
    if (opcode == "Clear") return p2;
    return -1;
}

}  // namespace

status touches_only(sqlite3* on, const std::string& sql, const std::string& schema) {
    sqlite3_stmt* raw = nullptr;
    const std::string text = "EXPLAIN " + sql;
    const int code = sqlite3_prepare_v2(on, text.c_str(), -1, &raw, nullptr);
    const statement_handle program{raw};
    if (code != SQLITE_OK) return error{errc::internal, "a statement that compiles cannot be explained"};
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(raw)) == SQLITE_ROW) {
        const auto* opcode = reinterpret_cast<const char*>(sqlite3_column_text(raw, 1));
        const int file = file_of(opcode == nullptr ? "" : opcode, sqlite3_column_int(raw, 2),
                                 sqlite3_column_int(raw, 3), sqlite3_column_int(raw, 4));
        if (file < 0) continue;
        const char* name = sqlite3_db_name(on, file);
        if (name != nullptr && (name == schema || (schema == "main" && std::string_view{name} == "temp"))) continue;
        return not_its_own(name == nullptr ? "" : name, schema);
    }
    if (step == SQLITE_DONE) return {};
    return error{errc::internal, "a statement that compiles cannot be explained"};
}

}  // namespace ashlar::driver::sqlite
