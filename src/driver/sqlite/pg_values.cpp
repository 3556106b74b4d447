// Casts through text, dates, and the choice of the greatest and the least.
#include "core/ascii.hpp"
#include "core/calendar.hpp"
#include "core/stored_form.hpp"
#include "driver/sqlite/decimals.hpp"
#include "driver/sqlite/pg_functions.hpp"
#include "driver/sqlite/types.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <string>

namespace ashlar::driver::sqlite {

namespace {

void give(sqlite3_context* context, const stored_value& v) {
    switch (v.kind) {
        case storage::integer:
            return sqlite3_result_int64(context, v.whole);
        case storage::real:
            return sqlite3_result_double(context, v.real);
        case storage::blob:
            return sqlite3_result_blob64(context, v.text.data(), v.text.size(), SQLITE_TRANSIENT);
        default:
            return give_text(context, v.text);
    }
}

// pg_read(x, type, modifier, cast)
void read(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (any_null(1, arguments)) return;
    std::string text;
    switch (sqlite3_value_type(arguments[0])) {
        case SQLITE_FLOAT:
            append_decimal(text, sqlite3_value_double(arguments[0]), -1);
            break;
        case SQLITE_BLOB:
            append_hex(text, {static_cast<const char*>(sqlite3_value_blob(arguments[0])),
                              static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]))});
            break;
        default:
            text = text_of_value(arguments[0]);
    }
    const auto type = static_cast<std::uint32_t>(sqlite3_value_int64(arguments[1]));
    const auto how = sqlite3_value_int(arguments[3]) != 0 ? conversion::cast : conversion::assignment;
    const auto kept = stored_form(text, type, sqlite3_value_int(arguments[2]), how);
    if (!kept) return fail_in_function(context, kept.error());
    give(context, *kept);
}

void boolean_text(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    give_text(context, sqlite3_value_int64(arguments[0]) != 0 ? "true" : "false");
}

void bytea_text(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    std::string out;
    append_hex(out, {static_cast<const char*>(sqlite3_value_blob(arguments[0])),
                     static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]))});
    give_text(context, out);
}

// --- dates --------------------------------------------------------------------------------------------------------

std::optional<date> day_of(sqlite3_context* context, sqlite3_value* v) {
    const auto d = parse_date(text_of_value(v));
    if (d) return *d;
    fail_in_function(context, "22007", fmt::format("invalid input syntax for type date: \"{}\"", text_of_value(v)));
    return std::nullopt;
}

void date_add(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto day = day_of(context, arguments[0]);
    if (!day) return;
    const std::int64_t days = sqlite3_value_int64(arguments[1]);
    const std::int64_t sum = day->time_since_epoch().count() + days;
    if (sum < days_of({1, 1, 1}) || sum > days_of({9999, 12, 31})) {
        return fail_in_function(context, "22008", "date out of range",
                                "Dates over SQLite databases lie between the years 1 and 9999.");
    }
    give_text(context, to_string(date{std::chrono::days{sum}}));
}

void date_diff(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto a = day_of(context, arguments[0]);
    if (!a) return;
    const auto b = day_of(context, arguments[1]);
    if (b) sqlite3_result_int64(context, (*a - *b).count());
}

// pg_extract(field, moment): decimal text
void extract(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const std::string_view text = text_of_value(arguments[1]);
    const auto moment = parse_timestamp(text);
    if (!moment)
        return fail_in_function(context, "22007", fmt::format("invalid input syntax for type timestamp: \"{}\"", text));
    const bool has_time = text.find(':') != std::string_view::npos;
    std::string field;
    for (const char c : trim(text_of_value(arguments[0]))) field += to_lower(c);
    using namespace std::chrono;
    const sys_days day = floor<days>(*moment);
    const std::int64_t time = (*moment - day).count();  // microseconds
    const civil parts = civil_of(day.time_since_epoch().count());
    const auto give_int = [&](std::int64_t n) { give_text(context, std::to_string(n)); };
    const bool of_time = field == "hour" || field == "minute" || field == "second" || field == "millisecond" ||
                         field == "milliseconds" || field == "microseconds" || field == "microsecond";
    if (of_time && !has_time)
        return fail_in_function(context, "0A000", fmt::format("unit \"{}\" not supported for type date", field));
    if (field == "year") return give_int(parts.year);
    if (field == "month") return give_int(parts.month);
    if (field == "day") return give_int(parts.day);
    if (field == "quarter") return give_int((parts.month - 1) / 3 + 1);
    if (field == "decade") return give_int(parts.year / 10);
    if (field == "century") return give_int((parts.year + 99) / 100);
    if (field == "hour") return give_int(time / 3'600'000'000);
    if (field == "minute") return give_int(time / 60'000'000 % 60);
    if (field == "dow") return give_int(weekday{day}.c_encoding());
    if (field == "isodow") return give_int(weekday{day}.iso_encoding());
    if (field == "doy") return give_int(day.time_since_epoch().count() - days_of({parts.year, 1, 1}) + 1);
    const auto fixed = [&](std::int64_t n, std::int64_t unit, int digits) {
        give_text(context,
                  fmt::format("{}{}.{:0{}}", n < 0 ? "-" : "", std::abs(n) / unit, std::abs(n) % unit, digits));
    };
    if (field == "second") return fixed(time % 60'000'000, 1'000'000, 6);
    if (field == "millisecond" || field == "milliseconds") return fixed(time % 60'000'000, 1'000, 3);
    if (field == "microsecond" || field == "microseconds") return give_int(time % 60'000'000);
    if (field == "epoch") {
        if (!has_time) return give_int(day.time_since_epoch().count() * 86'400);
        return fixed(moment->time_since_epoch().count(), 1'000'000, 6);
    }
    fail_in_function(context, "0A000", fmt::format("extract of \"{}\" is not available over SQLite databases", field),
                     "Compute it in the program.");
}

// --- GREATEST and LEAST -------------------------------------------------------------------------------------------

// Both of one type: numbers, or texts by their bytes.
int order_of(sqlite3_value* a, sqlite3_value* b) {
    const int left = sqlite3_value_type(a), right = sqlite3_value_type(b);
    if (left == SQLITE_INTEGER && right == SQLITE_INTEGER) {
        const std::int64_t x = sqlite3_value_int64(a), y = sqlite3_value_int64(b);
        return x < y ? -1 : x > y ? 1 : 0;
    }
    if (left == SQLITE_TEXT || right == SQLITE_TEXT) return text_of_value(a).compare(text_of_value(b));
    const long double x =
        left == SQLITE_INTEGER ? static_cast<long double>(sqlite3_value_int64(a)) : sqlite3_value_double(a);
    const long double y =
        right == SQLITE_INTEGER ? static_cast<long double>(sqlite3_value_int64(b)) : sqlite3_value_double(b);
    return x < y ? -1 : x > y ? 1 : 0;
}

template <bool Greatest>
void extreme(sqlite3_context* context, int count, sqlite3_value** arguments) {
    sqlite3_value* best = nullptr;
    for (int i = 0; i < count; ++i) {
        if (sqlite3_value_type(arguments[i]) == SQLITE_NULL) continue;
        const int order = best == nullptr ? 0 : order_of(arguments[i], best);
        if (best == nullptr || (Greatest ? order > 0 : order < 0)) best = arguments[i];
    }
    if (best != nullptr) sqlite3_result_value(context, best);
}

}  // namespace

void add_pg_values(sqlite3* to) {
    for (const function_entry& f : {
             function_entry{"pg_read", 4, read},
             function_entry{"pg_boolean_text", 1, boolean_text},
             function_entry{"pg_bytea_text", 1, bytea_text},
             function_entry{"pg_date_add", 2, date_add},
             function_entry{"pg_date_diff", 2, date_diff},
             function_entry{"pg_extract", 2, extract},
             function_entry{"pg_greatest", -1, extreme<true>},
             function_entry{"pg_least", -1, extreme<false>},
         }) {
        add_function(to, f);
    }
}

}  // namespace ashlar::driver::sqlite
