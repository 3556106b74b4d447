#include "driver/error_map.hpp"

#include <sqlite3.h>

#include <array>
#include <utility>

namespace ashlar::driver {

namespace {

struct line {
    std::string_view sqlstate;  // five characters, or the two of a class
    errc code;
};

// The first line that the SQLSTATE begins with wins: single states stand before their class.
constexpr std::array table{
    line{"08P01", errc::protocol_violation},
    line{"08007", errc::commit_unknown},
    line{"08001", errc::connect_failed},
    line{"08004", errc::connect_failed},
    line{"08", errc::connection_lost},
    line{"0A000", errc::unsupported},
    line{"22P02", errc::bad_value},
    line{"23", errc::constraint_violated},
    line{"25P02", errc::transaction_failed},
    line{"25006", errc::read_only},
    line{"25", errc::transaction_state},
    line{"28", errc::login_failed},
    line{"3B001", errc::transaction_state},
    line{"3D000", errc::database_unknown},
    line{"40001", errc::serialization_failed},
    line{"40P01", errc::deadlock},
    line{"40003", errc::commit_unknown},
    line{"42601", errc::syntax},
    line{"42P01", errc::table_unknown},
    line{"42703", errc::column_unknown},
    line{"53300", errc::connect_failed},
    line{"54001", errc::statement_too_complex},
    line{"55P03", errc::database_locked},
    line{"57014", errc::cancelled},
    line{"57P01", errc::connection_lost},
    line{"57P02", errc::connection_lost},
    line{"57P03", errc::connect_failed},
    line{"57P05", errc::connection_lost},
    line{"58030", errc::io_failure},
};

struct sqlite_line {
    int code;  // extended, or primary
    std::string_view sqlstate;
};

constexpr std::array sqlite_codes{
    sqlite_line{SQLITE_CONSTRAINT_UNIQUE, "23505"},
    sqlite_line{SQLITE_CONSTRAINT_PRIMARYKEY, "23505"},
    sqlite_line{SQLITE_CONSTRAINT_ROWID, "23505"},
    sqlite_line{SQLITE_CONSTRAINT_NOTNULL, "23502"},
    sqlite_line{SQLITE_CONSTRAINT_FOREIGNKEY, "23503"},
    sqlite_line{SQLITE_CONSTRAINT_CHECK, "23514"},
    sqlite_line{SQLITE_CONSTRAINT_DATATYPE, "42804"},
    sqlite_line{SQLITE_CONSTRAINT_TRIGGER, "P0001"},
    sqlite_line{SQLITE_CONSTRAINT, "23000"},
    sqlite_line{SQLITE_BUSY, "55P03"},
    sqlite_line{SQLITE_LOCKED, "55P03"},
    sqlite_line{SQLITE_READONLY, "25006"},
    sqlite_line{SQLITE_INTERRUPT, "57014"},
    sqlite_line{SQLITE_IOERR, "58030"},
    sqlite_line{SQLITE_CORRUPT, "XX001"},
    sqlite_line{SQLITE_NOTADB, "XX001"},
    sqlite_line{SQLITE_FULL, "53100"},
    sqlite_line{SQLITE_NOMEM, "53200"},
    sqlite_line{SQLITE_TOOBIG, "54000"},
    sqlite_line{SQLITE_CANTOPEN, "08001"},
    sqlite_line{SQLITE_PERM, "42501"},
    sqlite_line{SQLITE_AUTH, "0A000"},
    sqlite_line{SQLITE_MISMATCH, "42804"},
    sqlite_line{SQLITE_RANGE, "22023"},
};

struct phrase {
    std::string_view words;
    std::string_view sqlstate;
};

constexpr std::array sqlite_phrases{
    phrase{"syntax error", "42601"},
    phrase{"unrecognized token", "42601"},
    phrase{"incomplete input", "42601"},
    phrase{"no such table", "42P01"},
    phrase{"no such view", "42P01"},
    phrase{"no such column", "42703"},
    phrase{"has no column named", "42703"},
    phrase{"ambiguous column name", "42702"},
    phrase{"no such function", "42883"},
    phrase{"wrong number of arguments to function", "42883"},
    phrase{"already exists", "42P07"},
    phrase{"duplicate column name", "42701"},
    phrase{"integer overflow", "22003"},
    phrase{"malformed JSON", "22P02"},
    phrase{"no such savepoint", "3B001"},
    phrase{"no such index", "42704"},
    phrase{"within a transaction", "25001"},
    phrase{"no transaction is active", "25P01"},
    phrase{"Expression tree is too large", "54001"},
    phrase{"parser stack overflow", "54001"},
    phrase{"too many", "54000"},
    phrase{"values for", "42601"},  // "2 values for 3 columns"
    phrase{"misuse of aggregate", "42803"},
    phrase{"not authorized", "0A000"},
    phrase{"prohibited", "0A000"},
};

}  // namespace

errc code_for(std::string_view sqlstate) noexcept {
    for (const line& l : table) {
        if (sqlstate.starts_with(l.sqlstate)) return l.code;
    }
    return errc::server_error;
}

error from_report(server_report report) {
    error e{code_for(report.sqlstate)};
    if (report.position > 0) e.at(report.position);
    if (!report.hint.empty()) e.hint(report.hint);
    e.server(std::move(report));
    return e;
}

std::string_view sqlstate_for_sqlite(int extended_code, std::string_view message) noexcept {
    for (const sqlite_line& l : sqlite_codes) {
        if (l.code == extended_code) return l.sqlstate;
    }
    for (const sqlite_line& l : sqlite_codes) {
        if (l.code == (extended_code & 0xff)) return l.sqlstate;
    }
    for (const phrase& p : sqlite_phrases) {
        if (message.find(p.words) != std::string_view::npos) return p.sqlstate;
    }
    return "XX000";
}

}  // namespace ashlar::driver
