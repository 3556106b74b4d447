#include "core/interval_math.hpp"

#include "core/moment.hpp"

#include <gtest/gtest.h>

using namespace ashlar;

namespace {

interval span(std::string_view text) {
    return parse_interval(text).value();
}

std::int64_t moment(std::string_view text) {
    return microseconds_since_2000(text).value();
}

template <class T>
std::string told(const result<T>& of) {
    if (!of) return std::string{of.error().sqlstate()};
    if constexpr (std::is_same_v<T, interval>)
        return to_string(*of);
    else if constexpr (std::is_same_v<T, std::int64_t>)
        return text_of_microseconds(*of);
    else
        return *of;
}

// All values as PostgreSQL 15 gives them.
TEST(IntervalMath, AMomentKeepsItsDayWithinTheMonth) {
    EXPECT_EQ(told(add_to_moment(moment("2023-01-31 10:00:00"), span("1 month"))), "2023-02-28 10:00:00+00");
    EXPECT_EQ(told(add_to_moment(moment("2024-01-31"), span("1 mon 1 day"))), "2024-03-01 00:00:00+00");
    EXPECT_EQ(told(add_to_moment(moment("2024-02-29"), span("-1 year"))), "2023-02-28 00:00:00+00");
    EXPECT_EQ(told(add_to_moment(moment("0001-01-15"), span("-1 mon"))), "0001-12-15 00:00:00+00 BC");
    EXPECT_EQ(told(add_to_moment(moment("2024-01-01"), span("2000000000 days"))), "22008");
    EXPECT_EQ(told(add_to_moment(moment("2024-01-01"), span("-2147483648 days"))), "22008");
    EXPECT_EQ(told(add_to_moment(INT64_MAX, span("1 day"))), "infinity");
    EXPECT_EQ(told(add_to_moment(moment("294276-12-31"), span("1 day"))), "22008");
    EXPECT_EQ(told(add_to_moment(moment("2024-01-01"), span("178000000 years"))), "22008");
}

TEST(IntervalMath, SpansBetweenMoments) {
    EXPECT_EQ(told(between_moments(moment("2024-03-01"), moment("2024-01-31 12:00:00"))), "29 days 12:00:00");
    EXPECT_EQ(told(between_moments(moment("2024-01-01"), moment("2024-01-02 01:00:00"))), "-1 days -01:00:00");
    EXPECT_EQ(told(between_moments(INT64_MAX, 0)), "22008");
    EXPECT_EQ(told(age_between(moment("2024-03-01"), moment("2024-01-31"))), "1 mon 1 day");
    EXPECT_EQ(told(age_between(moment("2024-01-31"), moment("2024-03-01"))), "-1 mons -1 days");
    EXPECT_EQ(told(age_between(moment("2001-04-10"), moment("1957-06-13"))), "43 years 9 mons 27 days");
}

TEST(IntervalMath, FractionsAreCarriedDown) {
    EXPECT_EQ(told(multiply(span("1 mon"), 0.5)), "15 days");
    EXPECT_EQ(told(multiply(span("1 year 1 day"), 1.5)), "1 year 6 mons 1 day 12:00:00");
    EXPECT_EQ(told(divide(span("1 mon"), 4)), "7 days 12:00:00");
    EXPECT_EQ(told(divide(span("1 day"), 0)), "22012");
    EXPECT_EQ(told(multiply(span("178000000 years"), 10)), "22008");
    EXPECT_EQ(told(justified(span("1 mon -1 hour"))), "29 days 23:00:00");
    EXPECT_EQ(told(justified_days(span("35 days"))), "1 mon 5 days");
    EXPECT_EQ(told(justified_hours(span("27 hours"))), "1 day 03:00:00");
}

TEST(IntervalMath, Fields) {
    EXPECT_EQ(told(field_of(span("1 year 2 mons 3 days 04:05:06.5"), "epoch")), "37015506.500000");
    EXPECT_EQ(told(field_of(span("-1.5 seconds"), "second")), "-1.500000");
    EXPECT_EQ(told(field_of(span("14 mons"), "month")), "2");
    EXPECT_EQ(told(field_of(span("14 mons"), "fortnight")), "22023");
    EXPECT_EQ(told(field_of(span("14 days"), "week")), "0A000");
    EXPECT_EQ(told(truncated(span("3 years 2 mons 4 days 05:06"), "month")), "3 years 2 mons");
    EXPECT_EQ(told(truncated(span("1 day"), "week")), "0A000");
}

}  // namespace
