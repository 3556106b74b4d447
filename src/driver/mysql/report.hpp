// report.hpp: what a MySQL server, or libmariadb itself, says of a failure → server_report, and what a failure means for
// the connection and its transaction. Pure.
#pragma once

#include <ashlar/error.hpp>

#include <string_view>

namespace ashlar::driver::mysql {

// The SQLSTATE becomes PostgreSQL's for the same trouble (error_map.hpp), since programs decide by it: MySQL has one,
// 23000, for every constraint. The number and the message are kept as they came; names in the message are taken out.
server_report report_of(unsigned number, std::string_view sqlstate, std::string_view message);

// The connection is unusable: the server or the network ended it.
bool ends_connection(unsigned number) noexcept;
// The server may have rolled back the whole transaction, and not the statement alone. What is not known to be harmless is
// taken so.
bool may_end_transaction(unsigned number, std::string_view mapped_sqlstate) noexcept;

}  // namespace ashlar::driver::mysql
