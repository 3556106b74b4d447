#include "driver/mysql/report.hpp"

#include "driver/error_map.hpp"

#include <errmsg.h>
#include <mysqld_error.h>

#include <charconv>
#include <string>

namespace ashlar::driver::mysql {

namespace {

// The text between `open` and `close`, counted from the end: what stands before may quote what users stored.
std::string_view last_between(std::string_view text, std::string_view open, char close) {
    const std::size_t at = text.rfind(open);
    if (at == std::string_view::npos) return {};
    text.remove_prefix(at + open.size());
    return text.substr(0, text.find(close));
}

// The last of the names that `text` begins with: `shop`.`orders` → orders. In double quotes under ANSI_QUOTES.
std::string_view name_at(std::string_view text) {
    std::string_view name;
    while (text.size() > 1 && (text[0] == '`' || text[0] == '"')) {
        const std::size_t end = text.find(text[0], 1);
        if (end == std::string_view::npos) break;
        name = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        if (!text.starts_with('.')) break;
        text.remove_prefix(1);
    }
    return name;
}
std::string_view name_after(std::string_view text, std::string_view words) {
    const std::size_t at = text.find(words);
    return at == std::string_view::npos ? std::string_view{} : name_at(text.substr(at + words.size()));
}

void take_names(server_report& r) {
    const std::string_view said = r.message;
    switch (r.engine_code) {
        case ER_DUP_ENTRY:
            r.constraint = last_between(said, " for key '", '\'');
            break;
        case ER_NO_REFERENCED_ROW_2:
        case ER_ROW_IS_REFERENCED_2:
            // … fails (`shop`.`orders`, CONSTRAINT `orders_ibfk_1` FOREIGN KEY (…
            r.constraint = name_after(said, ", CONSTRAINT ");
            r.table = name_after(said, " fails (");
            break;
        case ER_CONSTRAINT_FAILED:
            // CONSTRAINT `orders.total` failed for `shop`.`orders`
            r.constraint = name_after(said, "CONSTRAINT ");
            r.table = name_after(said, " failed for ");
            break;
        case ER_BAD_NULL_ERROR:
            r.column = last_between(said, "Column '", '\'');
            break;
        case ER_NO_DEFAULT_FOR_FIELD:
            r.column = last_between(said, "Field '", '\'');
            break;
        case ER_DATA_TOO_LONG:
        case ER_WARN_DATA_OUT_OF_RANGE:
            r.column = last_between(said, " for column '", '\'');
            break;
        default:
            break;
    }
}

// A server that refuses a session at once (it is full, it blocks the host) says so before TLS, and libmariadb wraps it.
// The number is read out of the words: believing it tells nobody more than a closed connection would.
unsigned number_before_tls(std::string_view message) {
    if (message.find("before completion of TLS handshake") == std::string_view::npos) return 0;
    constexpr std::string_view words = "cannot be verified: ";
    const std::size_t at = message.find(words);
    if (at == std::string_view::npos) return 0;
    unsigned number = 0;
    (void)std::from_chars(message.data() + at + words.size(), message.data() + message.size(), number);
    return number;
}

}  // namespace

server_report report_of(unsigned number, std::string_view sqlstate, std::string_view message) {
    const unsigned inner = number_before_tls(message);
    server_report r;
    r.severity = "ERROR";
    r.engine_code = static_cast<int>(inner != 0 ? inner : number);
    r.message = message;
    r.sqlstate = sqlstate_for_mysql(r.engine_code, sqlstate, message);
    take_names(r);
    return r;
}

bool ends_connection(unsigned number) noexcept {
    switch (number) {
        case CR_SERVER_GONE_ERROR:
        case CR_SERVER_LOST:
        case 2055:              // CR_SERVER_LOST_EXTENDED
        case CR_UNKNOWN_ERROR:  // an answer that is none
        case CR_MALFORMED_PACKET:
        case CR_COMMANDS_OUT_OF_SYNC:
        case ER_SERVER_SHUTDOWN:
        case ER_CONNECTION_KILLED:
        case ER_NEW_ABORTING_CONNECTION:
        case ER_NET_READ_ERROR:
        case ER_NET_READ_INTERRUPTED:
        case ER_NET_ERROR_ON_WRITE:
        case ER_NET_WRITE_INTERRUPTED:
        case ER_NET_PACKETS_OUT_OF_ORDER:
        case ER_NET_UNCOMPRESS_ERROR:
        case ER_NET_PACKET_TOO_LARGE:
            return true;
        default:
            return false;
    }
}

bool may_end_transaction(unsigned number, std::string_view mapped) noexcept {
    if (number == ER_QUERY_INTERRUPTED) return false;
    // Data, constraints, words and access: the statement alone is undone.
    for (const std::string_view harmless : {"21", "22", "23", "25", "3B", "42", "0A"}) {
        if (mapped.starts_with(harmless)) return false;
    }
    return true;
}

}  // namespace ashlar::driver::mysql
