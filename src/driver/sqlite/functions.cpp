#include "driver/sqlite/functions.hpp"

#include "core/ascii.hpp"
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

std::string_view text_of(sqlite3_value* v) {
    const auto* at = reinterpret_cast<const char*>(sqlite3_value_text(v));
    return at == nullptr ? std::string_view{} : std::string_view{at, static_cast<std::size_t>(sqlite3_value_bytes(v))};
}

void now(sqlite3_context* context, int, sqlite3_value**) {
    give(context, utc(*static_cast<const timestamp*>(sqlite3_user_data(context))));
}

void random_uuid(sqlite3_context* context, int, sqlite3_value**) {
    give(context, uuid::random().to_string());
}

using std::chrono::days;
using std::chrono::year;

// The first year of the span of `size` years that `y` is in; centuries and millennia begin with year 1, decades with 0.
int first_year(int y, int size, int begin) {
    return y - ((y - begin) % size + size) % size;
}

std::optional<timestamp> truncated(std::string_view unit, timestamp t) {
    using namespace std::chrono;
    const sys_days day = floor<days>(t);
    const year_month_day parts{day};
    const int y = static_cast<int>(parts.year());
    const auto january = [](int of) { return timestamp{sys_days{year{of} / 1 / 1}}; };
    if (unit == "microsecond" || unit == "microseconds") return t;
    if (unit == "millisecond" || unit == "milliseconds") return floor<milliseconds>(t);
    if (unit == "second") return floor<seconds>(t);
    if (unit == "minute") return floor<minutes>(t);
    if (unit == "hour") return floor<hours>(t);
    if (unit == "day") return timestamp{day};
    if (unit == "week") return timestamp{day - (weekday{day} - Monday)};
    if (unit == "month") return timestamp{sys_days{parts.year() / parts.month() / 1}};
    if (unit == "quarter") {
        const unsigned first = (static_cast<unsigned>(parts.month()) - 1) / 3 * 3 + 1;
        return timestamp{sys_days{parts.year() / month{first} / 1}};
    }
    if (unit == "year") return january(y);
    if (unit == "decade") return january(first_year(y, 10, 0));
    if (unit == "century") return january(first_year(y, 100, 1));
    if (unit == "millennium") return january(first_year(y, 1000, 1));
    return std::nullopt;
}

void date_trunc(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (sqlite3_value_type(arguments[0]) == SQLITE_NULL || sqlite3_value_type(arguments[1]) == SQLITE_NULL) return;
    if (sqlite3_value_type(arguments[1]) != SQLITE_TEXT) {
        return fail_in_function(context, "22007", "date_trunc() takes an instant written as text");
    }
    const auto instant = parse_timestamp(text_of(arguments[1]));
    if (!instant) return fail_in_function(context, "22007", "date_trunc() takes an instant written as text");
    std::string unit{text_of(arguments[0])};
    for (char& c : unit) c = to_lower(c);
    const auto cut = truncated(unit, *instant);
    if (!cut) return fail_in_function(context, "22023", "unit \"" + unit + "\" not recognized for date_trunc()");
    give(context, utc(*cut));
}

}  // namespace

void add_functions(sqlite3* to, const timestamp* started) {
    const int plain = SQLITE_UTF8 | SQLITE_INNOCUOUS;
    const int fixed = plain | SQLITE_DETERMINISTIC;
    sqlite3_create_function_v2(to, "gen_random_uuid", 0, plain, nullptr, random_uuid, nullptr, nullptr, nullptr);
    sqlite3_create_function_v2(to, "now", 0, plain, const_cast<timestamp*>(started), now, nullptr, nullptr, nullptr);
    sqlite3_create_function_v2(to, "date_trunc", 2, fixed, nullptr, date_trunc, nullptr, nullptr, nullptr);
    add_pg_numbers(to);
    add_pg_texts(to);
    add_pg_values(to);
}

}  // namespace ashlar::driver::sqlite
