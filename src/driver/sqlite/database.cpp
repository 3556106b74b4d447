#include "driver/sqlite/database.hpp"

#include "core/assert.hpp"
#include "driver/error_map.hpp"
#include "driver/sqlite/aggregates.hpp"
#include "driver/sqlite/pg_functions.hpp"
#include "driver/sqlite/plain_sums.hpp"

#include <algorithm>
#include <charconv>
#include <thread>

namespace ashlar::driver::sqlite {

namespace {

constexpr std::size_t statements_max = 128;
constexpr int steps_between_looks = 1'000;  // of SQLite's machine: some tens of microseconds

}  // namespace

// --- birth --------------------------------------------------------------------------------------------------------

database::database(sqlite_options how) : how_(std::move(how)) {}

database::~database() {
    forget_statements();
}

result<std::unique_ptr<database>> database::open(const sqlite_options& how) {
    std::unique_ptr<database> d{new database{how}};
    if (status s = d->open_files(); !s) return std::move(s).error();
    return d;
}

status database::open_files() {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= how_.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (how_.create && !how_.read_only) flags |= SQLITE_OPEN_CREATE;
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(how_.file.c_str(), &raw, flags, nullptr);
    {
        const std::lock_guard hold{handle_guard_};
        handle_.reset(raw);
    }
    if (code != SQLITE_OK) {
        error e{errc::connect_failed, "the SQLite file " + how_.file + " cannot be opened: " + sqlite3_errstr(code)};
        if (code == SQLITE_CANTOPEN) e.hint("Does its folder exist, and may this program write there?");
        return e;
    }
    guard_ = std::make_unique<guard>(raw);
    guard_->stand_aside(true);
    sqlite3_progress_handler(raw, steps_between_looks, &database::progressed, this);
    sqlite3_busy_timeout(raw, 200);  // while opening; busy() takes over below
    status settled = apply_settings();
    guard_->stand_aside(false);
    sqlite3_busy_handler(raw, &database::busy, this);
    return settled;
}

status database::apply_settings() {
    sqlite3* db = handle_.get();
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    // A misspelled column in double quotes is an error, as in PostgreSQL, and not a text.
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 500);
    add_functions(db, &clocks_, &stop_);
    add_aggregates(db);
    replace_sums(db);
    for (const char* sql : {"PRAGMA foreign_keys=ON", "PRAGMA synchronous=FULL", "PRAGMA temp_store=MEMORY"}) {
        if (const int code = run(sql); code != SQLITE_OK) return failure(code);
    }
    auto mode = one_text("PRAGMA main.journal_mode");
    // A file in WAL mode was put there by its owner, for all its users: it stays so.
    if (mode && *mode != "wal" && !how_.read_only) mode = one_text("PRAGMA main.journal_mode=" + how_.journal_mode);
    if (!mode) return std::move(mode).error();
    mode_ = *mode;
    return {};
}

result<std::string> database::one_text(const std::string& sql) {
    struct aside {
        guard& of;
        const bool was;
        ~aside() { of.stand_aside(was); }
    } ours{*guard_, guard_->stand_aside(true)};
    sqlite3_stmt* raw = nullptr;
    int code = sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &raw, nullptr);
    const statement_handle s{raw};
    if (code != SQLITE_OK) return failure(code, sql);
    code = sqlite3_step(raw);
    if (code != SQLITE_ROW) return code == SQLITE_DONE ? result<std::string>{std::string{}} : failure(code, sql);
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, 0));
    return std::string{text == nullptr ? "" : text};
}

// --- limits -------------------------------------------------------------------------------------------------------

void database::arm(deadline until, const std::atomic<bool>* cancelled) noexcept {
    until_ = until;
    cancelled_ = cancelled;
}

void database::interrupt() noexcept {
    const std::lock_guard hold{handle_guard_};
    if (handle_) sqlite3_interrupt(handle_.get());
}

int database::progressed(void* self) noexcept {
    const database& d = *static_cast<database*>(self);
    return d.was_cancelled() || d.is_late() ? 1 : 0;
}

int database::busy(void* self, int tries) noexcept {
    database& d = *static_cast<database*>(self);
    if (d.runs_own_sql_) return 0;
    if (sqlite3_txn_state(d.handle_.get(), nullptr) != SQLITE_TXN_WRITE) return 0;
    if (milliseconds{tries} >= d.how_.busy_timeout || progressed(self) != 0) return 0;
    std::this_thread::sleep_for(milliseconds{1});
    return 1;
}

// --- statements ---------------------------------------------------------------------------------------------------

namespace {

// "$12" or "?12" → 12; 0 for any other name, such as the "$1::int" that SQLite makes of a cast.
int number_of(const char* name) noexcept {
    const std::string_view text{name};
    int n = 0;
    const auto end = std::from_chars(text.data() + 1, text.data() + text.size(), n);
    const bool digits_only = end.ec == std::errc{} && end.ptr == text.data() + text.size();
    return digits_only && (text[0] == '$' || text[0] == '?') && n > 0 ? n : 0;
}

status read_parameters(prepared& p) {
    const int count = sqlite3_bind_parameter_count(p.handle.get());
    for (int i = 1; i <= count; ++i) {
        const char* name = sqlite3_bind_parameter_name(p.handle.get(), i);
        const int number = name == nullptr ? i : number_of(name);
        if (number == 0) {
            return error{errc::unsupported, "SQLite reads " + std::string{name} + " as one parameter's name"}.hint(
                "Write parameters as $1, $2 …, and casts as cast($1 as integer).");
        }
        p.numbers.push_back(number);
    }
    return {};
}

}  // namespace

result<std::unique_ptr<prepared>> database::compile(std::string_view sql, unsigned flags) {
    auto p = std::make_unique<prepared>();
    p->sql = sql;
    sqlite3_stmt* raw = nullptr;
    const char* rest = nullptr;
    const int size = static_cast<int>(std::min<std::size_t>(sql.size(), INT32_MAX));
    const int code = sqlite3_prepare_v3(handle_.get(), p->sql.c_str(), size, flags, &raw, &rest);
    p->handle.reset(raw);
    if (code != SQLITE_OK) return failure(code, sql);
    if (!is_blank(std::string_view{rest})) {
        return error{errc::syntax, "several statements cannot be run as one"}
            .at(static_cast<std::int32_t>(rest - p->sql.c_str()) + 1)
            .hint("Send them one by one.");
    }
    p->kind = kind_of(sql);
    p->vacuums = is_plain_vacuum(sql);
    if (raw == nullptr) return p;
    p->writes = sqlite3_stmt_readonly(raw) == 0;
    if (status s = read_parameters(*p); !s) return std::move(s).error();
    return p;
}

result<prepared*> database::prepare(std::string_view sql, bool keep, const std::string* schema) {
    guard_->confine_to(schema);
    if (schema != nullptr) return prepare_apart(sql, *schema);
    if (const auto known = by_text_.find(sql); known != by_text_.end() && !(*known->second)->busy) {
        prepared* p = known->second->get();
        kept_.splice(kept_.begin(), kept_, known->second);
        p->busy = true;
        return p;
    }
    const bool to_keep = keep && !by_text_.contains(sql);
    auto compiled = compile(sql, to_keep ? SQLITE_PREPARE_PERSISTENT : 0);
    if (!compiled) return std::move(compiled).error();
    prepared* p = compiled->get();
    p->busy = true;
    if (!to_keep) {
        passing_.push_front(std::move(*compiled));
        return p;
    }
    kept_.push_front(std::move(*compiled));
    by_text_.emplace(p->sql, kept_.begin());
    evict();
    return p;
}

// Such statements are compiled each time: the next transaction may have other files under the same names.
result<prepared*> database::prepare_apart(std::string_view sql, const std::string& schema) {
    const statement_kind kind = kind_of(sql);
    const bool of_all = kind.what == verb::savepoint && schema == "main";
    const bool fits = of_all || kind.what == verb::none || kind.what == verb::select || changes_rows(kind.what);
    if (!fits) {
        return error{errc::unsupported, "the statement is not available in a transaction over several SQLite files"}
            .hint("There, rows can be read and changed; define tables on each shard by itself.");
    }
    auto compiled = compile(sql, 0);
    if (!compiled) return std::move(compiled).error();
    prepared* p = compiled->get();
    if (p->handle && sqlite3_stmt_isexplain(p->handle.get()) == 0) {
        if (status s = touches_only(handle_.get(), p->sql, schema); !s) return std::move(s).error();
    }
    p->busy = true;
    passing_.push_front(std::move(*compiled));
    return p;
}

void database::evict() {
    for (auto last = kept_.end(); kept_.size() > statements_max && last != kept_.begin();) {
        --last;
        if ((*last)->busy) continue;
        by_text_.erase((*last)->sql);
        last = kept_.erase(last);
    }
}

void database::release(prepared* what) noexcept {
    if (what->handle) {
        sqlite3_reset(what->handle.get());
        sqlite3_clear_bindings(what->handle.get());
    }
    what->busy = false;
    passing_.remove_if([&](const auto& p) { return p.get() == what; });
}

void database::forget_statements() noexcept {
    by_text_.clear();
    kept_.clear();
    passing_.clear();
}

int database::step(const prepared& what) noexcept {
    if (!what.vacuums) return sqlite3_step(what.handle.get());
    const bool was_aside = guard_->stand_aside(true);
    const int code = sqlite3_step(what.handle.get());
    guard_->stand_aside(was_aside);
    return code;
}

int database::run(const char* sql) noexcept {
    sqlite3_stmt* raw = nullptr;
    const bool was_aside = guard_->stand_aside(true);
    runs_own_sql_ = true;
    int code = sqlite3_prepare_v2(handle_.get(), sql, -1, &raw, nullptr);
    const statement_handle s{raw};
    if (code == SQLITE_OK) code = sqlite3_step(raw);
    runs_own_sql_ = false;
    guard_->stand_aside(was_aside);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

// --- failure and transactions -------------------------------------------------------------------------------------

error database::failure(int code, std::string_view sql) {
    if (auto refused = guard_->take_refusal()) return std::move(*refused);
    const int primary = code & 0xff;
    if (primary == SQLITE_INTERRUPT) {
        return was_cancelled() ? error{errc::cancelled} : error{errc::deadline_passed};
    }
    if (primary == SQLITE_ERROR) {
        if (auto why = error_of_function(sqlite3_errmsg(handle_.get()))) return std::move(*why);
    }
    server_report report;
    report.engine_code = code;
    report.severity = "ERROR";
    report.message = sqlite3_errmsg(handle_.get());
    report.sqlstate = sqlstate_for_sqlite(code, report.message);
    if (const int offset = sqlite3_error_offset(handle_.get()); offset >= 0 && !sql.empty()) {
        const std::string_view before = sql.substr(0, static_cast<std::size_t>(offset));
        report.position = 1 + static_cast<std::int32_t>(std::ranges::count_if(
                                  before, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
    }
    // "UNIQUE constraint failed: users.email, users.country"
    constexpr std::string_view failed = "constraint failed: ";
    if (const std::size_t at = report.message.find(failed); primary == SQLITE_CONSTRAINT && at != std::string::npos) {
        const std::string what = report.message.substr(at + failed.size());
        const std::size_t dot = what.find('.');
        if (dot == std::string::npos) {
            report.constraint = what;
        } else {
            report.table = what.substr(0, dot);
            report.column = what.substr(dot + 1, what.find(',') - dot - 1);
        }
    }
    error why = from_report(std::move(report));
    if (code == SQLITE_READONLY_DIRECTORY || code == SQLITE_READONLY_CANTINIT || code == SQLITE_READONLY_RECOVERY) {
        why.hint(
            "This program may not write to the file's folder. A file in WAL mode needs that also for reading: set its "
            "journal_mode to delete.");
    }
    return why;
}

void database::look_at_transaction() noexcept {
    const bool inside = sqlite3_get_autocommit(handle_.get()) == 0;
    switch (transaction_) {
        case transaction_state::none:
            if (inside) transaction_ = transaction_state::open;
            return;
        case transaction_state::open:
            if (!inside) transaction_ = transaction_state::failed;
            return;
        case transaction_state::implicit:
            if (!inside) transaction_ = transaction_state::none;
            return;
        case transaction_state::failed:
            return;
    }
}

void database::tick(std::optional<timestamp> moment) noexcept {
    clocks_.statement = moment ? *moment : this_moment();
    if (transaction_ != transaction_state::open) clocks_.transaction = clocks_.statement;
}

status database::reset() {
    arm(deadline{}, nullptr);
    if (sqlite3_get_autocommit(handle_.get()) == 0) run("ROLLBACK");
    transaction_ = transaction_state::none;
    run("PRAGMA query_only=OFF");
    sqlite3_set_last_insert_rowid(handle_.get(), 0);
    if (others_.leave() && !guard_->leaves_state()) return {};
    forget_statements();
    others_.forget();
    {
        const std::lock_guard hold{handle_guard_};
        handle_.reset();
    }
    guard_.reset();
    return open_files();
}

}  // namespace ashlar::driver::sqlite
