#include "driver/sqlite/functions.hpp"

#include "core/ascii.hpp"
#include "driver/connection.hpp"
#include "driver/sqlite/array_parameter.hpp"
#include "driver/sqlite/pg_functions.hpp"

#include <ashlar/types.hpp>

#include <sqlite3.h>

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::driver::sqlite {

namespace {

void give(sqlite3_context* context, const std::string& text) {
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

std::string utc(timestamp t) {
    std::string text = to_string(t);
    if (text.ends_with("+00")) text.resize(text.size() - 3);
    return text;
}

timestamp moment_at(sqlite3_context* context) {
    return *static_cast<const timestamp*>(sqlite3_user_data(context));
}

void moment(sqlite3_context* context, int, sqlite3_value**) {
    give(context, utc(moment_at(context)));
}

void today(sqlite3_context* context, int, sqlite3_value**) {
    give(context, to_string(std::chrono::floor<std::chrono::days>(moment_at(context))));
}

void clock(sqlite3_context* context, int, sqlite3_value**) {
    give(context, utc(this_moment()));
}

void random_uuid(sqlite3_context* context, int, sqlite3_value**) {
    give(context, uuid::random().to_string());
}

}  // namespace

void add_functions(sqlite3* to, const moments* at, const regex::stop_check* stop) {
    const int plain = SQLITE_UTF8 | SQLITE_INNOCUOUS;
    sqlite3_create_function_v2(to, "gen_random_uuid", 0, plain, nullptr, random_uuid, nullptr, nullptr, nullptr);
    auto* const transaction = const_cast<timestamp*>(&at->transaction);
    auto* const statement = const_cast<timestamp*>(&at->statement);
    sqlite3_create_function_v2(to, "now", 0, plain, transaction, moment, nullptr, nullptr, nullptr);
    sqlite3_create_function_v2(to, "pg_today", 0, plain, transaction, today, nullptr, nullptr, nullptr);
    sqlite3_create_function_v2(to, "pg_statement_moment", 0, plain, statement, moment, nullptr, nullptr, nullptr);
    sqlite3_create_function_v2(to, "pg_clock", 0, plain, nullptr, clock, nullptr, nullptr, nullptr);
    add_pg_numbers(to);
    add_pg_texts(to);
    add_pg_values(to);
    add_pg_moments(to);
    add_pg_spans(to);
    add_pg_regexes(to, stop);
    add_pg_arrays(to);
}

}  // namespace ashlar::driver::sqlite
