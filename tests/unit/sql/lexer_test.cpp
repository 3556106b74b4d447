#include "sql/lexer.hpp"

#include "sql/clauses.hpp"
#include "sql/splice.hpp"

using namespace ashlar;

namespace {

std::vector<std::string> pieces(std::string_view text, bool standard_strings = true) {
    std::vector<std::string> out;
    for (const sql::statement_span& s : sql::split(text, standard_strings)) {
        out.emplace_back(s.empty ? "" : text.substr(s.begin, s.end - s.begin));
    }
    return out;
}

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> out;
    for (const sql::token& t : sql::tokens(text)) out.emplace_back(text.substr(t.begin, t.end - t.begin));
    return out;
}

using list = std::vector<std::string>;

}  // namespace

TEST(Split, CutsAtSemicolonsThatStandInNoQuoteCommentOrParenthesis) {
    EXPECT_EQ(pieces("select 1; select 2"), (list{"select 1", " select 2"}));
    EXPECT_EQ(pieces("select ';'; select \";\"; select $$;$$; select $a$;$$;$a$").size(), 4u);
    EXPECT_EQ(pieces("select 1 -- ;\n; select /* ; /* ; */ ; */ 2").size(), 2u);
    EXPECT_EQ(pieces("create rule r as on insert to t do (select 1; select 2); select 3").size(), 2u);
    EXPECT_EQ(
        pieces("create function f() returns int begin atomic select case 1 when 1 then 2 end; select 2; end; select 3")
            .size(),
        2u);
    EXPECT_EQ(pieces("begin; atomic").size(), 2u);
}

TEST(Split, KeepsEmptyStatementsButNoTrailingOne) {
    EXPECT_EQ(pieces(";;select 1;"), (list{"", "", "select 1"}));
    EXPECT_EQ(pieces(""), (list{""}));
    EXPECT_EQ(pieces(" -- nothing"), (list{""}));
}

TEST(Split, KnowsWhatABackslashMeansInEachKindOfString) {
    EXPECT_EQ(pieces(R"(select 'a\'; select 'b')").size(), 2u);
    EXPECT_EQ(pieces(R"(select 'a\'; select 'b')", false).size(), 1u);
    EXPECT_EQ(pieces(R"(select E'a\'; select 'b')").size(), 1u);
}

TEST(Split, LeavesAnUnclosedQuoteToTheParser) {
    EXPECT_EQ(pieces("select 1; select 'x; select 2").size(), 2u);
    EXPECT_EQ(pieces("select 1; /* x; select 2").size(), 2u);
    EXPECT_EQ(pieces("select 1; select $a$ x; select 2").size(), 2u);
}

TEST(Tokens, AreCutAsPostgresCutsThem) {
    EXPECT_EQ(words("select a.b,$1::int/*x*/from t$x where c='it''s'--"),
              (list{"select", "a", ".", "b", ",", "$1", "::", "int", "from", "t$x", "where", "c", "=", "'it''s'"}));
    EXPECT_EQ(words("1.5e-3 .5 1..2 e'x' u&\"y\" x'0f' $tag$ $ $tag$"),
              (list{"1.5e-3", ".5", "1", ".", ".", "2", "e'x'", "u&\"y\"", "x'0f'", "$tag$ $ $tag$"}));
}

TEST(Normalise, PutsAQuestionMarkForEachLiteralAndFoldsBlanks) {
    const sql::normalised a = sql::normalise("select  *\nfrom t where a = 1 and b = 'x''y' -- c");
    const sql::normalised b = sql::normalise("select * from t /* z */ where a = 22 and b = $$q$$");
    EXPECT_TRUE(a.understood);
    EXPECT_EQ(a.text, "select * from t where a = ? and b = ?");
    EXPECT_EQ(a.text, b.text);
    EXPECT_EQ(a.hash, b.hash);
    ASSERT_EQ(a.literals.size(), 2u);
    EXPECT_EQ(a.literals[0].end - a.literals[0].begin, 1u);
}

TEST(Normalise, KeepsWhatIsDifferentApart) {
    EXPECT_NE(sql::normalise("select a b").text, sql::normalise("select ab").text);
    EXPECT_NE(sql::normalise("select a from t where b = $1").text, sql::normalise("select a from t where b = 1").text);
    EXPECT_EQ(sql::normalise("select 1/**/2").text, "select ? ?");
    EXPECT_FALSE(sql::normalise("select 'x").understood);
}

TEST(Nesting, CountsParenthesesCasesAndChainsButNotListsOrAnd) {
    std::string parentheses(300, '('), sum = "select 1", list = "select 1", both = "select a";
    for (int i = 0; i < 300; ++i) {
        sum += "+1";
        list += ",1";
        both += " and a";
    }
    EXPECT_GE(sql::nesting(parentheses, 1000), 300u);
    EXPECT_GE(sql::nesting(sum, 1000), 300u);
    EXPECT_LT(sql::nesting(list, 1000), 5u);
    EXPECT_LT(sql::nesting(both, 1000), 5u);
    EXPECT_EQ(sql::nesting(sum, 20), 20u);
}

TEST(Clauses, AreFoundWhateverStandsInside) {
    const std::string_view text =
        "select a, f(b, (select c from d order by e)) as \"from\", x is distinct from y, t.order "
        "from t where z in (1, 2) group by a, b having count(*) > 1 order by a desc nulls last, 2 limit 3 offset 4";
    const auto cut = sql::cut_select(text, sql::tokens(text));
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->items.items.size(), 4u);
    EXPECT_EQ(cut->group_by->items.size(), 2u);
    EXPECT_EQ(cut->order_by->items.size(), 2u);
    EXPECT_EQ(cut->limits.size(), 2u);
    const sql::span bare = sql::without_direction(text, sql::tokens(text), cut->order_by->items[0]);
    EXPECT_EQ(text.substr(bare.begin, bare.end - bare.begin), "a");
}

TEST(Clauses, OfUnionsAndOtherFormsAreNotGuessed) {
    for (const std::string_view text : {"select 1 union select 2", "values (1)", "with a as (select 1) select 2",
                                        "(select 1) limit 2", "select 1 for update"}) {
        EXPECT_FALSE(sql::cut_select(text, sql::tokens(text))) << text;
    }
}

TEST(Splice, MakesAllChangesAtOnceAndKeepsInsertionsInOrder) {
    sql::splice change{"abcdef"};
    change.replace({2, 4}, "X");
    change.insert(2, "1");
    change.insert(2, "2");
    change.remove({5, 6});
    EXPECT_EQ(change.text(), "ab12Xe");
}

TEST(Renumber, GivesTheParametersThatAreLeftNewNumbers) {
    const sql::renumbered all = sql::renumber("select $2, $1", 2);
    EXPECT_TRUE(all.all);
    EXPECT_EQ(all.sql, "select $2, $1");
    const sql::renumbered some = sql::renumber("select $3, $10, $3, '$2'", 10);
    EXPECT_FALSE(some.all);
    EXPECT_EQ(some.sql, "select $1, $2, $1, '$2'");
    EXPECT_EQ(some.parameters, (std::vector<std::size_t>{2, 9}));
}
