// Clients of the proxy who write on several SQLite shards.
#include "support/proxied.hpp"
#include "wire/client_messages.hpp"

#include <fmt/format.h>

#include <atomic>
#include <future>

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;

// Accounts by their number modulo the shards, 100 on each.
proxied::options bank_of(std::size_t shards) {
    proxied::options o;
    o.sqlite = true;
    o.shards = shards;
    o.function = keyspace::function_kind::modulo;
    o.schema = {"create table accounts (id bigint primary key, cents bigint not null check (cents >= 0))",
                "create table countries (code text primary key, name text not null)"};
    o.tables = {proxied::sharded("accounts", "id"), proxied::reference("countries")};
    return o;
}

class ProxySqlite : public ::testing::Test {
protected:
    void open(std::size_t shards = 3) {
        house_.emplace(bank_of(shards));
        raw_client c = client();
        for (std::size_t i = 0; i < shards; ++i) {
            EXPECT_EQ(c.query(fmt::format("insert into accounts values ({}, 100)", i)), "C(INSERT 0 1) Z(I)");
        }
    }
    raw_client client() { return raw_client{house_->login()}; }
    // What came but for the columns' names.
    static std::string rows(raw_client& c, const std::string& sql) {
        const std::string all = c.query(sql);
        return all.starts_with("T(") ? all.substr(all.find(") ") + 2) : all;
    }
    std::string cents() {
        raw_client c = client();
        return rows(c, "select cents from accounts order by id");
    }
    static constexpr const char* untouched = "D(100) D(100) D(100) C(SELECT 3) Z(I)";

    std::optional<proxied> house_;
};

std::string extended(const std::string& sql, std::uint32_t rows_max, const std::string& portal = "") {
    std::string out;
    wire::write_parse(out, "", sql, {});
    wire::write_bind(out, portal, "", {}, {}, {});
    wire::write_execute(out, portal, rows_max);
    return out;
}

TEST_F(ProxySqlite, AStatementRunsOnTheNamedShardAlone) {
    open();
    raw_client c = client();
    EXPECT_EQ(rows(c, "/* ashlar_shard: shard_2 */ select id, cents::text from accounts"), "D(1,100) C(SELECT 1) Z(I)");
    c.query("set ashlar.shard = 'shard_3'");
    EXPECT_EQ(rows(c, "select count(*) from accounts"), "D(1) C(SELECT 1) Z(I)");
    EXPECT_EQ(rows(c, "select 10 < '9'"), "D(f) C(SELECT 1) Z(I)") << "typed as everywhere";
    EXPECT_EQ(c.query("update accounts set cents = cents + 1 where cents = '100'"), "C(UPDATE 1) Z(I)");
    EXPECT_EQ(c.query("insert into accounts values (5, 7)"), "C(INSERT 0 1) Z(I)");
    EXPECT_NE(c.query("insert into accounts values (6, 7)").find("E("), std::string::npos) << "a row of shard_1";
    EXPECT_NE(c.query("insert into countries values ('de', 'Germany')").find("E("), std::string::npos);
    EXPECT_EQ(c.query("vacuum"), "C(VACUUM) Z(I)");
    EXPECT_NE(c.query("alter table accounts alter column cents type text").find("E(0A000)"), std::string::npos);
    c.query("set ashlar.shard = ''");
    c.query("set ashlar.sharding_key = '1'");
    EXPECT_EQ(rows(c, "select id from accounts"), "D(1) C(SELECT 1) Z(I)");
    c.query("reset ashlar.sharding_key");
    EXPECT_EQ(rows(c, "select cents from accounts order by id"), "D(100) D(100) D(101) D(7) C(SELECT 4) Z(I)");
}

TEST_F(ProxySqlite, FlagsOfRegularExpressionsMayDifferFromRowToRow) {
    open(1);
    raw_client c = client();
    c.query("insert into countries values ('i', ''), ('c', ''), ('g', '')");
    EXPECT_EQ(rows(c,
                   "select regexp_replace('AaA', 'a', 'x', code), regexp_like('A', 'a', replace(code, 'g', 'c')), "
                   "'i%' similar to '_i%' escape code from countries order by code"),
              "D(AxA,f,f) D(AxA,f,f) D(xaA,t,t) C(SELECT 3) Z(I)");
}

TEST_F(ProxySqlite, NowIsOneMomentOnAllShards) {
    open();
    raw_client c = client();
    EXPECT_EQ(rows(c,
                   "select count(*) from accounts where now() > '2020-01-01' and current_date > '2020-01-01' and "
                   "current_timestamp = now() and current_date = date(now()) and current_user <> ''"),
              "D(3) C(SELECT 1) Z(I)");
    EXPECT_EQ(rows(c, "select distinct age(date(now())) from accounts"), "D(00:00:00) C(SELECT 1) Z(I)");
    EXPECT_EQ(rows(c, "select count(*) from accounts group by now()"), "D(3) C(SELECT 1) Z(I)");
    EXPECT_EQ(rows(c, "select count(*) from accounts where now() < '2020-01-01' or current_date - 1 > current_date"),
              "D(0) C(SELECT 1) Z(I)");
    // A transaction has one moment, whatever shards its statements ask.
    for (const char* how : {"begin", "begin read only", "begin isolation level repeatable read"}) {
        c.query(how);
        const std::string first = rows(c, "select id, now() from accounts where id = 0");
        EXPECT_EQ(rows(c, "select distinct 0, now() from accounts"), first) << how;
        EXPECT_EQ(rows(c, "select 0, now() from accounts where id = 2"), first) << how;
        EXPECT_EQ(rows(c, "select min(0), max(current_timestamp) from accounts where statement_timestamp() > now()"),
                  first);
        EXPECT_EQ(rows(c, "select distinct statement_timestamp() > now() from accounts"), "D(t) C(SELECT 1) Z(T)");
        c.query("rollback");
    }
    EXPECT_EQ(rows(c, "update accounts set cents = cents + 1 where now() > '2020-01-01'"), "C(UPDATE 3) Z(I)");
    EXPECT_EQ(rows(c, "update accounts set cents = 7 where now() < '2020-01-01'; select now() > '2020-01-01'"),
              "C(UPDATE 0) T(?column?:16) D(t) C(SELECT 1) Z(I)");
    EXPECT_EQ(rows(c, "select left('ab', 1), clock_timestamp() > now() from accounts where id = 0"),
              "D(a,t) C(SELECT 1) Z(I)");
}

TEST_F(ProxySqlite, OidsAndRowidsAreNoValues) {
    open();
    raw_client c = client();
    for (const char* sql :
         {"select rowid from accounts where id = 1", "select oid from accounts where id = 1",
          "select cents from accounts where id = 1 and _rowid_ = 1", "select 'accounts'::regclass::oid from accounts",
          "select pg_typeof(id) from accounts where id = 1", "select 16403::oid from accounts where id = 1"}) {
        EXPECT_TRUE(c.query(sql).starts_with("E(0A000)")) << sql << ": " << c.query(sql);
    }
    for (const char* sql :
         {"select tableoid from accounts where id = 1", "select \"tableoid\" from accounts where id = 1",
          "select to_regclass('accounts') from accounts where id = 1", "select pg_typeof(1)"}) {
        EXPECT_TRUE(c.query(sql).starts_with("E(")) << sql << ": " << c.query(sql);
    }
}

// What Active Record and others ask for before they name columns, and when they look for a table.
TEST_F(ProxySqlite, SettingsAreShownAsPgSettingsHasThem) {
    open();
    raw_client c = client();
    for (const char* const name : {"max_identifier_length", "server_version_num", "lc_collate", "block_size"}) {
        const std::string shown = rows(c, fmt::format("show {}", name));
        EXPECT_EQ(shown.find("E("), shown.npos) << name << ": " << shown;
        const std::string listed = rows(c, fmt::format("select setting from pg_settings where name = '{}'", name));
        EXPECT_EQ(shown.substr(0, shown.find(')')), listed.substr(0, listed.find(')'))) << name;
    }
    EXPECT_EQ(c.query("show no_such_setting"), "E(42704) Z(I)");
}

TEST_F(ProxySqlite, ATransactionOverShardsIsCommittedOrRolledBackAsOne) {
    open();
    raw_client c = client();
    EXPECT_EQ(c.query("begin"), "C(BEGIN) Z(T)");
    EXPECT_EQ(c.query("update accounts set cents = cents - 30 where id = 2"), "C(UPDATE 1) Z(T)");
    EXPECT_EQ(c.query("update accounts set cents = cents + 30 where id = 0"), "C(UPDATE 1) Z(T)");
    EXPECT_EQ(rows(c, "select sum(cents), min(cents) from accounts"), "D(300,70) C(SELECT 1) Z(T)");
    EXPECT_EQ(c.query("rollback"), "C(ROLLBACK) Z(I)");
    EXPECT_EQ(cents(), untouched);

    EXPECT_EQ(c.query("begin; update accounts set cents = cents - 30 where id = 2; "
                      "update accounts set cents = cents + 30 where id = 0; commit"),
              "C(BEGIN) C(UPDATE 1) C(UPDATE 1) C(COMMIT) Z(I)");
    EXPECT_EQ(cents(), "D(130) D(100) D(70) C(SELECT 3) Z(I)");
}

TEST_F(ProxySqlite, AnErrorOnOneShardFailsTheTransactionOfAll) {
    open();
    raw_client c = client();
    c.query("begin");
    EXPECT_EQ(c.query("update accounts set cents = cents + 200 where id = 0"), "C(UPDATE 1) Z(T)");
    EXPECT_EQ(c.query("update accounts set cents = cents - 200 where id = 1"), "E(23514) Z(E)");
    EXPECT_EQ(c.query("commit"), "C(ROLLBACK) Z(I)");
    // Several statements in one text are one transaction.
    EXPECT_EQ(c.query("update accounts set cents = 1 where id = 0; update accounts set cents = -1 where id = 1"),
              "C(UPDATE 1) E(23514) Z(I)");
    EXPECT_EQ(cents(), untouched);
}

TEST_F(ProxySqlite, SavepointsGoBackOnAllShardsThoseThatCameLaterToo) {
    open();
    raw_client c = client();
    c.query("begin");
    c.query("update accounts set cents = 1 where id = 0");
    EXPECT_EQ(c.query("savepoint one"), "C(SAVEPOINT) Z(T)");
    c.query("update accounts set cents = 2");
    EXPECT_EQ(c.query("update accounts set cents = -1 where id = 1"), "E(23514) Z(E)");
    EXPECT_EQ(c.query("rollback to one"), "C(ROLLBACK) Z(T)");
    EXPECT_EQ(rows(c, "select cents from accounts order by id"), "D(1) D(100) D(100) C(SELECT 3) Z(T)");
    c.query("update accounts set cents = 3 where id = 2");
    EXPECT_EQ(c.query("release one"), "C(RELEASE) Z(T)");
    EXPECT_EQ(c.query("commit"), "C(COMMIT) Z(I)");
    EXPECT_EQ(cents(), "D(1) D(100) D(3) C(SELECT 3) Z(I)");
}

TEST_F(ProxySqlite, OneStatementOnSeveralShardsIsATransactionByItself) {
    open();
    raw_client c = client();
    EXPECT_EQ(c.query("update accounts set cents = cents - id * 60"), "E(23514) Z(I)");
    EXPECT_EQ(cents(), untouched);
    EXPECT_EQ(c.query("update accounts set cents = cents - id * 10"), "C(UPDATE 3) Z(I)");
    EXPECT_EQ(c.query("insert into accounts values (3, 1), (4, 1), (1, 1)"), "E(23505) Z(I)");
    EXPECT_EQ(c.query("insert into accounts values (3, 1), (4, 1)"), "C(INSERT 0 2) Z(I)");
    EXPECT_EQ(c.query("insert into countries values ('de', 'Germany')"), "C(INSERT 0 1) Z(I)");
    EXPECT_EQ(c.query("delete from accounts where id > 1"), "C(DELETE 3) Z(I)");
    std::string sync;
    wire::write_sync(sync);
    EXPECT_EQ(c.talk(extended("update accounts set cents = 7", 0) + sync), "1 2 C(UPDATE 2) Z(I)");
    EXPECT_EQ(c.talk(extended("update accounts set cents = id - 1", 0) + sync), "1 2 E(23514) Z(I)");
    EXPECT_EQ(cents(), "D(7) D(7) C(SELECT 2) Z(I)");
}

TEST_F(ProxySqlite, AWriteWhoseRowsAreNotAllFetchedIsDoneAllTheSame) {
    open();
    raw_client c = client();
    std::string sync;
    wire::write_sync(sync);
    EXPECT_EQ(c.talk(extended("insert into accounts values (3, 7), (6, 7) returning id", 1) + sync), "1 2 D(3) s Z(I)");
    EXPECT_EQ(rows(c, "select count(*) from accounts"), "D(5) C(SELECT 1) Z(I)");
    // … but not when something after it fails before the Sync.
    EXPECT_EQ(c.talk(extended("delete from accounts where id in (0, 3) returning id", 1, "p") +
                     extended("select missing from accounts", 0) + sync),
              "1 2 D(0) s E(42703) Z(I)");
    EXPECT_EQ(rows(c, "select count(*) from accounts"), "D(5) C(SELECT 1) Z(I)");
}

TEST_F(ProxySqlite, RowsOfAnOpenPortalAreNeverCutShortByAnotherStatement) {
    open();
    raw_client c = client();
    c.query("insert into accounts select 0, 0 where false");
    c.query("insert into accounts values (3, 1), (6, 1), (9, 1)");
    c.query("begin");
    std::string flush_and_sync;
    wire::write_sync(flush_and_sync);
    EXPECT_EQ(c.talk(extended("select id from accounts where id in (0, 3, 6, 9) order by id", 1, "p") + flush_and_sync),
              "1 2 D(0) s Z(T)");
    // Its rows have all been read by now: others may run meanwhile.
    EXPECT_EQ(c.query("update accounts set cents = 5 where id = 3"), "C(UPDATE 1) Z(T)");
    EXPECT_EQ(rows(c, "select cents from accounts where id in (0, 3) order by id"), "D(100) D(5) C(SELECT 2) Z(T)");
    std::string rest;
    wire::write_execute(rest, "p");
    wire::write_sync(rest);
    EXPECT_EQ(c.talk(rest), "D(3) D(6) D(9) C(SELECT 3) Z(T)");

    c.query("commit");

    // Of a long one they have not.
    std::string many = "insert into accounts values (10, 0)";
    for (int i = 11; i < 15'000; ++i) many += fmt::format(",({},0)", i);
    EXPECT_EQ(c.query(many), "C(INSERT 0 14990) Z(I)");
    c.query("begin");
    EXPECT_EQ(c.talk(extended("select id from accounts order by id", 1, "q") + flush_and_sync), "1 2 D(0) s Z(T)");
    EXPECT_EQ(c.query("update accounts set cents = 5 where id = 3"), "E(25000) Z(E)");
}

TEST_F(ProxySqlite, APipelineIsOneTransaction) {
    open();
    raw_client c = client();
    std::string sync;
    wire::write_sync(sync);
    const auto set = [](int id, int cents) {
        return extended(fmt::format("update accounts set cents = {} where id = {}", cents, id), 0);
    };
    EXPECT_EQ(c.talk(set(0, 1) + set(1, 2) + set(1, -1) + sync), "1 2 C(UPDATE 1) 1 2 C(UPDATE 1) 1 2 E(23514) Z(I)");
    EXPECT_EQ(cents(), untouched);
    EXPECT_EQ(c.talk(set(0, 1) + set(1, 2) + extended("select sum(cents) from accounts", 0) + sync),
              "1 2 C(UPDATE 1) 1 2 C(UPDATE 1) 1 2 D(103) C(SELECT 1) Z(I)");
    EXPECT_EQ(c.talk(set(0, 5) + extended("rollback", 0) + set(1, 6) + sync),
              "1 2 C(UPDATE 1) 1 2 N(25P01) C(ROLLBACK) 1 2 C(UPDATE 1) Z(I)");
    EXPECT_EQ(cents(), "D(1) D(6) D(100) C(SELECT 3) Z(I)");
}

TEST_F(ProxySqlite, MoreShardsThanOneCommitCanHoldAreRefused) {
    open(12);
    raw_client c = client();
    EXPECT_EQ(c.query("update accounts set cents = 1"), "E(0A000) Z(I)");
    EXPECT_EQ(rows(c, "select sum(cents) from accounts"), "D(1200) C(SELECT 1) Z(I)");
    EXPECT_EQ(c.query("update accounts set cents = 1 where id in (0, 11)"), "C(UPDATE 2) Z(I)");
    c.query("begin");
    EXPECT_EQ(rows(c, "select sum(cents) from accounts"), "D(1002) C(SELECT 1) Z(T)");
    EXPECT_EQ(c.query("update accounts set cents = 2 where id = 0"), "C(UPDATE 1) Z(T)");
    EXPECT_EQ(c.query("update accounts set cents = 2 where id = 11"), "E(0A000) Z(E)");
    c.query("rollback");
    EXPECT_EQ(rows(c, "select sum(cents) from accounts"), "D(1002) C(SELECT 1) Z(I)");
}

TEST_F(ProxySqlite, OfTwoClientsInOppositeOrdersOneGoesOnAndTheOtherIsToldToTryAgain) {
    open();
    raw_client one = client(), two = client();
    for (raw_client* each : {&one, &two}) each->query("begin");
    one.query("update accounts set cents = cents - 1 where id = 0");
    two.query("update accounts set cents = cents - 1 where id = 1");
    auto first =
        std::async(std::launch::async, [&] { return one.query("update accounts set cents = cents + 1 where id = 1"); });
    EXPECT_EQ(two.query("update accounts set cents = cents + 1 where id = 0"), "E(40P01) Z(E)");
    two.query("rollback");
    EXPECT_EQ(first.get(), "C(UPDATE 1) Z(T)");
    EXPECT_EQ(one.query("commit"), "C(COMMIT) Z(I)");
    EXPECT_EQ(cents(), "D(99) D(101) D(100) C(SELECT 3) Z(I)");
}

TEST_F(ProxySqlite, AClientThatVanishesLeavesNoLockAndNoHalf) {
    open();
    for (const bool by_reset : {false, true}) {
        raw_client gone = client();
        gone.query("begin");
        EXPECT_EQ(gone.query("update accounts set cents = 0"), "C(UPDATE 3) Z(T)");
        if (by_reset) {
            gone.reset();
        } else {
            gone.close();
        }
        raw_client next = client();
        EXPECT_EQ(next.query("update accounts set cents = cents + 1"), "C(UPDATE 3) Z(I)");
        EXPECT_EQ(next.query("update accounts set cents = cents - 1"), "C(UPDATE 3) Z(I)");
        EXPECT_EQ(cents(), untouched);
    }
}

TEST_F(ProxySqlite, ReadersOfAllShardsAndTransfersDoNotHoldEachOtherUp) {
    open();
    std::atomic<bool> over = false;
    auto reader = std::async(std::launch::async, [&] {
        raw_client c = client();
        int wrong = 0;
        while (!over) {
            if (c.query("select id, cents from accounts order by cents, id").find("E(") != std::string::npos) ++wrong;
        }
        return wrong;
    });
    raw_client c = client();
    for (int i = 0; i < 30; ++i) {
        EXPECT_EQ(c.query(fmt::format("begin; update accounts set cents = cents - 1 where id = {}; "
                                      "update accounts set cents = cents + 1 where id = {}; commit",
                                      (i + 1) % 3, i % 3)),
                  "C(BEGIN) C(UPDATE 1) C(UPDATE 1) C(COMMIT) Z(I)");
    }
    over = true;
    EXPECT_EQ(reader.get(), 0);
    EXPECT_EQ(cents(), untouched);
}

}  // namespace
}  // namespace ashlar
