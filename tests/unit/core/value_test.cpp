#include <ashlar/value.hpp>

#include "core/float_text.hpp"

#include <cmath>

using namespace ashlar;

TEST(Value, IsNullByBirthAndWhereAnOptionalIsEmpty) {
    EXPECT_TRUE(value{}.is_null());
    EXPECT_TRUE(value{null}.is_null());
    EXPECT_TRUE(value{std::optional<int>{}}.is_null());
    EXPECT_EQ(value{std::optional<int>{7}}, value{7});
    EXPECT_FALSE(value{}.to_text());
}

TEST(Value, WritesPostgresTextForms) {
    EXPECT_EQ(value{true}.to_text(), "t");
    EXPECT_EQ(value{false}.to_text(), "f");
    EXPECT_EQ(value{-42}.to_text(), "-42");
    EXPECT_EQ(value{INT64_MIN}.to_text(), "-9223372036854775808");
    EXPECT_EQ(value{UINT64_MAX}.to_text(), "18446744073709551615");
    EXPECT_EQ(value{0.1}.to_text(), "0.1");
    EXPECT_EQ(value{"it's"}.to_text(), "it's");
    EXPECT_EQ(value{decimal::parse("1.50").value()}.to_text(), "1.50");
    EXPECT_EQ(value{(bytes{{1, 255}})}.to_text(), "\\x01ff");
    EXPECT_EQ(value{uuid{}}.to_text(), "00000000-0000-0000-0000-000000000000");
    EXPECT_EQ(value{timestamp{}}.to_text(), "1970-01-01 00:00:00+00");
    EXPECT_EQ(value{date{}}.to_text(), "1970-01-01");
    EXPECT_EQ(value{json{"{}"}}.to_text(), "{}");
}

namespace {

enum colour { red };
template <class T>
constexpr bool is_value = std::constructible_from<value, T>;

}  // namespace

TEST(Value, TakesNothingForSomethingElse) {
    EXPECT_TRUE(value{static_cast<const char*>(nullptr)}.is_null());
    EXPECT_TRUE(value{nullptr}.is_null());
    EXPECT_EQ(value{'a'}, value{"a"});
    EXPECT_EQ(value{static_cast<signed char>(7)}, value{7});
    EXPECT_EQ(value{static_cast<unsigned char>(7)}, value{7});
    EXPECT_EQ(value{std::vector<bool>{true}[0]}, value{true});
    EXPECT_EQ(value{(std::string{"a\0b", 3})}.to_text()->size(), 3u);
    char buffer[] = "text";
    EXPECT_EQ(value{buffer}, value{"text"});
    EXPECT_EQ(value{1.5f}, value{1.5});

    EXPECT_FALSE(is_value<const unsigned char*>);
    EXPECT_FALSE(is_value<const char8_t*>);
    EXPECT_FALSE(is_value<const wchar_t*>);
    EXPECT_FALSE(is_value<int*>);
    EXPECT_FALSE(is_value<void*>);
    EXPECT_FALSE(is_value<wchar_t>);
    EXPECT_FALSE(is_value<char8_t>);
    EXPECT_FALSE(is_value<char32_t>);
    EXPECT_FALSE(is_value<colour>);
    EXPECT_FALSE(is_value<long double>);
    EXPECT_FALSE(is_value<std::chrono::seconds>);
}

TEST(FloatText, TurnsToExponentsWhereTheServerDoes) {
    EXPECT_EQ(float_text(1e14), "100000000000000");
    EXPECT_EQ(float_text(1e15), "1e+15");
    EXPECT_EQ(float_text(123456789012345.6), "123456789012345.6");
    EXPECT_EQ(float_text(0.0001), "0.0001");
    EXPECT_EQ(float_text(0.00001), "1e-05");
    EXPECT_EQ(float_text(1.5e300), "1.5e+300");
    EXPECT_EQ(float_text(-0.0), "-0");
    EXPECT_EQ(float_text(-1.0 / 3), "-0.3333333333333333");
    EXPECT_EQ(float_text(std::nan("")), "NaN");
    EXPECT_EQ(float_text(-INFINITY), "-Infinity");
    EXPECT_EQ(float_text(100000.0f), "100000");
    EXPECT_EQ(float_text(1000000.0f), "1e+06");
    EXPECT_EQ(float_text(0.1f), "0.1");
}

TEST(FloatText, ReadsWhatTheServerReadsAndNoMore) {
    EXPECT_EQ(parse_float8(" +1.5e3 "), 1500.0);
    EXPECT_EQ(parse_float8(".5"), 0.5);
    EXPECT_EQ(parse_float8("-inf"), -INFINITY);
    EXPECT_TRUE(std::isnan(*parse_float8("nan")));
    EXPECT_TRUE(std::signbit(*parse_float8("-0")));
    for (const std::string_view text : {"", "x", "1x", "1e", "--1", "1e400", "+-1", "nanx"}) {
        EXPECT_FALSE(parse_float8(text)) << text;
    }
    EXPECT_FALSE(parse_float4("1e39"));
}
