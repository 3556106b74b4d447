#include "core/array_value.hpp"

#include "core/rows.hpp"

#include <gtest/gtest.h>

using namespace ashlar;

namespace {

TEST(ArrayValue, NullsAreKeptInTextAndInBinary) {
    const auto text = array_elements("{1,NULL,\"a \\\"b\"}");
    ASSERT_TRUE(text);
    ASSERT_EQ(text->size(), 3u);
    EXPECT_EQ((*text)[0], "1");
    EXPECT_EQ((*text)[1], std::nullopt);
    EXPECT_EQ((*text)[2], "a \"b");

    // {7,NULL} of int2
    const std::string bytes("\0\0\0\1\0\0\0\1\0\0\0\x15\0\0\0\2\0\0\0\1\0\0\0\2\0\7\xff\xff\xff\xff", 30);
    const auto binary = array_elements_in_binary(bytes);
    ASSERT_TRUE(binary);
    EXPECT_EQ(binary->type, oid::int2);
    ASSERT_EQ(binary->values.size(), 2u);
    EXPECT_EQ(binary->values[0], std::string_view("\0\7", 2));
    EXPECT_EQ(binary->values[1], std::nullopt);
    EXPECT_FALSE(array_elements_in_binary(bytes.substr(0, 29)));
}

TEST(ArrayValue, TypesOfArraysAndOfTheirElementsBelongTogether) {
    for (const std::uint32_t element : {oid::int8, oid::text, oid::uuid, oid::numeric, oid::timestamptz}) {
        ASSERT_NE(array_type_of(element), 0u);
        EXPECT_EQ(element_type_of(array_type_of(element)), element);
    }
    EXPECT_EQ(array_type_of(0), 0u);
    EXPECT_EQ(element_type_of(oid::int8), 0u);
}

}  // namespace
