// interval.hpp: PostgreSQL's intervals: months, days and microseconds, read as its input function reads them and written in its
// style `postgres`. Pure.
#pragma once

#include <ashlar/result.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar {

struct interval {
    std::int32_t months = 0, days = 0;
    std::int64_t microseconds = 0;

    friend bool operator==(const interval&, const interval&) = default;
};

// "1 day 02:00:00", "-3 days ago", "P1Y2M3DT4H5M6S", "1.5 hours" … Fails with bad_value and PostgreSQL's SQLSTATE: 22007 for what is
// none, 22015 out of range.
result<interval> parse_interval(std::string_view text);

// "1 year 2 mons -3 days +04:05:06.789"
std::string to_string(const interval& span);

// By their length, a month being 30 days and a day 24 hours: 1 day is equivalent to 24 hours.
std::weak_ordering compare_lengths(const interval& a, const interval& b) noexcept;

}  // namespace ashlar
