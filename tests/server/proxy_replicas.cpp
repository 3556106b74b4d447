// Clients of the proxy whose reads go to replicas by themselves (replicas.read_write_split), before real servers: a primary
// with two shards and two streaming replicas.
#include "support/becomes.hpp"
#include "support/libpq_client.hpp"
#include "support/proxied.hpp"

#include <ashlar/ashlar.hpp>

#include <atomic>
#include <memory>
#include <set>
#include <thread>

namespace ashlar {
namespace {

using namespace std::chrono_literals;
using test::becomes;
using test::postgres_server;
using client = test::libpq_client;
using test::proxied;

class ProxyReplicas : public ::testing::Test {
protected:
    static constexpr const char* schema =
        "create table people (id int primary key, v int not null); create table plain (id int primary key, v int);"
        "insert into plain values (1, 0)";

    explicit ProxyReplicas(bool splits = true) {
        postgres_server::options roomy;
        roomy.settings["max_connections"] = "200";
        roomy.settings["log_statement"] = "all";
        primary_ = std::make_shared<postgres_server>(roomy);
        for (const char* name : {"main", "shard_1", "shard_2"}) {
            primary_->create_database(name);
            (void)primary_->run_sql(schema, name);
        }
        postgres_server::options following = roomy;
        following.replica_of = primary_.get();
        first_ = std::make_unique<postgres_server>(following);
        second_ = std::make_unique<postgres_server>(following);
        proxied::options how;
        how.on = primary_;
        how.shards = 2;
        how.tables = {proxied::sharded("people", "id")};
        how.change = [this, splits](config::description& d) {
            const auto add = [&](config::database& to) {
                for (const auto* each : {first_.get(), second_.get()}) {
                    config::endpoint there = to.primary;
                    there.port = each->port();
                    to.replicas.push_back(there);
                    to.replica_weights.push_back(1);
                }
            };
            for (config::database& each : d.shards_->list) add(each);
            add(d.databases.at("primary"));
            d.replicas.read_write_split = splits;
            d.replicas.check_interval = milliseconds{100};
        };
        proxy_.emplace(how);
        client c{proxy_->port()};
        for (int key = 1; key <= 20; ++key) {
            const std::string done = c.query("insert into people values (" + std::to_string(key) + ", 0)");
            if (done != "INSERT 0 1") throw std::runtime_error{done};
        }
    }
    // Who ran a statement, by the servers' logs. Functions that tell of their server are asked of the primary.
    std::string who_runs(client& c, std::string sql, std::initializer_list<std::string> values = {}) {
        static int marks = 0;
        const std::string mark = "/* mark " + std::to_string(++marks) + " */";
        sql += " " + mark;
        const std::string got = values.size() == 0 ? c.query(sql) : c.bound(sql, values);
        return who_ran(mark, got);
    }
    std::string who_ran(const std::string& mark, const std::string& otherwise) {
        std::string found;
        (void)becomes([&] {
            if (primary_->log().find(mark) != std::string::npos) found = "primary";
            if (first_->log().find(mark) != std::string::npos) found += "first";
            if (second_->log().find(mark) != std::string::npos) found += "second";
            return !found.empty();
        });
        return found.empty() ? otherwise : found;
    }
    bool reads_on_both() {
        return becomes([&] {
            std::set<std::string> seen;
            client c{proxy_->port()};
            for (int i = 0; i < 6; ++i) seen.insert(who_runs(c, "select v from plain"));
            return seen.count("primary") == 0 && seen.count("first") == 1 && seen.count("second") == 1;
        });
    }

    std::shared_ptr<postgres_server> primary_;
    std::unique_ptr<postgres_server> first_, second_;
    std::optional<proxied> proxy_;
};

TEST_F(ProxyReplicas, ReadsGoThereAndEverythingElseToThePrimary) {
    ASSERT_TRUE(reads_on_both());
    client c{proxy_->port()};
    for (int i = 0; i < 3; ++i) {
        EXPECT_NE(who_runs(c, "select v from people where id = 7"), "primary");
        EXPECT_NE(who_runs(c, "select v from people where id = $1", {"7"}), "primary");
        EXPECT_NE(who_runs(c, "select v from plain"), "primary");
        EXPECT_EQ(c.query("select count(*) from people"), "20");
    }
    for (const char* sql : {"select v from people where id = 7 for update", "select pg_catalog.pg_is_in_recovery()",
                            "select count(*) from pg_stat_activity", "select nextval('no_sequence')",
                            "with made as (insert into plain values (100, 1) returning id) select id from made",
                            "explain analyze update plain set v = 3"}) {
        EXPECT_EQ(who_runs(c, sql), "primary") << sql;
    }
}

TEST_F(ProxyReplicas, AClientFindsWhatItWroteThoughTheReplicasHaveStopped) {
    ASSERT_TRUE(reads_on_both());
    (void)first_->run_sql("select pg_wal_replay_pause()");
    (void)second_->run_sql("select pg_wal_replay_pause()");
    client c{proxy_->port()};
    int stale = 0;
    for (int i = 1; i <= 200; ++i) {
        const std::string now = std::to_string(i);
        ASSERT_EQ(c.query("update people set v = " + now + " where id = 5"), "UPDATE 1");
        stale += c.query("select v from people where id = 5") != now;
        stale += c.bound("select v from people where id = $1", {"5"}) != now;
        ASSERT_EQ(c.query("begin; update plain set v = " + now + "; commit"), "COMMIT");
        stale += c.query("select v from plain where id = 1") != now;
        ASSERT_EQ(c.bound("update people set v = v + 1 where id = $1", {"6"}), "UPDATE 1");
        stale += c.query("select sum(v) from people where id in (6)") != now;
    }
    EXPECT_EQ(stale, 0);
    (void)first_->run_sql("select pg_wal_replay_resume()");
    (void)second_->run_sql("select pg_wal_replay_resume()");
    EXPECT_TRUE(becomes([&] { return who_runs(c, "select v from people where id = 5") != "primary"; }));
    EXPECT_EQ(c.query("select v from people where id = 5"), "200");
}

TEST_F(ProxyReplicas, ATransactionStaysOnThePrimaryUnlessItOnlyReads) {
    ASSERT_TRUE(reads_on_both());
    client c{proxy_->port()};
    const std::string read = "select v from people where id = 3";
    ASSERT_EQ(c.query("begin"), "BEGIN");
    EXPECT_EQ(who_runs(c, read), "primary");
    ASSERT_EQ(c.query("commit"), "COMMIT");
    ASSERT_EQ(c.query("begin transaction isolation level repeatable read read only"), "BEGIN");
    const std::string there = who_runs(c, read);
    EXPECT_NE(there, "primary");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(who_runs(c, read), there);
    EXPECT_EQ(c.query("update people set v = 1 where id = 3"), "25006");
    EXPECT_EQ(c.query("select 1"), "25P02");
    ASSERT_EQ(c.query("commit"), "ROLLBACK");
    ASSERT_EQ(c.query("begin transaction isolation level serializable read only"), "BEGIN");
    EXPECT_EQ(who_runs(c, read), "primary");
    ASSERT_EQ(c.query("commit"), "COMMIT");
}

TEST_F(ProxyReplicas, SettingsOfAClientGoAlong) {
    ASSERT_TRUE(reads_on_both());
    client c{proxy_->port()}, other{proxy_->port()};
    ASSERT_EQ(c.query("set timezone to 'Asia/Tokyo'"), "SET");
    const std::string hour = "select to_char('2026-01-01 00:00+00'::timestamptz, 'HH24') from people where id = 3";
    EXPECT_NE(who_runs(c, hour), "primary");
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(c.query(hour), "09");
        EXPECT_NE(other.query(hour), "09");
    }
    ASSERT_EQ(c.query("set default_transaction_isolation to 'serializable'"), "SET");
    EXPECT_EQ(who_runs(c, hour), "primary");
}

TEST_F(ProxyReplicas, APipelineThatGoesOnToWriteReadsOnThePrimary) {
    ASSERT_TRUE(reads_on_both());
    client c{proxy_->port()};
    PGconn* const raw = c.raw();
    ASSERT_EQ(PQenterPipelineMode(raw), 1);
    const std::string read = "select v from people where id = 3 /* first of two */",
                      write = "update people set v = 77 where id = 3";
    PQsendQueryParams(raw, read.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0);
    PQsendQueryParams(raw, write.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0);
    ASSERT_EQ(PQpipelineSync(raw), 1);
    EXPECT_EQ(client::shown(PQgetResult(raw)), "0");
    EXPECT_EQ(PQgetResult(raw), nullptr);
    EXPECT_EQ(client::shown(PQgetResult(raw)), "UPDATE 1");
    EXPECT_EQ(PQgetResult(raw), nullptr);
    PQclear(PQgetResult(raw));
    ASSERT_EQ(PQexitPipelineMode(raw), 1);
    EXPECT_EQ(who_ran("/* first of two */", "nobody"), "primary");
    EXPECT_EQ(c.query("select v from people where id = 3"), "77");
}

TEST_F(ProxyReplicas, NobodyNoticesThatAReplicaDies) {
    ASSERT_TRUE(reads_on_both());
    std::atomic<bool> over{false};
    std::atomic<int> answered{0}, failed{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i) {
        readers.emplace_back([&, i] {
            client c{proxy_->port()};
            while (!over) {
                const std::string got = c.query("select v from people where id = " + std::to_string(i + 1));
                ++(got == "0" ? answered : failed);
            }
        });
    }
    ASSERT_TRUE(becomes([&] { return answered > 300; }));
    first_->kill9();
    const int then = answered;
    ASSERT_TRUE(becomes([&] { return answered > then + 1000; }));
    first_->start();
    ASSERT_TRUE(reads_on_both());
    over = true;
    for (std::thread& each : readers) each.join();
    EXPECT_EQ(failed, 0);
}

// A stopped server keeps its connections and says nothing.
TEST_F(ProxyReplicas, NobodyFailsBecauseAReplicaIsStopped) {
    ASSERT_TRUE(reads_on_both());
    std::atomic<bool> over{false};
    std::atomic<int> answered{0}, failed{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 6; ++i) {
        readers.emplace_back([&, i] {
            client c{proxy_->port()};
            while (!over) {
                const std::string one = "select v from people where id = " + std::to_string(i + 1);
                const std::string got = i % 3 == 0   ? c.query(one)
                                        : i % 3 == 1 ? c.bound("select v from people where id = $1", {"3"})
                                                     : c.query("select sum(v) from people");
                ++(got == "0" ? answered : failed);
                if (got != "0") ADD_FAILURE() << got;
            }
        });
    }
    EXPECT_TRUE(becomes([&] { return answered > 300; }));
    first_->pause();
    const int then = answered;
    EXPECT_TRUE(becomes([&] { return answered > then + 1000; }));
    over = true;
    // Those that met the stopped one go on, though it never does.
    for (std::thread& each : readers) each.join();
    EXPECT_EQ(failed, 0);
    client reading{proxy_->port()};
    EXPECT_EQ(reading.query("select v from people where id = 1"), "0");
    first_->resume();
    EXPECT_TRUE(reads_on_both());
}

TEST_F(ProxyReplicas, ATransactionOnAReplicaThatIsStoppedEndsWithAnError) {
    ASSERT_TRUE(reads_on_both());
    client c{proxy_->port()};
    bool met = false;
    for (int attempt = 0; attempt < 6 && !met; ++attempt) {
        ASSERT_EQ(c.query("begin read only"), "BEGIN");
        met = who_runs(c, "select v from people where id = 3") == "first";
        if (met) break;
        ASSERT_EQ(c.query("rollback"), "ROLLBACK");
    }
    ASSERT_TRUE(met);
    first_->pause();
    EXPECT_EQ(c.query("select v from people where id = 3"), "08006");
    EXPECT_EQ(c.query("select 1"), "25P02");
    EXPECT_EQ(c.query("rollback"), "ROLLBACK");
    EXPECT_EQ(c.query("select v from people where id = 3"), "0");
    first_->resume();
}

TEST_F(ProxyReplicas, AReadThatRecoveryCancelsIsAnsweredByAnother) {
    for (auto* each : {first_.get(), second_.get()}) {
        (void)each->run_sql("alter system set max_standby_streaming_delay = 0");
        each->reload();
    }
    ASSERT_TRUE(reads_on_both());
    client c{proxy_->port()};
    const auto cancelled = [&] {
        int found = 0;
        for (auto* each : {first_.get(), second_.get()}) {
            const std::string log = each->log();
            for (std::size_t at = 0; (at = log.find("conflict with recovery", at)) != log.npos; ++at) ++found;
        }
        return found;
    };
    const std::string slow = "select count(*) from people p, generate_series(1, $1) g where p.id = 7";
    const auto with = [&](const std::string& rounds) {
        std::string sql = slow;
        return sql.replace(sql.find("$1"), 2, rounds);
    };
    int made = 0;
    const auto ask_once = [&](const std::string& what) {
        // `alter table` takes a lock that its replay takes too, from whoever reads.
        std::atomic<bool> over{false};
        std::thread altering{[&] {
            // The catalogue changes while the first replica is asked, so that the next one gets a new plan.
            const auto runs_on = [&](const postgres_server& one) {
                return one.scalar(
                           "select count(*) from pg_stat_activity where query like '%generate_series%' and "
                           "state = 'active' and pid <> pg_backend_pid()") != "0";
            };
            (void)becomes([&] { return over || runs_on(*first_) || runs_on(*second_); });
            client other{proxy_->port()};
            EXPECT_EQ(other.query("create table made_beside_" + std::to_string(++made) + " (id int)"), "CREATE TABLE");
            for (int i = 0; !over; ++i) {
                for (const char* shard : {"shard_1", "shard_2"}) {
                    (void)primary_->run_sql("alter table people alter v set default " + std::to_string(i), shard);
                }
                std::this_thread::sleep_for(20ms);
            }
        }};
        const std::string got = what == "simple" ? c.query(with("5000000")) : c.bound(slow, {"5000000"});
        over = true;
        altering.join();
        return got;
    };
    const auto all_busy = [&](const std::string& what) {
        const int before = cancelled();
        std::string got = ask_once(what);
        for (int i = 0; i < 10 && got == "5000000" && cancelled() == before; ++i) got = ask_once(what);
        EXPECT_GT(cancelled(), before) << what;
        return got;
    };
    // Both replicas cancel it; the primary, where nothing does, answers.
    EXPECT_EQ(all_busy("simple"), "5000000");
    EXPECT_EQ(all_busy("extended"), "5000000");
    // The session goes on, with statements of both kinds.
    EXPECT_EQ(c.query("select v from people where id = 7"), "0");
    EXPECT_EQ(c.bound("select v from people where id = $1", {"7"}), "0");
    ASSERT_EQ(c.query("update people set v = 3 where id = 7"), "UPDATE 1");
    EXPECT_EQ(c.bound("select v from people where id = $1", {"7"}), "3");
}

TEST_F(ProxyReplicas, FunctionsOfTheUsersOwnAreReadsWhereTheCatalogueSaysSo) {
    client c{proxy_->port()};
    for (const char* sql :
         {"create function of_plain() returns int stable language sql as 'select max(v) from plain'",
          "create function twice(int) returns int immutable language sql as 'select $1 * 2'",
          "create function either(int) returns int stable language sql as 'select $1'",
          "create function either(text) returns int volatile language sql as 'select 1'",
          "create function notes(n int) returns int volatile language plpgsql as "
          "'begin insert into plain values (n, n); return n; end'",
          "create function sly(n int) returns int stable language plpgsql as 'begin return notes(n); end'",
          "create function raises() returns int stable language plpgsql as 'begin raise exception ''ABC25006''; "
          "end'"}) {
        (void)primary_->run_sql(sql, "main");
    }
    ASSERT_EQ(c.query("create table one_more (id int)"), "CREATE TABLE");  // after which the catalogue is read again
    ASSERT_TRUE(
        becomes([&] { return second_->scalar("select count(*) from pg_proc where proname = 'sly'", "main") == "1"; }));
    ASSERT_TRUE(reads_on_both());
    client reader{proxy_->port()};
    EXPECT_NE(who_runs(reader, "select of_plain() from plain"), "primary");
    EXPECT_NE(who_runs(reader, "select twice(v) from plain"), "primary");
    EXPECT_NE(who_runs(reader, "select of_plain() from plain where id = $1", {"1"}), "primary");
    ASSERT_EQ(reader.query("begin read only"), "BEGIN");
    EXPECT_NE(who_runs(reader, "select of_plain() from plain"), "primary");
    ASSERT_EQ(reader.query("commit"), "COMMIT");
    // What its message ends in is no code: the error is the answer, and nobody else is asked.
    EXPECT_EQ(reader.query("select raises() from plain"), "P0001");
    EXPECT_EQ(who_runs(reader, "select raises() from plain").find("primary"), std::string::npos);
    EXPECT_EQ(who_runs(reader, "select either(v) from plain"), "primary");
    EXPECT_EQ(who_runs(reader, "select notes(50)"), "primary");
    ASSERT_TRUE(becomes([&] { return who_runs(c, "select v from plain") != "primary"; }));
    // One that says STABLE and calls another that writes: the replica refuses, the primary does it, and it counts as a write.
    EXPECT_EQ(c.query("select sly(100) from plain where id = 1"), "100");
    EXPECT_EQ(c.query("select count(*) from plain where id = 100"), "1");
    EXPECT_EQ(c.bound("select sly(id + 100) from plain where id = $1", {"1"}), "101");
    EXPECT_EQ(c.bound("select count(*) from plain where id = $1", {"101"}), "1");
    EXPECT_EQ(primary_->scalar("select count(*) from plain where id in (100, 101)", "main"), "2");
}

TEST_F(ProxyReplicas, NobodyNoticesThatAReplicaDiesUnderABoundStatement) {
    ASSERT_TRUE(reads_on_both());
    std::atomic<bool> over{false};
    std::atomic<int> answered{0}, failed{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i) {
        readers.emplace_back([&, i] {
            client c{proxy_->port()};
            while (!over) {
                const std::string got = c.bound("select v from people where id = $1", {std::to_string(i + 1)});
                if (got != "0") ADD_FAILURE() << got;
                ++(got == "0" ? answered : failed);
            }
        });
    }
    ASSERT_TRUE(becomes([&] { return answered > 300; }));
    first_->kill9();
    const int then = answered;
    ASSERT_TRUE(becomes([&] { return answered > then + 1000; }));
    second_->kill9();
    const int later = answered;
    ASSERT_TRUE(becomes([&] { return answered > later + 1000; }));
    over = true;
    for (std::thread& each : readers) each.join();
    EXPECT_EQ(failed, 0);
}

TEST_F(ProxyReplicas, AHintSendsReadsToThePrimary) {
    ASSERT_TRUE(reads_on_both());
    client c{proxy_->port()};
    const std::string read = "select v from people where id = 3";
    EXPECT_EQ(who_runs(c, "/* ashlar_role: primary */ " + read), "primary");
    EXPECT_EQ(who_runs(c, "/*NO LOAD BALANCE*/ " + read), "primary");
    EXPECT_EQ(who_runs(c, "/* pgdog_role: primary */ select v from people where id = $1", {"3"}), "primary");
    EXPECT_NE(who_runs(c, "select '/* ashlar_role: primary */', v from people where id = 3"), "primary");
    EXPECT_EQ(c.query("/* ashlar_role: prymary */ " + read), "22023");
    ASSERT_EQ(c.query("set ashlar.role = 'primary'"), "SET");
    EXPECT_EQ(c.query("show ashlar.role"), "primary");
    EXPECT_EQ(who_runs(c, read), "primary");
    EXPECT_NE(who_runs(c, "/* ashlar_role: replica */ " + read), "primary") << "a comment is stronger than SET";
    ASSERT_EQ(c.query("reset ashlar.role"), "RESET");
    EXPECT_NE(who_runs(c, read), "primary");
    ASSERT_EQ(c.query("set server role to 'primary'"), "SET");
    EXPECT_EQ(c.query("show server role"), "primary");
    EXPECT_EQ(who_runs(c, read), "primary");
    ASSERT_EQ(c.query("set server role to 'auto'"), "SET");
    EXPECT_NE(who_runs(c, read), "primary");
    EXPECT_EQ(c.query("set ashlar.role = 'nobody'"), "22023");
    client started{proxy_->port(), "-c ashlar.role=primary"};
    EXPECT_EQ(who_runs(started, read), "primary");
    // A transaction that is undone takes back what was set in it.
    ASSERT_EQ(c.query("begin"), "BEGIN");
    ASSERT_EQ(c.query("set pgdog.role to 'primary'"), "SET");
    ASSERT_EQ(c.query("rollback"), "ROLLBACK");
    EXPECT_NE(who_runs(c, read), "primary");
}

// Without read_write_split.
class ProxyReplicasByHint : public ProxyReplicas {
protected:
    ProxyReplicasByHint() : ProxyReplicas(false) {}
    bool reads_there(client& c, const std::string& sql) {
        return becomes([&] { return who_runs(c, sql) != "primary"; });
    }
};

TEST_F(ProxyReplicasByHint, ReadsGoThereAndWritesAreRefused) {
    client c{proxy_->port()};
    const std::string read = "select v from people where id = 3";
    EXPECT_EQ(who_runs(c, read), "primary");
    EXPECT_TRUE(reads_there(c, "/* ashlar_role: replica */ " + read));
    EXPECT_TRUE(reads_there(c, "/* ashlar_role: replica */ select pg_is_in_recovery()"));
    for (const char* sql : {"update people set v = 1 where id = 3", "select nextval('none')", "create table x (id int)",
                            "select v from people where id = 3 for update", "update people set v = 2"}) {
        EXPECT_EQ(c.query(std::string{"/* ashlar_role: replica */ "} + sql), "25006") << sql;
    }
    EXPECT_EQ(c.bound("/* ashlar_role: replica */ update people set v = $1 where id = 3", {"1"}), "25006");
    ASSERT_EQ(c.query("set ashlar.role to replica"), "SET");
    EXPECT_TRUE(reads_there(c, read));
    EXPECT_NE(who_runs(c, "select v from people where id = $1", {"3"}), "primary");
    EXPECT_EQ(c.query("delete from people where id = 3"), "25006");
    EXPECT_EQ(c.query("/* ashlar_role: primary */ update people set v = 9 where id = 3"), "UPDATE 1");
    EXPECT_EQ(c.query(read), "9") << "its own write";
    // In a transaction the last word is SET LOCAL's, and it stays on one replica.
    ASSERT_EQ(c.query("set ashlar.role to auto"), "SET");
    ASSERT_TRUE(becomes([&] { return who_runs(c, "/* ashlar_role: replica */ " + read) != "primary"; }));
    ASSERT_EQ(c.query("begin"), "BEGIN");
    ASSERT_EQ(c.query("set local ashlar.role = 'replica'"), "SET");
    const std::string there = who_runs(c, read);
    EXPECT_NE(there, "primary");
    EXPECT_EQ(who_runs(c, "/* ashlar_role: primary */ " + read), there);
    ASSERT_EQ(c.query("savepoint a"), "SAVEPOINT");
    EXPECT_EQ(c.query("update people set v = 1 where id = 3"), "25006");
    ASSERT_EQ(c.query("rollback"), "ROLLBACK");
    EXPECT_EQ(who_runs(c, read), "primary");
}

TEST_F(ProxyReplicasByHint, NobodyMissesHisOwnWritesThoughTheReplicasHaveStopped) {
    client c{proxy_->port()};
    ASSERT_EQ(c.query("set ashlar.role to replica"), "SET");
    ASSERT_TRUE(reads_there(c, "select v from people where id = 5"));
    (void)first_->run_sql("select pg_wal_replay_pause()");
    (void)second_->run_sql("select pg_wal_replay_pause()");
    for (int i = 1; i <= 50; ++i) {
        const std::string now = std::to_string(i);
        ASSERT_EQ(c.query("/* ashlar_role: primary */ update people set v = " + now + " where id = 5"), "UPDATE 1");
        ASSERT_EQ(c.query("select v from people where id = 5"), now);
    }
}

TEST_F(ProxyReplicas, ACausalTokenShowsAnotherConnectionWhatThisOneWrote) {
    ASSERT_TRUE(reads_on_both());
    (void)first_->run_sql("select pg_wal_replay_pause()");
    client c{proxy_->port()};
    EXPECT_EQ(c.query("show ashlar.causal_token"), "v1");
    int stale = 0;
    std::string token;
    for (int i = 1; i <= 60; ++i) {
        const std::string now = std::to_string(i);
        ASSERT_EQ(c.query("update people set v = " + now + " where id = 5"), "UPDATE 1");
        token = c.query("show ashlar.causal_token");
        ASSERT_TRUE(token.starts_with("v1!shard_")) << token;
        client started{proxy_->port(), "-c ashlar.causal_token=" + token}, set{proxy_->port()};
        ASSERT_EQ(set.query("set ashlar.causal_token = '" + token + "'"), "SET");
        stale += started.query("select v from people where id = 5") != now;
        stale += set.bound("select v from people where id = $1", {"5"}) != now;
    }
    EXPECT_EQ(stale, 0);
    // It is passed on, and waits for nobody: the replica that goes on serves it.
    client next{proxy_->port(), "-c ashlar.causal_token=" + token};
    EXPECT_EQ(next.query("show ashlar.causal_token"), token);
    EXPECT_TRUE(becomes([&] { return who_runs(next, "select v from people where id = 5") == "second"; }));
    EXPECT_EQ(c.query("set ashlar.causal_token = 'v1!nobody!p1-0000000003000148'"), "22023");
    EXPECT_EQ(c.query("set ashlar.causal_token = 'nonsense'"), "22023");
    EXPECT_THROW((client{proxy_->port(), "-c ashlar.causal_token=nonsense"}), std::runtime_error);
    ASSERT_EQ(c.query("begin"), "BEGIN");
    ASSERT_EQ(c.query("update people set v = 0 where id = 5"), "UPDATE 1");
    EXPECT_EQ(c.query("show ashlar.causal_token"), "25001");
    ASSERT_EQ(c.query("rollback"), "ROLLBACK");
}

TEST_F(ProxyReplicas, CausalTokensGoBetweenTheProxyAndTheLibrary) {
    ASSERT_TRUE(reads_on_both());
    const auto database = [&](const std::string& section, const std::string& name) {
        return "[" + section + "]\nurl = \"" + primary_->url(name) + "\"\nreplicas = [\"" + first_->url(name) +
               "\", \"" + second_->url(name) + "\"]\n";
    };
    auto opened = cluster::open_text(
        database("databases.primary", "main") + "[shards]\nfunction = \"hash\"\nkey_type = \"integer\"\n" +
        database("shards.shard_1", "shard_1") + database("shards.shard_2", "shard_2") +
        "[tables]\npeople = { shard_key = \"id\" }\n[replicas]\ncheck_interval = \"100ms\"\n");
    ASSERT_TRUE(opened) << opened.error();
    const cluster& shop = *opened;
    (void)first_->run_sql("select pg_wal_replay_pause()");
    const std::string read = "select v from people where id = 5";
    client c{proxy_->port()};
    int stale = 0;
    for (int i = 1; i <= 40; ++i) {
        const std::string now = std::to_string(i);
        ASSERT_EQ(c.query("update people set v = " + now + " where id = 5"), "UPDATE 1");
        cluster next = shop.session(c.query("show ashlar.causal_token")).value();
        stale += std::to_string(next.reading().scalar<int>(read).value()) != now;
        cluster mine = shop.session();
        mine.execute("update people set v = $1 where id = 5", 1'000 + i).value();
        client after{proxy_->port(), "-c ashlar.causal_token=" + mine.causal_token().value()};
        stale += after.query(read) != std::to_string(1'000 + i);
    }
    EXPECT_EQ(stale, 0);
}

TEST_F(ProxyReplicas, APromotedOneTakesTheWrites) {
    ASSERT_TRUE(reads_on_both());
    primary_->kill9();
    (void)first_->run_sql("select pg_promote()");
    client c{proxy_->port()};
    ASSERT_TRUE(becomes([&] { return c.query("update people set v = 9 where id = 2") == "UPDATE 1"; }));
    EXPECT_EQ(c.query("select v from people where id = 2"), "9");
    primary_->start();
    for (int i = 0; i < 200; ++i) ASSERT_EQ(c.query("update people set v = v + 1 where id = 2"), "UPDATE 1");
    for (const char* shard : {"shard_1", "shard_2"}) {
        EXPECT_EQ(primary_->scalar("select count(*) from people where id = 2 and v > 0", shard), "0");
    }
}

}  // namespace
}  // namespace ashlar
