#include "unit/merge/rows.hpp"

#include "core/text_to_binary.hpp"

#include <algorithm>

using namespace ashlar;
using namespace ashlar::merge;
using namespace ashlar::merge::test;

namespace {

route::recipe shows(std::size_t visible) {
    route::recipe r;
    r.visible_columns = visible;
    return r;
}

route::sort_key by(std::size_t column, bool descending = false, bool nulls_first = false) {
    route::sort_key k;
    k.column = column;
    k.descending = descending;
    k.nulls_first = nulls_first;
    k.text = bytewise();
    return k;
}

route::row_count rows(std::uint64_t n) {
    route::row_count c;
    c.constant = n;
    return c;
}

route::row_count from_parameter(std::size_t n) {
    route::row_count c;
    c.parameter = n;
    return c;
}

route::bound_parameter text_parameter(std::string_view text, std::uint32_t type = 0) {
    route::bound_parameter p;
    p.bytes = text;
    p.type = type;
    return p;
}

const columns one_int{col("n", oid::int4)};

}  // namespace

TEST(Merger, ConcatenatesWhatNeedsNoOrder) {
    const course c = run(shows(1), one_int, {{{"1"}, {"2"}, {"3"}}, {}, {{"4"}}});
    EXPECT_FALSE(c.failure);
    EXPECT_EQ(c.rows, (table{{"1"}, {"2"}, {"3"}, {"4"}}));
}

TEST(Merger, MergesSortedSourcesAsTheyStream) {
    route::recipe r = shows(1);
    r.order = {by(0)};
    r.shards_are_sorted = true;
    const course c = run(r, one_int, {{{"1"}, {"5"}, {"9"}}, {{"-3"}, {"5"}, {NULL_CELL}}, {{"10"}}, {}});
    EXPECT_FALSE(c.failure);
    EXPECT_EQ(c.rows, (table{{"-3"}, {"1"}, {"5"}, {"5"}, {"9"}, {"10"}, {NULL_CELL}}));
}

TEST(Merger, PutsNullsWhereTheRecipeSaysWhateverTheDirection) {
    route::recipe r = shows(1);
    r.shards_are_sorted = true;
    r.order = {by(0, true, true)};
    EXPECT_EQ(run(r, one_int, {{{NULL_CELL}, {"7"}}, {{"9"}, {"1"}}}).rows, (table{{NULL_CELL}, {"9"}, {"7"}, {"1"}}));
    r.order = {by(0, true, false)};
    EXPECT_EQ(run(r, one_int, {{{"7"}, {NULL_CELL}}, {{"9"}, {"1"}}}).rows, (table{{"9"}, {"7"}, {"1"}, {NULL_CELL}}));
}

TEST(Merger, SortsByHiddenColumnsAndDropsThem) {
    route::recipe r = shows(1);
    r.helpers = 1;
    r.order = {by(1, true)};
    const columns shape{col("name", oid::text), col("rank", oid::numeric)};
    const course c = run(r, shape, {{{"a", "1.50"}, {"b", "20"}}, {{"c", "NaN"}, {"d", "-3"}, {"e", "1.6"}}});
    EXPECT_EQ(c.rows, (table{{"c"}, {"b"}, {"e"}, {"a"}, {"d"}}));
    ASSERT_EQ(c.shape.size(), 1u);
    EXPECT_EQ(c.shape[0].name, "name");
}

TEST(Merger, WithAStarShowsAllButTheHelpers) {
    route::recipe r;
    r.star = true;
    r.helpers = 1;
    r.order = {by(2)};
    const columns shape{col("a", oid::text), col("b", oid::text), col("key", oid::int8)};
    EXPECT_EQ(run(r, shape, {{{"x", "y", "2"}}, {{"p", "q", "1"}}}).rows, (table{{"p", "q"}, {"x", "y"}}));
}

TEST(Merger, OffsetAndLimitCountOverAllShards) {
    route::recipe r = shows(1);
    r.order = {by(0)};
    r.shards_are_sorted = true;
    r.offset = rows(2);
    r.limit = rows(2);
    const std::vector<table> sources{{{"1"}, {"3"}, {"5"}}, {{"2"}, {"4"}, {"6"}}};
    EXPECT_EQ(run(r, one_int, sources).rows, (table{{"3"}, {"4"}}));
    r.limit = rows(0);
    const course none = run(r, one_int, sources);
    EXPECT_TRUE(none.rows.empty());
    EXPECT_EQ(none.batches_read, (std::vector<std::size_t>{0, 0}));  // nobody had to be asked
    r.limit = {};
    r.offset = rows(100);
    EXPECT_TRUE(run(r, one_int, sources).rows.empty());
}

TEST(Merger, ReadsLimitAndOffsetFromParametersInEitherFormat) {
    route::recipe r = shows(1);
    r.order = {by(0)};
    r.limit = from_parameter(0);
    r.offset = from_parameter(1);
    const std::vector<table> sources{{{"1"}, {"3"}}, {{"2"}, {"4"}}};
    EXPECT_EQ(run(r, one_int, sources, {text_parameter("2"), text_parameter("1", oid::int4)}).rows,
              (table{{"2"}, {"3"}}));
    const std::string three{"\0\0\0\3", 4};
    route::bound_parameter binary;
    binary.bytes = three;
    binary.type = oid::int4;
    binary.format = cell_format::binary;
    EXPECT_EQ(run(r, one_int, sources, {binary, text_parameter("1.5", oid::numeric)}).rows, (table{{"3"}, {"4"}}));
    EXPECT_EQ(run(r, one_int, sources, {route::bound_parameter{}, route::bound_parameter{}}).rows.size(), 4u);  // NULLs
}

TEST(Merger, NegativeLimitAndOffsetFailAsThePlainDatabaseDoes) {
    route::recipe r = shows(1);
    r.limit = from_parameter(0);
    EXPECT_EQ(run(r, one_int, {{}}, {text_parameter("-1")}).failure->sqlstate(), "2201W");
    EXPECT_EQ(run(r, one_int, {{}}, {text_parameter("x")}).failure->sqlstate(), "22P02");
    EXPECT_EQ(run(r, one_int, {{}}, {text_parameter("99999999999999999999")}).failure->sqlstate(), "22003");
    r.offset = r.limit;
    r.limit = {};
    EXPECT_EQ(run(r, one_int, {{}}, {text_parameter("-1")}).failure->sqlstate(), "2201X");
}

TEST(Merger, StopsReadingOnceTheLimitIsReached) {
    route::recipe r = shows(1);
    r.order = {by(0)};
    r.shards_are_sorted = true;
    r.limit = rows(2);
    const course c = run(r, one_int, {{{"1"}, {"2"}, {"3"}, {"4"}, {"5"}}, {{"9"}, {"9"}, {"9"}}});
    EXPECT_EQ(c.rows, (table{{"1"}, {"2"}}));
    EXPECT_EQ(c.batches_read, (std::vector<std::size_t>{1, 1}));
}

TEST(Merger, DistinctComparesValuesNotSpellings) {
    route::recipe r = shows(2);
    r.distinct = true;
    const columns shape{col("n", oid::numeric), col("f", oid::float8)};
    const course c = run(r, shape,
                         {{{"1.0", "0"}, {"2", "NaN"}},
                          {{"1.00", "-0"}, {"2", "NaN"}, {NULL_CELL, NULL_CELL}},
                          {{NULL_CELL, NULL_CELL}, {"1", "1e+15"}}});
    EXPECT_EQ(c.rows, (table{{"1.0", "0"}, {"2", "NaN"}, {NULL_CELL, NULL_CELL}, {"1", "1e+15"}}));
}

TEST(Merger, DistinctKeepsTheOrderOfSortedSourcesAndComesBeforeTheLimit) {
    route::recipe r = shows(1);
    r.distinct = true;
    r.order = {by(0)};
    r.limit = rows(2);
    const std::vector<table> sources{{{"1"}, {"2"}, {"3"}}, {{"1"}, {"3"}, {"4"}}};
    r.shards_are_sorted = true;
    EXPECT_EQ(run(r, one_int, sources).rows, (table{{"1"}, {"2"}}));
    r.shards_are_sorted = false;
    EXPECT_EQ(run(r, one_int, sources).rows, (table{{"1"}, {"2"}}));
}

TEST(Merger, TwoKeysOneOfThemDescending) {
    route::recipe r = shows(2);
    r.order = {by(0), by(1, true)};
    const columns shape{col("name", oid::text), col("at", oid::timestamptz)};
    const course c = run(
        r, shape,
        {{{"a", "2026-01-01 00:00:00+00"}, {"ab", "infinity"}}, {{"a", "2026-01-01 02:00:00+01"}, {"", "-infinity"}}});
    EXPECT_EQ(
        c.rows,
        (table{
            {"", "-infinity"}, {"a", "2026-01-01 02:00:00+01"}, {"a", "2026-01-01 00:00:00+00"}, {"ab", "infinity"}}));
}

TEST(Merger, OrdersEachSupportedTypeAsTheServerDoes) {
    struct sample {
        std::uint32_t type;
        std::vector<std::string> ascending;
    };
    const std::vector<sample> samples{
        {oid::boolean, {"f", "t"}},
        {oid::int2, {"-32768", "-1", "0", "7", "32767"}},
        {oid::int8, {"-9223372036854775808", "-10", "-9", "9", "10", "9223372036854775807"}},
        {oid::oid, {"0", "7", "4294967295"}},
        {oid::float8, {"-Infinity", "-1e+300", "-1.5", "0", "1e-300", "2", "1e+15", "Infinity", "NaN"}},
        {oid::float4, {"-1e+30", "0.1", "0.2", "1e+30", "NaN"}},
        {oid::numeric,
         {"-Infinity", "-100", "-99.99", "-0.001", "0.00", "0.0001", "0.001", "0.01", "1", "9.9", "10",
          "123456789012345678901234567890", "Infinity", "NaN"}},
        {oid::text, {"", "A", "B", "a", "aa", "b", "ä"}},
        {oid::varchar, {"Z", "a", "a "}},
        {oid::name, {"a", "b"}},
        {oid::bytea, {"\\x", "\\x00", "\\x0000", "\\x0001", "\\x7f", "\\xff"}},
        {oid::uuid,
         {"00000000-0000-0000-0000-000000000000", "0fffffff-ffff-ffff-ffff-ffffffffffff",
          "f0000000-0000-0000-0000-000000000000"}},
        {oid::date, {"-infinity", "0044-03-15 BC", "1999-12-31", "2000-01-01", "10000-01-01", "infinity"}},
        {oid::timestamp,
         {"-infinity", "0044-03-15 00:00:00 BC", "1999-12-31 23:59:59.999999", "2000-01-01 00:00:00", "infinity"}},
        {oid::timestamptz, {"2026-01-01 00:00:00+05", "2026-01-01 00:00:00+00", "2026-01-01 00:00:00-05"}},
    };
    for (const sample& s : samples) {
        for (const bool descending : {false, true}) {
            route::recipe r = shows(1);
            r.order = {by(0, descending)};
            table expected, first, second;
            for (const std::string& text : s.ascending) expected.push_back({text});
            if (descending) std::reverse(expected.begin(), expected.end());
            for (std::size_t i = 0; i < expected.size(); ++i) (i % 2 == 0 ? first : second).push_back(expected[i]);
            r.shards_are_sorted = true;
            EXPECT_EQ(run(r, {col("v", s.type)}, {first, second}).rows, expected) << codec::type_name(s.type);
            r.shards_are_sorted = false;
            std::reverse(first.begin(), first.end());
            EXPECT_EQ(run(r, {col("v", s.type)}, {first, second}).rows, expected) << codec::type_name(s.type);
            table binary;  // the same in binary
            for (const cells& row : expected) binary.push_back({codec::text_to_binary(*row[0], s.type).value()});
            const table shuffled{binary.rbegin(), binary.rend()};
            EXPECT_EQ(run(r, {col("v", s.type, cell_format::binary)}, {shuffled}).rows, binary)
                << codec::type_name(s.type);
        }
    }
}

TEST(Merger, BlanksAtTheEndOfCharacterDoNotCount) {
    route::recipe r = shows(1);
    r.distinct = true;
    EXPECT_EQ(run(r, {col("c", oid::bpchar)}, {{{"ab "}}, {{"ab   "}}, {{"a b"}}}).rows, (table{{"ab "}, {"a b"}}));
}

TEST(Merger, ALocaleThatThisMachineHasOrdersTextAndBreaksTiesByBytes) {
    route::recipe r = shows(1);
    r.order = {by(0)};
    r.order[0].text.kind = route::collation_kind::system_locale;
    r.order[0].text.locale = "C.UTF-8";
    EXPECT_EQ(run(r, {col("t", oid::text)}, {{{"b"}, {NULL_CELL}, {"ä"}}, {{"B"}, {"a"}}}).rows,
              (table{{"B"}, {"a"}, {"b"}, {"ä"}, {NULL_CELL}}));
    r.order[0].descending = true;
    EXPECT_EQ(run(r, {col("t", oid::text)}, {{{"b"}, {NULL_CELL}, {"ä"}}, {{"B"}, {"a"}}}).rows,
              (table{{"ä"}, {"b"}, {"a"}, {"B"}, {NULL_CELL}}));
}

TEST(Merger, RefusesCollationsThatCannotBeComputedHere) {
    using enum route::collation_kind;
    route::recipe r = shows(1);
    r.order = {by(0)};
    for (const route::collation_kind kind : {deterministic, nondeterministic}) {
        r.order[0].text.kind = kind;
        const course c = run(r, {col("t", oid::text)}, {{}});
        ASSERT_TRUE(c.failure);
        EXPECT_EQ(*c.failure, errc::unsupported);
        EXPECT_NE(c.failure->message().find("\"t\""), std::string::npos);
        EXPECT_FALSE(run(r, one_int, {{}}).failure);  // a number has no collation
    }
    r.order[0].text.kind = system_locale;
    r.order[0].text.locale = "xx_NOWHERE.UTF-8";
    EXPECT_EQ(*run(r, {col("t", oid::text)}, {{}}).failure, errc::unsupported);
}

TEST(Merger, RefusesTypesWhoseOrderItDoesNotKnowByNameBeforeAnyRow) {
    const std::vector<std::uint32_t> only_equal{3614};                                     // tsvector
    for (const std::uint32_t type : {oid::json, oid::xml, 16'500u, 600u, 2249u, 3614u}) {  // point, record
        route::recipe ordered = shows(1);
        ordered.order = {by(0)};
        std::vector<route::recipe> refused{ordered};
        route::recipe distinct = shows(1);
        distinct.distinct = true;
        if (std::ranges::find(only_equal, type) == only_equal.end()) refused.push_back(distinct);
        for (const route::recipe& r : refused) {
            const course c = run(r, {col("doc", type)}, {{}});
            ASSERT_TRUE(c.failure) << type;
            EXPECT_EQ(c.failure->sqlstate(), "0A000");
            EXPECT_NE(c.failure->message().find("\"doc\""), std::string::npos);
            EXPECT_NE(c.failure->message().find(codec::type_name(type)), std::string::npos);
        }
        EXPECT_EQ(run(shows(1), {col("doc", type)}, {{{"x"}}}).rows, (table{{"x"}}));  // untouched it passes
    }
}

TEST(Merger, ACellThatIsNotOfItsTypeIsAnErrorNotAGuess) {
    route::recipe r = shows(1);
    r.order = {by(0)};
    EXPECT_EQ(*run(r, one_int, {{{"seven"}}}).failure, errc::bad_value);
    EXPECT_EQ(*run(r, {col("d", oid::date)}, {{{"22.11.2026"}}}).failure, errc::unsupported);  // another DateStyle
    EXPECT_EQ(*run(r, {col("n", oid::int4, cell_format::binary)}, {{{"\1\2"}}}).failure, errc::bad_value);
}

TEST(Merger, ShardsThatDisagreeAreNamedByTheirDifference) {
    const auto failure = [](const columns& first, const columns& second) {
        return merger::make(shows(1), {first, second}, {}, {}).error();
    };
    EXPECT_EQ(failure(one_int, {}), errc::shards_disagree);
    EXPECT_EQ(failure(one_int, {col("m", oid::int4)}), errc::shards_disagree);
    EXPECT_EQ(failure(one_int, {col("n", 20'000)}), errc::shards_disagree);
    EXPECT_NE(failure(one_int, {col("n", oid::int8)}).message().find("bigint instead of integer"), std::string::npos);
    EXPECT_TRUE(merger::make(shows(1), {{col("e", 16'400)}, {col("e", 16'999)}}, {}, {}));  // an enum's oid differs
}

TEST(Merger, CountsWhatItHoldsAndEndsAtTheBound) {
    table many;
    for (int i = 0; i < 20'000; ++i) many.push_back({std::to_string(i)});
    merge_options small;
    small.memory_max = 200'000;
    route::recipe sorted = shows(1);
    sorted.order = {by(0)};
    EXPECT_EQ(*run(sorted, one_int, {many}, {}, small).failure, errc::limit_reached);
    route::recipe distinct = shows(1);
    distinct.distinct = true;
    EXPECT_EQ(*run(distinct, one_int, {many}, {}, small).failure, errc::limit_reached);
    route::recipe grouped = shows(1);
    grouped.grouped = true;
    grouped.group_keys = {0};
    grouped.outputs.resize(1);
    EXPECT_EQ(*run(grouped, one_int, {many}, {}, small).failure, errc::limit_reached);
    sorted.shards_are_sorted = true;  // streams: holds a batch of each source
    EXPECT_FALSE(run(sorted, one_int, {many, many}, {}, small).failure);
    EXPECT_EQ(run(shows(1), one_int, {many}, {}, small).rows.size(), 20'000u);
}

TEST(Merger, SqliteOrdersByStorageClass) {
    route::recipe r = shows(1);
    r.dialect = route::dialect::sqlite;
    r.order = {by(0, false, true)};
    auto made = merger::make(r, {{col("v", oid::text)}, {col("v", oid::int8)}}, {}, {});
    ASSERT_TRUE(made);
    const auto put = [](row_batch& b, cell v, storage kind = storage::by_column) {
        b.add(v, kind);
        b.end_row();
    };
    row_batch a, b;
    put(a, "\\x00", storage::blob);
    put(a, "10", storage::text);
    put(a, "9007199254740993", storage::integer);
    put(b, "9007199254740992", storage::real);
    put(b, std::nullopt);
    put(b, "2.5", storage::real);
    put(b, "2", storage::integer);
    ASSERT_TRUE((*made)->add(0, std::move(a)));
    ASSERT_TRUE((*made)->add(1, std::move(b)));
    ASSERT_TRUE((*made)->end(0));
    ASSERT_TRUE((*made)->end(1));
    row_batch out;
    ASSERT_TRUE((*made)->take(out).value());
    table all;
    append_to(all, out);
    EXPECT_EQ(all, (table{{NULL_CELL}, {"2"}, {"2.5"}, {"9007199254740992"}, {"9007199254740993"}, {"10"}, {"\\x00"}}));
    EXPECT_EQ(out.kind_at(6, 0), storage::blob);
}
