#include "driver/sqlite/cursor.hpp"

#include "core/codec.hpp"
#include "core/float_text.hpp"

#include <fmt/format.h>

namespace ashlar::driver::sqlite {

namespace {

constexpr std::size_t batch_bytes = 64 * 1024;
constexpr std::size_t batch_rows = 4'096;  // for rows of nothing but NULL
// What one message can carry, as PostgreSQL bounds it.
constexpr std::size_t row_bytes_max = 0x3fffffff;
constexpr std::size_t value_bytes_max = row_bytes_max / 2;  // a blob is written with two characters for each byte

}  // namespace

void cursor::open(statement what) {
    close();
    what_ = std::move(what);
    completed_ = {};
    rows_ = 0;
    shape_.clear();
    announced_.clear();
    shape_is_fixed_ = false;
    state_ = state::opened;
}

void cursor::close() noexcept {
    if (running_ != nullptr) on_.release(std::exchange(running_, nullptr));
    if (on_.transaction() == transaction_state::implicit && state_ != state::closed && state_ != state::ended) {
        on_.run("ROLLBACK");
        on_.look_at_transaction();
    }
    state_ = state::closed;
}

advanced cursor::advance(row_batch& into) {
    on_.access().confine_to(schema());
    if (state_ == state::opened) {
        if (const advanced a = compile(); a != advanced::rows) return a;
    }
    if (state_ == state::ready) {
        if (const advanced a = begin(); a != advanced::rows) return a;
    }
    if (state_ == state::stepping) {
        if (const advanced a = step(into); a != advanced::ended) return a;
        state_ = state::committing;
    }
    if (state_ == state::ended) return advanced::ended;
    if (const advanced a = commit(); a != advanced::ended) return a;
    return finish();
}

// --- the states in turn: rows means "go on" -----------------------------------------------------------------------

advanced cursor::compile() {
    auto compiled = on_.prepare(what_.sql, what_.prepare, schema());
    if (!compiled) {
        // A schema that is locked cannot be read, which prepare() tells by the same code.
        if (const server_report* said = compiled.error().server();
            said != nullptr && (said->engine_code & 0xff) == SQLITE_BUSY) {
            return advanced::busy;
        }
        return fail(std::move(compiled).error());
    }
    running_ = *compiled;
    const verb v = running_->kind.what;
    if (on_.transaction() == transaction_state::failed) {
        if (v != verb::commit && v != verb::rollback) return fail(error{errc::transaction_failed});
        on_.set_transaction(transaction_state::none);
        completed_.tag = "ROLLBACK";
        on_.release(std::exchange(running_, nullptr));
        state_ = state::ended;
        return advanced::ended;
    }
    if (v == verb::savepoint && on_.transaction() == transaction_state::none) {
        return fail(error{errc::transaction_state, "savepoints exist only inside a transaction"}.sqlstate("25P01"));
    }
    for (std::size_t i = 0; i < running_->numbers.size(); ++i) {
        const auto number = static_cast<std::size_t>(running_->numbers[i]);
        if (number > what_.parameters.size()) {
            return fail(error{errc::invalid_argument, "the statement names $" + std::to_string(number) + ", but only " +
                                                          std::to_string(what_.parameters.size()) + " parameters came"}
                            .sqlstate("08P01"));
        }
        status s = bind(running_->handle.get(), static_cast<int>(i) + 1, what_.parameters[number - 1]);
        if (!s) return fail(std::move(s).error());
    }
    on_.tick(what_.moment);
    state_ = state::ready;
    return advanced::rows;
}

advanced cursor::begin() {
    const verb v = running_->kind.what;
    const bool needs_its_own =
        running_->writes && on_.transaction() == transaction_state::none && (changes_rows(v) || v == verb::define);
    if (needs_its_own) {
        const int code = on_.run("BEGIN IMMEDIATE");
        if ((code & 0xff) == SQLITE_BUSY) return advanced::busy;
        if (code != SQLITE_OK) return fail(code);
        on_.set_transaction(transaction_state::implicit);
    }
    state_ = state::stepping;
    return advanced::rows;
}

advanced cursor::step(row_batch& into) {
    if (!running_->handle) return advanced::ended;  // nothing but blanks
    sqlite3_stmt* s = running_->handle.get();
    const std::size_t rows_end = into.rows() + batch_rows, bytes_end = into.byte_size() + batch_bytes;
    for (;;) {
        const int code = on_.step(*running_);
        if (code == SQLITE_ROW) {
            if (rows_ == 0) read_shape();
            if (!add_row(into)) return advanced::failed;
            if (into.byte_size() >= bytes_end || into.rows() >= rows_end) return advanced::rows;
            continue;
        }
        if (code == SQLITE_DONE) {
            if (rows_ == 0) read_shape();
            return advanced::ended;
        }
        // Before its first lock a statement has done nothing and can simply wait. In a transaction that reads already,
        // waiting would keep its lock from whoever is waited for.
        const bool waits = (code & 0xff) == SQLITE_BUSY && rows_ == 0;
        if (waits && sqlite3_txn_state(on_.handle(), nullptr) == SQLITE_TXN_NONE) {
            sqlite3_reset(s);
            return advanced::busy;
        }
        return fail(code);
    }
}

advanced cursor::commit() {
    if (on_.transaction() != transaction_state::implicit) return advanced::ended;
    // The statement's effects are complete, but COMMIT wants it reset first.
    sqlite3_reset(running_->handle.get());
    const int code = on_.run("COMMIT");
    if ((code & 0xff) == SQLITE_BUSY) return advanced::busy;
    if (code != SQLITE_OK) return fail(code);
    on_.look_at_transaction();
    return advanced::ended;
}

advanced cursor::finish() {
    decide_columns();
    const statement_kind& kind = running_->kind;
    const bool ends_transaction = kind.what == verb::commit || kind.what == verb::rollback;
    if (ends_transaction && sqlite3_get_autocommit(on_.handle()) != 0) on_.set_transaction(transaction_state::none);
    on_.look_at_transaction();
    completed_.tag = kind.tag;
    const bool changed = changes_rows(kind.what);
    completed_.rows_affected = changed ? static_cast<std::uint64_t>(sqlite3_changes64(on_.handle())) : rows_;
    if (changed || kind.tag == "SELECT") {
        completed_.tag += ' ';
        completed_.tag += std::to_string(completed_.rows_affected);
    }
    on_.release(std::exchange(running_, nullptr));
    state_ = state::ended;
    return advanced::ended;
}

advanced cursor::fail(int code) {
    // A lock that a reader cannot turn into a writer's: only starting the transaction again helps.
    const bool open = on_.transaction() == transaction_state::open;
    error e = on_.failure(code, what_.sql);
    if (open && (code & 0xff) == SQLITE_BUSY) {
        e = error{errc::serialization_failed, "another writer came between this transaction's read and its write"}.hint(
            "Begin the transaction with a statement that writes, or run it again.");
    }
    return fail(std::move(e));
}

advanced cursor::fail(error why) {
    why_ = std::move(why);
    close();
    on_.look_at_transaction();
    return advanced::failed;
}

// --- rows ---------------------------------------------------------------------------------------------------------

namespace {

// What a compilation tells of its columns; read again when SQLite compiled the statement anew.
void read_names(prepared& p) {
    sqlite3_stmt* s = p.handle.get();
    const int compiled = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_REPREPARE, 0);
    if (p.compiled == compiled) return;
    p.compiled = compiled;
    p.names.clear();
    p.types.clear();
    const int count = sqlite3_column_count(s);
    for (int i = 0; i < count; ++i) {
        const char* type = sqlite3_column_decltype(s, i);
        const declared_type d = declared(type == nullptr ? "" : type);
        column c;
        c.name = sqlite3_column_name(s, i);
        p.types.push_back(d);
        p.names.push_back(std::move(c));
    }
}

}  // namespace

// A type told by the statement's text comes before the declared one: it knows what the expression around a column does.
void cursor::read_shape() {
    read_names(*running_);
    shape_.clear();
    for (std::size_t i = 0; i < running_->types.size(); ++i) {
        shown& s = shape_.emplace_back();
        s.as = running_->types[i];
        if (i >= what_.shows.size() || !what_.shows[i].is_known()) continue;
        const shown_type& told = what_.shows[i];
        s.as = declared_type{told.type, told.modifier, told.scale};
    }
}

void cursor::decide_columns() {
    if (shape_is_fixed_ || running_ == nullptr) return;
    shape_is_fixed_ = true;
    announced_ = running_->names;
    for (std::size_t i = 0; i < announced_.size(); ++i) {
        column& c = announced_[i];
        shown& s = shape_[i];
        c.type = s.as.type;
        c.type_modifier = s.as.modifier;
        if (s.as.type == 0) {
            c.type = type_for(s.held);
            // A column that has shown nothing yet takes any value, as text; the others keep to their type from now on.
            s.fits = c.type == oid::unknown ? fits(oid::text) : fits(c.type);
        }
        c.type_size = codec::type_size(c.type);
    }
}

bool cursor::add_row(row_batch& into) {
    const unfinished_row row{into};
    const std::size_t bytes_before = into.byte_size();
    for (std::size_t i = 0; i < shape_.size(); ++i) {
        if (!add_cell(into, static_cast<int>(i), shape_[i])) return false;
        if (into.byte_size() - bytes_before > row_bytes_max) {
            fail(error{errc::limit_reached, "a row is longer than 1 GB"}.hint("Select fewer or shorter columns."));
            return false;
        }
    }
    into.end_row();
    ++rows_;
    return true;
}

bool cursor::add_cell(row_batch& into, int index, shown& as) {
    sqlite3_stmt* s = running_->handle.get();
    const int kind = sqlite3_column_type(s, index);
    if (kind == SQLITE_NULL) {
        into.add(std::nullopt);
        return true;
    }
    const bool has_size = kind == SQLITE_TEXT || kind == SQLITE_BLOB;
    if (has_size && static_cast<std::size_t>(sqlite3_column_bytes(s, index)) > value_bytes_max) {
        return fail_at(index, "a value longer than 512 MB");
    }
    if (as.as.type == 0) return add_untyped(into, index, as);
    scratch_.clear();
    if (append_as(scratch_, s, index, as.as)) {
        into.add(scratch_);
        return true;
    }
    return fail_at(index, fmt::format("{} that is no {}", class_name(s, index), codec::type_name(as.as.type)));
}

// While nothing was announced the column becomes what its values are; afterwards another class of values is an error.
bool cursor::add_untyped(row_batch& into, int index, shown& as) {
    sqlite3_stmt* s = running_->handle.get();
    scratch_.clear();
    std::uint8_t kind = holds_blob;
    storage how = storage::blob;
    switch (sqlite3_column_type(s, index)) {
        case SQLITE_INTEGER:
            kind = holds_integer;
            how = storage::integer;
            scratch_ = std::to_string(sqlite3_column_int64(s, index));
            break;
        case SQLITE_FLOAT:
            kind = holds_real;
            how = storage::real;
            scratch_ = float_text(sqlite3_column_double(s, index));
            break;
        case SQLITE_TEXT:
            kind = holds_text;
            how = storage::text;
            scratch_ = text_at(s, index);
            break;
        default:
            append_hex(scratch_, blob_at(s, index));
    }
    as.held |= kind;
    const bool fitting = shape_is_fixed_ ? (as.fits & kind) != 0 : type_for(as.held) != 0;
    if (!fitting) return fail_at(index, fmt::format("{} among values of another kind", class_name(s, index)));
    into.add(scratch_, how);
    return true;
}

bool cursor::fail_at(int index, std::string_view what) {
    const std::string& name = running_->names[static_cast<std::size_t>(index)].name;
    const bool typed = shape_[static_cast<std::size_t>(index)].as.type != 0;
    // a column that was added to the statement, for an expression that is not selected
    const std::string named = name.starts_with("ashlar_helper_") ? "an expression that is sorted or grouped by"
                                                                 : fmt::format("column \"{}\"", name);
    fail(error{errc::bad_value, fmt::format("{} holds {}, in row {} of the answer", named, what, rows_ + 1)}
             .detail("SQLite stores any kind of value in a column, whatever its declared type.")
             .hint("Correct the stored value; typeof() in a SELECT shows which rows hold such values.")
             .sqlstate(typed ? "22P02" : "42804"));
    return false;
}

}  // namespace ashlar::driver::sqlite
