#include "keyspace/key.hpp"

using namespace ashlar;
using namespace ashlar::keyspace;
using namespace std::string_literals;

namespace {

key integer(std::int64_t value) {
    return key::from(value, key_type::integer).value();
}

std::string big_endian(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
    return text;
}

// PostgreSQL's binary numeric from its base-10000 digits.
std::string numeric(int weight, bool negative, std::vector<int> digits) {
    std::string text = big_endian(digits.size(), 2) + big_endian(static_cast<std::uint64_t>(weight), 2) +
                       big_endian(negative ? 0x4000 : 0, 2) + big_endian(0, 2);
    for (int d : digits) text += big_endian(static_cast<std::uint64_t>(d), 2);
    return text;
}

}  // namespace

TEST(Keys, SevenIsSevenHoweverItIsSpelled) {
    for (const char* spelled : {"7", " 7", "7 ", "\t7\n", "+7", "007", "7.0", "7.000", "7."}) {
        EXPECT_EQ(key::from_text(spelled, key_type::integer).value(), integer(7)) << spelled;
        EXPECT_EQ(key::from(value{spelled}, key_type::integer).value(), integer(7)) << spelled;
    }
    EXPECT_EQ(key::from(value{7.0}, key_type::integer).value(), integer(7));
    EXPECT_EQ(key::from(value{decimal::parse("7.00").value()}, key_type::integer).value(), integer(7));
    EXPECT_EQ(key::from_binary(big_endian(7, 2), oid::int2, key_type::integer).value(), integer(7));
    EXPECT_EQ(key::from_binary(big_endian(7, 4), oid::int4, key_type::integer).value(), integer(7));
    EXPECT_EQ(key::from_binary(big_endian(7, 8), oid::int8, key_type::integer).value(), integer(7));
    EXPECT_EQ(key::from_binary(big_endian(7, 8), 0, key_type::integer).value(), integer(7));
    EXPECT_EQ(
        key::from_binary(big_endian(std::bit_cast<std::uint64_t>(7.0), 8), oid::float8, key_type::integer).value(),
        integer(7));
    EXPECT_EQ(key::from_binary(numeric(0, false, {7}), oid::numeric, key_type::integer).value(), integer(7));
    EXPECT_EQ(key::from_binary(numeric(0, false, {7, 0}), oid::numeric, key_type::integer).value(), integer(7));
    EXPECT_EQ(key::from_binary("7", oid::unknown, key_type::integer).value(), integer(7));
}

TEST(Keys, NegativeAndExtremeIntegersSurvive) {
    EXPECT_EQ(key::from_text("1e3", key_type::integer).value(), integer(1000));
    EXPECT_EQ(key::from_text("-25.0e1", key_type::integer).value(), integer(-250));
    EXPECT_EQ(key::from_text("-9223372036854775808", key_type::integer).value(), integer(INT64_MIN));
    EXPECT_EQ(key::from_text("-0", key_type::integer).value(), integer(0));
    EXPECT_EQ(key::from_binary(big_endian(0xffff, 2), oid::int2, key_type::integer).value(), integer(-1));
    EXPECT_EQ(key::from_binary(big_endian(0xffffffff, 4), oid::int4, key_type::integer).value(), integer(-1));
    EXPECT_EQ(key::from_binary(numeric(4, true, {922, 3372, 368, 5477, 5808}), oid::numeric, key_type::integer).value(),
              integer(INT64_MIN));
    EXPECT_EQ(key::from_binary(numeric(1, false, {1}), oid::numeric, key_type::integer).value(), integer(10'000));
    EXPECT_EQ(key::from_binary(numeric(0, false, {}), oid::numeric, key_type::integer).value(), integer(0));
}

TEST(Keys, WhatIsNoIntegerIsRefused) {
    for (const char* spelled : {"", " ", "7.5", "7,0", "0x7", "1_000", "1e-1", "1e19", "--7", "+-7", "- 7",
                                "9223372036854775808", "seven", "7 8", ".", "NaN", "Infinity"}) {
        EXPECT_EQ(key::from_text(spelled, key_type::integer).error(), errc::key_invalid) << spelled;
    }
    EXPECT_EQ(key::from(value{7.5}, key_type::integer).error(), errc::key_invalid);
    EXPECT_EQ(key::from(value{9007199254740992.0}, key_type::integer).error(), errc::key_invalid);
    EXPECT_EQ(key::from(value{true}, key_type::integer).error(), errc::key_invalid);
    EXPECT_EQ(key::from(value{uuid{}}, key_type::integer).error(), errc::key_invalid);
    EXPECT_EQ(key::from_binary(big_endian(7, 4), oid::int8, key_type::integer).error(), errc::key_invalid);
    EXPECT_EQ(key::from_binary("7", oid::text, key_type::integer).error(), errc::key_invalid);
    EXPECT_EQ(key::from_binary(numeric(-1, false, {5000}), oid::numeric, key_type::integer).error(), errc::key_invalid);
    EXPECT_EQ(
        key::from_binary(numeric(4, false, {922, 3372, 368, 5477, 5808}), oid::numeric, key_type::integer).error(),
        errc::key_invalid);
    EXPECT_EQ(key::from_binary(numeric(30'000, false, {1}), oid::numeric, key_type::integer).error(),
              errc::key_invalid);
    EXPECT_EQ(key::from_binary("\0\1"s, oid::numeric, key_type::integer).error(), errc::key_invalid);
}

TEST(Keys, AUuidIsTheSameInEverySpelling) {
    const key one = key::from_text("230d30d2-296d-4d60-8064-91204aa3fe1c", key_type::uuid).value();
    for (const char* spelled : {"230D30D2-296D-4D60-8064-91204AA3FE1C", "{230d30d2-296d-4d60-8064-91204aa3fe1c}",
                                "230d30d2296d4d60806491204aa3fe1c", "230d-30d2-296d-4d60-8064-9120-4aa3-fe1c",
                                "{230d30d2296d4d60806491204aa3fe1c}"}) {
        EXPECT_EQ(key::from_text(spelled, key_type::uuid).value(), one) << spelled;
    }
    std::string bytes{reinterpret_cast<const char*>(one.uuid_bytes().data()), 16};
    EXPECT_EQ(key::from_binary(bytes, oid::uuid, key_type::uuid).value(), one);
    EXPECT_EQ(key::from(value{uuid{one.uuid_bytes()}}, key_type::uuid).value(), one);
    EXPECT_EQ(one.to_string(), "230d30d2-296d-4d60-8064-91204aa3fe1c");
    for (const char* wrong : {"", "230d30d2", "{230d30d2-296d-4d60-8064-91204aa3fe1c",
                              "230d30d2-296d-4d60-8064-91204aa3fe1g", " 230d30d2-296d-4d60-8064-91204aa3fe1c"}) {
        EXPECT_EQ(key::from_text(wrong, key_type::uuid).error(), errc::key_invalid) << wrong;
    }
}

TEST(Keys, TextKeepsItsBlanksAndCharIsRefused) {
    EXPECT_EQ(key::from_text(" a ", key_type::text).value().text(), " a ");
    EXPECT_NE(key::from_text("a", key_type::text).value(), key::from_text("a ", key_type::text).value());
    EXPECT_EQ(key::from_binary("a", oid::varchar, key_type::text).value().text(), "a");
    EXPECT_EQ(key::from_binary("a ", oid::bpchar, key_type::text).error(), errc::key_invalid);
    EXPECT_EQ(key::from_text("a\0b"s, key_type::text).error(), errc::key_invalid);
    EXPECT_EQ(key::from(value{42}, key_type::text).value().text(), "42");
    EXPECT_EQ(key::from(value{1.5}, key_type::text).error(), errc::key_invalid);
}

TEST(Keys, AMomentIsTheSameAtEveryOffset) {
    const key noon = key::from_text("2026-11-22 12:00:00+00", key_type::timestamp).value();
    for (const char* spelled : {"2026-11-22T12:00:00Z", "2026-11-22 13:00:00+01", "2026-11-22 06:30:00-05:30",
                                "2026-11-22 12:00+0000", "2026-11-22 12:00:00.000000+00", " 2026-11-22 12:00:00+00 ",
                                "2026-11-22 12:00:00.0000004+00", "2026-11-22 11:59:60+00"}) {
        EXPECT_EQ(key::from_text(spelled, key_type::timestamp).value(), noon) << spelled;
    }
    EXPECT_EQ(noon.to_string(), "2026-11-22 12:00:00+00");
    EXPECT_EQ(key::from(value{parse_timestamp("2026-11-22 12:00:00+00").value()}, key_type::timestamp).value(), noon);
    EXPECT_EQ(key::from_binary(big_endian(static_cast<std::uint64_t>(noon.integer()), 8), oid::timestamptz,
                               key_type::timestamp)
                  .value(),
              noon);
    EXPECT_EQ(key::from_text("1999-12-31 23:59:59.999999+00", key_type::timestamp).value().integer(), -1);
    EXPECT_EQ(key::from_text("1999-12-31 23:59:59.999999+00", key_type::timestamp).value().to_string(),
              "1999-12-31 23:59:59.999999+00");
    EXPECT_EQ(key::from_text("infinity", key_type::timestamp).value().integer(), INT64_MAX);
    EXPECT_EQ(key::from_configuration("2026-11-22 12:00", key_type::timestamp).value(), noon);
}

TEST(Keys, AMomentThatDependsOnTheSessionIsRefused) {
    for (const char* spelled : {"2026-11-22 12:00:00", "2026-11-22", "now", "today", "22/11/2026 12:00+00",
                                "2026-11-22 12:00:00 Europe/Berlin", "2026-02-30 12:00+00", "0000-01-01 00:00+00",
                                "2026-11-22 12:00:61+00", "294277-01-01 00:00+00", "012-01-01 00:00+00"}) {
        EXPECT_EQ(key::from_text(spelled, key_type::timestamp).error(), errc::key_invalid) << spelled;
        // Not 22P02: the server may know what is meant.
        EXPECT_EQ(key::from_text(spelled, key_type::timestamp).error().sqlstate(), "0A000") << spelled;
    }
    EXPECT_EQ(key::from_binary(big_endian(0, 8), oid::timestamp, key_type::timestamp).error(), errc::key_invalid);
    EXPECT_EQ(key::from_binary(big_endian(0, 4), oid::date, key_type::timestamp).error(), errc::key_invalid);
}

TEST(Keys, ADayIsReadOnlyFromItsIsoForm) {
    const key day = key::from_text("2026-11-22", key_type::date).value();
    EXPECT_EQ(key::from(value{parse_date("2026-11-22").value()}, key_type::date).value(), day);
    EXPECT_EQ(
        key::from_binary(big_endian(static_cast<std::uint64_t>(day.integer()), 4), oid::date, key_type::date).value(),
        day);
    EXPECT_EQ(day.to_string(), "2026-11-22");
    EXPECT_EQ(key::from_text("2000-01-01", key_type::date).value().integer(), 0);
    EXPECT_EQ(key::from_text("2026-11-22 10:00", key_type::date).value(), day);
    EXPECT_EQ(key::from_text("2026-2-1", key_type::date).value(), key::from_text("2026-02-01", key_type::date).value());
    for (const char* spelled : {"22.11.2026", "11/22/2026", "20261122", "today", "26-11-22", "2026-11-31"}) {
        EXPECT_EQ(key::from_text(spelled, key_type::date).error(), errc::key_invalid) << spelled;
    }
}

// Right sides: what PostgreSQL 15 sends and writes.
TEST(Keys, TheFirstAndTheLastDaysAreKeys) {
    const auto days = [](const char* text) { return key::from_text(text, key_type::date).value(); };
    EXPECT_EQ(days("4714-11-24 BC").integer(), -2'451'545);
    EXPECT_EQ(days("0044-03-15 BC").to_string(), "0044-03-15 BC");
    EXPECT_EQ(days("5874897-12-31").integer(), 2'145'031'948);
    EXPECT_EQ(days("5874897-12-31").to_string(), "5874897-12-31");
    EXPECT_EQ(days("infinity").to_string(), "infinity");
    const auto at = [](const char* text) { return key::from_text(text, key_type::timestamp).value(); };
    EXPECT_EQ(at("4714-11-24 00:00:00+00 BC").integer(), -211'813'488'000'000'000);
    EXPECT_EQ(at("4714-11-24 00:00:00+00 BC").to_string(), "4714-11-24 00:00:00+00 BC");
    EXPECT_EQ(at("294276-12-31 23:59:59.999999+00").integer(), 9'223'371'331'199'999'999);
    EXPECT_EQ(at("2026-11-21 24:00+00"), at("2026-11-22 00:00+00"));
}

TEST(Keys, NullIsNoKey) {
    for (key_type type : {key_type::integer, key_type::uuid, key_type::text, key_type::timestamp, key_type::date}) {
        EXPECT_EQ(key::from(value{}, type).error(), errc::shard_key_null);
    }
}

TEST(Keys, AnErrorQuotesOnlyTheBeginningOfALongText) {
    error why = key::from_text(std::string(1000, 'x'), key_type::integer).error();
    EXPECT_LT(why.message().size(), 150u);
}

TEST(Kinds, AreNamedAndFound) {
    for (auto kind :
         {function_kind::modulo, function_kind::ring, function_kind::hash, function_kind::range, function_kind::list}) {
        EXPECT_EQ(function_named(name_of(kind)), kind);
    }
    for (auto type : {key_type::integer, key_type::uuid, key_type::text, key_type::timestamp, key_type::date}) {
        EXPECT_EQ(key_type_named(name_of(type)), type);
    }
    EXPECT_EQ(key_type_named("bigint"), key_type::integer);
    EXPECT_EQ(key_type_named("char"), std::nullopt);
    EXPECT_EQ(function_named("magic"), std::nullopt);
}
