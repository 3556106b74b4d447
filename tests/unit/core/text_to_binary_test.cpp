#include "core/text_to_binary.hpp"

#include "core/rows.hpp"

namespace ashlar {
namespace {

std::string hex(std::string_view text, std::uint32_t type) {
    std::string out;
    const auto bytes = codec::text_to_binary(text, type);
    if (!bytes) return bytes.error().message();
    for (const char c : *bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

// The right sides are what PostgreSQL 15 sends for the same values.
TEST(TextToBinary, IsPostgresqls) {
    EXPECT_EQ(hex("t", oid::boolean), "01");
    EXPECT_EQ(hex("-2", oid::int2), "fffe");
    EXPECT_EQ(hex("258", oid::int4), "00000102");
    EXPECT_EQ(hex("-1", oid::int8), "ffffffffffffffff");
    EXPECT_EQ(hex("1.5", oid::float8), "3ff8000000000000");
    EXPECT_EQ(hex("1.5", oid::float4), "3fc00000");
    EXPECT_EQ(hex("0", oid::numeric), "0000000000000000");
    EXPECT_EQ(hex("0.00", oid::numeric), "0000000000000002");
    EXPECT_EQ(hex("12345.678", oid::numeric), "0003000100000003000109291a7c");
    EXPECT_EQ(hex("-0.0001", oid::numeric), "0001ffff400000040001");
    EXPECT_EQ(hex("10000", oid::numeric), "00010001000000000001");
    EXPECT_EQ(hex("NaN", oid::numeric), "00000000c0000000");
    EXPECT_EQ(hex("2000-01-02", oid::date), "00000001");
    EXPECT_EQ(hex("2000-01-01 00:00:01", oid::timestamp), "00000000000f4240");
    EXPECT_EQ(hex("\\x0102", oid::bytea), "0102");
    EXPECT_EQ(hex("00000000-0000-0000-0000-0000000000ff", oid::uuid), "000000000000000000000000000000ff");
    EXPECT_EQ(hex("[1]", oid::jsonb), "015b315d");
    EXPECT_EQ(hex("abc", oid::text), "616263");
    EXPECT_EQ(hex("12:30:00.5", oid::time), "0000000a7a3d2320");
    EXPECT_EQ(hex("\\377", oid::char1), "ff");
    EXPECT_EQ(hex("", oid::char1), "00");
}

// The first and the last of each type, and what lies beyond numbers.
TEST(TextToBinary, SpecialValuesAreExact) {
    EXPECT_EQ(hex("infinity", oid::date), "7fffffff");
    EXPECT_EQ(hex("-infinity", oid::date), "80000000");
    EXPECT_EQ(hex("4714-11-24 BC", oid::date), "ffda97a7");
    EXPECT_EQ(hex("5874897-12-31", oid::date), "7fda970c");
    EXPECT_EQ(hex("infinity", oid::timestamp), "7fffffffffffffff");
    EXPECT_EQ(hex("-infinity", oid::timestamptz), "8000000000000000");
    EXPECT_EQ(hex("4714-11-24 00:00:00 BC", oid::timestamp), "fd0f7cc1411fa000");
    EXPECT_EQ(hex("294276-12-31 23:59:59.999999", oid::timestamp), "7fffff5bb3b29fff");
    EXPECT_EQ(hex("24:00:00", oid::time), "000000141dd76000");
    EXPECT_EQ(hex("NaN", oid::float8), "7ff8000000000000");
    EXPECT_EQ(hex("-0", oid::float8), "8000000000000000");
    EXPECT_EQ(hex("-0", oid::float4), "80000000");
    EXPECT_EQ(hex("-Infinity", oid::float4), "ff800000");
    EXPECT_EQ(hex("5e-324", oid::float8), "0000000000000001");
    EXPECT_EQ(hex("1.7976931348623157e+308", oid::float8), "7fefffffffffffff");
    EXPECT_EQ(hex("Infinity", oid::numeric), "00000000d0000020");
    EXPECT_EQ(hex("-Infinity", oid::numeric), "00000000f0000020");
    EXPECT_EQ(hex("", oid::bytea), "");
    EXPECT_EQ(hex("4294967295", oid::oid), "ffffffff");
}

TEST(TextToBinary, SaysWhatItCannotRead) {
    EXPECT_EQ(codec::text_to_binary("seven", oid::int4).error(), errc::bad_value);
    EXPECT_EQ(codec::text_to_binary("70000", oid::int2).error(), errc::bad_value);
    EXPECT_EQ(codec::text_to_binary("1.2.3", oid::numeric).error(), errc::bad_value);
    EXPECT_EQ(codec::text_to_binary("294277-01-01", oid::timestamp).error(), errc::bad_value);
    EXPECT_EQ(codec::text_to_binary("4714-11-23 BC", oid::date).error(), errc::bad_value);
    EXPECT_EQ(codec::text_to_binary("24:00:01", oid::time).error(), errc::bad_value);
    EXPECT_EQ(codec::text_to_binary("1 dog", oid::interval).error(), errc::bad_value);
    EXPECT_EQ(codec::text_to_binary("12:00:00+01", oid::timetz).error(), errc::unsupported);
    EXPECT_FALSE(codec::has_text_to_binary(oid::timetz));
}

}  // namespace
}  // namespace ashlar
