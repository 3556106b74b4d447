#include "proxy/binary_format.hpp"

#include "core/rows.hpp"

namespace ashlar::proxy {
namespace {

std::string hex(std::string_view text, std::uint32_t type) {
    std::string out, bytes;
    status done = to_binary(text, type, bytes);
    if (!done) return done.error().message();
    for (const char c : bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

// The right sides are what PostgreSQL 15 sends for the same values.
TEST(BinaryFormat, IsPostgresqls) {
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
}

TEST(BinaryFormat, SaysWhatItCannotRead) {
    std::string bytes;
    EXPECT_EQ(to_binary("seven", oid::int4, bytes).error(), errc::bad_value);
    EXPECT_EQ(to_binary("70000", oid::int2, bytes).error(), errc::bad_value);
    EXPECT_EQ(to_binary("1.2.3", oid::numeric, bytes).error(), errc::bad_value);
    EXPECT_FALSE(has_binary_format(oid::interval));
}

}  // namespace
}  // namespace ashlar::proxy
