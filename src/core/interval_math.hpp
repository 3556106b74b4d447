// interval_math.hpp: PostgreSQL's arithmetic of intervals and moments, step by step as its own functions do it, so that what is
// rounded and carried is the same. Moments are microseconds since 2000-01-01, with the infinities at the ends of int64. Pure.
#pragma once

#include "core/interval.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar {

// All fail with bad_value and PostgreSQL's SQLSTATE: 22008 out of range, 22012 for a division by zero.
result<interval> add(const interval& a, const interval& b);
result<interval> subtract(const interval& a, const interval& b);
result<interval> negate(const interval& a);
result<interval> multiply(const interval& a, double by);
result<interval> divide(const interval& a, double by);

// The day stays within its month: 2023-01-31 and a month is 2023-02-28. An infinite moment stays what it is.
result<std::int64_t> add_to_moment(std::int64_t moment, const interval& span);
// Days and the time within a day, never months. Fails for infinite moments.
result<interval> between_moments(std::int64_t later, std::int64_t earlier);
// The same in years, months and days, as age() tells it.
result<interval> age_between(std::int64_t later, std::int64_t earlier);

// justify_hours(), justify_days(), justify_interval().
result<interval> justified_hours(interval span);
result<interval> justified_days(interval span);
result<interval> justified(interval span);

// The decimal text of extract(field from span). `field` in small letters.
result<std::string> field_of(const interval& span, std::string_view field);
// date_trunc(unit, span)
result<interval> truncated(const interval& span, std::string_view unit);

}  // namespace ashlar
