#include "driver/sqlite/guard.hpp"

#include "core/ascii.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace ashlar::driver::sqlite {

namespace {

// These only tell, whatever their argument: a table, a number of rows.
constexpr std::array telling_pragmas{
    std::string_view{"table_info"},  std::string_view{"table_xinfo"},      std::string_view{"table_list"},
    std::string_view{"index_list"},  std::string_view{"index_info"},       std::string_view{"index_xinfo"},
    std::string_view{"quick_check"}, std::string_view{"integrity_check"},  std::string_view{"foreign_key_check"},
    std::string_view{"optimize"},    std::string_view{"foreign_key_list"}, std::string_view{"function_list"},
};
// These are part of the file, within the transaction: a program's own version numbers.
constexpr std::array stored_pragmas{std::string_view{"user_version"}, std::string_view{"application_id"}};
// These act even without an argument.
constexpr std::array acting_pragmas{std::string_view{"wal_checkpoint"}, std::string_view{"incremental_vacuum"},
                                    std::string_view{"shrink_memory"}, std::string_view{"database_list"}};

// They answer for the statements of whoever used the connection before.
constexpr std::array remembering_functions{std::string_view{"last_insert_rowid"}, std::string_view{"changes"},
                                           std::string_view{"total_changes"}, std::string_view{"load_extension"}};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::ranges::any_of(names, [&](std::string_view n) { return equals_ignoring_case(n, name); });
}

bool is_temporary(int action) noexcept {
    switch (action) {
        case SQLITE_CREATE_TEMP_INDEX:
        case SQLITE_CREATE_TEMP_TABLE:
        case SQLITE_CREATE_TEMP_TRIGGER:
        case SQLITE_CREATE_TEMP_VIEW:
            return true;
        default:
            return false;
    }
}

}  // namespace

error not_its_own(std::string_view touched, std::string_view own) {
    return error{errc::unsupported, "the statement names a table that is not one of this shard's"}
        .detail("It would touch the file attached as " + std::string{touched} + " instead of " + std::string{own} + ".")
        .hint("In a transaction over several SQLite files each statement may use only the tables of its own shard.");
}

guard::guard(sqlite3* on) {
    sqlite3_set_authorizer(on, &guard::ask, this);
}

std::optional<error> guard::take_refusal() noexcept {
    std::optional<error> why = std::move(refusal_);
    refusal_.reset();
    return why;
}

int guard::ask(void* self, int action, const char* a, const char* b, const char* schema, const char*) {
    guard& g = *static_cast<guard*>(self);
    return g.aside_ ? SQLITE_OK : g.decide(action, a, b, schema);
}

int guard::decide(int action, const char* a, const char* b, const char* schema) {
    if (action == SQLITE_PRAGMA && schema_ == nullptr) return decide_pragma(a, b);
    if (action == SQLITE_PRAGMA) {
        return refuse(
            error{errc::unsupported, "PRAGMA is not available in a transaction over several SQLite files"}.hint(
                "Ask outside of the transaction."));
    }
    if (action == SQLITE_ATTACH || action == SQLITE_DETACH) {
        return refuse(error{errc::unsupported, "ATTACH and DETACH are not available: they would open any file"}.hint(
            "Name the file as a database or a shard in ashlar.toml."));
    }
    if (action == SQLITE_FUNCTION && b != nullptr && among(remembering_functions, b)) {
        return refuse(error{errc::unsupported, std::string{b} + "() is not available: the connection is shared"}.hint(
            "Use RETURNING, or make the key before the row."));
    }
    if (is_temporary(action)) leaves_state_ = true;
    // A count(*) of a bare name comes without a schema: touches_only() sees it.
    if (schema_ == nullptr || schema == nullptr || *schema_ == schema) return SQLITE_OK;
    const bool own_temporary = *schema_ == "main" && std::string_view{schema} == "temp";
    return own_temporary ? SQLITE_OK : refuse(not_its_own(schema, *schema_));
}

int guard::decide_pragma(const char* name, const char* value) {
    if (among(telling_pragmas, name) || among(stored_pragmas, name)) return SQLITE_OK;
    if (value == nullptr && !among(acting_pragmas, name)) return SQLITE_OK;
    return refuse(
        error{errc::unsupported,
              "PRAGMA " + std::string{name} + " cannot be set: it would outlive the statement or undo a guarantee"}
            .hint("The journal mode and the other settings of a file are options of its database in ashlar.toml."));
}

int guard::refuse(error why) {
    refusal_ = std::move(why);
    return SQLITE_DENY;
}

}  // namespace ashlar::driver::sqlite
