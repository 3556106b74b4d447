#include "unit/merge/rows.hpp"

using namespace ashlar;
using namespace ashlar::merge;
using namespace ashlar::merge::test;
using route::combine;
using kind = route::condition::kind;

namespace {

route::output out(combine how, std::size_t column, std::uint32_t type = 0) {
    route::output o;
    o.how = how;
    o.column = column;
    o.type = type;
    o.text = bytewise();
    return o;
}

route::output average(std::size_t sum, std::size_t count, std::uint32_t argument = 0) {
    route::output o = out(combine::avg, sum);
    o.count_column = count;
    o.argument_type = argument;
    return o;
}

route::recipe grouped(std::vector<std::size_t> keys, std::vector<route::output> outputs) {
    route::recipe r;
    r.grouped = true;
    r.group_keys = std::move(keys);
    r.group_key_text.assign(r.group_keys.size(), bytewise());
    r.visible_columns = outputs.size();
    r.outputs = std::move(outputs);
    return r;
}

// One aggregate without keys over one column of partials.
course finish(combine how, std::uint32_t type, const std::vector<table>& partials, std::uint32_t result_type = 0) {
    return run(grouped({}, {out(how, 0, result_type)}), {col("v", type)}, partials);
}
std::optional<std::string> one(const course& c) {
    EXPECT_FALSE(c.failure) << *c.failure;
    EXPECT_EQ(c.rows.size(), 1u);
    return c.rows.empty() ? std::nullopt : c.rows[0][0];
}

route::condition leaf_column(std::size_t i) {
    route::condition c;
    c.what = kind::column;
    c.column = i;
    return c;
}
route::condition leaf(std::string text, std::uint32_t type = oid::numeric) {
    route::condition c;
    c.what = kind::constant;
    c.constant = std::move(text);
    c.type = type;
    return c;
}
route::condition node(kind what, std::vector<route::condition> inner) {
    route::condition c;
    c.what = what;
    c.inner = std::move(inner);
    return c;
}

}  // namespace

TEST(Grouping, RowsWithEqualKeysBecomeOne) {
    const route::recipe r = grouped({0}, {out(combine::first, 0), out(combine::count, 1), out(combine::sum, 2)});
    const columns shape{col("region", oid::text), col("count", oid::int8), col("sum", oid::numeric)};
    const course c = run(r, shape,
                         {{{"north", "2", "1.50"}, {NULL_CELL, "1", "7"}},
                          {{"south", "1", NULL_CELL}, {"north", "3", "2.125"}, {NULL_CELL, "1", "1"}}});
    EXPECT_FALSE(c.failure);
    EXPECT_EQ(c.rows, (table{{"north", "5", "3.625"}, {NULL_CELL, "2", "8"}, {"south", "1", NULL_CELL}}));
}

TEST(Grouping, WithoutKeysThereIsOneRowEvenFromNothing) {
    const route::recipe r =
        grouped({}, {out(combine::count, 0), out(combine::sum, 1), out(combine::max, 1), average(1, 0)});
    const columns shape{col("count", oid::int8), col("sum", oid::int8)};
    const table nothing{{"0", NULL_CELL, NULL_CELL, NULL_CELL}};
    EXPECT_EQ(run(r, shape, {{}, {}}).rows, nothing);
    EXPECT_EQ(run(r, shape, {{{"0", NULL_CELL}}, {{"0", NULL_CELL}}}).rows, nothing);
}

TEST(Grouping, WithKeysThereIsNoRowFromNothing) {
    EXPECT_TRUE(run(grouped({0}, {out(combine::first, 0)}), {col("k", oid::int4)}, {{}, {}}).rows.empty());
}

TEST(Grouping, KeysAreEqualByValue) {
    const route::recipe r = grouped({0}, {out(combine::first, 0), out(combine::count, 1)});
    const auto groups = [&](std::uint32_t type, const table& a, const table& b) {
        return run(r, {col("k", type), col("c", oid::int8)}, {a, b}).rows.size();
    };
    EXPECT_EQ(groups(oid::numeric, {{"1.0", "1"}}, {{"1.00", "1"}}), 1u);
    EXPECT_EQ(groups(oid::float8, {{"0", "1"}, {"NaN", "1"}}, {{"-0", "1"}, {"NaN", "1"}}), 2u);
    EXPECT_EQ(groups(oid::bpchar, {{"a", "1"}}, {{"a  ", "1"}}), 1u);
    EXPECT_EQ(groups(oid::text, {{"a", "1"}}, {{"a  ", "1"}}), 2u);
    EXPECT_EQ(groups(oid::timestamptz, {{"2026-01-01 00:00:00+00", "1"}}, {{"2026-01-01 01:00:00+01", "1"}}), 1u);
}

TEST(Sum, OfBigintsOverflowsAsTheServerDoes) {
    EXPECT_EQ(one(finish(combine::sum, oid::int8, {{{"40"}}, {{"2"}}, {{NULL_CELL}}})), "42");
    const course c = finish(combine::sum, oid::int8, {{{"9223372036854775807"}}, {{"1"}}});
    ASSERT_TRUE(c.failure);
    EXPECT_EQ(c.failure->sqlstate(), "22003");
    EXPECT_EQ(c.failure->message(), "bigint out of range");
}

TEST(Sum, OfNumericsIsExactAndKeepsTheLargestScale) {
    EXPECT_EQ(one(finish(combine::sum, oid::numeric, {{{"9223372036854775807"}}, {{"0.10"}}, {{"-0.100"}}})),
              "9223372036854775807.000");
    EXPECT_EQ(one(finish(combine::sum, oid::numeric, {{{"NaN"}}, {{"1"}}})), "NaN");
    EXPECT_EQ(one(finish(combine::sum, oid::numeric, {{{"Infinity"}}, {{"1"}}})), "Infinity");
    EXPECT_EQ(one(finish(combine::sum, oid::numeric, {{{"Infinity"}}, {{"-Infinity"}}})), "NaN");
}

TEST(Sum, OfFloatsOverflowsButTakesInfinities) {
    EXPECT_EQ(one(finish(combine::sum, oid::float8, {{{"0.5"}}, {{"1"}}})), "1.5");
    EXPECT_EQ(one(finish(combine::sum, oid::float8, {{{"Infinity"}}, {{"1e+308"}}})), "Infinity");
    EXPECT_EQ(finish(combine::sum, oid::float8, {{{"1e+308"}}, {{"1e+308"}}}).failure->sqlstate(), "22003");
    EXPECT_EQ(finish(combine::sum, oid::float4, {{{"3e+38"}}, {{"3e+38"}}}).failure->sqlstate(), "22003");
}

TEST(Sum, OfOtherTypesIsRefusedByName) {
    constexpr std::uint32_t money = 790;
    for (const std::uint32_t type : {oid::interval, money, oid::text, oid::int4}) {
        const course c = finish(combine::sum, type, {{}});
        ASSERT_TRUE(c.failure) << type;
        EXPECT_EQ(c.failure->sqlstate(), "0A000");
        EXPECT_NE(c.failure->message().find("\"v\""), std::string::npos);
    }
}

TEST(Average, IsDividedWithPostgresScale) {
    const auto avg = [](std::uint32_t sum_type, const table& a, const table& b, std::uint32_t argument = 0) {
        return one(run(grouped({}, {average(0, 1, argument)}), {col("s", sum_type), col("c", oid::int8)}, {a, b}));
    };
    EXPECT_EQ(avg(oid::int8, {{"1", "1"}}, {{"2", "1"}}, oid::int4), "1.5000000000000000");
    EXPECT_EQ(avg(oid::int8, {{"10", "2"}}, {{"0", "1"}}, oid::int4), "3.3333333333333333");
    EXPECT_EQ(avg(oid::int8, {{"100000", "2"}}, {{"0", "1"}}, oid::int4), "33333.333333333333");
    EXPECT_EQ(avg(oid::numeric, {{"0.01", "1"}}, {{NULL_CELL, "0"}}), "0.01000000000000000000");
    EXPECT_EQ(avg(oid::numeric, {{"-2", "2"}}, {{"0", "1"}}), "-0.66666666666666666667");
    EXPECT_EQ(avg(oid::numeric, {{"NaN", "2"}}, {{"0", "1"}}), "NaN");
    EXPECT_EQ(avg(oid::float8, {{"1", "1"}}, {{"2", "2"}}, oid::float8), "1");
    EXPECT_EQ(avg(oid::int8, {{NULL_CELL, "0"}}, {{NULL_CELL, "0"}}, oid::int2), std::nullopt);
}

TEST(Average, OfASumThatLostDigitsIsRefused) {
    const course c = run(grouped({}, {average(0, 1, oid::float4)}), {col("s", oid::float4), col("c", oid::int8)}, {{}});
    EXPECT_EQ(*c.failure, errc::unsupported);
}

TEST(MinMax, FollowTheTypesOrderAndPassOverNull) {
    EXPECT_EQ(one(finish(combine::min, oid::int4, {{{"9"}}, {{"10"}}, {{NULL_CELL}}})), "9");
    EXPECT_EQ(one(finish(combine::max, oid::int4, {{{"9"}}, {{"10"}}, {{NULL_CELL}}})), "10");
    EXPECT_EQ(one(finish(combine::max, oid::float8, {{{"Infinity"}}, {{"NaN"}}})), "NaN");
    EXPECT_EQ(one(finish(combine::min, oid::float8, {{{"Infinity"}}, {{"NaN"}}})), "Infinity");
    EXPECT_EQ(one(finish(combine::min, oid::text, {{{"a"}}, {{"B"}}})), "B");
    EXPECT_EQ(one(finish(combine::max, oid::date, {{{"2026-01-01"}}, {{"infinity"}}})), "infinity");
    EXPECT_EQ(one(finish(combine::max, oid::numeric, {{{"10.10"}}, {{"9.9"}}})), "10.10");
    EXPECT_EQ(one(finish(combine::max, oid::int4, {{{NULL_CELL}}, {{NULL_CELL}}})), std::nullopt);
}

TEST(BooleansAndBits, AreCombined) {
    EXPECT_EQ(one(finish(combine::bool_and, oid::boolean, {{{"t"}}, {{"f"}}, {{NULL_CELL}}})), "f");
    EXPECT_EQ(one(finish(combine::bool_and, oid::boolean, {{{"t"}}, {{NULL_CELL}}})), "t");
    EXPECT_EQ(one(finish(combine::bool_or, oid::boolean, {{{"f"}}, {{"t"}}})), "t");
    EXPECT_EQ(one(finish(combine::bool_or, oid::boolean, {{{NULL_CELL}}, {{NULL_CELL}}})), std::nullopt);
    EXPECT_EQ(one(finish(combine::bit_and, oid::int4, {{{"6"}}, {{"-4"}}})), "4");
    EXPECT_EQ(one(finish(combine::bit_or, oid::int2, {{{"1"}}, {{"-32768"}}})), "-32767");
    EXPECT_EQ(*finish(combine::bit_or, oid::varbit, {{}}).failure, errc::unsupported);
}

TEST(Grouping, FinishedColumnsCarryTheTypeOfOnePlainDatabaseInTheFormatAskedFor) {
    merge_options binary;
    binary.results = cell_format::binary;
    const columns shape{col("s", oid::int8, cell_format::binary), col("c", oid::int8, cell_format::binary)};
    const std::string three{"\0\0\0\0\0\0\0\3", 8}, two{"\0\0\0\0\0\0\0\2", 8};
    const route::recipe r =
        grouped({}, {average(0, 1, oid::int4), out(combine::sum, 0, oid::numeric), out(combine::count, 1)});
    const course c = run(r, shape, {{{three, two}}}, {}, binary);
    ASSERT_FALSE(c.failure);
    EXPECT_EQ(c.shape[0].type, oid::numeric);
    EXPECT_EQ(c.shape[1].type, oid::numeric);
    EXPECT_EQ(c.shape[2].type, oid::int8);
    EXPECT_EQ(c.shape[0].format, cell_format::binary);
    EXPECT_EQ(numeric::from_binary(*c.rows[0][0])->to_text(), "1.5000000000000000");
    EXPECT_EQ(numeric::from_binary(*c.rows[0][1])->to_text(), "3");
    EXPECT_EQ(c.rows[0][2], two);
}

TEST(Grouping, IsOrderedAndCutAfterItIsFinished) {
    route::recipe r = grouped({0}, {out(combine::first, 0), out(combine::sum, 1)});
    r.order.resize(1);
    r.order[0].column = 1;
    r.order[0].descending = true;
    r.limit.constant = 2;
    r.visible_columns = 1;
    r.helpers = 1;
    const columns shape{col("k", oid::text), col("s", oid::int8)};
    EXPECT_EQ(run(r, shape, {{{"a", "5"}, {"b", "9"}}, {{"a", "6"}, {"c", "1"}}}).rows, (table{{"a"}, {"b"}}));
}

TEST(Having, FollowsThreeValuedLogic) {
    const columns shape{col("k", oid::int4), col("s", oid::numeric)};
    const std::vector<table> sources{{{"1", "5"}, {"2", NULL_CELL}}, {{"1", "6"}, {"3", "2.0"}}};
    const auto kept = [&](const route::condition& c) {
        route::recipe r = grouped({0}, {out(combine::first, 0), out(combine::sum, 1)});
        r.having = c;
        const course done = run(r, shape, sources);
        EXPECT_FALSE(done.failure) << *done.failure;
        std::string keys;
        for (const cells& row : done.rows) keys += *row[0];
        return keys;
    };
    const route::condition large = node(kind::gt, {leaf_column(1), leaf("10")});
    EXPECT_EQ(kept(large), "1");
    EXPECT_EQ(kept(node(kind::not_, {large})), "3");  // unknown stays unknown
    EXPECT_EQ(kept(node(kind::eq, {leaf_column(1), leaf("2")})), "3");
    EXPECT_EQ(kept(node(kind::ne, {leaf_column(1), leaf("2", oid::unknown)})), "1");
    EXPECT_EQ(kept(node(kind::is_null, {leaf_column(1)})), "2");
    EXPECT_EQ(kept(node(kind::is_not_null, {leaf_column(1)})), "13");
    EXPECT_EQ(kept(node(kind::or_, {large, node(kind::is_null, {leaf_column(1)})})), "12");
    EXPECT_EQ(kept(node(kind::and_, {node(kind::le, {leaf_column(0), leaf("2")}), large})), "1");
    EXPECT_EQ(kept(leaf("t", oid::boolean)), "123");
}

TEST(Having, ComparesMixedTypesAsTheServerDoes) {
    const auto holds = [](std::uint32_t type, std::string value, kind what, route::condition other) {
        route::recipe r = grouped({0}, {out(combine::first, 0)});
        r.having = node(what, {leaf_column(0), std::move(other)});
        const course c = run(r, {col("k", type)}, {{{std::move(value)}}});
        EXPECT_FALSE(c.failure) << *c.failure;
        return c.rows.size() == 1;
    };
    EXPECT_TRUE(holds(oid::int8, "9007199254740993", kind::gt, leaf("9007199254740992.5")));
    EXPECT_TRUE(holds(oid::float8, "0.1", kind::eq, leaf("0.1")));
    EXPECT_FALSE(holds(oid::float4, "0.1", kind::eq, leaf("0.1")));  // as float8 they differ
    EXPECT_TRUE(holds(oid::float8, "NaN", kind::gt, leaf("1e300")));
    EXPECT_TRUE(holds(oid::bpchar, "a  ", kind::eq, leaf("a", oid::unknown)));
    EXPECT_FALSE(holds(oid::text, "a  ", kind::eq, leaf("a", oid::unknown)));
    EXPECT_TRUE(holds(oid::date, "2026-01-01", kind::lt, leaf("2026-01-02", oid::unknown)));
}

TEST(Having, RefusesWhatItsRulesDoNotCover) {
    route::recipe r = grouped({0}, {out(combine::first, 0)});
    r.having = node(kind::eq, {leaf_column(0), leaf("2026-01-01", oid::timestamp)});
    EXPECT_EQ(*run(r, {col("k", oid::date)}, {{}}).failure, errc::unsupported);
    r.having = node(kind::eq, {leaf_column(0), leaf("7")});
    EXPECT_EQ(*run(r, {col("k", oid::text)}, {{}}).failure, errc::unsupported);
    r.having = leaf_column(0);
    EXPECT_EQ(*run(r, {col("k", oid::int4)}, {{}}).failure, errc::unsupported);
    r.outputs[0].text.kind = route::collation_kind::deterministic;
    r.having = node(kind::lt, {leaf_column(0), leaf("m", oid::unknown)});
    EXPECT_EQ(*run(r, {col("k", oid::text)}, {{}}).failure, errc::unsupported);
    r.having->what = kind::eq;
    EXPECT_FALSE(run(r, {col("k", oid::text)}, {{}}).failure);
}

TEST(Having, ReadsParameters) {
    route::recipe r = grouped({0}, {out(combine::first, 0)});
    route::condition parameter;
    parameter.what = kind::parameter;
    r.having = node(kind::ge, {leaf_column(0), parameter});
    route::bound_parameter two;
    two.bytes = "2";
    const std::vector<table> sources{{{"1"}, {"2"}}, {{"3"}}};
    EXPECT_EQ(run(r, {col("k", oid::int4)}, sources, {two}).rows, (table{{"2"}, {"3"}}));
    EXPECT_TRUE(run(r, {col("k", oid::int4)}, sources, {route::bound_parameter{}}).rows.empty());  // NULL: unknown
}

TEST(SqliteAggregates, FollowTheStorageClasses) {
    route::recipe r = grouped({}, {out(combine::sum, 0), average(0, 1), out(combine::count, 1)});
    r.dialect = route::dialect::sqlite;
    const columns shape{col("s", oid::text), col("c", oid::text)};
    EXPECT_EQ(run(r, shape, {{{"3", "2"}}, {{"4", "2"}}}, {}, {}, 2, storage::integer).rows,
              (table{{"7", "1.75", "4"}}));
    const course over = run(r, shape, {{{"9223372036854775807", "1"}}, {{"1", "1"}}}, {}, {}, 2, storage::integer);
    EXPECT_EQ(over.failure->sqlstate(), "22003");
    // An integer and a real make a real.
    auto made = merger::make(r, {shape, shape}, {}, {});
    ASSERT_TRUE(made);
    row_batch whole = batch_of({{"1", "1"}}, storage::integer), real;
    real.add("0.5", storage::real);
    real.add("1", storage::integer);
    real.end_row();
    ASSERT_TRUE((*made)->add(0, std::move(whole)));
    ASSERT_TRUE((*made)->add(1, std::move(real)));
    ASSERT_TRUE((*made)->end(0));
    ASSERT_TRUE((*made)->end(1));
    row_batch into;
    ASSERT_TRUE((*made)->take(into).value());
    EXPECT_EQ(into.at(0, 0), "1.5");
    EXPECT_EQ(into.kind_at(0, 0), storage::real);
    EXPECT_EQ(into.at(0, 1), "0.75");
}
