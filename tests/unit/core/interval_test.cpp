#include "core/interval.hpp"
#include "core/json_text.hpp"

#include <gtest/gtest.h>

using namespace ashlar;

namespace {

std::string read(std::string_view text) {
    const auto span = parse_interval(text);
    return span ? to_string(*span) : std::string{span.error().sqlstate()};
}

// As PostgreSQL 15 writes them back.
TEST(Interval, IsReadInPostgresqlsWaysOfWriting) {
    EXPECT_EQ(read("26 hours"), "26:00:00");
    EXPECT_EQ(read("1 day 2:3:4.5"), "1 day 02:03:04.5");
    EXPECT_EQ(read("1.5 days"), "1 day 12:00:00");
    EXPECT_EQ(read("1.5 years"), "1 year 6 mons");
    EXPECT_EQ(read("1.5 mons"), "1 mon 15 days");
    EXPECT_EQ(read("2.25 weeks"), "15 days 18:00:00");
    EXPECT_EQ(read("1 year -1 mon"), "11 mons");
    EXPECT_EQ(read("-1 day +2 hours"), "-1 days +02:00:00");
    EXPECT_EQ(read("@ 1 hour 30 mins ago"), "-01:30:00");
    EXPECT_EQ(read("P1Y2M3DT4H5M6.789S"), "1 year 2 mons 3 days 04:05:06.789");
    EXPECT_EQ(read("3 4:05:06"), "3 days 04:05:06");
    EXPECT_EQ(read("1-2"), "1 year 2 mons");
    EXPECT_EQ(read("-1-2"), "-1 years -2 mons");
    EXPECT_EQ(read("5"), "00:00:05");
    EXPECT_EQ(read("1day"), "1 day");
    EXPECT_EQ(read("0"), "00:00:00");
    EXPECT_EQ(read("-00:00:01.5"), "-00:00:01.5");
    for (const char* text : {"", "garbage", "1 dog", "1:2:3:4", "1:60", "P", "PT", "day", "1 1 day", "ago", "-"}) {
        EXPECT_EQ(read(text), "22007") << text;
    }
    EXPECT_EQ(read("99999999999 years"), "22015");
}

TEST(Interval, ComparesByLength) {
    const auto compared = [](const char* a, const char* b) {
        return compare_lengths(parse_interval(a).value(), parse_interval(b).value());
    };
    EXPECT_EQ(compared("1 day", "24 hours"), std::weak_ordering::equivalent);
    EXPECT_EQ(compared("1 mon", "30 days"), std::weak_ordering::equivalent);
    EXPECT_EQ(compared("9 days", "10 days"), std::weak_ordering::less);
    EXPECT_EQ(compared("-1 day", "-2 days"), std::weak_ordering::greater);
}

TEST(JsonText, IsWhatPostgresqlTakes) {
    for (const char* text : {"1", " -0.5e+3 ", "\"a\\u0041\\n\"", "null", "[]", "{}", "[1, [true, {\"a\": {}}], \"x\"]",
                             "{\"a\": 1, \"a\": 2}"}) {
        EXPECT_TRUE(is_json(text)) << text;
    }
    for (const char* text :
         {"",    "{bad",    "01",     "1.",  "[1,]", "{\"a\" 1}", "{1: 2}",    "\"a", "tru",    "[1 2]",
          "1 2", "\"\\x\"", "\"\t\"", "{,}", "]",    "nan",       "{\"a\": }", "[",   "{\"a\"", "-"}) {
        EXPECT_FALSE(is_json(text)) << text;
    }
    EXPECT_TRUE(is_json(std::string(5000, '[') + std::string(5000, ']')));
    EXPECT_FALSE(is_json(std::string(100'000, '[')));
}

}  // namespace
