// What the MySQL driver tells of a text before the server has it.
#include "driver/mysql/script.hpp"
#include "driver/mysql/statement_facts.hpp"
#include "driver/mysql/tokens.hpp"

#include "core/quoting.hpp"
#include "driver/copy_text.hpp"

namespace ashlar::driver {
namespace {

using mysql::facts_of;
using mysql::place_parameters;
using mysql::quoting;
using mysql::statement_facts;
using mysql::verb;

std::string placed(std::string_view sql, quoting how = {}) {
    const auto p = place_parameters(sql, how);
    if (!p) return p.error().to_string();
    std::string text = p->text + " <-";
    for (const std::uint16_t place : p->places) text += " " + std::to_string(place + 1);
    return text;
}

quoting old_ways() {
    quoting q;
    q.backslash_escapes = true;
    q.ansi_quotes = false;
    return q;
}

TEST(MysqlTokens, ParametersAreFoundWhereTheyAreParameters) {
    EXPECT_EQ(placed("select $1"), "select ? <- 1");
    EXPECT_EQ(placed("select $2+$1,$12"), "select ?+?,? <- 2 1 12");
    EXPECT_EQ(placed("select a$1, b.$x, 1$1"), "select a$1, b.$x, 1$1 <-");
    EXPECT_EQ(placed("select 1e-5-$1, 0xe-$2, .5+$3"), "select 1e-5-?, 0xe-?, .5+? <- 1 2 3");
    EXPECT_EQ(placed(""), " <-");
}

TEST(MysqlTokens, QuotesAndCommentsHideThem) {
    EXPECT_EQ(placed("'$1' `$2` \"$3\" $4"), "'$1' `$2` \"$3\" ? <- 4");
    EXPECT_EQ(placed("'it''s $1' `a``$2` $3"), "'it''s $1' `a``$2` ? <- 3");
    EXPECT_EQ(placed("-- $1\n$2 # $3\n$4 /* $5 */ $6"), "-- $1\n? # $3\n? /* $5 */ ? <- 2 4 6");
    EXPECT_EQ(placed("5--$1"), "5--? <- 1");  // no comment without a blank
    EXPECT_EQ(placed("5--\t$1"), "5--\t$1 <-");
    EXPECT_EQ(placed("--"), "-- <-");
    EXPECT_EQ(placed("'open $1"), "'open $1 <-");
    EXPECT_EQ(placed("/* open $1"), "/* open $1 <-");
}

TEST(MysqlTokens, ABackslashEscapesOnlyWhereTheSessionSaysSo) {
    EXPECT_EQ(placed(R"('\' $1 ')"), R"('\' ? ' <- 1)");
    EXPECT_EQ(placed(R"('\' $1 ')", old_ways()), R"('\' $1 ' <-)");
    EXPECT_EQ(placed(R"("\" $1 ")", old_ways()), R"("\" $1 " <-)");
    EXPECT_EQ(placed(R"("\" $1 ")"), R"("\" ? " <- 1)");
    EXPECT_EQ(placed(R"(`\` $1)", old_ways()), R"(`\` ? <- 1)");
    EXPECT_EQ(placed(R"('\\' $1)", old_ways()), R"('\\' ? <- 1)");
}

TEST(MysqlTokens, WhatCouldBeTakenForSomethingElseIsRefused) {
    EXPECT_EQ(place_parameters("select ?", {}).error().code(), errc::syntax);
    EXPECT_EQ(place_parameters("select 'ü', ?", {}).error().position(), 13);
    EXPECT_EQ(place_parameters("select $0", {}).error().code(), errc::syntax);
    EXPECT_EQ(place_parameters("select $99999", {}).error().code(), errc::syntax);
    EXPECT_EQ(place_parameters("select $1x", {}).error().code(), errc::syntax);
    for (const char* sql : {"/*! select */ 1", "select /*!50001 $1 */ 2", "select 1 /*M! + 1 */"}) {
        EXPECT_EQ(place_parameters(sql, {}).error().code(), errc::unsupported) << sql;
    }
}

TEST(MysqlTokens, ScriptsAreCutOutsideOfQuotes) {
    const auto all = mysql::cut_script("a; b ';' ; -- c;\n ;; `d;`", {});
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0], "a");
    EXPECT_EQ(all[1], " b ';' ");
    EXPECT_EQ(all[2], " `d;`");
    EXPECT_EQ(backquoted_name("a`b"), "`a``b`");
}

using words = std::vector<std::string_view>;

TEST(MysqlScript, IsCutAtItsDelimiterOutsideOfQuotesAndComments) {
    mysql::script_cutter cutter;
    EXPECT_EQ(cutter.take_all("select 1; # a; b\nselect 2 -- c; d\n; /* ; */ ; ").statements,
              (words{"select 1", " # a; b\nselect 2 -- c; d\n"}));
    EXPECT_EQ(cutter.take_all(R"(select 'a;\'; select "b;", `c;`, 'it''s;' ; select 5--3)").statements,
              (words{R"(select 'a;\')", R"( select "b;", `c;`, 'it''s;' )", " select 5--3"}));
    EXPECT_TRUE(cutter.take_all(" # nothing; at all").statements.empty());
    EXPECT_TRUE(cutter.take_all("").statements.empty());
}

TEST(MysqlScript, KeepsWhatNoDelimiterEnds) {
    mysql::script_cutter cutter;
    const auto first = cutter.take("a; b 'x;\n");
    EXPECT_EQ(first.statements, words{"a"});
    EXPECT_EQ(first.rest, 2u);
    const auto then = cutter.take(" b 'x;\n'; c\n");
    EXPECT_EQ(then.statements, words{" b 'x;\n'"});
    EXPECT_EQ(then.rest, 9u);
}

TEST(MysqlScript, HasTheDelimiterThatDelimiterSays) {
    mysql::script_cutter cutter;
    EXPECT_EQ(cutter.take_all("-- x;\ndelimiter //\na; b //\n'//' c//\nDELIMITER ;\nd; e").statements,
              (words{"a; b ", "\n'//' c", "d", " e"}));
    EXPECT_EQ(cutter.take_all("Delimiter $$\nbegin a; end$$\nb$$").statements, (words{"begin a; end", "\nb"}));
    EXPECT_EQ(cutter.take("delimiter ;").rest, 0u);  // the line may go on
    EXPECT_EQ(cutter.take("c$$").statements, words{"c"});
    cutter.take("delimiter ;\n");
    EXPECT_EQ(cutter.take("d;").statements, words{"d"});
    EXPECT_EQ(cutter.take_all("delimiter\n;").statements, words{"delimiter\n"});  // for the server to refuse
}

TEST(MysqlFacts, KnowTheVerbAndItsTag) {
    struct line {
        const char* sql;
        verb what;
        const char* tag;
    };
    for (const line& each : {
             line{"select 1", verb::select, "SELECT"},
             line{"(select 1) union (select 2)", verb::select, "SELECT"},
             line{" /* x */ -- y\n SeLeCt 1", verb::select, "SELECT"},
             line{"with a as (update t set x = 1) select 1", verb::select, "SELECT"},
             line{"with a as (select 1) update t set x = 1", verb::update, "UPDATE"},
             line{"replace into t values (1)", verb::insert, "INSERT 0"},
             line{"delete from t", verb::remove, "DELETE"},
             line{"create unique index i on t (a)", verb::define, "CREATE INDEX"},
             line{"create or replace table t (a int)", verb::define, "CREATE TABLE"},
             line{"truncate t", verb::define, "TRUNCATE TABLE"},
             line{"start transaction read only", verb::begin, "START TRANSACTION"},
             line{"begin", verb::begin, "BEGIN"},
             line{"begin not atomic select 1; end", verb::other, "BEGIN"},
             line{"rollback to savepoint a", verb::savepoint, "ROLLBACK"},
             line{"rollback work", verb::rollback, "ROLLBACK"},
             line{"set @a = 1", verb::other, "SET"},
             line{" ; -- nothing", verb::none, ""},
         }) {
        const statement_facts f = facts_of(each.sql, {});
        EXPECT_EQ(f.what, each.what) << each.sql;
        EXPECT_EQ(f.tag, each.tag) << each.sql;
    }
}

TEST(MysqlFacts, WhatLeavesSomethingBehindOrWritesIsSeen) {
    struct line {
        const char* sql;
        bool only_reads, leaves_state;
    };
    for (const line& each : {
             line{"select count(*), concat(a, 'b') from t where a in (1, 2)", true, false},
             line{"select @@version, `t`.a from t join (select 1) x on (true)", true, false},
             line{"select get_lock('a', 1)", false, true},
             line{"select f(1)", false, true},
             line{"select `f`(1)", false, true},
             line{"select s.f(1)", false, true},
             line{"select @x := 1", false, true},
             line{"select 1 into @x", false, true},
             line{"select * from t for update", false, false},
             line{"select last_insert_id(5)", false, true},
             line{"select replace(a, 'b', 'c'), insert('a', 1, 1, 'b') from t", false, true},
             line{"insert into s.t (a, b) values (1, now())", false, false},
             line{"insert into t values (f(1))", false, true},
             line{"insert t (a) select 1", false, false},
             line{"update t set a = upper(b)", false, false},
             line{"create table t (a int)", false, false},
             line{"create temporary table t (a int)", false, true},
             line{"use other", false, true},
             line{"set names latin1", false, true},
             line{"call p()", false, true},
             line{"lock tables t read", false, true},
             line{"flush tables with read lock", false, true},
             line{"prepare s from 'select 1'", false, true},
             line{"do sleep(1)", true, false},
             line{"do release_lock('a')", false, true},
             line{"show tables", true, false},
             line{"commit", false, false},
             line{"select 'get_lock(' from t", true, false},
         }) {
        const statement_facts f = facts_of(each.sql, {});
        EXPECT_EQ(f.only_reads, each.only_reads) << each.sql;
        EXPECT_EQ(f.leaves_state, each.leaves_state) << each.sql;
    }
}

TEST(MysqlFacts, WhatCommitsByTheWayIsSeen) {
    for (const char* sql :
         {"create table t (a int)", "drop index i on t", "alter table t add b int", "truncate table t",
          "rename table a to b", "grant all on t to x", "lock tables t read", "unlock tables", "analyze table t",
          "flush tables", "create user x", "set password = 'x'", "start slave"}) {
        EXPECT_TRUE(facts_of(sql, {}).commits_by_the_way) << sql;
    }
    for (const char* sql : {"select 1", "insert into t values (1)", "create temporary table t (a int)",
                            "drop temporary table t", "set @a = 1", "savepoint a", "start transaction", "commit"}) {
        EXPECT_FALSE(facts_of(sql, {}).commits_by_the_way) << sql;
    }
}

std::vector<copy_row> all_rows(copy_text& of) {
    std::vector<copy_row> rows;
    while (auto row = of.next()) rows.push_back(std::move(*row));
    return rows;
}

TEST(CopyText, CellsAreCutAndTheirBackslashesResolved) {
    copy_text text;
    text.take("1\t\\N\t\tx\\ty\\\\\\n\n\\x41\\101\\b\ta\\\tb\n");
    const auto rows = all_rows(text);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].cells, (std::vector<std::optional<std::string>>{"1", std::nullopt, "", "x\ty\\\n"}));
    EXPECT_EQ(rows[1].cells, (std::vector<std::optional<std::string>>{"AA\b", "a\tb"}));
    EXPECT_EQ(rows[1].line, 2u);
}

TEST(CopyText, RowsMayComeInAnyPieces) {
    const std::string all = "1\ta\\\nb\n2\t\\\\\r\n3\tc";
    std::vector<std::string> cells;
    copy_text text;
    for (const char c : all) {
        text.take(std::string_view{&c, 1});
        for (const copy_row& row : all_rows(text)) cells.push_back(row.cells.at(1).value());
    }
    EXPECT_EQ(cells, (std::vector<std::string>{"a\nb", "\\"}));
    text.end();
    const auto last = all_rows(text);
    ASSERT_EQ(last.size(), 1u);
    EXPECT_EQ(last[0].cells.at(1), "c");
    EXPECT_EQ(last[0].line, 3u);
}

TEST(CopyText, WhatComesAfterTheEndIsNoRow) {
    copy_text text;
    text.take("1\n\\.\n2\n");
    EXPECT_EQ(all_rows(text).size(), 1u);
    text.end();
    EXPECT_TRUE(all_rows(text).empty());
}

}  // namespace
}  // namespace ashlar::driver
