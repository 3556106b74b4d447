#include "driver/sqlite/decimals.hpp"
#include "driver/sqlite/exact_sum.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace ashlar::driver::sqlite {
namespace {

std::string decimal_text(double v, int scale) {
    std::string out;
    append_decimal(out, v, scale);
    return out;
}

TEST(SqliteDecimals, ADoubleIsWrittenAsTheDecimalThatItStandsFor) {
    EXPECT_EQ(decimal_text(2321, 2), "2321.00");
    EXPECT_EQ(decimal_text(19.99, 2), "19.99");
    EXPECT_EQ(decimal_text(-0.5, 0), "-0.5");
    EXPECT_EQ(decimal_text(0.00123, -1), "0.00123");
    EXPECT_EQ(decimal_text(0.00123, 2), "0.00123");
    EXPECT_EQ(decimal_text(1e20, 2), "100000000000000000000.00");
    EXPECT_EQ(decimal_text(0, 3), "0.000");
    EXPECT_EQ(decimal_text(-0.0, 1), "0.0");
    EXPECT_EQ(decimal_text(9007199254740993, -1), "9007199254740992");
    EXPECT_EQ(decimal_text(std::numeric_limits<double>::quiet_NaN(), 2), "NaN");
    EXPECT_EQ(decimal_text(-std::numeric_limits<double>::infinity(), 2), "-Infinity");
}

TEST(SqliteDecimals, NoiseOfBinaryArithmeticIsLeftAwayWhereTheScaleSaysSo) {
    EXPECT_EQ(decimal_text(0.1 + 0.2, 2), "0.30");
    EXPECT_EQ(decimal_text(21 * 1.1, 2), "23.10");
    EXPECT_EQ(decimal_text(0.1 + 0.2, -1), "0.30000000000000004");
    EXPECT_EQ(decimal_text(21.995, 2), "21.995");  // no noise: somebody stored it
}

TEST(SqliteExactSum, AddsCentsWithoutLosingAny) {
    exact_sum sum{2};
    for (int i = 0; i < 1'000'000; ++i) sum.add(0.01);
    sum.add(std::int64_t{5});
    EXPECT_EQ(sum.total().to_text(), "10005.00");
    EXPECT_EQ(sum.count(), 1'000'001);
}

TEST(SqliteExactSum, TheScaleIsThatOfTheTypeOrOfTheLongestValue) {
    exact_sum none{-1};
    none.add(1.5);
    none.add(2.25);
    EXPECT_EQ(none.total().to_text(), "3.75");
    exact_sum whole{0};
    whole.add(std::int64_t{-7});
    EXPECT_EQ(whole.total().to_text(), "-7");
    exact_sum empty{3};
    EXPECT_EQ(empty.total().to_text(), "0.000");
}

TEST(SqliteExactSum, HoldsWhatNoIntegerAndNoDoubleHolds) {
    exact_sum sum{0};
    for (int i = 0; i < 4; ++i) sum.add(std::int64_t{1} << 62);
    EXPECT_EQ(sum.total().to_text(), "18446744073709551616");
    exact_sum wide{-1};
    wide.add(1e30);
    wide.add(1e-9);
    EXPECT_EQ(wide.total().to_text(), "1000000000000000000000000000000.000000001");
    EXPECT_TRUE(wide.add("0.5"));
    EXPECT_FALSE(wide.add("half"));
    wide.add(std::numeric_limits<double>::infinity());
    EXPECT_EQ(wide.total().to_text(), "Infinity");
}

}  // namespace
}  // namespace ashlar::driver::sqlite
