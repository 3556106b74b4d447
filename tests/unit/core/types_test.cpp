#include <ashlar/types.hpp>

#include <set>
#include <unordered_set>

using namespace ashlar;

namespace {
std::string time_again(std::string_view text) {
    const auto t = parse_timestamp(text);
    return t ? to_string(*t) : "refused";
}
std::string date_again(std::string_view text) {
    const auto d = parse_date(text);
    return d ? to_string(*d) : "refused";
}
std::string decimal_again(std::string_view text) {
    const auto d = decimal::parse(text);
    return d ? d->to_string() : "refused";
}
decimal dec(std::string_view text) {
    return decimal::parse(text).value();
}
std::string bytes_again(std::string_view text) {
    const auto b = parse_bytes(text);
    return b ? to_string(*b) : "refused";
}
}  // namespace

TEST(Uuid, IsReadInEverySpellingThatPostgresTakes) {
    const std::string plain = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    for (const std::string_view text :
         {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
          "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11",
          "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"}) {
        ASSERT_TRUE(uuid::parse(text)) << text;
        EXPECT_EQ(uuid::parse(text)->to_string(), plain) << text;
    }
}

TEST(Uuid, RefusesWhatPostgresRefuses) {
    for (const std::string_view text :
         {"", "{", "a0eebc99", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111",
          "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
          " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380g11",
          "a0-eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-"}) {
        const auto parsed = uuid::parse(text);
        EXPECT_FALSE(parsed) << text;
        if (!parsed) {
            EXPECT_EQ(parsed.error(), errc::bad_value);
        }
    }
}

TEST(Uuid, RandomOnesAreVersionFourAndDiffer) {
    std::unordered_set<uuid> seen;
    for (int i = 0; i < 1000; ++i) {
        const uuid id = uuid::random();
        EXPECT_EQ(id.bytes()[6] >> 4, 4);
        EXPECT_EQ(id.bytes()[8] >> 6, 2);
        EXPECT_TRUE(seen.insert(id).second);
    }
}

TEST(Uuid, TimeOrderedOnesAreVersionSevenSortAsTheyWereMadeAndCarryTheTime) {
    uuid last;
    for (int i = 0; i < 10'000; ++i) {
        const uuid id = uuid::time_ordered();
        EXPECT_EQ(id.bytes()[6] >> 4, 7);
        EXPECT_EQ(id.bytes()[8] >> 6, 2);
        EXPECT_LT(last, id);
        last = id;
    }
    std::int64_t ms = 0;
    for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | last.bytes()[i];
    const auto now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    EXPECT_NEAR(static_cast<double>(ms), static_cast<double>(now), 60'000);
}

TEST(Decimal, KeepsItsScaleAndNothingElseOfItsSpelling) {
    EXPECT_EQ(decimal_again("1.50"), "1.50");
    EXPECT_EQ(decimal_again(" +007.0 "), "7.0");
    EXPECT_EQ(decimal_again("-0"), "0");
    EXPECT_EQ(decimal_again("-0.00"), "0.00");
    EXPECT_EQ(decimal_again(".5"), "0.5");
    EXPECT_EQ(decimal_again("5."), "5");
    EXPECT_EQ(decimal_again("-.05"), "-0.05");
    EXPECT_EQ(decimal_again("1e5"), "100000");
    EXPECT_EQ(decimal_again("1.50e1"), "15.0");
    EXPECT_EQ(decimal_again("1.5e-3"), "0.0015");
    EXPECT_EQ(decimal_again("1.5E+3"), "1500");
    EXPECT_EQ(decimal_again("0e100"), "0");
    EXPECT_EQ(decimal_again("0e-3"), "0.000");
    EXPECT_EQ(decimal_again("000123.4e2"), "12340");
    EXPECT_EQ(decimal_again("nan"), "NaN");
    EXPECT_EQ(decimal_again("-inf"), "-Infinity");
    EXPECT_EQ(decimal_again("Infinity"), "Infinity");
    EXPECT_EQ(decimal_again("123456789012345678901234567890.123"), "123456789012345678901234567890.123");
}

TEST(Decimal, RefusesWhatIsNoNumber) {
    for (const std::string_view text : {"", " ", "-", ".", "1.2.3", "1 2", "0x10", "1e", "1e+", "1e+-2", "e5", "--1",
                                        "1e1000001", "1e131073", "1e-16384", "+nan", "1_000"}) {
        EXPECT_EQ(decimal_again(text), "refused") << text;
    }
}

TEST(Decimal, IsEqualAndOrderedByValue) {
    EXPECT_EQ(dec("1.5"), dec("1.500"));
    EXPECT_EQ(dec("0"), dec("-0.00"));
    EXPECT_EQ(dec("NaN"), dec("NaN"));
    const std::vector<decimal> ascending{dec("-Infinity"), dec("-100"),     dec("-99.5"), dec("-0.01"), dec("0"),
                                         dec("0.001"),     dec("0.01"),     dec("9"),     dec("10"),    dec("10.01"),
                                         dec("10.1"),      dec("Infinity"), dec("NaN")};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t k = 0; k < ascending.size(); ++k) {
            EXPECT_EQ(ascending[i] <=> ascending[k], std::weak_ordering{i <=> k})
                << ascending[i].to_string() << " " << ascending[k].to_string();
        }
    }
}

TEST(Decimal, GivesItsScaleAndTheNearestDouble) {
    EXPECT_EQ(dec("1.50").scale(), 2);
    EXPECT_EQ(dec("150").scale(), 0);
    EXPECT_EQ(dec("-0.1").to_double(), -0.1);
    EXPECT_EQ(dec("1e400").to_double(), std::numeric_limits<double>::infinity());
    EXPECT_EQ(dec("1e-400").to_double(), 0.0);
    EXPECT_EQ(dec("-Infinity").to_double(), -std::numeric_limits<double>::infinity());
}

TEST(Timestamp, IsWrittenAsPostgresWritesIt) {
    EXPECT_EQ(to_string(timestamp{}), "1970-01-01 00:00:00+00");
    EXPECT_EQ(to_string(timestamp{std::chrono::microseconds{-1}}), "1969-12-31 23:59:59.999999+00");
    EXPECT_EQ(time_again("2026-11-22 12:30:00.25"), "2026-11-22 12:30:00.25+00");
    EXPECT_EQ(time_again("2026-11-22T12:30:00Z"), "2026-11-22 12:30:00+00");
    EXPECT_EQ(time_again("2026-11-22 12:30:00+02"), "2026-11-22 10:30:00+00");
    EXPECT_EQ(time_again("2026-11-22 12:30:00 -05:30"), "2026-11-22 18:00:00+00");
    EXPECT_EQ(time_again("2026-11-22 12:30:00-0530"), "2026-11-22 18:00:00+00");
    EXPECT_EQ(time_again("2026-11-22 1:2"), "2026-11-22 01:02:00+00");
    EXPECT_EQ(time_again("2026-11-22"), "2026-11-22 00:00:00+00");
    EXPECT_EQ(time_again("2026-11-22 24:00:00"), "2026-11-23 00:00:00+00");
    EXPECT_EQ(time_again("2026-11-22 23:59:60"), "2026-11-23 00:00:00+00");
    EXPECT_EQ(time_again("2026-11-22 00:00:00.1234565"), "2026-11-22 00:00:00.123456+00");
    EXPECT_EQ(time_again("2026-11-22 00:00:00.1234567"), "2026-11-22 00:00:00.123457+00");
    EXPECT_EQ(time_again("0044-03-15 12:00:00+00 BC"), "0044-03-15 12:00:00+00 BC");
    EXPECT_EQ(time_again("0001-12-31 23:59:59+00 BC"), "0001-12-31 23:59:59+00 BC");
    EXPECT_EQ(time_again("12345-01-02 00:00:00"), "12345-01-02 00:00:00+00");
    EXPECT_EQ(time_again("infinity"), "infinity");
    EXPECT_EQ(time_again(" -Infinity "), "-infinity");
}

TEST(Timestamp, RefusesWhatDependsOnTheReaderOrDoesNotExist) {
    for (const std::string_view text : {"",
                                        "now",
                                        "today",
                                        "tomorrow",
                                        "epoch",
                                        "22.11.2026",
                                        "11/22/2026",
                                        "26-11-22",
                                        "2026-13-01",
                                        "2026-02-29",
                                        "2026-00-10",
                                        "2026-01-00",
                                        "2026-11-22 25:00",
                                        "2026-11-22 24:00:01",
                                        "2026-11-22 12:60",
                                        "2026-11-22 12:00 CET",
                                        "2026-11-22 12:00+16",
                                        "2026-11-22 12:00:00 x",
                                        "2026-11-22T",
                                        "0000-01-01",
                                        "4715-01-01 BC",
                                        "294277-01-01",
                                        "2026-11-22 12:00:00+02 Europe/Paris"}) {
        EXPECT_EQ(time_again(text), "refused") << text;
    }
}

TEST(Date, GoesThroughItsTextUnchanged) {
    for (const std::string_view text : {"2026-11-22", "2000-02-29", "1900-02-28", "0001-01-01", "0001-12-31 BC",
                                        "4714-11-24 BC", "5874897-12-31", "infinity", "-infinity"}) {
        EXPECT_EQ(date_again(text), text);
    }
    EXPECT_EQ(date_again("1900-02-29"), "refused");
    EXPECT_EQ(date_again("2026-11-22 13:00"), "2026-11-22");
    EXPECT_EQ(parse_date("2000-01-01")->time_since_epoch().count(), 10'957);
}

TEST(Bytes, AreReadInHexAndEscapeFormAndWrittenInHex) {
    EXPECT_EQ(bytes_again("\\x68656C6c6f"), "\\x68656c6c6f");
    EXPECT_EQ(bytes_again("\\x 68 65"), "\\x6865");
    EXPECT_EQ(bytes_again("\\x"), "\\x");
    EXPECT_EQ(bytes_again(""), "\\x");
    EXPECT_EQ(bytes_again("a\\\\b\\000\\377"), "\\x615c6200ff");
    for (const std::string_view text : {"\\x6", "\\x6g", "\\x6 8", "\\", "\\1", "\\400", "\\08a"}) {
        EXPECT_EQ(bytes_again(text), "refused") << text;
    }
}
