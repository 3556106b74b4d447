#include "core/stored_form.hpp"
#include "core/kept_moment.hpp"

#include <gtest/gtest.h>

using namespace ashlar;

namespace {

std::string kept(std::string_view text, std::uint32_t type, std::int32_t modifier = -1,
                 conversion how = conversion::assignment) {
    const auto v = stored_form(text, type, modifier, how);
    return v ? literal_of(*v) : std::string{v.error().sqlstate()};
}

}  // namespace

TEST(StoredForm, ChecksIntegersByTheRangeOfTheirType) {
    EXPECT_EQ(kept(" 7 ", oid::int4), "7");
    EXPECT_EQ(kept("+7", oid::int2), "7");
    EXPECT_EQ(kept("-32768", oid::int2), "-32768");
    EXPECT_EQ(kept("32768", oid::int2), "22003");
    EXPECT_EQ(kept("2147483648", oid::int4), "22003");
    EXPECT_EQ(kept("9223372036854775807", oid::int8), "9223372036854775807");
    EXPECT_EQ(kept("9223372036854775808", oid::int8), "22003");
    for (const char* bad : {"", "x", "7.0", "1e3", "+-7", "7 7", "0x10"})
        EXPECT_EQ(kept(bad, oid::int4), "22P02") << bad;
}

TEST(StoredForm, ReadsEverySpellingOfABoolean) {
    for (const char* yes : {"t", "tr", "TRUE", " yes ", "y", "on", "1"}) EXPECT_EQ(kept(yes, oid::boolean), "1") << yes;
    for (const char* no : {"f", "False", "no", "n", "off", "of", "0"}) EXPECT_EQ(kept(no, oid::boolean), "0") << no;
    for (const char* bad : {"", "o", "2", "truth", "x"}) EXPECT_EQ(kept(bad, oid::boolean), "22P02") << bad;
}

TEST(StoredForm, RoundsNumericsToTheirScaleAndRefusesWhatSqliteCannotKeep) {
    const std::int32_t money = numeric_modifier(10, 2);
    EXPECT_EQ(kept("1.005", oid::numeric, money), "1.01");
    EXPECT_EQ(kept("-1.005", oid::numeric, money), "-1.01");
    EXPECT_EQ(kept("9.995", oid::numeric, money), "10");
    EXPECT_EQ(kept("99999999.99", oid::numeric, money), "99999999.99");
    EXPECT_EQ(kept("99999999.995", oid::numeric, money), "22003");
    EXPECT_EQ(kept("12345678901234567", oid::numeric), "12345678901234567");
    EXPECT_EQ(kept("0.1234567890123456", oid::numeric), "0A000");
    EXPECT_EQ(kept("NaN", oid::numeric), "0A000");
    EXPECT_EQ(kept("1,5", oid::numeric), "22P02");
}

TEST(StoredForm, KnowsTheCalendar) {
    EXPECT_EQ(kept("2024-02-29", oid::date), "'2024-02-29'");
    EXPECT_EQ(kept("2023-02-29", oid::date), "22008");
    EXPECT_EQ(kept("2023-02-30", oid::date), "22008");
    EXPECT_EQ(kept("garbage", oid::date), "22007");
    EXPECT_EQ(kept("infinity", oid::date), "'infinity'");
    EXPECT_EQ(kept("-infinity", oid::timestamp), "'-infinity'");
    EXPECT_EQ(kept("0044-03-15 BC", oid::date), "'/9956-03-15'");
    EXPECT_EQ(kept("0044-03-15 12:00:00+00 BC", oid::timestamp), "'/9956-03-15 12:00:00'");
    EXPECT_EQ(kept("4714-11-24 BC", oid::date), "'/5286-11-24'");
    EXPECT_EQ(kept("4714-11-23 BC", oid::date), "22008");
    EXPECT_EQ(kept("12026-11-30 01:00:00+02", oid::timestamptz), "':0012026-11-29 23:00:00'");
    EXPECT_EQ(kept("294277-01-01", oid::timestamp), "22008");
    EXPECT_EQ(kept("2023-01-31T10:00", oid::timestamp), "'2023-01-31 10:00:00'");
    EXPECT_EQ(kept("2023-01-31 10:00:00+02", oid::timestamp), "'2023-01-31 10:00:00'");
    EXPECT_EQ(kept("2023-01-31 10:00:00+02", oid::timestamptz), "'2023-01-31 08:00:00'");
    EXPECT_EQ(kept("2023-01-31", oid::timestamp), "'2023-01-31 00:00:00'");
    EXPECT_EQ(kept("2024-05-06 UTC", oid::timestamptz), "'2024-05-06 00:00:00'");
    EXPECT_EQ(kept("2024-05-06 10:00 gmt", oid::timestamptz), "'2024-05-06 10:00:00'");
    EXPECT_EQ(kept("2024-05-06Z", oid::timestamptz), "'2024-05-06 00:00:00'");
    EXPECT_EQ(kept("2024-05-06+02", oid::timestamptz), "'2024-05-05 22:00:00'");
    EXPECT_EQ(kept("2024-05-06 +02", oid::timestamp), "'2024-05-06 00:00:00'");
    EXPECT_EQ(kept("0044-03-15 UTC BC", oid::timestamptz), "'/9956-03-15 00:00:00'");
    EXPECT_EQ(kept("epoch", oid::timestamp), "'1970-01-01 00:00:00'");
    EXPECT_EQ(kept("epoch", oid::date), "'1970-01-01'");
    EXPECT_EQ(kept("2024-05-06 10:00 Europe/Berlin", oid::timestamptz), "0A000");
    EXPECT_EQ(kept("2024-05-06 EST", oid::timestamptz), "0A000");
    EXPECT_EQ(kept("now", oid::timestamptz), "0A000");
    EXPECT_EQ(kept("Today", oid::date), "0A000");
    EXPECT_EQ(kept("2024-05-06 garbage", oid::timestamp), "22008");
    EXPECT_EQ(kept("25:00", oid::time), "22008");
    EXPECT_EQ(kept("08:30", oid::time), "'08:30:00'");
}

TEST(StoredForm, MomentsSortByTheirBytesAndComeBack) {
    static constexpr const char* in_order[] = {"-infinity",    "4714-11-24 BC", "0044-03-15 BC", "0001-12-31 BC",
                                               "0001-01-01",   "2026-11-30",    "9999-12-31",    "10000-01-01",
                                               "294276-12-31", "5874897-12-31", "infinity"};
    std::string before;
    for (const char* text : in_order) {
        const std::string kept = kept_moment(text);
        EXPECT_LT(before, kept) << text;
        EXPECT_EQ(moment_text(kept), text);
        before = kept;
    }
    EXPECT_EQ(moment_text("/9956-03-15 12:00:00.5"), "0044-03-15 12:00:00.5 BC");
    for (const char* other : {"", "/", ":", "/996-01-01", "a", "/x956-01-01"}) EXPECT_EQ(moment_text(other), other);
}

TEST(StoredForm, KeepsTextWithinItsLength) {
    EXPECT_EQ(kept("abcde", oid::varchar, 5 + 4), "'abcde'");
    EXPECT_EQ(kept("abcdef", oid::varchar, 5 + 4), "22001");
    EXPECT_EQ(kept("abcde  ", oid::varchar, 5 + 4), "'abcde'");
    EXPECT_EQ(kept("abcdef", oid::varchar, 5 + 4, conversion::cast), "'abcde'");
    EXPECT_EQ(kept("ééééé", oid::varchar, 5 + 4), "'ééééé'");
    EXPECT_EQ(kept("a", oid::bpchar, 3 + 4), "'a  '");
    EXPECT_EQ(kept("it's", oid::text), "'it''s'");
}

TEST(StoredForm, WritesUuidsInOneForm) {
    EXPECT_EQ(kept("{230D30D2-296D-4D60-8064-91204AA3FE1C}", oid::uuid), "'230d30d2-296d-4d60-8064-91204aa3fe1c'");
    EXPECT_EQ(kept("230d", oid::uuid), "22P02");
    EXPECT_EQ(kept("\\x00ff", oid::bytea), "X'00ff'");
}
