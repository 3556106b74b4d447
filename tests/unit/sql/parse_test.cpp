#include "sql/parse.hpp"

#include "support/sanitizer.hpp"

#include "sql/names.hpp"

#include <thread>

#include <pthread.h>

using namespace ashlar;

namespace {

sql::statement parsed(std::string_view text) {
    auto out = sql::parse(text);
    EXPECT_TRUE(out) << text;
    return out ? std::move(*out) : sql::statement{};
}

std::string repeated(std::string_view what, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += what;
    return out;
}

}  // namespace

TEST(Parse, TellsEachKindOfStatement) {
    using sql::statement_kind;
    const std::vector<std::pair<std::string_view, statement_kind>> all = {
        {"select 1", statement_kind::select},
        {"values (1)", statement_kind::select},
        {"table t", statement_kind::select},
        {"insert into t values (1)", statement_kind::insert},
        {"update t set a = 1", statement_kind::update},
        {"delete from t", statement_kind::delete_},
        {"copy t from stdin", statement_kind::copy},
        {"create table t (a int)", statement_kind::ddl},
        {"begin", statement_kind::begin},
        {"start transaction", statement_kind::begin},
        {"commit", statement_kind::commit},
        {"end", statement_kind::commit},
        {"rollback", statement_kind::rollback},
        {"abort", statement_kind::rollback},
        {"savepoint a", statement_kind::savepoint},
        {"release a", statement_kind::release},
        {"rollback to a", statement_kind::rollback_to},
        {"set a = 1", statement_kind::set},
        {"reset a", statement_kind::reset},
        {"show a", statement_kind::show},
        {"discard all", statement_kind::discard},
        {"prepare a as select 1", statement_kind::prepare},
        {"execute a", statement_kind::execute},
        {"deallocate a", statement_kind::deallocate},
        {"explain select 1", statement_kind::explain},
        {"explain (ashlar) select 1", statement_kind::explain_ashlar},
        {"listen a", statement_kind::utility},
        {"", statement_kind::empty},
        {" -- nothing", statement_kind::empty},
    };
    for (const auto& [text, kind] : all) EXPECT_EQ(parsed(text).kind, kind) << text;
}

TEST(Parse, KnowsTheLimitWithTiesFromThePlainOne) {
    EXPECT_FALSE(parsed("select 1").body->with_ties);
    EXPECT_FALSE(parsed("select 1 limit 1").body->with_ties);
    EXPECT_FALSE(parsed("select 1 fetch first 1 rows only").body->with_ties);
    EXPECT_TRUE(parsed("select 1 order by 1 fetch first 1 rows with ties").body->with_ties);
}

TEST(Parse, GivesTheWordsOfSessionStatements) {
    const sql::statement set = parsed("set local search_path to a, \"B\", 'c'");
    EXPECT_EQ(set.session.name, "search_path");
    EXPECT_TRUE(set.session.local);
    EXPECT_EQ(set.session.values, (std::vector<std::string>{"a", "B", "c"}));
    const sql::statement prepare = parsed("prepare p (int, text) as select $1");
    EXPECT_EQ(prepare.session.name, "p");
    EXPECT_EQ(prepare.session.inner_sql, "select $1");
    ASSERT_EQ(prepare.session.types.size(), 2u);
    EXPECT_EQ(prepare.session.types[0].name, "int4");
    EXPECT_EQ(parsed("explain (ashlar) select 1").session.inner_sql, "select 1");
    EXPECT_EQ(parsed("explain analyze verbose select 1").session.inner_sql, "select 1");
    EXPECT_EQ(parsed("begin isolation level serializable read only").session.values.size(), 2u);
}

TEST(Parse, ReportsTheGrammarsPositionInCharacters) {
    auto wrong = sql::parse("select 'äöü', form t where where");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error(), errc::syntax);
    EXPECT_EQ(wrong.error().position(), 28);
    EXPECT_EQ(sql::position_of("äx", 2), 2);
}

TEST(Parse, RefusesSeveralStatementsAndZeroBytes) {
    EXPECT_EQ(sql::parse("select 1; select 2").error(), errc::unsupported);
    EXPECT_EQ(sql::parse(std::string_view{"select 1\0 or 1", 14}).error(), errc::syntax);
    EXPECT_TRUE(sql::parse("select 1;"));
}

TEST(Parse, RefusesABackslashWhoseMeaningTheGrammarWouldMistake) {
    sql::parse_limits old_strings;
    old_strings.standard_conforming_strings = false;
    EXPECT_EQ(sql::parse(R"(select 'a\'b')", old_strings).error(), errc::unsupported);
    EXPECT_TRUE(sql::parse(R"(select E'a\'b')", old_strings));
}

TEST(Parse, RefusesWhatIsTooLongOrTooDeepBeforeItHurts) {
    EXPECT_EQ(sql::parse("select 1" + repeated("+1", 4'000)).error(), errc::statement_too_complex);
    EXPECT_EQ(sql::parse("select " + repeated("(", 5'000)).error(), errc::statement_too_complex);
    EXPECT_EQ(sql::parse(repeated("select 1 union ", 3'000) + "select 1").error(), errc::statement_too_complex);
    EXPECT_EQ(sql::parse("select * from t" + repeated(" join u on a = b", 3'000)).error(), errc::statement_too_complex);
    EXPECT_EQ(sql::parse("select " + repeated("not ", 3'000) + "true").error(), errc::statement_too_complex);
    EXPECT_EQ(sql::parse("select 1 from t where a in (" + repeated("1,", 600'000) + "1)").error(),
              errc::statement_too_complex);
    EXPECT_TRUE(sql::parse("select 1 from t where a in (" + repeated("1,", 10'000) + "1)"));
    EXPECT_TRUE(sql::parse("select 1 where a" + repeated(" and a = 1", 10'000)));
}

// The bound that parse.hpp promises: what the guards let through runs on a small stack.
TEST(Parse, RunsOnAStackOfOneMebibyteWithAllThatTheGuardsLetThrough) {
    const std::vector<std::string> deepest = {
        "select " + repeated("(", 240) + "1" + repeated(")", 240),
        "select 1" + repeated("+1", 480),
        "select " + repeated("case when true then ", 120) + "1" + repeated(" end", 120),
        "select " + repeated("(select ", 110) + "1" + repeated(")", 110),
        repeated("select 1 union ", 400) + "select 1",
        "select 1 from t" + repeated(" join u on a = b", 400),
        "select " + repeated("not ", 480) + "true",
        "select " + repeated("f(", 240) + "1" + repeated(")", 240),
    };
    pthread_attr_t small;
    pthread_attr_init(&small);
    // Instrumented frames are several times as large.
    pthread_attr_setstacksize(&small, test::sanitized ? 8u << 20 : 1u << 20);
    pthread_t thread{};
    const auto body = [](void* texts) -> void* {
        for (const std::string& text : *static_cast<const std::vector<std::string>*>(texts)) (void)sql::parse(text);
        return nullptr;
    };
    ASSERT_EQ(pthread_create(&thread, &small, body, const_cast<std::vector<std::string>*>(&deepest)), 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&small);
}

TEST(Parse, IsTheSameOnManyThreadsAtOnce) {
    std::vector<std::jthread> all;
    std::atomic<int> wrong = 0;
    for (int i = 0; i < 4; ++i) {
        all.emplace_back([&wrong] {
            for (int n = 0; n < 500; ++n) {
                auto good = sql::parse("select a, count(*) from t where b = $1 group by a order by 2");
                auto bad = sql::parse("select from where");
                if (!good || good->body->items.size() != 2 || bad) ++wrong;
            }
        });
    }
    all.clear();
    EXPECT_EQ(wrong, 0);
}

TEST(Names, AreThoseThatPostgresFigures) {
    const sql::statement s = parsed(
        "select a.b, count(*), x::int, 7, 7::int, case when a then b end, case a when 1 then 2 else c.d end, "
        "(select q from t), exists (select 1), coalesce(a, b), array[1], row(1), (x).y, current_user, a + b as z");
    std::vector<std::string> names;
    for (const sql::select_item& i : s.body->items) names.push_back(sql::output_name(i));
    EXPECT_EQ(names, (std::vector<std::string>{"b", "count", "x", "?column?", "int4", "case", "d", "q", "exists",
                                               "coalesce", "array", "row", "y", "current_user", "z"}));
}

TEST(Facts, CallTheSameExpressionTheSameWhereverItStands) {
    const sql::statement s =
        parsed("select f(a, 1), f( a ,1 ), f(a, 2), a + b, b + a, (select 1), (select 1), count(distinct a), count(a)");
    const auto& i = s.body->items;
    EXPECT_TRUE(sql::same(i[0].value, i[1].value));
    EXPECT_FALSE(sql::same(i[0].value, i[2].value));
    EXPECT_FALSE(sql::same(i[3].value, i[4].value));
    EXPECT_FALSE(sql::same(i[5].value, i[6].value));
    EXPECT_FALSE(sql::same(i[7].value, i[8].value));
}
