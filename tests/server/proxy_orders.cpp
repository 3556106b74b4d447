// Messages in orders that few drivers use: simple queries behind a pipeline without Sync, names after errors, a COPY that fails
// while its rows come. Each is played to a database and to the proxy before it, and answered alike.
#include "support/alike.hpp"
#include "support/proxied.hpp"
#include "support/script.hpp"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;
using test::script;

proxied& house() {
    static proxied one{[] {
        proxied::options o;
        o.shards = 2;
        o.schema = {"create table notes(id int primary key, body text)",
                    "insert into notes select i, 'note ' || i from generate_series(1, 9) i",
                    "create table users(id bigint primary key, name text)"};
        o.tables = {proxied::sharded("users", "id")};
        return o;
    }()};
    return one;
}

const std::string all_notes = "select count(*), max(body) from notes";

// Then the session is as usable as one with the database.
void same(const script& what) {
    const auto play = [&](raw_client& to) {
        return what.play(to) + ' ' + to.query("rollback") + ' ' + to.query(all_notes);
    };
    test::expect_alike(house(), play, "delete from notes where id > 9");
}

TEST(ProxyOrders, AQueryBehindAFlushEndsThePipelineAndTheSessionLivesOn) {
    same(script{}
             .parse("", "select body from notes where id = 1")
             .flush()
             .query("select 2")
             .parse("", "select 3")
             .sync());
    same(script{}
             .parse("a", "select body from notes where id = $1")
             .describe('S', "a")
             .flush()
             .query("select id from notes where id = 2")
             .bind("", "a", {"3"})
             .execute("")
             .sync());
    same(script{}.parse("a", "select 1").bind("", "a").execute("").query("select 2").bind("", "a").execute("").sync());
    same(script{}
             .parse("a", "select id from notes order by id")
             .bind("p", "a")
             .execute("p", 2)
             .query("select 2")
             .parse("b", "select body from notes where id = 2")
             .bind("p", "b")
             .execute("p")
             .sync());
}

TEST(ProxyOrders, ACopyBehindAFlushAndThenMore) {
    same(script{}
             .parse("", "select * from notes limit 1")
             .describe('S', "")
             .flush()
             .query("copy notes from stdin")
             .copy_data("20\tcopied\n")
             .copy_done()
             .parse("", "select count(*) from notes")
             .bind("", "")
             .execute("")
             .sync());
}

TEST(ProxyOrders, AQueryBehindAMessageThatFailedIsSkipped) {
    // Two turns: the query has none of its own.
    script s;
    s.parse("", "select nothing from notes").flush();
    std::string bytes = s.bytes();
    wire::write_query(bytes, "insert into notes values (30, 'not skipped')");
    wire::write_sync(bytes);
    raw_client direct{house().direct()}, through{house().login()};
    const std::string expected = direct.talk(bytes);
    EXPECT_EQ(through.talk(bytes), expected);
    EXPECT_EQ(through.query("select id from notes where id = 30"), direct.query("select id from notes where id = 30"));
}

TEST(ProxyOrders, AQueryTakesTheUnnamedStatementAndThePortalsAway) {
    same(script{}.parse("", "select 1").sync().query("select 2").bind("", "").execute("").sync());
    same(script{}
             .parse("s", "select id from notes order by id")
             .bind("p", "s")
             .query("select 2")
             .bind("p", "s")
             .execute("p", 1)
             .sync());
}

TEST(ProxyOrders, AParseThatFailsKeepsNoName) {
    same(script{}
             .parse("s", "select nothing from notes")
             .sync()
             .parse("s", "select 1")
             .bind("", "s")
             .execute("")
             .sync());
    same(script{}.parse("s", "selct").sync().parse("s", "select 1").sync());
    same(script{}.parse("", "select 1").sync().parse("", "select nothing from notes").sync().bind("", "").sync());
}

TEST(ProxyOrders, WhatIsSkippedBehindAnErrorHasNotHappened) {
    same(script{}
             .parse("bad", "select 1 / $1::int", {23})
             .parse("good", "select id from notes where id = $1", {23})
             .sync()
             .bind("", "bad", {"0"})
             .execute("")
             .close('S', "good")
             .parse("later", "select 1")
             .sync()
             .bind("", "good", {"1"})
             .execute("")
             .sync()
             .parse("later", "select 2")
             .bind("", "later")
             .execute("")
             .sync());
}

TEST(ProxyOrders, RollbackUndoesWhatWasDoneWithoutASync) {
    same(script{}.parse("", "insert into notes values (40, 'x')").bind("", "").execute("").query("rollback"));
    same(script{}
             .parse("", "insert into notes values (40, 'x')")
             .bind("", "")
             .execute("")
             .parse("", "rollback")
             .bind("", "")
             .execute("")
             .sync());
}

TEST(ProxyOrders, ATextIsReadAsAWholeBeforeAnyOfItRuns) {
    same(script{}.query("begin; insert into notes values (41, 'x'); commit; selct"));
    same(script{}.query("insert into notes values (42, 'x'); select 'unterminated"));
}

TEST(ProxyOrders, ACountOfParametersThatIsWrongIsAnErrorOfTheBind) {
    script types_to_spare;
    types_to_spare.parse("", "select $1", {25, 25}).bind("", "", {"a", "b"}).execute("").sync();
    same(types_to_spare);
    same(script{}
             .parse("s", "select $1::int", {23})
             .bind("", "s", {"1", "2"})
             .sync()
             .bind("", "s", {"3"})
             .execute("")
             .sync());
    same(script{}.parse("s", "commit").bind("", "s", {"1"}).execute("").sync());
    std::string formats;
    wire::write_parse(formats, "s", "select $1::int, $2::int, $3::int", {});
    const std::vector<cell_format> two{cell_format::text, cell_format::binary};
    const std::vector<cell> three{"1", "2", "3"};
    wire::write_bind(formats, "", "s", two, three, {});
    wire::write_sync(formats);
    raw_client direct{house().direct()}, through{house().login()};
    EXPECT_EQ(through.talk(formats), direct.talk(formats));
    EXPECT_EQ(through.query("select 1"), direct.query("select 1"));
}

TEST(ProxyOrders, AMessageWhoseContentIsNoneIsAnErrorOfThatMessage) {
    const std::string odd{"P\0\0\0\6s\0B\0\0\0\5sD\0\0\0\4E\0\0\0\4C\0\0\0\4S\0\0\0\4Q\0\0\0\4", 38};
    raw_client through{house().login()};
    EXPECT_EQ(through.talk(odd, 2), "E(08P01) Z(I) E(08P01) Z(I)");
    EXPECT_NE(through.query("select 1").find("D(1)"), std::string::npos);
}

TEST(ProxyOrders, APortalGivesNothingMoreOnceTheTransactionHasFailed) {
    same(script{}
             .query("begin")
             .parse("", "select id from notes order by id")
             .bind("p", "")
             .execute("p", 2)
             .sync()
             .bind("", "never")
             .sync()
             .execute("p", 2)
             .sync());
}

TEST(ProxyOrders, ACopyThatFailsWhileItsRowsComeIsToldAtOnce) {
    raw_client through{house().login()};
    std::string out;
    wire::write_query(out, "copy notes from stdin");
    wire::write_client_copy_data(out, "no number\tx\n");
    through.send(out);
    // No CopyDone: the client waits for the server.
    EXPECT_EQ(raw_client::in_short(through.until_ready()), "G E(22P02) Z(I)");
    EXPECT_NE(through.query("select 1").find("D(1)"), std::string::npos);
}

TEST(ProxyOrders, ASyncInPlaceOfCopyDoneIsAnsweredWhenTheCopyHasFailed) {
    same(script{}
             .parse("", "copy notes from stdin")
             .bind("", "")
             .execute("")
             .copy_data("no number\tx\n")
             .sync()
             .query("select 1"));
}

TEST(ProxyOrders, ASyncRightBehindTheExecuteOfACopyMeansNothing) {
    script s;
    s.parse("", "copy notes from stdin").bind("", "").execute("");
    std::string out = s.bytes();
    wire::write_sync(out);
    wire::write_client_copy_data(out, "50\tcopied\n");
    wire::write_client_copy_done(out);
    wire::write_sync(out);
    raw_client direct{house().direct()}, through{house().login()};
    const std::string expected = direct.talk(out);
    (void)direct.query("delete from notes where id = 50");
    EXPECT_EQ(through.talk(out), expected);
    (void)direct.query("delete from notes where id = 50");
}

TEST(ProxyOrders, AMessageThatHasNoPlaceInACopyEndsTheSessionWithAWord) {
    raw_client through{house().login()};
    std::string out;
    wire::write_query(out, "copy notes from stdin");
    wire::write_query(out, "select 1");
    EXPECT_EQ(through.talk(out), "G E(08P01)");
    EXPECT_TRUE(through.is_closed_by_peer());
}

TEST(ProxyOrders, AFunctionCallIsRefusedInItsPlace) {
    const std::string call{"F\0\0\0\x0e\0\0\6\x3e\0\0\0\0\0\0", 15};
    raw_client through{house().login()};
    std::string out;
    wire::write_parse(out, "", "select 1", {});
    out += call;
    EXPECT_EQ(through.talk(out), "1 E(0A000) Z(I)");
    out.clear();
    wire::write_parse(out, "", "selct", {});
    out += call;  // skipped
    wire::write_sync(out);
    EXPECT_EQ(through.talk(out), "E(42601) Z(I)");
    EXPECT_NE(through.query("select 1").find("D(1)"), std::string::npos);
}

TEST(ProxyOrders, ExplainExecuteIsRefused) {
    raw_client through{house().login()};
    for (const std::string each :
         {"explain execute x", "explain (analyze) execute x(1)", "explain (ashlar) execute x"}) {
        EXPECT_NE(through.query(each).find(" Z(I)"), std::string::npos) << each;
        EXPECT_NE(through.query("select 1").find("D(1)"), std::string::npos) << each;
    }
    EXPECT_EQ(through.query("explain execute x"), "E(0A000) Z(I)");
}

TEST(ProxyOrders, AStatementBesideAnOpenMergedPortalIsRefusedAndNotAnsweredWithItsRows) {
    raw_client through{house().login()};
    for (int i = 1; i <= 40; ++i) {
        const std::string n = std::to_string(i);
        ASSERT_NE(through.query("insert into users values (" + n + ", repeat('long ', 2000))").find("C("),
                  std::string::npos);
    }
    (void)through.query("begin");
    std::string out;
    wire::write_parse(out, "", "select id, name from users order by id", {});
    wire::write_bind(out, "p", "", {}, {}, {});
    wire::write_execute(out, "p", 1);
    wire::write_sync(out);
    const std::string first = through.talk(out);
    EXPECT_NE(first.find(" s Z(T)"), std::string::npos) << first.substr(0, 200);
    for (int i = 1; i <= 2; ++i) {
        const std::string answer = through.query("select 1 from users where id = " + std::to_string(i));
        const bool right = answer == "T(?column?:23) D(1) C(SELECT 1) Z(T)";
        EXPECT_TRUE(right || answer == "E(0A000) Z(E)" || answer == "E(25P02) Z(E)") << answer.substr(0, 300);
    }
    (void)through.query("rollback");
    EXPECT_NE(through.query("select count(*) from users").find("D(40)"), std::string::npos);
    (void)through.query("truncate users");
}

}  // namespace
}  // namespace ashlar
