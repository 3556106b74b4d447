#include "driver/sqlite/pg_functions.hpp"

#include <sqlite3.h>

#include <string>

namespace ashlar::driver::sqlite {

namespace {

constexpr char mark = '\x1e';

}  // namespace

void fail_in_function(sqlite3_context* context, std::string_view sqlstate, std::string_view message,
                      std::string_view hint) {
    std::string text{mark};
    text.append(sqlstate).append(1, mark).append(message).append(1, mark).append(hint);
    sqlite3_result_error(context, text.c_str(), static_cast<int>(text.size()));
}

void fail_in_function(sqlite3_context* context, const error& why) {
    fail_in_function(context, why.sqlstate(), why.message(), why.hint());
}

std::optional<error> error_of_function(std::string_view message) {
    if (message.size() < 7 || message.front() != mark || message[6] != mark) return std::nullopt;
    const std::string_view sqlstate = message.substr(1, 5);
    std::string_view rest = message.substr(7);
    const std::size_t end = rest.find(mark);
    error why{sqlstate == "0A000" ? errc::unsupported : errc::bad_value, std::string{rest.substr(0, end)}};
    if (sqlstate != "0A000") why.sqlstate(sqlstate);
    if (end != std::string_view::npos && end + 1 < rest.size()) why.hint(std::string{rest.substr(end + 1)});
    return why;
}

bool any_null(int count, sqlite3_value** arguments) noexcept {
    for (int i = 0; i < count; ++i) {
        if (sqlite3_value_type(arguments[i]) == SQLITE_NULL) return true;
    }
    return false;
}

std::string_view text_of_value(sqlite3_value* v) noexcept {
    const auto* at = reinterpret_cast<const char*>(sqlite3_value_text(v));
    return at == nullptr ? std::string_view{} : std::string_view{at, static_cast<std::size_t>(sqlite3_value_bytes(v))};
}

void give_text(sqlite3_context* context, std::string_view text) {
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void add_function(sqlite3* to, const function_entry& f, const void* data) {
    const int how = SQLITE_UTF8 | SQLITE_INNOCUOUS | (f.is_fixed ? SQLITE_DETERMINISTIC : 0);
    sqlite3_create_function_v2(to, f.name, f.arguments, how, const_cast<void*>(data), f.run, nullptr, nullptr, nullptr);
}

}  // namespace ashlar::driver::sqlite
