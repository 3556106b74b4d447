// session_statements.hpp: statements that mean something only to the session that says them: BEGIN, SET, LISTEN, temporary
// tables, last_insert_id(). A program that asks a database has no session: its next statement may run on another connection,
// and what such a statement does would be lost without a word. It is refused with the call to use instead. Pure.
//
// Told by the words alone, on every engine. What a function or a procedure does to its session is not seen; the connection
// is reset before anybody else gets it.
#pragma once

#include "driver/connection.hpp"

#include <ashlar/result.hpp>

#include <string_view>

namespace ashlar::detail {

enum class session_span {
    statement,    // each statement may run on a connection of its own
    transaction,  // one connection from begin() to commit(), reset afterwards
};

// unsupported: outside of a transaction(); transaction_state: BEGIN, COMMIT and ROLLBACK inside of one.
status check_session_statement(std::string_view sql, driver::dialect engine, session_span span);

}  // namespace ashlar::detail
