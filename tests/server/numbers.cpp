// Numbers beside a real PostgreSQL: text and binary forms, order, sums and averages of random values must be the server's.
#include "core/codec.hpp"
#include "core/float_text.hpp"
#include "core/moment.hpp"
#include "core/numeric.hpp"
#include "core/text_to_binary.hpp"
#include "support/postgres_server.hpp"

#include <fmt/format.h>
#include <bit>
#include <cmath>
#include <random>

using namespace ashlar;
using test::postgres_server;

namespace {

const postgres_server& server() {
    static const postgres_server one;
    return one;
}

std::uint64_t seed() {
    static const std::uint64_t s = [] {
        const char* given = std::getenv("ASHLAR_SEED");
        const std::uint64_t v = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
        fmt::print("ASHLAR_SEED={}\n", v);
        return v;
    }();
    return s;
}

std::string random_numeric(std::mt19937_64& draw) {
    const int special = static_cast<int>(draw() % 60);
    if (special == 0) return "NaN";
    if (special == 1) return "Infinity";
    if (special == 2) return "-Infinity";
    if (special == 3) return "0.000";
    std::string text = draw() % 2 == 0 ? "-" : "";
    const auto digits = [&](std::size_t n) {
        std::string d;
        for (std::size_t i = 0; i < n; ++i) d += static_cast<char>('0' + (draw() % 3 == 0 ? 0 : draw() % 10));
        return d;
    };
    text += "1" + digits(draw() % 24);
    if (draw() % 3 != 0) text += "." + digits(1 + draw() % 20);
    if (draw() % 4 == 0) text = (text[0] == '-' ? "-0." : "0.") + digits(1 + draw() % 15) + "7";
    return text;
}

std::string values_list(const std::vector<std::string>& items, std::string_view type) {
    std::string list;
    for (std::size_t i = 0; i < items.size(); ++i) {
        list += fmt::format("{}({},'{}'::{})", i == 0 ? "" : ",", i, items[i], type);
    }
    return "(values " + list + ") as t(i, v)";
}

std::string from_hex(std::string_view hex) {
    const auto b = parse_bytes("\\x" + std::string{hex}).value();
    return {b.data.begin(), b.data.end()};
}

}  // namespace

TEST(Numbers, NumericTextAndBinaryAreTheServers) {
    std::mt19937_64 draw{seed()};
    std::vector<std::string> items;
    for (int i = 0; i < 2000; ++i) items.push_back(random_numeric(draw));
    const auto rows = server().run_sql("select v::text, encode(numeric_send(v), 'hex') from " +
                                       values_list(items, "numeric") + " order by i");
    for (std::size_t i = 0; i < items.size(); ++i) {
        const numeric n = numeric::from_text(items[i]).value();
        EXPECT_EQ(n.to_text(), rows[i][0]);
        EXPECT_EQ(n.to_binary(), from_hex(*rows[i][1])) << items[i];
        EXPECT_EQ(numeric::from_binary(from_hex(*rows[i][1])).value().to_text(), rows[i][0]);
        EXPECT_EQ(decimal::parse(items[i]).value().to_string(), rows[i][0]);
    }
}

TEST(Numbers, NumericOrderIsTheServers) {
    std::mt19937_64 draw{seed() + 1};
    std::vector<std::string> items;
    for (int i = 0; i < 1000; ++i) items.push_back(random_numeric(draw));
    const auto rows = server().run_sql("select v::text from " + values_list(items, "numeric") + " order by t.v");
    for (std::size_t i = 1; i < rows.size(); ++i) {
        EXPECT_TRUE(numeric::from_text(*rows[i - 1][0]).value() <= numeric::from_text(*rows[i][0]).value());
        EXPECT_TRUE(decimal::parse(*rows[i - 1][0]).value() <= decimal::parse(*rows[i][0]).value());
    }
}

TEST(Numbers, SumsAndAveragesAreTheServersDigitForDigit) {
    std::mt19937_64 draw{seed() + 2};
    std::string sql;
    std::vector<std::vector<std::string>> groups;
    for (int g = 0; g < 400; ++g) {
        std::vector<std::string>& items = groups.emplace_back();
        for (std::size_t i = 0; i < 1 + draw() % 9; ++i) items.push_back(random_numeric(draw));
        sql += fmt::format("{}select {} as g, sum(v)::text, avg(v)::text from {}", g == 0 ? "" : " union all ", g,
                           values_list(items, "numeric"));
    }
    const auto rows = server().run_sql(sql + " order by 1");
    for (std::size_t g = 0; g < groups.size(); ++g) {
        numeric sum = numeric::from_text(groups[g][0]).value();
        for (std::size_t i = 1; i < groups[g].size(); ++i) sum += numeric::from_text(groups[g][i]).value();
        EXPECT_EQ(sum.to_text(), rows[g][1]);
        EXPECT_EQ(divide(sum, numeric{static_cast<std::int64_t>(groups[g].size())}).to_text(), rows[g][2]);
    }
}

TEST(Numbers, DivisionByAnyCountIsTheServers) {
    std::mt19937_64 draw{seed() + 3};
    std::string sql;
    std::vector<std::pair<std::string, std::int64_t>> pairs;
    for (int i = 0; i < 1000; ++i) {
        std::string a = random_numeric(draw);
        const auto b = static_cast<std::int64_t>(1 + draw() % (draw() % 2 == 0 ? 20 : 100'000'000'000));
        sql += fmt::format("{}({}, '{}'::numeric / {}::bigint)", i == 0 ? "values " : ",", i, a, b);
        pairs.emplace_back(std::move(a), b);
    }
    const auto rows = server().run_sql("select q::text from (" + sql + ") as t(i, q) order by i");
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        EXPECT_EQ(divide(numeric::from_text(pairs[i].first).value(), numeric{pairs[i].second}).to_text(), rows[i][0])
            << pairs[i].first << " / " << pairs[i].second;
    }
}

TEST(Numbers, FloatTextIsTheServers) {
    std::mt19937_64 draw{seed() + 4};
    std::vector<double> doubles;
    std::vector<float> floats;
    for (int i = 0; i < 3000; ++i) {
        const auto v = std::bit_cast<double>(draw());
        if (std::isfinite(v)) doubles.push_back(v);
        doubles.push_back(std::ldexp(static_cast<double>(draw() % 1'000'000), static_cast<int>(draw() % 60) - 30));
        const auto f = std::bit_cast<float>(static_cast<std::uint32_t>(draw()));
        if (std::isfinite(f)) floats.push_back(f);
    }
    for (int e = -1074; e < 1024; ++e) doubles.push_back(std::ldexp(1.0, e));
    for (int e = -149; e < 128; ++e) floats.push_back(std::ldexp(1.0f, e));
    const auto ask = [](const auto& numbers, std::string_view type) {
        std::string list;
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            list += fmt::format("{}({},'{:.17g}'::{})", i == 0 ? "" : ",", i, numbers[i], type);
        }
        return server().run_sql("select v::text from (values " + list + ") as t(i, v) order by i");
    };
    const auto wide = ask(doubles, "float8");
    for (std::size_t i = 0; i < doubles.size(); ++i) EXPECT_EQ(float_text(doubles[i]), wide[i][0]);
    const auto narrow = ask(floats, "float4");
    for (std::size_t i = 0; i < floats.size(); ++i) EXPECT_EQ(float_text(floats[i]), narrow[i][0]);
}

TEST(Numbers, DatesAndTimestampsAreTheServersInTextAndBinary) {
    std::mt19937_64 draw{seed() + 5};
    std::string sql =
        "set timezone = 'UTC'; select v::text, encode(timestamptz_send(v), 'hex'), v::date::text, "
        "encode(date_send(v::date), 'hex') from (values ";
    constexpr int count = 2000;
    for (int i = 0; i < count; ++i) {
        const auto days = static_cast<std::int64_t>(draw() % 3'000'000) - 2'400'000;
        sql += fmt::format("{}({}, timestamptz '2000-01-01 00:00:00+00' + interval '{} days {} microseconds')",
                           i == 0 ? "" : ",", i, days, draw() % 86'400'000'000u);
    }
    const auto rows = server().run_sql(sql + ") as t(i, v) order by i");
    ASSERT_EQ(rows.size(), static_cast<std::size_t>(count));
    for (const auto& row : rows) {
        EXPECT_EQ(to_string(parse_timestamp(*row[0]).value()), row[0]);
        EXPECT_EQ(codec::text_to_binary(*row[0], oid::timestamptz).value(), from_hex(*row[1])) << *row[0];
        EXPECT_EQ(codec::read_moment(from_hex(*row[1]), oid::timestamptz, cell_format::binary).value(),
                  microseconds_since_2000(*row[0]).value());
        EXPECT_EQ(to_string(parse_date(*row[2]).value()), row[2]);
        EXPECT_EQ(codec::text_to_binary(*row[2], oid::date).value(), from_hex(*row[3])) << *row[2];
    }
}
