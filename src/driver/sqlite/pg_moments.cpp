// Arithmetic and casts of dates and timestamps, over the texts that a file keeps.
#include "core/ascii.hpp"
#include "core/calendar.hpp"
#include "core/kept_moment.hpp"
#include "core/moment.hpp"
#include "driver/sqlite/pg_functions.hpp"
#include "driver/sqlite/types.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace ashlar::driver::sqlite {

namespace {

constexpr std::int64_t microseconds_per_day = 86'400'000'000;
constexpr std::int64_t last_day_of_timestamps = days_of({294'276, 12, 31}) - postgres_epoch_days;
constexpr std::int64_t first_day_of_moments = days_of({-4713, 11, 24}) - postgres_epoch_days;
constexpr std::int64_t last_day_of_dates = days_of({5'874'897, 12, 31}) - postgres_epoch_days;

bool is_infinite(std::int64_t n) noexcept {
    return n == INT64_MAX || n == INT64_MIN;
}

std::optional<std::int64_t> day_of(sqlite3_context* context, sqlite3_value* v) {
    const std::string text = moment_text(text_of_value(v));
    if (const auto days = days_since_2000(text)) return *days;
    fail_in_function(context, "22007", fmt::format("invalid input syntax for type date: \"{}\"", text));
    return std::nullopt;
}

std::optional<std::int64_t> moment_of(sqlite3_context* context, sqlite3_value* v) {
    const std::string text = moment_text(text_of_value(v));
    if (const auto all = microseconds_since_2000(text)) return *all;
    fail_in_function(context, "22007", fmt::format("invalid input syntax for type timestamp: \"{}\"", text));
    return std::nullopt;
}

void give_date(sqlite3_context* context, std::int64_t since_2000) {
    give_text(context, kept_moment(text_of_days(since_2000)));
}

void give_timestamp(sqlite3_context* context, std::int64_t since_2000) {
    std::string text = text_of_microseconds(since_2000);
    if (const std::size_t zone = text.find("+00"); zone != text.npos) text.erase(zone, 3);
    give_text(context, kept_moment(text));
}

void date_add(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto day = day_of(context, arguments[0]);
    if (!day) return;
    if (is_infinite(*day)) return give_date(context, *day);
    std::int64_t sum = 0;
    if (__builtin_add_overflow(*day, sqlite3_value_int64(arguments[1]), &sum) || sum < first_day_of_moments ||
        sum > last_day_of_dates) {
        return fail_in_function(context, "22008", "date out of range");
    }
    give_date(context, sum);
}

void date_diff(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto a = day_of(context, arguments[0]);
    if (!a) return;
    const auto b = day_of(context, arguments[1]);
    if (!b) return;
    if (is_infinite(*a) || is_infinite(*b)) return fail_in_function(context, "22008", "cannot subtract infinite dates");
    sqlite3_result_int64(context, *a - *b);
}

// --- casts --------------------------------------------------------------------------------------------------------

void timestamp_of_date(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto day = day_of(context, arguments[0]);
    if (!day) return;
    if (is_infinite(*day)) return give_date(context, *day);
    if (*day > last_day_of_timestamps) return fail_in_function(context, "22008", "date out of range for timestamp");
    give_timestamp(context, *day * microseconds_per_day);
}

// Days and microseconds of the day.
struct split {
    std::int64_t day, time;
    explicit split(std::int64_t microseconds)
        : day(microseconds / microseconds_per_day), time(microseconds % microseconds_per_day) {
        if (time >= 0) return;
        time += microseconds_per_day;
        --day;
    }
};

void date_of_timestamp(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto all = moment_of(context, arguments[0]);
    if (all) give_date(context, is_infinite(*all) ? *all : split{*all}.day);
}

void time_of_timestamp(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto all = moment_of(context, arguments[0]);
    if (!all || is_infinite(*all)) return;  // NULL
    const std::string text = text_of_microseconds(split{*all}.time);
    give_text(context, std::string_view{text}.substr(11, text.size() - 14));  // of 2000-01-01
}

// pg_moment_text(x, type)
void text_of_moment(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    std::string out;
    const auto type = static_cast<std::uint32_t>(sqlite3_value_int64(arguments[1]));
    if (append_text_form(out, text_of_value(arguments[0]), type)) return give_text(context, out);
    fail_in_function(context, "22007",
                     fmt::format("a stored value is not a date or time: \"{}\"", text_of_value(arguments[0])));
}

// --- fields -------------------------------------------------------------------------------------------------------

// PostgreSQL has no year 0: 1 BC is -1.
std::int64_t year_as_told(std::int64_t year) noexcept {
    return year > 0 ? year : year - 1;
}

// The first year of the span of `size` years that `year` is in; centuries and millennia begin with year 1, decades with 0.
std::int64_t first_year(std::int64_t year, std::int64_t size, std::int64_t begin) noexcept {
    return year - ((year - begin) % size + size) % size;
}

// From Monday, 0, to Sunday; 2000-01-01 was a Saturday.
std::int64_t day_of_week(std::int64_t since_2000) noexcept {
    return ((since_2000 + 5) % 7 + 7) % 7;
}

std::string fixed(std::int64_t n, std::int64_t unit, int digits) {
    return fmt::format("{}{}.{:0{}}", n < 0 ? "-" : "", std::abs(n / unit), std::abs(n % unit), digits);
}

std::optional<std::string> field_of_time(std::string_view field, std::int64_t time) {
    if (field == "hour") return std::to_string(time / 3'600'000'000);
    if (field == "minute") return std::to_string(time / 60'000'000 % 60);
    if (field == "second") return fixed(time % 60'000'000, 1'000'000, 6);
    if (field == "millisecond" || field == "milliseconds") return fixed(time % 60'000'000, 1'000, 3);
    if (field == "microsecond" || field == "microseconds") return std::to_string(time % 60'000'000);
    return std::nullopt;
}

std::optional<std::int64_t> field_of_day(std::string_view field, std::int64_t day) {
    const civil parts = civil_of(day + postgres_epoch_days);
    if (field == "year") return year_as_told(parts.year);
    if (field == "month") return parts.month;
    if (field == "day") return parts.day;
    if (field == "quarter") return (parts.month - 1) / 3 + 1;
    if (field == "decade") return first_year(parts.year, 10, 0) / 10;
    if (field == "century") return parts.year > 0 ? (parts.year + 99) / 100 : -((100 - parts.year) / 100);
    if (field == "millennium") return parts.year > 0 ? (parts.year + 999) / 1000 : -((1000 - parts.year) / 1000);
    if (field == "dow") return (day_of_week(day) + 1) % 7;
    if (field == "isodow") return day_of_week(day) + 1;
    if (field == "doy") return day + postgres_epoch_days - days_of({parts.year, 1, 1}) + 1;
    return std::nullopt;
}

// Of an infinite moment: what grows with time is infinite, the rest is NULL.
void infinite_field(sqlite3_context* context, std::string_view field, std::int64_t moment) {
    const bool grows =
        field == "year" || field == "decade" || field == "century" || field == "millennium" || field == "epoch";
    if (grows) give_text(context, moment > 0 ? "Infinity" : "-Infinity");
}

// pg_extract(field, moment): decimal text
void extract(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const std::string text = moment_text(text_of_value(arguments[1]));
    const bool has_time = text.find(':') != std::string::npos;
    std::string field;
    for (const char c : trim(text_of_value(arguments[0]))) field += to_lower(c);
    const auto days = has_time ? result<std::int64_t>{0} : days_since_2000(text);
    const auto all = has_time ? microseconds_since_2000(text) : result<std::int64_t>{0};
    if (!days || !all)
        return fail_in_function(context, "22007", fmt::format("invalid input syntax for type timestamp: \"{}\"", text));
    if (is_infinite(*days) || is_infinite(*all)) return infinite_field(context, field, has_time ? *all : *days);
    const std::int64_t day = has_time ? split{*all}.day : *days;
    if (const auto n = field_of_day(field, day)) return give_text(context, std::to_string(*n));
    if (field == "epoch") {
        constexpr std::int64_t seconds_to_2000 = postgres_epoch_days * 86'400;
        if (!has_time) return give_text(context, std::to_string(*days * 86'400 + seconds_to_2000));
        // beyond int64 in microseconds from 1970
        const std::int64_t second = day * 86'400 + seconds_to_2000 + split{*all}.time / 1'000'000;
        const std::int64_t fraction = split{*all}.time % 1'000'000;
        if (second >= 0) return give_text(context, fmt::format("{}.{:06}", second, fraction));
        return give_text(context, fixed(second * 1'000'000 + fraction, 1'000'000, 6));
    }
    if (const auto part = field_of_time(field, has_time ? split{*all}.time : 0)) {
        if (has_time) return give_text(context, *part);
        return fail_in_function(context, "0A000", fmt::format("unit \"{}\" not supported for type date", field));
    }
    static constexpr auto known = std::to_array<std::string_view>(
        {"julian", "timezone", "timezone_h", "timezone_m", "timezone_hour", "timezone_minute"});
    if (std::find(known.begin(), known.end(), field) == known.end()) {
        return fail_in_function(
            context, "22023",
            fmt::format("unit \"{}\" not recognized for type {}", field, has_time ? "timestamp" : "date"));
    }
    fail_in_function(context, "0A000", fmt::format("extract of \"{}\" is not available over SQLite databases", field),
                     "Compute it in the program.");
}

std::optional<std::int64_t> truncated(std::string_view unit, std::int64_t moment) {
    const split at{moment};
    const auto time_cut_to = [&](std::int64_t size) { return moment - at.time % size; };
    const auto day = [](std::int64_t since_2000) { return since_2000 * microseconds_per_day; };
    const auto first_of = [&](std::int64_t year, unsigned month) {
        return day(days_of({year, month, 1}) - postgres_epoch_days);
    };
    const civil parts = civil_of(at.day + postgres_epoch_days);
    if (unit == "microsecond" || unit == "microseconds") return moment;
    if (unit == "millisecond" || unit == "milliseconds") return time_cut_to(1'000);
    if (unit == "second") return time_cut_to(1'000'000);
    if (unit == "minute") return time_cut_to(60'000'000);
    if (unit == "hour") return time_cut_to(3'600'000'000);
    if (unit == "day") return day(at.day);
    if (unit == "week") return day(at.day - day_of_week(at.day));
    if (unit == "month") return first_of(parts.year, parts.month);
    if (unit == "quarter") return first_of(parts.year, (parts.month - 1) / 3 * 3 + 1);
    if (unit == "year") return first_of(parts.year, 1);
    if (unit == "decade") return first_of(first_year(parts.year, 10, 0), 1);
    if (unit == "century") return first_of(first_year(parts.year, 100, 1), 1);
    if (unit == "millennium") return first_of(first_year(parts.year, 1000, 1), 1);
    return std::nullopt;
}

void date_trunc(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto all = moment_of(context, arguments[1]);
    if (!all) return;
    std::string unit{text_of_value(arguments[0])};
    for (char& c : unit) c = to_lower(c);
    const auto cut = truncated(unit, is_infinite(*all) ? 0 : *all);
    if (!cut) return fail_in_function(context, "22023", "unit \"" + unit + "\" not recognized for date_trunc()");
    if (!is_infinite(*all) && *cut < first_day_of_moments * microseconds_per_day)
        return fail_in_function(context, "22008", "timestamp out of range");
    give_timestamp(context, is_infinite(*all) ? *all : *cut);
}

}  // namespace

void add_pg_moments(sqlite3* to) {
    for (const function_entry& f : {
             function_entry{"pg_date_add", 2, date_add},
             function_entry{"pg_date_diff", 2, date_diff},
             function_entry{"pg_timestamp_of_date", 1, timestamp_of_date},
             function_entry{"pg_date_of_timestamp", 1, date_of_timestamp},
             function_entry{"pg_time_of_timestamp", 1, time_of_timestamp},
             function_entry{"pg_moment_text", 2, text_of_moment},
             function_entry{"pg_extract", 2, extract},
             function_entry{"date_trunc", 2, date_trunc},
         }) {
        add_function(to, f);
    }
}

}  // namespace ashlar::driver::sqlite
