// What must not pass from one client to the next, and what becomes of clients and servers that go away.
#include "support/becomes.hpp"
#include "support/proxied.hpp"
#include "wire/client_messages.hpp"

#include <atomic>
#include <csignal>
#include <thread>

namespace ashlar {
namespace {

using test::becomes;
using test::proxied;
using test::raw_client;

// Each test has a proxy of its own before one server that all share; none changes what others look at.
proxied::options house_of(std::uint32_t connections) {
    proxied::options o;
    static std::shared_ptr<test::postgres_server> databases;
    o.on = databases;
    o.shards = 2;
    o.pool = connections;
    o.schema = {"create table notes(id int primary key, body text not null)",
                "insert into notes select i, 'note ' || i from generate_series(1, 50) i",
                "create table users(id int primary key, name text)",
                "create schema acme",
                "create table acme.notes(id int primary key, body text not null)",
                "insert into acme.notes values (1, 'of acme')",
                "create table acme.users(id int primary key, name text)",  // unsharded; the shards' copies stay empty
                "insert into acme.users select 1, 'of acme' where current_database() = 'main'"};
    o.tables = {proxied::sharded("users", "id")};
    if (databases == nullptr) databases = proxied{o}.shared_databases();
    o.on = databases;
    return o;
}

std::string prepared(raw_client& c, const std::string& sql) {
    std::string out;
    wire::write_parse(out, "", sql, {});
    wire::write_bind(out, "", "", {}, {}, {});
    wire::write_execute(out, "");
    wire::write_sync(out);
    return c.talk(out);
}

TEST(ProxySessions, SettingsDoNotLeakAmongFortyClientsOnThreeConnections) {
    proxied house{house_of(3)};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 40; ++i) {
        threads.emplace_back([&, i] {
            raw_client c{house.login()};
            const std::string mine = std::to_string(2000 + i) + "kB";
            const bool sets = i % 2 == 0;
            if (sets && c.query("set work_mem = '" + mine + "'") != "C(SET) Z(I)") ++wrong;
            const std::string expected = sets ? mine : "4MB";
            for (int n = 0; n < 25; ++n) {
                const std::string got = n % 2 == 0
                                            ? c.query("select current_setting('work_mem') from notes where id = 1")
                                            : prepared(c, "select current_setting('work_mem') from notes where id = 1");
                if (got.find("D(" + expected + ")") == std::string::npos) {
                    ++wrong;
                    ADD_FAILURE() << "expected " << expected << ", got " << got;
                    break;
                }
            }
        });
    }
    for (auto& t : threads) t.join();
    EXPECT_EQ(wrong, 0);
}

TEST(ProxySessions, TheSameTextUnderAnotherSearchPathIsAnotherStatement) {
    proxied house{house_of(1)};
    raw_client plain{house.login()};
    raw_client::options how = house.login();
    how.parameters["options"] = "-c search_path=acme";
    raw_client acme{how};
    const std::string sql = "select body from notes where id = 1";
    for (int i = 0; i < 3; ++i) {
        EXPECT_NE(prepared(plain, sql).find("D(note 1)"), std::string::npos);
        EXPECT_NE(prepared(acme, sql).find("D(of acme)"), std::string::npos);
        EXPECT_NE(plain.query(sql).find("D(note 1)"), std::string::npos);
        EXPECT_NE(acme.query(sql).find("D(of acme)"), std::string::npos);
    }
}

// public.users is sharded, acme.users is not: where a statement goes hangs on the path that a function has set.
TEST(ProxySessions, ASearchPathSetByAFunctionWithinATransactionIsThatOfTheNextStatement) {
    proxied house{house_of(2)};
    raw_client c{house.login()};
    (void)c.query("insert into users values (1, 'of public')");
    const std::string sql = "select name from users where id = 1";
    for (const char* sets : {"select set_config('search_path', 'acme', true)",
                             "select set_config('search_path', 'acme', false) from notes where id = 1",
                             "do $$ begin set local search_path = acme; end $$"}) {
        for (const bool extended : {false, true}) {
            const auto run = [&](const std::string& text) { return extended ? prepared(c, text) : c.query(text); };
            EXPECT_NE(run(sql).find("D(of public)"), std::string::npos);
            (void)run("begin");
            (void)run("savepoint before");
            (void)run(sets);
            EXPECT_NE(run(sql).find("D(of acme)"), std::string::npos) << sets;
            (void)run("rollback to before");
            EXPECT_NE(run(sql).find("D(of public)"), std::string::npos) << sets;
            (void)run(sets);
            EXPECT_NE(run(sql).find("D(of acme)"), std::string::npos) << sets;
            (void)run("rollback");
            EXPECT_NE(run(sql).find("D(of public)"), std::string::npos) << sets;
        }
    }
    const std::string both = c.query("select set_config('search_path', 'acme', true); " + sql);
    EXPECT_NE(both.find("D(of acme)"), std::string::npos) << both;
    (void)c.query("delete from users where id = 1");
}

TEST(ProxySessions, APreparedStatementFollowsTheSearchPath) {
    proxied house{house_of(2)};
    raw_client c{house.login()};
    (void)c.query("insert into users values (1, 'of public')");
    std::string prepares;
    wire::write_parse(prepares, "kept", "select name from users where id = 1", {});
    wire::write_sync(prepares);
    (void)c.talk(prepares);
    const auto run = [&c] {
        std::string out;
        wire::write_bind(out, "", "kept", {}, {}, {});
        wire::write_execute(out, "");
        wire::write_sync(out);
        return c.talk(out);
    };
    EXPECT_NE(run().find("D(of public)"), std::string::npos);
    (void)c.query("set search_path = acme");
    EXPECT_NE(run().find("D(of acme)"), std::string::npos);
    (void)c.query("reset search_path");
    EXPECT_NE(run().find("D(of public)"), std::string::npos);
    (void)c.query("begin");
    (void)c.query("select set_config('search_path', 'acme', true)");
    EXPECT_NE(run().find("D(of acme)"), std::string::npos);
    (void)c.query("rollback");
    EXPECT_NE(run().find("D(of public)"), std::string::npos);
    (void)c.query("delete from users where id = 1");
}

TEST(ProxySessions, WhatAFunctionSetsStaysWithItsClient) {
    proxied house{house_of(1)};
    raw_client one{house.login()};
    raw_client other{house.login()};
    const std::string got = one.query("select set_config('work_mem', '9MB', false) from notes where id = 1");
    if (got.find("E(0A000)") == std::string::npos) {
        EXPECT_NE(one.query("select current_setting('work_mem') from notes where id = 1").find("D(9MB)"),
                  std::string::npos)
            << got;
    }
    EXPECT_NE(other.query("select current_setting('work_mem') from notes where id = 1").find("D(4MB)"),
              std::string::npos);
}

// No server lists settings with a dot in their names, so that what a function set must be undone without knowing it.
TEST(ProxySessions, ASettingOfOnesOwnThatAFunctionMadeReachesNobodyElse) {
    proxied house{house_of(1)};
    raw_client one{house.login()};
    (void)one.query("select set_config('app.tenant', 'acme', false)");
    (void)one.query("do $$ begin perform set_config('app.' || 'hidden', 'acme', false); end $$");
    (void)one.query("do $$ begin perform set_config('app.' || 'hidden', 'acme', false); perform 1 from notes; end $$");
    EXPECT_EQ(one.query("show app.tenant"), "T(app.tenant:25) D(acme) C(SHOW) Z(I)");
    raw_client other{house.login()};
    for (const char* name : {"app.tenant", "app.hidden"}) {
        for (int key = 1; key <= 8; ++key) {
            const std::string got =
                other.query("select current_setting('" + std::string{name} +
                            "', true) || coalesce(max(name), '') from users where id = " + std::to_string(key));
            EXPECT_EQ(got.find("acme"), std::string::npos) << name << ": " << got;
        }
        const std::string unsharded =
            other.query("select current_setting('" + std::string{name} + "', true) from notes where id = 1");
        EXPECT_EQ(unsharded.find("acme"), std::string::npos) << name << ": " << unsharded;
    }
}

TEST(ProxySessions, SettingsOfOnesOwnOutliveAFunctionThatLeavesThemAlone) {
    proxied house{house_of(1)};
    raw_client one{house.login()};
    (void)one.query("set app.tenant = 'acme'");
    (void)one.query("do $$ begin perform 1; end $$");
    EXPECT_EQ(one.query("show app.tenant"), "T(app.tenant:25) D(acme) C(SHOW) Z(I)");
    (void)one.query("do $$ begin perform set_config('app.tenant', 'other', false); end $$");
    EXPECT_EQ(one.query("show app.tenant"), "T(app.tenant:25) D(other) C(SHOW) Z(I)");
}

// Row security policies read such settings: a shard that does not know of one shows other rows.
TEST(ProxySessions, WhatAFunctionSetsInATransactionIsSeenByAllItsServers) {
    proxied house{house_of(2)};
    const auto seen = [](raw_client& c, const std::string& name) {
        std::string all;
        for (int key = 1; key <= 8; ++key) {
            // Unset, it is NULL or empty: PostgreSQL keeps the name of what was set once.
            const std::string got =
                c.query("select coalesce(current_setting('" + name +
                        "', true), '') || coalesce(max(name), '') from users where id = " + std::to_string(key));
            const auto from = got.find("D(");
            all += from == std::string::npos ? got : got.substr(from + 2, got.find(')', from) - from - 2) + ' ';
        }
        return all;
    };
    raw_client c{house.login()};
    (void)c.query("begin");
    (void)c.query("select max(name) from users where id = 3");
    (void)c.query("select set_config('app.tenant', 'acme', true)");
    EXPECT_EQ(seen(c, "app.tenant"), "acme acme acme acme acme acme acme acme ");
    (void)c.query("savepoint a");
    (void)c.query("select set_config('app.tenant', 'b', true)");
    EXPECT_EQ(seen(c, "app.tenant"), "b b b b b b b b ");
    (void)c.query("rollback to a");
    EXPECT_EQ(seen(c, "app.tenant"), "acme acme acme acme acme acme acme acme ");
    (void)c.query("do $$ begin perform set_config('work_mem', '9MB', false); end $$");
    EXPECT_EQ(seen(c, "work_mem"), "9MB 9MB 9MB 9MB 9MB 9MB 9MB 9MB ");
    EXPECT_EQ(c.query("show work_mem"), "T(work_mem:25) D(9MB) C(SHOW) Z(T)");
    EXPECT_EQ(c.query("commit"), "C(COMMIT) Z(I)");
    EXPECT_EQ(seen(c, "work_mem"), "9MB 9MB 9MB 9MB 9MB 9MB 9MB 9MB ");
    EXPECT_EQ(seen(c, "app.tenant"), "        ");

    // It is no write: the rows that are written may be on any shard.
    for (int key = 1; key <= 4; ++key) {
        (void)c.query("begin");
        (void)c.query("select set_config('app.tenant', 'acme', true)");
        EXPECT_EQ(c.query("update users set name = '' where id = " + std::to_string(key)), "C(UPDATE 0) Z(T)");
        (void)c.query("rollback");
    }
}

TEST(ProxySessions, WhatOnlyOneServerSessionCouldKeepIsRefusedOrDropped) {
    proxied house{house_of(1)};
    for (const char* sql : {"create temp table t(i int)", "select pg_advisory_lock(1) from notes where id = 1",
                            "listen news", "declare c cursor with hold for select * from notes",
                            "prepare p as select 1", "create temporary table t2 as select * from notes"}) {
        raw_client one{house.login()};
        (void)one.query(sql);
        raw_client other{house.login()};
        const std::string state = other.query(
            "select (select count(*) from pg_locks where locktype = 'advisory') + (select count(*) from "
            "pg_listening_channels())"
            " + (select count(*) from pg_cursors) + (select count(*) from pg_prepared_statements where from_sql)"
            " + (select count(*) from pg_class where relname in ('t', 't2')) as left_over from notes where id = 1");
        if (state.find("E(") != std::string::npos) continue;
        EXPECT_NE(state.find("D(0)"), std::string::npos) << sql << ": " << state;
    }
}

TEST(ProxySessions, AdvisoryLocksAreOneSpaceForAllClients) {
    proxied house{house_of(4)};
    raw_client one{house.login()}, other{house.login()};
    for (const char* mine :
         {"select pg_advisory_xact_lock(7)", "select pg_advisory_xact_lock(7) from notes where id = 1"}) {
        EXPECT_EQ(one.query("begin"), "C(BEGIN) Z(T)");
        EXPECT_EQ(one.query(mine).substr(0, 24), "T(pg_advisory_xact_lock:") << mine;
        for (const char* theirs :
             {"select pg_try_advisory_xact_lock(7)", "select pg_try_advisory_xact_lock(7) from notes where id = 2"}) {
            EXPECT_NE(other.query(theirs).find("D(f)"), std::string::npos) << mine << ", " << theirs;
        }
        EXPECT_EQ(one.query("update notes set body = 'locked' where id = 3"), "C(UPDATE 1) Z(T)");
        EXPECT_EQ(one.query("select name from users where id = 1"), "T(name:25) C(SELECT 0) Z(T)");
        EXPECT_EQ(one.query("rollback"), "C(ROLLBACK) Z(I)");
        EXPECT_NE(other.query("select pg_try_advisory_xact_lock(7)").find("D(t)"), std::string::npos);
    }
    // What no commit could end at one moment, on whichever shard.
    for (int key = 1; key <= 8; ++key) {
        const std::string write = "insert into users values (" + std::to_string(key) + ", 'x')";
        (void)one.query("begin");
        (void)one.query("select pg_advisory_xact_lock(7)");
        EXPECT_EQ(one.query(write), "E(0A000) Z(E)");
        (void)one.query("rollback");
        (void)one.query("begin");
        EXPECT_EQ(one.query(write), "C(INSERT 0 1) Z(T)");
        EXPECT_EQ(one.query("select pg_advisory_xact_lock(7)"), "E(0A000) Z(E)");
        (void)one.query("rollback");
    }
    EXPECT_EQ(one.query("select pg_advisory_xact_lock(id) from users where id = 1"), "E(0A000) Z(I)");
    EXPECT_EQ(one.query("select pg_advisory_lock(7)"), "E(0A000) Z(I)");
}

TEST(ProxySessions, DiscardAndDeallocateTouchOnlyOnesOwn) {
    proxied house{house_of(1)};
    raw_client one{house.login()};
    raw_client other{house.login()};
    std::string out;
    wire::write_parse(out, "s", "select body from notes where id = 1", {});
    wire::write_sync(out);
    EXPECT_EQ(one.talk(out), "1 Z(I)");
    EXPECT_EQ(other.talk(out), "1 Z(I)");
    EXPECT_EQ(one.query("discard all"), "C(DISCARD ALL) Z(I)");
    out.clear();
    wire::write_bind(out, "", "s", {}, {}, {});
    wire::write_execute(out, "");
    wire::write_sync(out);
    EXPECT_EQ(other.talk(out), "2 D(note 1) C(SELECT 1) Z(I)");
    EXPECT_EQ(one.talk(out), "E(26000) Z(I)");
}

TEST(ProxySessions, CancelEndsWhatRunsAndNothingElse) {
    proxied house{house_of(1)};
    raw_client one{house.login()};
    std::string out;
    wire::write_query(out, "select pg_sleep(30) from notes where id = 1");
    one.send(out);
    ASSERT_TRUE(becomes([&] {
        return house.databases().scalar(
                   "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(30)%' and "
                   "pid <> pg_backend_pid()") == "1";
    }));
    one.cancel();
    const std::string got = raw_client::in_short(one.until_ready());
    EXPECT_NE(got.find("E(57014) Z(I)"), std::string::npos) << got;
    // An idle client's cancel hits nobody, the next borrower least of all.
    raw_client other{house.login()};
    for (int i = 0; i < 20; ++i) {
        one.cancel();
        EXPECT_EQ(other.query("select body from notes where id = 1"), "T(body:25) D(note 1) C(SELECT 1) Z(I)");
    }
}

TEST(ProxySessions, AStatementThatRunsPastQueryTimeoutIsCancelled) {
    proxied::options o = house_of(1);
    o.change = [](config::description& d) { d.serve.query_timeout = milliseconds{3'000}; };
    proxied house{o};
    raw_client c{house.login()};
    std::string out;
    wire::write_query(out, "select pg_sleep(30) from notes where id = 1");
    c.send(out);
    const std::vector<test::said> got = c.until_ready();
    EXPECT_EQ(raw_client::in_short(got), "T(pg_sleep:2278) E(57014) Z(I)");
    EXPECT_NE(got.at(1).body.find("canceling statement due to query_timeout"), std::string::npos);

    raw_client in_the_way{house.direct("shard_1")};
    (void)in_the_way.query("begin; lock table users in access exclusive mode");
    out.clear();
    wire::write_query(out, "select count(*) from users");
    c.send(out);
    const std::vector<test::said> merged = c.until_ready();
    EXPECT_EQ(raw_client::in_short(merged), "E(57014) Z(I)");
    EXPECT_NE(merged.front().body.find("canceling statement due to query_timeout"), std::string::npos);
    (void)in_the_way.query("rollback");
    // One client's limit is not the next one's, nor that of the next statement.
    EXPECT_EQ(c.query("select body from notes where id = 1"), "T(body:25) D(note 1) C(SELECT 1) Z(I)");
}

TEST(ProxySessions, AServerThatHangsIsGivenUpAfterQueryTimeout) {
    proxied::options o = house_of(1);
    o.change = [](config::description& d) { d.serve.query_timeout = milliseconds{3'000}; };
    proxied house{o};
    raw_client c{house.login()};
    const auto hang = [&] {
        const std::string row = c.query("select pg_backend_pid() from notes where id = 1");
        const std::size_t at = row.find("D(") + 2;
        const pid_t pid = std::stoi(row.substr(at));
        EXPECT_EQ(::kill(pid, SIGSTOP), 0);
        return pid;
    };
    pid_t hung = hang();
    std::string out;
    wire::write_query(out, "select body from notes where id = 1");
    c.send(out);
    const std::vector<test::said> got = c.until_ready();
    EXPECT_EQ(raw_client::in_short(got), "E(57014) Z(I)");
    EXPECT_NE(got.front().body.find("did not answer to the cancelling either"), std::string::npos);
    ::kill(hung, SIGCONT);

    EXPECT_EQ(c.query("select body from notes where id = 1"), "T(body:25) D(note 1) C(SELECT 1) Z(I)");
    hung = hang();
    EXPECT_EQ(c.query("update notes set body = body where id = 1"), "E(08007) Z(I)");
    ::kill(hung, SIGCONT);
}

TEST(ProxySessions, CancelWhileQueuedIsAnsweredAtOnce) {
    proxied house{house_of(1)};
    raw_client holder{house.login()};
    (void)holder.query("begin");
    (void)holder.query("select body from notes where id = 1");
    raw_client waiting{house.login()};
    std::string out;
    wire::write_query(out, "select body from notes where id = 2");
    waiting.send(out);
    std::jthread canceller{
        [&](const std::stop_token& answered) {  // again and again: the first may come before the query
            while (!answered.stop_requested()) waiting.cancel();
        }};
    EXPECT_EQ(raw_client::in_short(waiting.until_ready()), "E(57014) Z(I)");
    canceller.request_stop();
    canceller.join();
    (void)holder.query("commit");
    EXPECT_EQ(waiting.query("select body from notes where id = 2"), "T(body:25) D(note 2) C(SELECT 1) Z(I)");
}

TEST(ProxySessions, ClientsWhoSendHalfAMessageHoldNoServer) {
    proxied house{house_of(1)};
    std::vector<raw_client> half;
    std::string out;
    wire::write_query(out, "select body from notes where id = 1 -- " + std::string(2000, 'x'));
    for (int i = 0; i < 20; ++i) {
        half.emplace_back(house.login());
        half.back().send(std::string_view{out}.substr(0, 1000));
    }
    raw_client c{house.login()};
    EXPECT_EQ(c.query("select body from notes where id = 1"), "T(body:25) D(note 1) C(SELECT 1) Z(I)");
}

TEST(ProxySessions, AClientGoneInItsTransactionLetsGoOfItsLocks) {
    proxied house{house_of(2)};
    for (const bool by_reset : {false, true}) {
        raw_client gone{house.login()};
        (void)gone.query("begin");
        (void)gone.query("update notes set body = 'changed' where id = 5");
        if (by_reset)
            gone.reset();
        else
            gone.close();
        raw_client c{house.login()};
        EXPECT_EQ(c.query("update notes set body = 'note 5' where id = 5 returning body"),
                  "T(body:25) D(note 5) C(UPDATE 1) Z(I)");
    }
}

// What is closed with a client is closed once; the sanitizers see whether anybody looks at it after that.
TEST(ProxySessions, AClientGoneWithItsServerIsForgotten) {
    proxied house{house_of(1)};
    {
        raw_client gone{house.login()};
        (void)gone.query("begin");
        EXPECT_EQ(gone.query("select body from notes where id = 1"), "T(body:25) D(note 1) C(SELECT 1) Z(T)");
        (void)house.databases().run_sql(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = 'main' and pid <> "
            "pg_backend_pid()");
        gone.close();
    }
    raw_client c{house.login()};
    EXPECT_EQ(c.query("select body from notes where id = 1"), "T(body:25) D(note 1) C(SELECT 1) Z(I)");
}

TEST(ProxySessions, AStatementWhoseClientIsGoneIsEnded) {
    proxied house{house_of(1)};
    raw_client gone{house.login()};
    std::string out;
    wire::write_query(out, "select pg_sleep(60) from notes where id = 7 for update");
    gone.send(out);
    gone.close();
    // Waits for the only connection, and then for the row.
    raw_client c{house.login()};
    EXPECT_EQ(c.query("update notes set body = body where id = 7 returning body"),
              "T(body:25) D(note 7) C(UPDATE 1) Z(I)");
}

TEST(ProxySessions, AServerThatDiedIdleIsNobodysBusiness) {
    proxied house{house_of(3)};
    raw_client c{house.login()};
    EXPECT_NE(c.query("select body from notes where id = 1").find("D(note 1)"), std::string::npos);
    (void)house.databases().run_sql(
        "select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = 'main' and pid <> "
        "pg_backend_pid()");
    EXPECT_EQ(c.query("select body from notes where id = 1"), "T(body:25) D(note 1) C(SELECT 1) Z(I)");
}

TEST(ProxySessions, WhenAServerEndsAllItsConnectionsOneClientAtMostIsTold) {
    proxied house{house_of(3)};
    std::vector<raw_client> clients;
    for (int i = 0; i < 3; ++i) clients.emplace_back(house.login());
    for (raw_client& each : clients) {
        (void)each.query("begin");
        (void)each.query("select body from notes where id = 1");
    }
    for (raw_client& each : clients) (void)each.query("commit");
    (void)house.databases().run_sql(
        "select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = 'main' and pid <> "
        "pg_backend_pid()");
    // In the extended protocol, in which nothing is tried again behind a client's back.
    int told = 0;
    for (raw_client& each : clients) {
        const std::string got = prepared(each, "select body from notes where id = 1");
        if (got.starts_with("E("))
            ++told;
        else
            EXPECT_NE(got.find("D(note 1)"), std::string::npos) << got;
    }
    EXPECT_LE(told, 1);
}

TEST(ProxySessions, AServerThatDiesInATransactionIsOneClearError) {
    proxied house{house_of(3)};
    raw_client c{house.login()};
    (void)c.query("begin");
    (void)c.query("update notes set body = 'lost' where id = 1");
    (void)house.databases().run_sql(
        "select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = 'main' and pid <> "
        "pg_backend_pid()");
    const std::string got = c.query("select body from notes where id = 1");
    EXPECT_TRUE(got == "E(57P01) Z(E)" || got == "E(08006) Z(E)") << got;
    EXPECT_EQ(c.query("select 1"), "E(25P02) Z(E)");
    EXPECT_EQ(c.query("rollback"), "C(ROLLBACK) Z(I)");
    EXPECT_EQ(c.query("select body from notes where id = 1"), "T(body:25) D(note 1) C(SELECT 1) Z(I)");
}

TEST(ProxySessions, TheLimitOfClientsIsSaidWith53300) {
    proxied::options o = house_of(1);
    o.change = [](config::description& d) { d.serve.max_client_conn = 3; };
    proxied house{o};
    std::vector<raw_client> in;
    for (int i = 0; i < 3; ++i) in.emplace_back(house.login());
    try {
        raw_client more{house.login()};
        FAIL() << "a fourth client was let in";
    } catch (const std::runtime_error& e) {
        EXPECT_NE(std::string{e.what()}.find("53300"), std::string::npos) << e.what();
    }
}

// SQLite knows no such transactions.
TEST(ProxySessions, AReadOnlyTransactionOnSqliteWritesNothing) {
    proxied::options o;
    o.sqlite = true;
    o.shards = 2;
    o.schema = {"create table users(id integer primary key, name text)"};
    o.tables = {proxied::sharded("users", "id")};
    proxied house{o};
    raw_client c{house.login()};
    const std::string insert = "insert into users values (1, 'one')";
    (void)c.query("begin read only");
    EXPECT_EQ(c.query(insert), "E(25006) Z(E)");
    (void)c.query("rollback");
    (void)c.query("begin");
    (void)c.query("set transaction read only");
    EXPECT_EQ(c.query(insert), "E(25006) Z(E)");
    (void)c.query("rollback");
    (void)c.query("set session characteristics as transaction read only");
    EXPECT_EQ(c.query(insert), "E(25006) Z(I)");
    (void)c.query("begin read write");
    EXPECT_EQ(c.query(insert), "C(INSERT 0 1) Z(T)");
    EXPECT_EQ(c.query("commit"), "C(COMMIT) Z(I)");
    (void)c.query("set default_transaction_read_only to off");
    EXPECT_EQ(c.query("delete from users where id = 1"), "C(DELETE 1) Z(I)");
}

TEST(ProxySessions, SilentConnectionsKeepNobodyOut) {
    proxied::options o = house_of(1);
    o.change = [](config::description& d) { d.serve.max_client_conn = 4; };
    proxied house{o};
    raw_client known{house.login()};
    std::vector<raw_client> silent;
    for (int i = 0; i < 300; ++i) silent.push_back(raw_client::unconnected(house.login()));
    for (int i = 0; i < 3; ++i) {
        raw_client late{house.login()};
        EXPECT_EQ(late.query("select body from notes where id = 7"), "T(body:25) D(note 7) C(SELECT 1) Z(I)");
    }
    const auto said = silent.front().receive();
    ASSERT_TRUE(said);
    EXPECT_EQ(raw_client::in_short({*said}), "E(53300)");
    EXPECT_EQ(known.query("select 1"), "T(?column?:23) D(1) C(SELECT 1) Z(I)") << "who has logged in stays";
}

TEST(ProxySessions, AQueueThatIsTooSlowIsSaidWith53300) {
    proxied::options o = house_of(1);
    o.change = [](config::description& d) { d.serve.query_wait_timeout = std::chrono::seconds{3}; };
    proxied house{o};
    raw_client holder{house.login()};
    (void)holder.query("begin");
    (void)holder.query("select body from notes where id = 1");
    raw_client waiting{house.login()};
    EXPECT_EQ(waiting.query("select body from notes where id = 2"), "E(53300) Z(I)");
}

TEST(ProxySessions, ScramLogins) {
    proxied::options o = house_of(1);
    o.change = [](config::description& d) {
        d.serve.auth_type = "scram-sha-256";
        config::serve_settings::user u;
        u.name = "ann";
        u.password = "a secret";
        d.serve.users.push_back(u);
    };
    proxied house{o};
    raw_client::options how = house.login();
    how.user = "ann";
    how.password = "a secret";
    raw_client c{how};
    EXPECT_EQ(c.query("select body from notes where id = 1"), "T(body:25) D(note 1) C(SELECT 1) Z(I)");
    how.password = "another";
    EXPECT_THROW(raw_client{how}, std::runtime_error);
    how.user = "nobody";
    EXPECT_THROW(raw_client{how}, std::runtime_error);
}

TEST(ProxySessions, StoppingSparesATransactionAndEndsTheIdle) {
    proxied house{house_of(2)};
    raw_client idle{house.login()};
    raw_client busy{house.login()};
    (void)busy.query("begin");
    (void)busy.query("update notes set body = 'kept' where id = 9");
    std::thread stopper{[&] { house.server().stop(seconds{10}); }};
    const auto farewell = idle.receive();
    ASSERT_TRUE(farewell);
    EXPECT_NE(farewell->body.find("57P01"), std::string::npos);
    EXPECT_EQ(busy.query("commit"), "C(COMMIT) Z(I)");
    stopper.join();
    EXPECT_EQ(house.databases().scalar("select body from notes where id = 9", "main"), "kept");
}

}  // namespace
}  // namespace ashlar
