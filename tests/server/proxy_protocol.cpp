// The same messages to a database and to the proxy before it: the same answers, byte for byte but for what only names a
// server (keys, ParameterStatus). TRAPS 1 to 28, those about the protocol.
#include "support/alike.hpp"
#include "support/proxied.hpp"
#include "support/script.hpp"
#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/writer.hpp"

#include <functional>

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;
using test::script;

proxied& house() {
    static proxied one{[] {
        proxied::options o;
        o.shards = 2;
        o.schema = {"create table notes(id int primary key, body text not null, weight numeric(8,2))",
                    "insert into notes select i, 'note ' || i, i * 1.5 from generate_series(1, 50) i",
                    "create table empty(id int primary key deferrable initially deferred)",
                    "create table users(id int primary key, name text)"};
        o.tables = {proxied::sharded("users", "id")};
        return o;
    }()};
    return one;
}

// `undo`: how to clean up, where the databases do not end as they began.
void same(const script& what, std::string_view undo = {}) {
    test::expect_alike(
        house(), [&](raw_client& to) { return what.play(to); }, undo, test::replay::on_the_same_too);
}

TEST(ProxyProtocol, SimpleQueries) {
    same(script{}.query("select * from notes where id = 7"));
    same(script{}.query("select id, body, weight from notes order by id limit 3"));
    same(script{}.query(""));
    same(script{}.query(" ; -- nothing\n"));
    same(script{}.query("select 1"));
    same(script{}.query("select nothing from notes"));
    same(script{}.query("selct 1"));
    same(script{}.query("select body from notes where id = 1; select body from notes where id = 2"));
    same(script{}.query("update notes set body = body where id = 1 returning id"));
    same(script{}.query("insert into notes values (1, 'twice')"));
    same(script{}.query("select 1/0 from notes"));
}

TEST(ProxyProtocol, TransactionsInSimpleQueries) {
    same(script{}.query("begin").query("select id from notes where id = 3").query("commit"));
    same(script{}.query("begin").query("commit"));
    same(script{}.query("commit"));
    same(script{}.query("rollback"));
    same(script{}.query("begin").query("begin").query("rollback"));
    same(script{}.query("begin").query("select 1/0 from notes").query("select id from notes").query("commit"));
    same(script{}
             .query("begin")
             .query("insert into notes values (100, 'x')")
             .query("select count(*) from notes")
             .query("rollback")
             .query("select count(*) from notes"));
    same(script{}
             .query("begin")
             .query("savepoint a")
             .query("select 1/0 from notes")
             .query("rollback to a")
             .query("select id from notes where id = 1")
             .query("release a")
             .query("commit"));
    same(script{}.query("savepoint a"));
    same(script{}.query("begin").query("rollback to nowhere").query("rollback"));
    same(script{}.query("begin isolation level serializable").query("show transaction_isolation").query("commit"));
    same(script{}.query("begin read only").query("insert into notes values (100, 'x')").query("rollback"));
    same(script{}.query("start transaction").query("select id from notes where id = 3").query("end"));
    same(script{}
             .query("begin")
             .query("insert into empty values (1)")
             .query("insert into empty values (1)")
             .query("commit")
             .query("select count(*) from empty"));
    same(script{}.query("begin; select id from notes where id = 2; commit"));
    same(script{}.query("insert into empty values (5); select 1/0 from notes").query("select count(*) from empty"));
}

TEST(ProxyProtocol, ExtendedQueries) {
    same(script{}
             .parse("", "select body from notes where id = $1")
             .bind("", "", {"7"})
             .describe('P', "")
             .execute("")
             .sync());
    same(script{}
             .parse("s", "select body, weight from notes where id = $1")
             .describe('S', "s")
             .sync()
             .bind("", "s", {"8"})
             .execute("")
             .sync()
             .bind("", "s", {"9"}, {cell_format::binary})
             .describe('P', "")
             .execute("")
             .sync()
             .close('S', "s")
             .sync());
    same(script{}
             .parse("", "select id from notes order by id")
             .bind("p", "")
             .execute("p", 3)
             .execute("p", 3)
             .execute("p", 100)
             .sync());
    same(script{}
             .query("begin")
             .parse("", "select id from notes order by id")
             .bind("p", "")
             .bind("q", "")
             .execute("p", 2)
             .sync()
             .execute("q", 3)
             .execute("p", 2)
             .sync()
             .close('P', "p")
             .sync()
             .query("commit"));
    same(script{}.parse("", "insert into notes values ($1, $2)", {23, 25}).bind("", "", {"1", "x"}).execute("").sync());
    same(script{}.parse("", "").bind("", "").describe('P', "").execute("").sync());
    same(script{}
             .parse("u", "update notes set body = body where id = $1")
             .describe('S', "u")
             .bind("", "u", {"4"})
             .execute("")
             .sync());
    same(script{}.sync());
    same(script{}.sync().sync());
    same(script{}.close('S', "never").close('P', "never").sync());
}

TEST(ProxyProtocol, ErrorsOfExtendedQueriesSkipToSyncAndLeaveTheSessionAlive) {
    same(script{}.bind("", "unknown").execute("").sync().query("select id from notes where id = 1"));
    same(script{}.parse("d", "select 1").parse("d", "select 2").sync().query("select id from notes where id = 1"));
    same(script{}.execute("nowhere").sync());
    same(script{}.describe('S', "nowhere").sync());
    same(script{}.describe('P', "nowhere").sync());
    same(script{}.parse("", "select nothing from notes").sync());
    same(script{}
             .parse("", "select nothing from notes")
             .bind("", "")
             .execute("")
             .sync()
             .query("select id from notes where id = 1"));
    same(script{}.parse("", "selct").bind("", "").execute("").sync());
    same(script{}.parse("", "select id from notes where id = $1").bind("", "", {"seven"}).execute("").sync());
    same(script{}.parse("", "select id from notes where id = $1").bind("", "", {}).execute("").sync());
}

TEST(ProxyProtocol, Pipelines) {
    same(script{}
             .parse("a", "select id from notes where id = $1")
             .bind("", "a", {"1"})
             .execute("")
             .bind("", "a", {"2"})
             .execute("")
             .bind("", "a", {"x"})
             .execute("")
             .bind("", "a", {"3"})
             .execute("")
             .sync()
             .bind("", "a", {"4"})
             .execute("")
             .sync());
    same(script{}
             .parse("", "insert into empty values ($1)")
             .bind("", "", {"1"})
             .execute("")
             .parse("", "select 1/0 from notes")
             .bind("", "")
             .execute("")
             .sync()
             .query("select count(*) from empty"));
    same(script{}
             .parse("", "begin")
             .bind("", "")
             .execute("")
             .parse("", "insert into empty values ($1)")
             .bind("", "", {"1"})
             .execute("")
             .parse("", "select count(*) from empty")
             .bind("", "")
             .execute("")
             .parse("", "rollback")
             .bind("", "")
             .execute("")
             .parse("", "select count(*) from empty")
             .bind("", "")
             .execute("")
             .sync());
    same(script{}
             .query("begin")
             .parse("", "select 1/0 from notes")
             .bind("", "")
             .execute("")
             .sync()
             .parse("", "select 1")
             .sync()
             .parse("", "rollback")
             .bind("", "")
             .execute("")
             .sync());
}

TEST(ProxyProtocol, FlushAnswersWithoutASync) {
    raw_client c{house().login()};
    std::string out;
    wire::write_parse(out, "", "select id from notes where id = 7", {});
    wire::write_flush(out);
    c.send(out);
    EXPECT_EQ(c.receive()->type, '1');
    out.clear();
    wire::write_bind(out, "", "", {}, {}, {});
    wire::write_execute(out, "");
    wire::write_flush(out);
    c.send(out);
    EXPECT_EQ(c.receive()->type, '2');
    EXPECT_EQ(c.receive()->type, 'D');
    EXPECT_EQ(c.receive()->type, 'C');
    out.clear();
    wire::write_sync(out);
    EXPECT_EQ(c.talk(out), "Z(I)");
}

TEST(ProxyProtocol, CopyInAndOut) {
    same(script{}.query("copy notes to stdout"));
    same(script{}.query("copy (select id from notes where id < 4) to stdout (format csv, header)"));
    same(script{}
             .query("copy notes(id, body) from stdin")
             .copy_data("200\tcopied\n201\tal")
             .copy_data("so\n")
             .copy_done()
             .query("select count(*) from notes"),
         "delete from notes where id >= 100");
    same(script{}
             .query("copy notes(id, body) from stdin")
             .copy_data("200\tcopied\n")
             .copy_fail()
             .query("select count(*) from notes"));
    same(script{}
             .query("copy notes(id, body) from stdin")
             .copy_data("not a number\tx\n")
             .copy_done()
             .query("select count(*) from notes"));
    same(script{}.query("copy nowhere from stdin"));
    same(script{}
             .parse("", "copy notes(id, body) from stdin")
             .bind("", "")
             .execute("")

             .copy_data("200\tcopied\n")
             .copy_done()
             .sync(),
         "delete from notes where id >= 100");
}

TEST(ProxyProtocol, BigMessagesBothWays) {
    const std::string long_text(3'000'000, 'x');
    same(script{}.query("select length('" + long_text + "') from notes where id = 1"));
    same(script{}
             .parse("", "select length($1::text) from notes where id = 1")
             .bind("", "", {long_text})
             .execute("")
             .sync());
    same(script{}.query("select repeat('abc', 1000000) from notes where id = 1"));
    same(script{}.query("select n.id, repeat(n.body, 50) from notes n, notes m order by n.id, m.id"));
}

TEST(ProxyProtocol, EveryMessageMayArriveByteByByte) {
    script s;
    s.parse("s", "select id from notes where id = $1")
        .describe('S', "s")
        .bind("", "s", {"7"})
        .execute("")
        .sync()
        .query("select 1 from notes where id = 1");
    raw_client direct{house().direct()};
    const std::string expected = s.play(direct);
    raw_client c{house().login()};
    for (const char byte : s.bytes()) c.send(std::string_view{&byte, 1});
    EXPECT_EQ(c.talk("", s.turns()), expected);
}

// A statement that any server answers is kept for a second try, with what comes behind it, once all of that is there.
TEST(ProxyProtocol, WhatComesBehindABindMayStillBeOnItsWay) {
    const std::string head = script{}.parse("", "select 1").bind("", "").bytes();
    const std::string tail = script{}.describe('P', "").execute("").sync().bytes();
    for (std::size_t cut = 0; cut <= tail.size(); ++cut) {
        raw_client through{house().login()};
        through.send(head + tail.substr(0, cut));
        through.send(tail.substr(cut));
        EXPECT_EQ(raw_client::in_short(through.until_ready()), "1 2 T(?column?:23) D(1) C(SELECT 1) Z(I)") << cut;
    }
}

TEST(ProxyProtocol, StartUp) {
    raw_client::options how = house().login();
    how.parameters["application_name"] = "tests";
    how.parameters["_pq_.future"] = "on";
    raw_client c{how};
    EXPECT_EQ(c.parameters().at("application_name"), "tests");
    EXPECT_EQ(c.parameters().count("server_version"), 1u);
    EXPECT_GE(c.parameters().size(), 11u);
    EXPECT_EQ(c.query("show application_name"), "T(application_name:25) D(tests) C(SHOW) Z(I)");

    // SSLRequest and GSSENCRequest are declined; then start-up goes on, byte by byte.
    raw_client slow = raw_client::unconnected(house().login());
    std::string out;
    wire::writer w{out};
    w.u32(8);
    w.u32(80877104);
    slow.send(out);
    EXPECT_EQ(slow.receive_bytes(1), "N");
    out.clear();
    wire::write_ssl_request(out);
    slow.send(out);
    EXPECT_EQ(slow.receive_bytes(1), "N");
    out.clear();
    wire::write_startup(out, {{"user", "postgres"}, {"database", "main"}});
    for (const char byte : out) slow.send(std::string_view{&byte, 1});
    EXPECT_EQ(slow.receive()->type, 'R');
    EXPECT_EQ(slow.until_ready().back().type, 'Z');

    // What comes in the clear behind a request for encryption is not taken.
    raw_client sly = raw_client::unconnected(house().login());
    out.clear();
    wire::write_ssl_request(out);
    wire::write_startup(out, {{"user", "postgres"}, {"database", "main"}});
    sly.send(out);
    for (const auto& m : sly.until_ready()) EXPECT_NE(m.type, 'Z');

    raw_client::options elsewhere = house().login();
    elsewhere.database = "nowhere";
    EXPECT_THROW(raw_client{elsewhere}, std::runtime_error);
}

TEST(ProxyProtocol, SettingsOfStartUpAreDefaultsToResetTo) {
    raw_client::options how = house().login();
    how.parameters["options"] = "-c work_mem=3MB -c search_path=pg_catalog,public";
    how.parameters["DateStyle"] = "German, DMY";
    raw_client c{how};
    EXPECT_EQ(c.parameters().at("DateStyle"), "German, DMY");
    EXPECT_EQ(c.query("show work_mem"), "T(work_mem:25) D(3MB) C(SHOW) Z(I)");
    EXPECT_EQ(c.query("set work_mem = '5MB'"), "C(SET) Z(I)");
    EXPECT_EQ(c.query("show work_mem"), "T(work_mem:25) D(5MB) C(SHOW) Z(I)");
    EXPECT_EQ(c.query("reset work_mem"), "C(RESET) Z(I)");
    EXPECT_EQ(c.query("show work_mem"), "T(work_mem:25) D(3MB) C(SHOW) Z(I)");
    EXPECT_EQ(c.query("set datestyle = 'ISO'"), "C(SET) S(DateStyle=ISO, DMY) Z(I)");
    EXPECT_EQ(c.query("reset all"), "C(RESET) S(DateStyle=German, DMY) Z(I)");
    EXPECT_EQ(c.query("show search_path"), "T(search_path:25) D(pg_catalog,public) C(SHOW) Z(I)");
    raw_client::options wrong = house().login();
    wrong.parameters["options"] = "-c work_mem=much";
    EXPECT_THROW(raw_client{wrong}, std::runtime_error);
}

TEST(ProxyProtocol, SettingsFollowTheTransaction) {
    same(script{}.query("begin").query("set work_mem = '7MB'").query("rollback").query("show work_mem"));
    same(script{}
             .query("begin")
             .query("set work_mem = '7MB'")
             .query("commit")
             .query("show work_mem")
             .query("reset work_mem"));
    same(script{}
             .query("begin")
             .query("set local work_mem = '7MB'")
             .query("show work_mem")
             .query("commit")
             .query("show work_mem"));
    same(script{}
             .query("begin")
             .query("savepoint a")
             .query("set work_mem = '7MB'")
             .query("rollback to a")
             .query("show work_mem")
             .query("commit")
             .query("show work_mem"));
    same(script{}.query("set nothing_known to 1"));
    same(script{}.query("set work_mem to 'much'").query("show work_mem"));
    same(script{}
             .query("begin")
             .query("set transaction isolation level repeatable read")
             .query("show transaction_isolation")
             .query("commit"));
    same(script{}.query("set local work_mem = '1MB'"));
    same(script{}.query("reset nothing_known"));
}

TEST(ProxyProtocol, SessionCharacteristicsAreDefaultsOfTransactions) {
    same(script{}
             .query("set session characteristics as transaction isolation level repeatable read, read only")
             .query("show default_transaction_isolation")
             .query("show default_transaction_read_only")
             .query("begin")
             .query("show transaction_isolation")
             .query("select id from notes where id = 1")
             .query("rollback")
             .query("set session characteristics as transaction read write, not deferrable")
             .query("show default_transaction_read_only")
             .query("reset all")
             .query("show default_transaction_isolation"));
}

// What asyncpg and Npgsql send with a connection back to their pool.
TEST(ProxyProtocol, WhatPoolsOfDriversSendToCleanUp) {
    same(script{}.query("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"));
    same(script{}.query("unlisten news").query("close all").query("select pg_advisory_unlock_all()"));
    same(script{}
             .query("begin")
             .query("declare c cursor for select id from notes")
             .query("close all")
             .query("fetch c")
             .query("rollback"));
}

// psycopg's server-side cursors are DECLAREd, then described as portals.
TEST(ProxyProtocol, ADeclaredCursorIsAPortal) {
    same(script{}
             .query("begin")
             .query("declare c cursor for select id from notes order by id")
             .describe('P', "c")
             .sync()
             .execute("c", 2)
             .sync()
             .query("fetch 2 from c")
             .close('P', "c")
             .sync()
             .query("fetch c")
             .query("rollback")
             .describe('P', "c")
             .sync());
}

TEST(ProxyProtocol, ACursorOverRowsOfOneShardKey) {
    same(script{}
             .query("begin")
             .query("insert into users values (7, 'seven')")
             .query("declare c scroll cursor for select id, name from users where id = 7 order by id")
             .query("fetch 2 from c")
             .query("fetch prior from c")
             .describe('P', "c")
             .sync()
             .execute("c", 2)
             .sync()
             .query("move backward all in c")
             .query("fetch all from c")
             .query("close c")
             .query("fetch c")
             .query("rollback"));
    raw_client through{house().login()};
    (void)through.query("begin");
    EXPECT_EQ(through.query("declare c cursor for select id from users"), "E(0A000) Z(E)");
    (void)through.query("rollback");
}

// Where an error lies is counted in the whole text, also where the statements in it go different ways.
TEST(ProxyProtocol, PositionsInATextOfSeveralStatements) {
    raw_client through{house().login()};
    raw_client direct{house().direct()};
    const auto position = [](raw_client& c, const std::string& sql) {
        std::string out;
        wire::write_query(out, sql);
        c.send(out);
        std::int32_t at = -1;
        for (const test::said& m : c.until_ready()) {
            if (m.type != 'E') continue;
            auto read = wire::read_error_fields(m.body);
            if (read) at = read->position;
        }
        return at;
    };
    for (const char* sql :
         {"select 1; select nothing from notes; select 2", "select 'äöü'; select nothing from notes where id = 1",
          "select 1;\n\n  select nothing from users", "select 1; select nothing from users where id = 1"}) {
        const std::int32_t expected = position(direct, sql);
        EXPECT_GT(expected, 10) << sql;
        EXPECT_EQ(position(through, sql), expected) << sql;
    }
    EXPECT_EQ(position(through, "select 1; select id, random() from users"), 22) << "refused by the planner";
    EXPECT_EQ(position(through, "select nothing from notes"), position(direct, "select nothing from notes"));
}

TEST(ProxyProtocol, WhatWasAskedBeforeTerminateIsAnswered) {
    raw_client c{house().login()};
    std::string out;
    wire::write_query(out, "select id from users where id = 0");
    wire::write_query(out, "select body from notes where id = 7");
    wire::write_terminate(out);
    c.send(out);
    std::vector<test::said> all;
    while (auto m = c.receive()) all.push_back(std::move(*m));
    EXPECT_EQ(raw_client::in_short(all), "T(id:23) C(SELECT 0) Z(I) T(body:25) D(note 7) C(SELECT 1) Z(I)");
}

// Catalogue queries go from names to oids and from oids to columns: each server has other oids.
TEST(ProxyProtocol, TheCatalogueIsThatOfOneDatabase) {
    raw_client c{house().login()};
    raw_client direct{house().direct()};
    const auto oid_of = [&](const std::string& table) {
        const std::string got =
            c.query("select 'oid ' || c.oid from pg_catalog.pg_class c where relname = '" + table + "'");
        const auto from = got.find("oid ");
        return from == std::string::npos ? got : got.substr(from + 4, got.find(')', from) - from - 4);
    };
    const auto columns_of = [&](const std::string& oid) {
        return c.query("select count(*) from pg_attribute where attnum > 0 and attrelid = " + oid);
    };
    for (int turn = 0; turn < 6; ++turn) {
        const std::string oid = oid_of("users");
        EXPECT_EQ(columns_of(oid), "T(count:20) D(2) C(SELECT 1) Z(I)");
        EXPECT_EQ(c.query("select 'users'::regclass::oid::text"), "T(text:25) D(" + oid + ") C(SELECT 1) Z(I)");
        EXPECT_EQ(c.query("select " + oid + "::regclass::text"), "T(text:25) D(users) C(SELECT 1) Z(I)");
    }
    // The database of unsharded tables has the sharded ones too: so it speaks for all.
    EXPECT_EQ(c.query("create table made_here(id int primary key)"), "C(CREATE TABLE) Z(I)");
    EXPECT_EQ(columns_of(oid_of("made_here")), "T(count:20) D(1) C(SELECT 1) Z(I)");
    EXPECT_EQ(c.query("drop table made_here"), "C(DROP TABLE) Z(I)");
    // Once its table differs, the first shard speaks for those that are sharded.
    (void)direct.query("alter table users add column only_here text");
    EXPECT_EQ(c.query("create table made_here(id int primary key)"), "C(CREATE TABLE) Z(I)");
    EXPECT_EQ(columns_of(oid_of("users")), "T(count:20) D(2) C(SELECT 1) Z(I)");
    (void)direct.query("alter table users drop column only_here");
    EXPECT_EQ(c.query("drop table made_here"), "C(DROP TABLE) Z(I)");
    EXPECT_EQ(columns_of(oid_of("notes")), "T(count:20) D(3) C(SELECT 1) Z(I)");
}

TEST(ProxyProtocol, ExplainOfAKeyThatIsAParameter) {
    raw_client c{house().login()};
    EXPECT_EQ(c.query("explain (ashlar) select name from users where id = $1"),
              "T(QUERY PLAN:25) D(route    one shard                       because key_equals) "
              "D(by key   select name from users where id = $1) C(EXPLAIN) Z(I)");
    EXPECT_EQ(c.query("explain (ashlar) insert into users values ($1, $2)"),
              "T(QUERY PLAN:25) D(route    one shard                       because insert_key) "
              "D(by key   insert into users values ($1, $2)) C(EXPLAIN) Z(I)");
}

TEST(ProxyProtocol, ATableThatWasAlteredFailsOnceAndWorksAfterANewParse) {
    raw_client direct{house().direct()};
    (void)direct.query("create table changing(id int primary key)");
    raw_client c{house().login()};
    script first;
    first.parse("s", "select * from changing").bind("", "s").execute("").sync();
    EXPECT_EQ(first.play(c), "1 2 C(SELECT 0) Z(I)");
    (void)direct.query("alter table changing add column more text");
    script again;
    again.bind("", "s").execute("").sync();
    EXPECT_EQ(again.play(c), "E(0A000) Z(I)");
    script anew;
    anew.close('S', "s").parse("s", "select * from changing").bind("", "s").describe('P', "").execute("").sync();
    EXPECT_EQ(anew.play(c), "3 1 2 T(id:23,more:25) C(SELECT 0) Z(I)");
    (void)direct.query("drop table changing");
}

}  // namespace
}  // namespace ashlar
