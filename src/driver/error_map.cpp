#include "driver/error_map.hpp"

#include <errmsg.h>
#include <mysqld_error.h>
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
    line{"40000", errc::serialization_failed},
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
    phrase{"ON CONFLICT clause does not match", "42P10"},
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
    phrase{"sum() and avg() take numbers", "22P02"},
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

struct mysql_line {
    int number;
    std::string_view sqlstate;
};

// Numbers that only one of MySQL and MariaDB has stand as numbers.
constexpr std::array mysql_numbers{
    // constraints and values
    mysql_line{ER_DUP_ENTRY, "23505"},
    mysql_line{ER_DUP_KEY, "23505"},
    mysql_line{ER_DUP_UNKNOWN_IN_INDEX, "23505"},
    mysql_line{ER_FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO, "23505"},
    mysql_line{ER_FOREIGN_DUPLICATE_KEY_WITHOUT_CHILD_INFO, "23505"},
    mysql_line{ER_DUP_ENTRY_WITH_KEY_NAME, "23505"},
    mysql_line{ER_BAD_NULL_ERROR, "23502"},
    mysql_line{ER_NO_DEFAULT_FOR_FIELD, "23502"},
    mysql_line{ER_WARN_NULL_TO_NOTNULL, "23502"},
    mysql_line{ER_NO_REFERENCED_ROW, "23503"},
    mysql_line{ER_NO_REFERENCED_ROW_2, "23503"},
    mysql_line{ER_ROW_IS_REFERENCED, "23503"},
    mysql_line{ER_ROW_IS_REFERENCED_2, "23503"},
    mysql_line{ER_CONSTRAINT_FAILED, "23514"},
    mysql_line{3819, "23514"},  // MySQL: ER_CHECK_CONSTRAINT_VIOLATED
    mysql_line{ER_NO_PARTITION_FOR_GIVEN_VALUE, "23514"},
    mysql_line{ER_DATA_TOO_LONG, "22001"},
    mysql_line{ER_WARN_DATA_OUT_OF_RANGE, "22003"},
    mysql_line{ER_DATA_OUT_OF_RANGE, "22003"},
    mysql_line{ER_DIVISION_BY_ZERO, "22012"},
    mysql_line{ER_TRUNCATED_WRONG_VALUE, "22P02"},
    mysql_line{ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, "22P02"},
    mysql_line{ER_WRONG_VALUE_FOR_TYPE, "22P02"},
    mysql_line{WARN_DATA_TRUNCATED, "22P02"},
    mysql_line{ER_SUBQUERY_NO_1_ROW, "21000"},
    // transactions
    mysql_line{ER_LOCK_DEADLOCK, "40P01"},
    mysql_line{ER_XA_RBDEADLOCK, "40P01"},
    mysql_line{ER_CHECKREAD, "40001"},  // a row has changed since the snapshot
    mysql_line{ER_XA_RBROLLBACK, "40000"},
    mysql_line{ER_XA_RBTIMEOUT, "40000"},
    mysql_line{ER_LOCK_WAIT_TIMEOUT, "55P03"},
    mysql_line{3572, "55P03"},  // MySQL: ER_LOCK_NOWAIT
    mysql_line{ER_CANT_CHANGE_TX_CHARACTERISTICS, "25001"},
    mysql_line{ER_XAER_NOTA, "42704"},
    mysql_line{ER_XAER_INVAL, "22023"},
    mysql_line{ER_XAER_RMFAIL, "25000"},
    mysql_line{ER_XAER_OUTSIDE, "25001"},
    mysql_line{ER_XAER_RMERR, "58030"},
    mysql_line{ER_XAER_DUPID, "42710"},
    mysql_line{ER_OPTION_PREVENTS_STATEMENT, "25006"},
    mysql_line{ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, "25006"},
    mysql_line{ER_READ_ONLY_MODE, "25006"},
    mysql_line{ER_OPEN_AS_READONLY, "25006"},
    mysql_line{ER_QUERY_INTERRUPTED, "57014"},
    mysql_line{ER_STATEMENT_TIMEOUT, "57014"},
    mysql_line{3024, "57014"},  // MySQL: ER_QUERY_TIMEOUT
    // names and words
    mysql_line{ER_PARSE_ERROR, "42601"},
    mysql_line{ER_SYNTAX_ERROR, "42601"},
    mysql_line{ER_EMPTY_QUERY, "42601"},
    mysql_line{ER_WRONG_VALUE_COUNT, "42601"},
    mysql_line{ER_WRONG_VALUE_COUNT_ON_ROW, "42601"},
    mysql_line{ER_WRONG_NUMBER_OF_COLUMNS_IN_SELECT, "42601"},
    mysql_line{ER_OPERAND_COLUMNS, "42601"},
    mysql_line{ER_NO_SUCH_TABLE, "42P01"},
    mysql_line{ER_BAD_TABLE_ERROR, "42P01"},
    mysql_line{ER_UNKNOWN_TABLE, "42P01"},
    mysql_line{4091, "42P01"},  // MariaDB: ER_UNKNOWN_SEQUENCES
    mysql_line{ER_BAD_FIELD_ERROR, "42703"},
    mysql_line{ER_NON_UNIQ_ERROR, "42702"},
    mysql_line{ER_NONUNIQ_TABLE, "42712"},
    mysql_line{ER_SP_DOES_NOT_EXIST, "42883"},  // and unknown savepoints, see below
    mysql_line{ER_FUNC_INEXISTENT_NAME_COLLISION, "42883"},
    mysql_line{ER_WRONG_PARAMCOUNT_TO_NATIVE_FCT, "42883"},
    mysql_line{ER_WRONG_PARAMETERS_TO_NATIVE_FCT, "42883"},
    mysql_line{ER_TABLE_EXISTS_ERROR, "42P07"},
    mysql_line{ER_DB_DROP_EXISTS, "3D000"},
    mysql_line{ER_NO_SUCH_THREAD, "42704"},
    mysql_line{ER_NO_SUCH_QUERY, "42704"},
    mysql_line{ER_NO_SUCH_USER, "42704"},
    mysql_line{ER_TRG_DOES_NOT_EXIST, "42704"},
    mysql_line{ER_EVENT_DOES_NOT_EXIST, "42704"},
    mysql_line{ER_TRG_ALREADY_EXISTS, "42710"},
    mysql_line{ER_EVENT_ALREADY_EXISTS, "42710"},
    mysql_line{ER_WRONG_OBJECT, "42809"},
    mysql_line{ER_NON_UPDATABLE_TABLE, "42809"},
    mysql_line{ER_VIEW_INVALID, "42P01"},
    mysql_line{ER_CANT_CREATE_TABLE, "42P16"},
    mysql_line{ER_CANT_UPDATE_USED_TABLE_IN_SF_OR_TRG, "55006"},
    mysql_line{ER_TABLE_NOT_LOCKED, "55000"},
    mysql_line{ER_TABLE_NOT_LOCKED_FOR_WRITE, "55000"},
    mysql_line{ER_INCORRECT_GLOBAL_LOCAL_VAR, "55P02"},
    mysql_line{ER_LOCAL_VARIABLE, "55P02"},
    mysql_line{ER_GLOBAL_VARIABLE, "55P02"},
    mysql_line{ER_WRONG_TYPE_FOR_VAR, "22023"},
    mysql_line{ER_WRONG_VALUE_FOR_VAR, "22023"},
    mysql_line{ER_WRONG_ARGUMENTS, "22023"},
    mysql_line{ER_WRONG_VALUE, "22023"},
    mysql_line{4084, "2200H"},  // MariaDB: ER_SEQUENCE_RUN_OUT
    mysql_line{ER_GET_ERRNO, "58030"},
    mysql_line{ER_DUP_FIELDNAME, "42701"},
    mysql_line{ER_DUP_KEYNAME, "42710"},
    mysql_line{ER_SP_ALREADY_EXISTS, "42723"},
    mysql_line{ER_DB_CREATE_EXISTS, "42P04"},
    mysql_line{ER_KEY_DOES_NOT_EXISTS, "42704"},
    mysql_line{ER_CANT_DROP_FIELD_OR_KEY, "42704"},
    mysql_line{ER_UNKNOWN_SYSTEM_VARIABLE, "42704"},
    mysql_line{ER_UNKNOWN_CHARACTER_SET, "42704"},
    mysql_line{ER_UNKNOWN_COLLATION, "42704"},
    mysql_line{ER_CANT_AGGREGATE_2COLLATIONS, "42P22"},
    mysql_line{ER_CANT_AGGREGATE_3COLLATIONS, "42P22"},
    mysql_line{ER_CANT_AGGREGATE_NCOLLATIONS, "42P22"},
    mysql_line{ER_WRONG_FIELD_WITH_GROUP, "42803"},
    mysql_line{ER_MIX_OF_GROUP_FUNC_AND_FIELDS, "42803"},
    mysql_line{ER_INVALID_GROUP_FUNC_USE, "42803"},
    mysql_line{ER_NOT_SUPPORTED_YET, "0A000"},
    mysql_line{ER_UNSUPPORTED_PS, "0A000"},
    mysql_line{ER_UNKNOWN_STMT_HANDLER, "26000"},
    mysql_line{ER_ILLEGAL_HA, "0A000"},
    // access
    mysql_line{ER_ACCESS_DENIED_ERROR, "28P01"},
    mysql_line{ER_ACCESS_DENIED_NO_PASSWORD_ERROR, "28P01"},
    mysql_line{ER_NOT_SUPPORTED_AUTH_MODE, "28000"},
    mysql_line{ER_HOST_NOT_PRIVILEGED, "28000"},
    mysql_line{ER_MUST_CHANGE_PASSWORD_LOGIN, "28000"},
    mysql_line{4151, "28000"},  // MariaDB: ER_ACCOUNT_HAS_BEEN_LOCKED
    mysql_line{CR_PLUGIN_NOT_ALLOWED, "28000"},
    mysql_line{CR_AUTH_PLUGIN_CANNOT_LOAD, "28000"},
    mysql_line{CR_AUTH_PLUGIN_ERR, "28000"},
    mysql_line{ER_DBACCESS_DENIED_ERROR, "42501"},
    mysql_line{ER_TABLEACCESS_DENIED_ERROR, "42501"},
    mysql_line{ER_COLUMNACCESS_DENIED_ERROR, "42501"},
    mysql_line{ER_PROCACCESS_DENIED_ERROR, "42501"},
    mysql_line{ER_SPECIFIC_ACCESS_DENIED_ERROR, "42501"},
    mysql_line{ER_KILL_DENIED_ERROR, "42501"},
    mysql_line{ER_BAD_DB_ERROR, "3D000"},
    mysql_line{ER_NO_DB_ERROR, "3D000"},
    // bounds
    mysql_line{ER_CON_COUNT_ERROR, "53300"},
    mysql_line{ER_TOO_MANY_USER_CONNECTIONS, "53300"},
    mysql_line{ER_USER_LIMIT_REACHED, "53300"},
    mysql_line{ER_HOST_IS_BLOCKED, "08004"},
    mysql_line{ER_DISK_FULL, "53100"},
    mysql_line{ER_RECORD_FILE_FULL, "53100"},
    mysql_line{ER_OUTOFMEMORY, "53200"},
    mysql_line{ER_OUT_OF_SORTMEMORY, "53200"},
    mysql_line{ER_OUT_OF_RESOURCES, "53200"},
    mysql_line{ER_LOCK_TABLE_FULL, "53200"},
    mysql_line{CR_OUT_OF_MEMORY, "53200"},
    mysql_line{ER_MAX_PREPARED_STMT_COUNT_REACHED, "53400"},
    mysql_line{ER_NET_PACKET_TOO_LARGE, "54000"},
    mysql_line{CR_NET_PACKET_TOO_LARGE, "54000"},
    mysql_line{ER_TOO_BIG_ROWSIZE, "54000"},
    mysql_line{ER_PS_MANY_PARAM, "54000"},
    mysql_line{ER_TOO_MANY_TABLES, "54000"},
    mysql_line{ER_TOO_BIG_SELECT, "54000"},
    mysql_line{ER_STACK_OVERRUN, "54001"},
    mysql_line{ER_STACK_OVERRUN_NEED_MORE, "54001"},
    // the connection
    mysql_line{ER_SERVER_SHUTDOWN, "57P01"},
    mysql_line{ER_NORMAL_SHUTDOWN, "57P01"},
    mysql_line{ER_CONNECTION_KILLED, "57P01"},
    mysql_line{ER_NEW_ABORTING_CONNECTION, "08006"},
    mysql_line{ER_NET_READ_ERROR, "08006"},
    mysql_line{ER_NET_READ_INTERRUPTED, "08006"},
    mysql_line{ER_NET_ERROR_ON_WRITE, "08006"},
    mysql_line{ER_NET_WRITE_INTERRUPTED, "08006"},
    mysql_line{ER_NET_PACKETS_OUT_OF_ORDER, "08P01"},
    mysql_line{CR_SERVER_GONE_ERROR, "08006"},
    mysql_line{CR_SERVER_LOST, "08006"},
    mysql_line{CR_SERVER_LOST_EXTENDED, "08006"},
    mysql_line{CR_MALFORMED_PACKET, "08P01"},
    mysql_line{CR_COMMANDS_OUT_OF_SYNC, "08P01"},
    mysql_line{CR_SOCKET_CREATE_ERROR, "08001"},
    mysql_line{CR_CONNECTION_ERROR, "08001"},
    mysql_line{CR_CONN_HOST_ERROR, "08001"},
    mysql_line{CR_IPSOCK_ERROR, "08001"},
    mysql_line{CR_UNKNOWN_HOST, "08001"},
    mysql_line{CR_VERSION_ERROR, "08001"},
    mysql_line{CR_SERVER_HANDSHAKE_ERR, "08001"},
    mysql_line{CR_SSL_CONNECTION_ERROR, "08001"},
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

std::string_view sqlstate_for_mysql(int number, std::string_view sqlstate, std::string_view message) noexcept {
    if (number == ER_SP_DOES_NOT_EXIST && message.starts_with("SAVEPOINT ")) return "3B001";
    for (const mysql_line& l : mysql_numbers) {
        if (l.number == number) return l.sqlstate;
    }
    return sqlstate.size() == 5 && sqlstate != "HY000" && sqlstate != "00000" ? sqlstate : "XX000";
}

}  // namespace ashlar::driver
