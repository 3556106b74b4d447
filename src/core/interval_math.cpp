#include "core/interval_math.hpp"

#include "core/calendar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace ashlar {

namespace {

__extension__ using wide_number = __int128;

constexpr std::int64_t usecs_per_second = 1'000'000;
constexpr std::int64_t usecs_per_hour = 3'600 * usecs_per_second;
constexpr std::int64_t first_moment = (days_of({-4713, 11, 24}) - postgres_epoch_days) * microseconds_per_day;
constexpr std::int64_t end_of_moments = (days_of({294'277, 1, 1}) - postgres_epoch_days) * microseconds_per_day;

error span_out_of_range() {
    return error{errc::bad_value, "interval out of range"}.sqlstate("22008");
}

error moment_out_of_range() {
    return error{errc::bad_value, "timestamp out of range"}.sqlstate("22008");
}

bool is_endless(std::int64_t moment) noexcept {
    return moment == std::numeric_limits<std::int64_t>::max() || moment == std::numeric_limits<std::int64_t>::min();
}

// A moment by its parts.
struct broken_down {
    civil day;
    std::int64_t time = 0;  // microseconds of the day
    explicit broken_down(std::int64_t moment) {
        std::int64_t days = moment / microseconds_per_day;
        time = moment % microseconds_per_day;
        if (time < 0) {
            time += microseconds_per_day;
            --days;
        }
        day = civil_of(days + postgres_epoch_days);
    }
};

// To a millionth, as PostgreSQL rounds what is left over.
double rounded(double seconds) {
    return std::rint(seconds * 1e6) / 1e6;
}

// What `scale` makes of each part, with the fractions of months and days carried down.
template <class Scale>
result<interval> scaled(const interval& a, Scale scale) {
    const auto fits_int = [](double d) { return !std::isnan(d) && d >= -2147483648.0 && d <= 2147483647.0; };
    const double months = scale(static_cast<double>(a.months)), days = scale(static_cast<double>(a.days));
    if (!fits_int(months) || !fits_int(days)) return span_out_of_range();
    interval out;
    out.months = static_cast<std::int32_t>(months);
    out.days = static_cast<std::int32_t>(days);
    const double month_days = rounded((months - out.months) * 30);
    const auto whole_month_days = static_cast<std::int32_t>(month_days);
    double seconds = rounded((days - out.days + month_days - whole_month_days) * 86'400);
    std::int64_t all_days = out.days;
    if (std::fabs(seconds) >= 86'400) {
        const auto more = static_cast<std::int32_t>(seconds / 86'400);
        all_days += more;
        seconds -= more * 86'400.0;
    }
    all_days += whole_month_days;
    if (all_days < INT32_MIN || all_days > INT32_MAX) return span_out_of_range();
    out.days = static_cast<std::int32_t>(all_days);
    const double time = std::rint(scale(static_cast<double>(a.microseconds)) + seconds * 1e6);
    if (std::isnan(time) || time < -9223372036854775808.0 || time >= 9223372036854775808.0) return span_out_of_range();
    out.microseconds = static_cast<std::int64_t>(time);
    return out;
}

// `part` keeps less than `size`; what is over goes to `into`.
template <class Part, class Into>
bool carry(Part& part, std::int64_t size, Into& into) {
    const auto more = static_cast<std::int64_t>(part) / size;
    part = static_cast<Part>(part - more * size);
    Into sum = 0;
    if (__builtin_add_overflow(into, more, &sum)) return false;
    into = sum;
    return true;
}

}  // namespace

result<interval> add(const interval& a, const interval& b) {
    interval out;
    if (__builtin_add_overflow(a.months, b.months, &out.months) || __builtin_add_overflow(a.days, b.days, &out.days) ||
        __builtin_add_overflow(a.microseconds, b.microseconds, &out.microseconds)) {
        return span_out_of_range();
    }
    return out;
}

result<interval> subtract(const interval& a, const interval& b) {
    interval out;
    if (__builtin_sub_overflow(a.months, b.months, &out.months) || __builtin_sub_overflow(a.days, b.days, &out.days) ||
        __builtin_sub_overflow(a.microseconds, b.microseconds, &out.microseconds)) {
        return span_out_of_range();
    }
    return out;
}

result<interval> negate(const interval& a) {
    return subtract(interval{}, a);
}

result<interval> multiply(const interval& a, double by) {
    return scaled(a, [by](double part) { return part * by; });
}

result<interval> divide(const interval& a, double by) {
    if (by == 0) return error{errc::bad_value, "division by zero"}.sqlstate("22012");
    return scaled(a, [by](double part) { return part / by; });
}

result<std::int64_t> add_to_moment(std::int64_t moment, const interval& span) {
    if (is_endless(moment)) return moment;
    if (span.months != 0) {
        const broken_down parts{moment};
        const std::int64_t months = parts.day.year * 12 + (parts.day.month - 1) + span.months;
        civil day;
        day.year = months >= 0 ? months / 12 : -((11 - months) / 12);
        day.month = static_cast<unsigned>(months - day.year * 12) + 1;
        day.day = std::min(parts.day.day, days_in_month(day.year, day.month));
        const std::int64_t days = days_of(day) - postgres_epoch_days;
        if (days < first_moment / microseconds_per_day || days > end_of_moments / microseconds_per_day)
            return moment_out_of_range();
        moment = days * microseconds_per_day + parts.time;
    }
    std::int64_t days = 0, sum = 0;
    if (__builtin_mul_overflow(std::int64_t{span.days}, microseconds_per_day, &days) ||
        __builtin_add_overflow(moment, days, &sum) ||
        (span.days != 0 && (sum < first_moment || sum >= end_of_moments)) ||
        __builtin_add_overflow(sum, span.microseconds, &sum) || sum < first_moment || sum >= end_of_moments) {
        return moment_out_of_range();
    }
    return sum;
}

result<interval> between_moments(std::int64_t later, std::int64_t earlier) {
    interval out;
    if (is_endless(later) || is_endless(earlier))
        return error{errc::bad_value, "cannot subtract infinite timestamps"}.sqlstate("22008");
    if (__builtin_sub_overflow(later, earlier, &out.microseconds)) return span_out_of_range();
    return justified_hours(out);
}

result<interval> age_between(std::int64_t later, std::int64_t earlier) {
    if (is_endless(later) || is_endless(earlier)) return moment_out_of_range();
    const bool backwards = later < earlier;
    const broken_down a{backwards ? earlier : later}, b{backwards ? later : earlier};
    std::int64_t time = a.time - b.time;
    auto days = static_cast<std::int64_t>(a.day.day) - b.day.day;
    std::int64_t months = static_cast<std::int64_t>(a.day.month) - b.day.month;
    std::int64_t years = a.day.year - b.day.year;
    if (time < 0) {
        time += microseconds_per_day;
        --days;
    }
    // the month that the earlier of the two is in
    while (days < 0) {
        days += days_in_month(b.day.year, b.day.month);
        --months;
    }
    if (months < 0) {
        months += 12;
        --years;
    }
    interval out;
    out.months = static_cast<std::int32_t>(years * 12 + months);
    out.days = static_cast<std::int32_t>(days);
    out.microseconds = time;
    return backwards ? negate(out) : result<interval>{out};
}

namespace {

// Both parts with the sign of the larger one; it is worth `per` of the smaller.
template <class Larger, class Smaller>
void one_sign(Larger& larger, Smaller& smaller, Smaller per) {
    if (larger > 0 && smaller < 0) {
        smaller += per;
        --larger;
    } else if (larger < 0 && smaller > 0) {
        smaller -= per;
        ++larger;
    }
}

}  // namespace

result<interval> justified_hours(interval span) {
    if (!carry(span.microseconds, microseconds_per_day, span.days)) return span_out_of_range();
    one_sign(span.days, span.microseconds, microseconds_per_day);
    return span;
}

result<interval> justified_days(interval span) {
    if (!carry(span.days, 30, span.months)) return span_out_of_range();
    one_sign(span.months, span.days, 30);
    return span;
}

result<interval> justified(interval span) {
    // days that go the way of the time first, so that neither runs over for nothing
    const bool same_way = (span.days > 0 && span.microseconds > 0) || (span.days < 0 && span.microseconds < 0);
    if (same_way && !carry(span.days, 30, span.months)) return span_out_of_range();
    if (!carry(span.microseconds, microseconds_per_day, span.days) || !carry(span.days, 30, span.months))
        return span_out_of_range();
    if (span.months > 0 && (span.days < 0 || (span.days == 0 && span.microseconds < 0))) {
        span.days += 30;
        --span.months;
    } else if (span.months < 0 && (span.days > 0 || (span.days == 0 && span.microseconds > 0))) {
        span.days -= 30;
        ++span.months;
    }
    one_sign(span.days, span.microseconds, microseconds_per_day);
    return span;
}

result<std::string> field_of(const interval& span, std::string_view field) {
    const std::int64_t time = span.microseconds;
    const auto fixed = [](wide_number n, std::int64_t unit, int digits) {
        const bool negative = n < 0;
        if (negative) n = -n;
        return fmt::format("{}{}.{:0{}}", negative ? "-" : "", static_cast<std::int64_t>(n / unit),
                           static_cast<std::int64_t>(n % unit), digits);
    };
    const auto whole = [](std::int64_t n) { return std::to_string(n); };
    const int years = span.months / 12;
    if (field == "year" || field == "years") return whole(years);
    if (field == "month" || field == "months") return whole(span.months % 12);
    if (field == "quarter") return whole(span.months % 12 / 3 + 1);
    if (field == "decade" || field == "decades") return whole(years / 10);
    if (field == "century" || field == "centuries") return whole(years / 100);
    if (field == "millennium" || field == "millennia") return whole(years / 1000);
    if (field == "day" || field == "days") return whole(span.days);
    if (field == "hour" || field == "hours") return whole(time / usecs_per_hour);
    if (field == "minute" || field == "minutes") return whole(time / (60 * usecs_per_second) % 60);
    const std::int64_t of_minute = time % (60 * usecs_per_second);
    if (field == "second" || field == "seconds") return fixed(of_minute, usecs_per_second, 6);
    if (field == "millisecond" || field == "milliseconds") return fixed(of_minute, 1'000, 3);
    if (field == "microsecond" || field == "microseconds") return whole(of_minute);
    if (field == "epoch") {
        // a year has 365.25 days, a month 30
        const std::int64_t days = span.months / 12 * std::int64_t{1461} + (span.months % 12) * std::int64_t{120};
        const auto seconds = static_cast<wide_number>(days) * 21'600 + static_cast<wide_number>(span.days) * 86'400;
        return fixed(seconds * usecs_per_second + time, usecs_per_second, 6);
    }
    // the other units of moments
    static constexpr auto of_moments = std::to_array<std::string_view>(
        {"week", "dow", "isodow", "doy", "isoyear", "julian", "timezone", "timezone_hour", "timezone_minute"});
    const bool known = std::find(of_moments.begin(), of_moments.end(), field) != of_moments.end();
    return error{errc::bad_value,
                 fmt::format("unit \"{}\" not {} for type interval", field, known ? "supported" : "recognized")}
        .sqlstate(known ? "0A000" : "22023");
}

result<interval> truncated(const interval& span, std::string_view unit) {
    interval out = span;
    const auto to_years = [&](int years) {
        out.months = span.months / 12 / years * years * 12;
        out.days = 0;
        out.microseconds = 0;
    };
    const auto to_time = [&](std::int64_t size) { out.microseconds = span.microseconds / size * size; };
    if (unit == "millennium")
        to_years(1000);
    else if (unit == "century")
        to_years(100);
    else if (unit == "decade")
        to_years(10);
    else if (unit == "year")
        to_years(1);
    else if (unit == "quarter" || unit == "month") {
        if (unit == "quarter") out.months = span.months / 12 * 12 + span.months % 12 / 3 * 3;
        out.days = 0;
        out.microseconds = 0;
    } else if (unit == "day")
        out.microseconds = 0;
    else if (unit == "hour")
        to_time(usecs_per_hour);
    else if (unit == "minute")
        to_time(60 * usecs_per_second);
    else if (unit == "second")
        to_time(usecs_per_second);
    else if (unit == "millisecond" || unit == "milliseconds")
        to_time(1'000);
    else if (unit != "microsecond" && unit != "microseconds") {
        const bool week = unit == "week";
        return error{errc::bad_value, week ? "unit \"week\" not supported for type interval"
                                           : fmt::format("unit \"{}\" not recognized for type interval", unit)}
            .sqlstate(week ? "0A000" : "22023");
    }
    return out;
}

}  // namespace ashlar
