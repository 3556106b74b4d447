// Types that hold others, and text inside of them. That all orders are the server's is shown by tests/server/orders.cpp.
#include "merge/value_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace ashlar::merge {
namespace {

constexpr std::uint32_t mood = 16'400, moods = 16'401, pair = 16'402, text_array = 1009, int4_array = 1007;

collation bytewise() {
    return {collation_kind::bytes, {}};
}
// A locale that every machine has; what matters is that its text is handed to the C library.
collation by_locale() {
    return {collation_kind::system_locale, "C"};
}

type_book book() {
    type_book b;
    own_type e;
    e.what = own_type::kind::enumeration;
    e.labels = {"sad", "ok", "happy"};
    b.types[mood] = e;
    b.names[mood] = "public.mood";
    own_type a;
    a.what = own_type::kind::array;
    a.inner = mood;
    b.types[moods] = a;
    own_type c;
    c.what = own_type::kind::composite;
    c.attributes = {{"n", oid::int4, {}}, {"label", oid::text, by_locale()}};
    b.types[pair] = c;
    return b;
}

std::string key_of(const value_order& order, std::string_view text) {
    std::string key;
    const status made = order.append(key, text, cell_format::text);
    EXPECT_TRUE(made) << text << ": " << made.error().to_string();
    return key;
}

int compared(const value_order& order, const std::string& a, const std::string& b) {
    const std::string x = key_of(order, a), y = key_of(order, b);
    return order.in_pieces() ? compare_pieces(x, y, order.locales()) : x.compare(y);
}

// `values`: in their order, none equal to another.
void expect_ordered(std::uint32_t type, const collation& text, const std::vector<std::string>& values) {
    const type_book types = book();
    value_rules rules;
    rules.types = &types;
    rules.database_text = text;
    const auto order = value_order::make(type, text, rules, purpose::order);
    ASSERT_TRUE(order) << order.error().to_string();
    for (std::size_t i = 0; i < values.size(); ++i) {
        for (std::size_t j = 0; j < values.size(); ++j) {
            const int c = compared(*order, values[i], values[j]);
            EXPECT_EQ(c < 0, i < j) << values[i] << " and " << values[j];
            EXPECT_EQ(c == 0, i == j) << values[i] << " and " << values[j];
        }
    }
}

TEST(ValueOrder, OfAnEnumIsThatOfItsLabels) {
    expect_ordered(mood, {}, {"sad", "ok", "happy"});
    expect_ordered(moods, {}, {"{}", "{sad}", "{sad,happy}", "{ok}", "{happy}", "{NULL}"});
}

TEST(ValueOrder, OfArraysLooksAtElementsBeforeDimensions) {
    expect_ordered(int4_array, {},
                   {"{}", "{-3}", "{1}", "{1,2}", "[2:3]={1,2}", "{{1,2}}", "{{1},{2}}", "{1,NULL}", "{10}"});
}

TEST(ValueOrder, OfTextInsideIsThatOfItsCollation) {
    const std::vector<std::string> arrays{"{}", "{\"\"}", "{a}", "{a,a}", "{a,b}", "{aa}", "{\"b,}\"}", "{NULL}"};
    expect_ordered(text_array, bytewise(), arrays);
    expect_ordered(text_array, by_locale(), arrays);
    const std::vector<std::string> documents{"[]",
                                             "null",
                                             "\"a\"",
                                             "1",
                                             "true",
                                             "[\"a\"]",
                                             "[\"ab\"]",
                                             "[1]",
                                             "[1, 1]",
                                             "{}",
                                             "{\"a\": \"x\"}",
                                             "{\"a\": 1}",
                                             "{\"b\": null}",
                                             "{\"a\": 1, \"b\": 1}"};
    expect_ordered(oid::jsonb, bytewise(), documents);
    expect_ordered(oid::jsonb, by_locale(), documents);
    expect_ordered(pair, bytewise(), {"(1,\"\")", "(1,a)", "(1,\"a \"\"b\")", "(1,)", "(2,a)", "(,a)", "(,)"});
}

TEST(ValueOrder, RefusesWhatItCannotComputeWithTheReason) {
    const type_book types = book();
    value_rules rules;
    rules.types = &types;
    const collation unknown{collation_kind::deterministic, "de_DE"};
    const auto why = [&](std::uint32_t type, const collation& text) {
        const auto made = value_order::make(type, text, rules, purpose::order);
        return made ? std::string{"none"} : std::string{made.error().message()};
    };
    EXPECT_NE(why(text_array, unknown).find("de_DE"), std::string::npos);
    EXPECT_NE(why(oid::jsonb, unknown), "none");  // whatever its column says: the database's collation is not known
    EXPECT_NE(why(199, unknown), "none");         // json[]
    EXPECT_NE(why(16'999, unknown).find("16999"), std::string::npos);
    // equality needs no order
    EXPECT_TRUE(value_order::make(text_array, unknown, rules, purpose::equality));
    EXPECT_TRUE(value_order::make(oid::jsonb, unknown, rules, purpose::equality));
}

TEST(ValueOrder, RefusesATypeThatAnAskedShardHasOtherwiseByTheShardsName) {
    type_book types = book();
    types.differences[mood]["shard_2"] = "has other labels";
    const std::vector<std::string> with{"shard_1", "shard_2"}, without{"shard_1", "shard_3"};
    value_rules rules;
    rules.types = &types;
    rules.sources = &with;
    const auto refused = value_order::make(moods, {}, rules, purpose::order);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("public.mood"), std::string::npos);
    EXPECT_NE(refused.error().message().find("other labels on shard_2"), std::string::npos);
    rules.sources = &without;
    EXPECT_TRUE(value_order::make(moods, {}, rules, purpose::order));
}

TEST(ValueOrder, BytesThatAreNotOfTheTypeAreAnError) {
    const type_book types = book();
    value_rules rules;
    rules.types = &types;
    rules.database_text = bytewise();
    const auto fails = [&](std::uint32_t type, std::string_view bytes, cell_format format) {
        const auto order = value_order::make(type, bytewise(), rules, purpose::order);
        std::string key;
        return !order || !order->append(key, bytes, format);
    };
    for (const std::string_view bad :
         {"", "{", "{1", "1}", "{1}}", "{{1},2}", "{{1},{2,3}}", "{\"1}", "{{{{{{{1}}}}}}}", "[1:2={1}"})
        EXPECT_TRUE(fails(int4_array, bad, cell_format::text)) << bad;
    for (const std::string_view bad :
         {"", "[", "{\"a\"", "{\"a\":1", "tru", "\"a", "\"\\u12\"", "1]", "[1}", "-", "{1: 2}"})
        EXPECT_TRUE(fails(oid::jsonb, bad, cell_format::text)) << bad;
    for (const std::string_view bad : {"", "(", "[1", "[1,2", "empty1", "1,2)"})
        EXPECT_TRUE(fails(3904, bad, cell_format::text)) << bad;
    for (const std::string_view bad : {"", "(1)", "(1,2,3)", "(1,2"})
        EXPECT_TRUE(fails(pair, bad, cell_format::text)) << bad;
    EXPECT_TRUE(fails(mood, "angry", cell_format::text));
    const std::string huge{"\0\0\0\2\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\1\x7f\xff\xff\xff\0\0\0\1", 28};
    EXPECT_TRUE(fails(int4_array, huge, cell_format::binary));
    for (std::size_t size = 0; size < huge.size(); ++size)
        EXPECT_TRUE(fails(int4_array, std::string_view{huge}.substr(0, size), cell_format::binary));
    const std::string deep(200'000, '[');
    EXPECT_TRUE(fails(oid::jsonb, deep, cell_format::text));
    EXPECT_FALSE(fails(oid::jsonb, deep + std::string(200'000, ']'), cell_format::text));
}

}  // namespace
}  // namespace ashlar::merge
