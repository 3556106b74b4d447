// Intervals over the texts that a file keeps: their arithmetic, alone and with moments.
#include "core/ascii.hpp"
#include "core/calendar.hpp"
#include "core/interval_math.hpp"
#include "core/kept_moment.hpp"
#include "core/moment.hpp"
#include "driver/sqlite/pg_functions.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>

namespace ashlar::driver::sqlite {

namespace {

__extension__ using wide_number = __int128;

using context_ptr = sqlite3_context*;
using values_ptr = sqlite3_value**;

template <class T>
std::optional<T> taken(context_ptr context, result<T> read) {
    if (read) return std::move(*read);
    fail_in_function(context, read.error());
    return std::nullopt;
}

std::optional<interval> span_in(context_ptr context, sqlite3_value* v) {
    return taken(context, parse_interval(text_of_value(v)));
}

std::optional<std::int64_t> moment_in(context_ptr context, sqlite3_value* v) {
    const std::string text = moment_text(text_of_value(v));
    if (const auto all = microseconds_since_2000(text)) return *all;
    fail_in_function(context, "22007", fmt::format("invalid input syntax for type timestamp: \"{}\"", text));
    return std::nullopt;
}

std::optional<std::int64_t> time_in(context_ptr context, sqlite3_value* v) {
    return taken(context, microseconds_of_day(text_of_value(v)));
}

void give_moment(context_ptr context, std::int64_t since_2000) {
    std::string text = text_of_microseconds(since_2000);
    if (const std::size_t zone = text.find("+00"); zone != text.npos) text.erase(zone, 3);
    give_text(context, kept_moment(text));
}

void give_time(context_ptr context, std::int64_t since_midnight) {
    const std::int64_t day = microseconds_per_day;
    const std::string text = text_of_microseconds((since_midnight % day + day) % day);
    give_text(context, std::string_view{text}.substr(11, text.size() - 14));  // of 2000-01-01
}

void give_span(context_ptr context, const result<interval>& span) {
    if (span) return give_text(context, to_string(*span));
    fail_in_function(context, span.error());
}

std::string small_letters(std::string_view text) {
    std::string out;
    for (const char c : trim(text)) out += to_lower(c);
    return out;
}

template <bool Negated>
void moment_plus_span(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    const auto moment = moment_in(context, arguments[0]);
    if (!moment) return;
    auto span = span_in(context, arguments[1]);
    if (!span) return;
    if (Negated) span = taken(context, negate(*span));
    if (!span) return;
    if (const auto sum = taken(context, add_to_moment(*moment, *span))) give_moment(context, *sum);
}

template <result<interval> (*Between)(std::int64_t, std::int64_t)>
void moments_apart(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    const auto a = moment_in(context, arguments[0]);
    if (!a) return;
    if (const auto b = moment_in(context, arguments[1])) give_span(context, Between(*a, *b));
}

template <result<interval> (*Of)(const interval&, const interval&)>
void spans_joined(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    const auto a = span_in(context, arguments[0]);
    if (!a) return;
    if (const auto b = span_in(context, arguments[1])) give_span(context, Of(*a, *b));
}

template <result<interval> (*Of)(const interval&, double)>
void span_scaled(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    if (const auto span = span_in(context, arguments[0]))
        give_span(context, Of(*span, sqlite3_value_double(arguments[1])));
}

template <result<interval> (*Of)(interval)>
void span_justified(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    if (const auto span = span_in(context, arguments[0])) give_span(context, Of(*span));
}

void span_negated(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    if (const auto span = span_in(context, arguments[0])) give_span(context, negate(*span));
}

void span_field(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    const auto span = span_in(context, arguments[1]);
    if (!span) return;
    if (const auto text = taken(context, field_of(*span, small_letters(text_of_value(arguments[0])))))
        give_text(context, *text);
}

void span_truncated(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    if (const auto span = span_in(context, arguments[1]))
        give_span(context, truncated(*span, small_letters(text_of_value(arguments[0]))));
}

template <bool Negated>
void time_plus_span(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    const auto time = time_in(context, arguments[0]);
    if (!time) return;
    const auto span = span_in(context, arguments[1]);
    if (!span) return;
    const std::int64_t part = span->microseconds % microseconds_per_day;
    give_time(context, Negated ? *time - part : *time + part);
}

void times_apart(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    const auto a = time_in(context, arguments[0]);
    if (!a) return;
    if (const auto b = time_in(context, arguments[1])) give_span(context, interval{0, 0, *a - *b});
}

void span_of_time(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    if (const auto time = time_in(context, arguments[0])) give_span(context, interval{0, 0, *time});
}

// pg_make_interval(years, months, weeks, days, hours, mins, secs)
void made_interval(context_ptr context, int count, values_ptr arguments) {
    if (any_null(count, arguments)) return;
    const auto n = [&](int i) { return static_cast<wide_number>(sqlite3_value_int64(arguments[i])); };
    const wide_number months = n(0) * 12 + n(1), days = n(2) * 7 + n(3);
    const double seconds = std::rint(sqlite3_value_double(arguments[6]) * 1e6);
    const wide_number clock = (n(4) * 3'600 + n(5) * 60) * 1'000'000;
    const bool fits = months >= INT32_MIN && months <= INT32_MAX && days >= INT32_MIN && days <= INT32_MAX &&
                      seconds > -9e18 && seconds < 9e18;
    const wide_number all = fits ? clock + static_cast<std::int64_t>(seconds) : 0;
    if (!fits || all > std::numeric_limits<std::int64_t>::max() || all < std::numeric_limits<std::int64_t>::min())
        return fail_in_function(context, "22008", "interval out of range");
    give_span(context, interval{static_cast<std::int32_t>(months), static_cast<std::int32_t>(days),
                                static_cast<std::int64_t>(all)});
}

}  // namespace

void add_pg_spans(sqlite3* to) {
    for (const function_entry& f : {
             function_entry{"pg_moment_add", 2, moment_plus_span<false>},
             function_entry{"pg_moment_sub", 2, moment_plus_span<true>},
             function_entry{"pg_moment_diff", 2, moments_apart<between_moments>},
             function_entry{"pg_age", 2, moments_apart<age_between>},
             function_entry{"pg_span_add", 2, spans_joined<add>},
             function_entry{"pg_span_sub", 2, spans_joined<subtract>},
             function_entry{"pg_span_mul", 2, span_scaled<multiply>},
             function_entry{"pg_span_div", 2, span_scaled<divide>},
             function_entry{"pg_span_neg", 1, span_negated},
             function_entry{"pg_span_extract", 2, span_field},
             function_entry{"pg_span_trunc", 2, span_truncated},
             function_entry{"pg_span_of_time", 1, span_of_time},
             function_entry{"pg_time_add", 2, time_plus_span<false>},
             function_entry{"pg_time_sub", 2, time_plus_span<true>},
             function_entry{"pg_time_diff", 2, times_apart},
             function_entry{"pg_justify_hours", 1, span_justified<justified_hours>},
             function_entry{"pg_justify_days", 1, span_justified<justified_days>},
             function_entry{"pg_justify_interval", 1, span_justified<justified>},
             function_entry{"pg_make_interval", 7, made_interval},
         }) {
        add_function(to, f);
    }
}

}  // namespace ashlar::driver::sqlite
