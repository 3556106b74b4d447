// calendar.hpp: the proleptic Gregorian calendar over a wider span than std::chrono's years, for PostgreSQL's
// dates and timestamps (4714 BC to 294276 and beyond). Year 0 is 1 BC. Pure.
#pragma once

#include <cstdint>

namespace ashlar {

struct civil {
    std::int64_t year = 1970;
    unsigned month = 1, day = 1;
};

// Days since 1970-01-01. Eras of 400 years, each beginning on 1 March, so that a leap day is a year's last.
constexpr std::int64_t days_of(civil c) noexcept {
    const std::int64_t y = c.year - (c.month <= 2 ? 1 : 0);
    const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
    const std::int64_t year_of_era = y - era * 400;
    const std::int64_t day_of_year = (153 * (static_cast<std::int64_t>(c.month) + (c.month > 2 ? -3 : 9)) + 2) / 5 +
                                     static_cast<std::int64_t>(c.day) - 1;
    return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

constexpr civil civil_of(std::int64_t days) noexcept {
    days += 719'468;
    const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const std::int64_t day_of_era = days - era * 146'097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
    const auto day = static_cast<unsigned>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    const auto month = static_cast<unsigned>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

constexpr bool is_leap(std::int64_t year) noexcept {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr unsigned days_in_month(std::int64_t year, unsigned month) noexcept {
    constexpr unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : lengths[month - 1];
}

// PostgreSQL counts days and microseconds from 2000-01-01.
inline constexpr std::int64_t postgres_epoch_days = days_of({2000, 1, 1});
inline constexpr std::int64_t microseconds_per_day = 86'400'000'000;

}  // namespace ashlar
