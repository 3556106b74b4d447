// The console of the proxy: before real servers with replicas, by libpq in both protocols, and beside PgBouncer's.
#include "support/becomes.hpp"
#include "support/free_port.hpp"
#include "support/http_get.hpp"
#include "support/process.hpp"
#include "support/proxied.hpp"
#include "support/text.hpp"

#include <gmock/gmock.h>
#include <libpq-fe.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <thread>

namespace ashlar {
namespace {

using test::becomes;
using test::http_get;
using test::postgres_server;
using test::proxied;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct finish {
    void operator()(PGconn* c) const { PQfinish(c); }
    void operator()(PGresult* r) const { PQclear(r); }
};
using result_ptr = std::unique_ptr<PGresult, finish>;
using row = std::map<std::string, std::string>;

class client {
public:
    client(std::uint16_t port, const std::string& database, const std::string& user = "root",
           const std::string& more = "") {
        const std::string where = "host=127.0.0.1 port=" + std::to_string(port) + " user=" + user +
                                  " dbname=" + database + " application_name=test " + more;
        connection_.reset(PQconnectdb(where.c_str()));
        PQsetNoticeProcessor(
            connection_.get(), [](void* to, const char* said) { *static_cast<std::string*>(to) += said; }, &notices);
    }
    bool is_in() const { return PQstatus(connection_.get()) == CONNECTION_OK; }
    std::string refusal() const { return PQerrorMessage(connection_.get()); }
    PGconn* raw() const { return connection_.get(); }

    result_ptr simple(const std::string& sql) { return result_ptr{PQexec(connection_.get(), sql.c_str())}; }
    result_ptr extended(const std::string& sql, bool binary = false) {
        return result_ptr{
            PQexecParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, binary ? 1 : 0)};
    }
    // The SQLSTATE, or "" when there is no error.
    std::string state(const std::string& sql) {
        const result_ptr got = simple(sql);
        const char* const said = PQresultErrorField(got.get(), PG_DIAG_SQLSTATE);
        return said == nullptr ? "" : said;
    }
    std::vector<row> rows(const std::string& sql) {
        const result_ptr got = simple(sql);
        EXPECT_EQ(PQresultStatus(got.get()), PGRES_TUPLES_OK) << sql << ": " << PQresultErrorMessage(got.get());
        std::vector<row> out;
        for (int i = 0; i < PQntuples(got.get()); ++i) {
            row& one = out.emplace_back();
            for (int c = 0; c < PQnfields(got.get()); ++c)
                one[PQfname(got.get(), c)] = PQgetisnull(got.get(), i, c) ? "NULL" : PQgetvalue(got.get(), i, c);
        }
        return out;
    }
    // The row in which a column has this value; empty for none.
    row one(const std::string& sql, const std::string& column, const std::string& value) {
        for (row& each : rows(sql)) {
            if (each[column] == value) return each;
        }
        return {};
    }
    std::vector<std::string> columns(const std::string& sql) {
        const result_ptr got = simple(sql);
        EXPECT_EQ(PQresultStatus(got.get()), PGRES_TUPLES_OK) << sql << ": " << PQresultErrorMessage(got.get());
        std::vector<std::string> out;
        for (int c = 0; c < PQnfields(got.get()); ++c) out.emplace_back(PQfname(got.get(), c));
        return out;
    }
    std::string notices;

private:
    std::unique_ptr<PGconn, finish> connection_;
};

// Two SQLite shards.
proxied::options files(std::function<void(config::description&)> more = {}) {
    proxied::options how;
    how.sqlite = true;
    how.shards = 2;
    how.schema = {"create table people (id integer primary key, v integer)"};
    how.tables = {proxied::sharded("people", "id")};
    how.change = [more](config::description& d) {
        d.serve.admin_users = {"root"};
        d.serve.stats_users = {"watcher"};
        if (more) more(d);
    };
    return how;
}

const std::vector<std::string> all_views{
    "version",   "state", "pools", "stats",  "stats_totals", "stats_averages", "totals", "servers",  "clients",
    "databases", "lists", "users", "config", "peers",        "peer_pools",     "shards", "replicas", "breakers"};

TEST(Console, IsThereUnderBothNamesForThoseWhoAreNamedAndNobodyElse) {
    proxied proxy{files()};
    for (const char* name : {"ashlar", "pgbouncer"}) {
        client admin{proxy.port(), name}, watcher{proxy.port(), name, "watcher", "options='-c extra_float_digits=3'"};
        ASSERT_TRUE(admin.is_in()) << admin.refusal();
        ASSERT_TRUE(watcher.is_in()) << watcher.refusal();
        EXPECT_EQ(admin.rows("show lists").size(), 14u);
        EXPECT_EQ(watcher.rows("show lists").size(), 14u);
        EXPECT_EQ(admin.state("pause"), "0A000");
        EXPECT_EQ(watcher.state("pause"), "42501");
        client other{proxy.port(), name, "somebody"};
        EXPECT_FALSE(other.is_in());
        EXPECT_THAT(other.refusal(), HasSubstr("user \"somebody\" may not use the console"));
    }
}

TEST(Console, GivesWayToADatabaseOfItsName) {
    proxied proxy{files([](config::description& d) { d.serve.database = "ashlar"; })};
    client served{proxy.port(), "ashlar", "somebody"}, console{proxy.port(), "pgbouncer"};
    EXPECT_EQ(PQntuples(served.simple("select 1").get()), 1);
    EXPECT_EQ(console.rows("show version").size(), 1u);
}

TEST(Console, AsksForThePasswordOfItsUsers) {
    proxied proxy{files([](config::description& d) {
        d.serve.auth_type = "scram-sha-256";
        d.serve.users = {{"root", "of-root"}, {"app", "of-app"}};
    })};
    EXPECT_TRUE((client{proxy.port(), "ashlar", "root", "password=of-root"}.is_in()));
    client wrong{proxy.port(), "ashlar", "root", "password=of-app"};
    EXPECT_THAT(wrong.refusal(), HasSubstr("password authentication failed"));
    client app{proxy.port(), "ashlar", "app", "password=of-app"};
    EXPECT_THAT(app.refusal(), HasSubstr("may not use the console"));
    client nobody{proxy.port(), "ashlar", "somebody", "password=x"};
    EXPECT_THAT(nobody.refusal(), HasSubstr("password authentication failed"));
}

TEST(Console, ShowsEveryViewInBothProtocolsAndFormatsAlike) {
    proxied proxy{files()};
    client c{proxy.port(), "ashlar"};
    for (const std::string& each : all_views) {
        const std::string sql = "SHOW " + each;
        const result_ptr simple = c.simple(sql), extended = c.extended(sql), binary = c.extended(sql, true);
        ASSERT_EQ(PQresultStatus(simple.get()), PGRES_TUPLES_OK) << each << PQresultErrorMessage(simple.get());
        ASSERT_EQ(PQresultStatus(extended.get()), PGRES_TUPLES_OK) << each << PQresultErrorMessage(extended.get());
        ASSERT_EQ(PQresultStatus(binary.get()), PGRES_TUPLES_OK) << each << PQresultErrorMessage(binary.get());
        EXPECT_STREQ(PQcmdStatus(simple.get()), "SHOW");
        EXPECT_EQ(PQnfields(simple.get()), PQnfields(extended.get())) << each;
        EXPECT_EQ(PQntuples(simple.get()), PQntuples(binary.get())) << each;
        for (int i = 0; i < PQnfields(simple.get()); ++i) {
            EXPECT_STREQ(PQfname(simple.get(), i), PQfname(extended.get(), i));
            EXPECT_EQ(PQfformat(binary.get(), i), 1);
        }
    }
    const result_ptr lists = c.extended("show lists", true);
    EXPECT_EQ(std::string(PQgetvalue(lists.get(), 0, 1), 4),
              std::string("\0\0\0\4", 4));  // databases: main, primary and two shards
}

TEST(Console, SpeaksTheExtendedProtocolToItsEnds) {
    proxied proxy{files()};
    client c{proxy.port(), "pgbouncer"};
    PGconn* const raw = c.raw();
    const auto state = [](PGresult* of) {
        const result_ptr got{of};
        const char* const said = PQresultErrorField(got.get(), PG_DIAG_SQLSTATE);
        return std::string{said == nullptr ? "" : said};
    };
    EXPECT_EQ(state(PQprepare(raw, "lists", "show lists", 0, nullptr)), "");
    EXPECT_EQ(state(PQprepare(raw, "lists", "show lists", 0, nullptr)), "42P05");
    EXPECT_EQ(state(PQprepare(raw, "bad", "show nothing", 0, nullptr)), "42601");
    const result_ptr described{PQdescribePrepared(raw, "lists")};
    EXPECT_EQ(PQnfields(described.get()), 2);
    const result_ptr got{PQexecPrepared(raw, "lists", 0, nullptr, nullptr, nullptr, 0)};
    EXPECT_EQ(PQntuples(got.get()), 14);
    EXPECT_EQ(state(PQexecPrepared(raw, "nothing", 0, nullptr, nullptr, nullptr, 0)), "26000");
    const char* const value = "1";
    EXPECT_EQ(state(PQexecParams(raw, "show lists", 1, nullptr, &value, nullptr, nullptr, 0)), "42601");
    // Row by row, in a pipeline, with an error in its midst.
    ASSERT_EQ(PQenterPipelineMode(raw), 1);
    for (const char* sql : {"show lists", "frob", "show version"})
        ASSERT_EQ(PQsendQueryParams(raw, sql, 0, nullptr, nullptr, nullptr, nullptr, 0), 1);
    ASSERT_EQ(PQpipelineSync(raw), 1);
    std::vector<ExecStatusType> statuses;
    for (int ends = 0; ends < 4;) {
        const result_ptr next{PQgetResult(raw)};
        if (next == nullptr) {
            ++ends;
            continue;
        }
        statuses.push_back(PQresultStatus(next.get()));
        if (statuses.back() == PGRES_PIPELINE_SYNC) break;
    }
    EXPECT_THAT(statuses, ElementsAre(PGRES_TUPLES_OK, PGRES_FATAL_ERROR, PGRES_PIPELINE_ABORTED, PGRES_PIPELINE_SYNC));
    ASSERT_EQ(PQexitPipelineMode(raw), 1);
    // Transactions mean nothing, and are answered as drivers expect.
    EXPECT_EQ(c.state("begin"), "");
    EXPECT_EQ(PQtransactionStatus(raw), PQTRANS_INTRANS);
    EXPECT_EQ(c.state("frob"), "42601");
    EXPECT_EQ(PQtransactionStatus(raw), PQTRANS_INERROR);
    EXPECT_EQ(c.state("show lists"), "25P02");
    EXPECT_STREQ(PQcmdStatus(c.simple("commit").get()), "ROLLBACK");
    EXPECT_EQ(c.rows("show lists; show version").size(), 1u);  // of the last
    EXPECT_EQ(PQresultStatus(c.simple("").get()), PGRES_EMPTY_QUERY);
    EXPECT_EQ(PQresultStatus(c.extended("").get()), PGRES_EMPTY_QUERY);
    EXPECT_EQ(c.state("set application_name = 'x'"), "");
    EXPECT_EQ(PQresultStatus(c.simple("show help").get()), PGRES_COMMAND_OK);
    EXPECT_THAT(c.notices, HasSubstr("SHOW SHARDS|REPLICAS|BREAKERS\n\tKILL_CLIENT"));
}

TEST(Console, HasBounds) {
    proxied proxy{files()};
    client c{proxy.port(), "ashlar"};
    const auto prepare = [&](int i) {
        const result_ptr got{PQprepare(c.raw(), ("s" + std::to_string(i)).c_str(), "show lists", 0, nullptr)};
        const char* const said = PQresultErrorField(got.get(), PG_DIAG_SQLSTATE);
        return std::string{said == nullptr ? "" : said};
    };
    for (int i = 0; i < 100; ++i) ASSERT_EQ(prepare(i), "");
    EXPECT_EQ(prepare(100), "53400");
    EXPECT_EQ(c.state("show " + std::string(10'000, 'x')), "53400");
    EXPECT_EQ(c.rows("show lists").size(), 14u);
    (void)c.state("show " + std::string(100'000, 'x'));
    EXPECT_EQ(PQstatus(c.raw()), CONNECTION_BAD);
    std::vector<std::unique_ptr<client>> many;
    for (int i = 0; i < 64; ++i) {
        many.push_back(std::make_unique<client>(proxy.port(), "ashlar"));
        ASSERT_TRUE(many.back()->is_in()) << i << many.back()->refusal();
    }
    client too_many{proxy.port(), "ashlar"};
    EXPECT_THAT(too_many.refusal(), HasSubstr("too many clients of the console"));
    many.pop_back();
    EXPECT_TRUE(becomes([&] { return client{proxy.port(), "ashlar"}.is_in(); }));
}

TEST(Console, IsReachedWhenThereIsNoRoomForMoreClients) {
    proxied proxy{files([](config::description& d) { d.serve.max_client_conn = 1; })};
    client only{proxy.port(), "main"}, more{proxy.port(), "main"};
    EXPECT_TRUE(only.is_in());
    EXPECT_THAT(more.refusal(), HasSubstr("too many clients"));
    client console{proxy.port(), "ashlar"};
    EXPECT_EQ(console.one("show databases", "name", "main")["current_client_connections"], "1");
}

TEST(Console, IsAskedByTheCommandPools) {
    proxied proxy{files([](config::description& d) {
        d.serve.auth_type = "scram-sha-256";
        d.serve.users = {{"root", "of-root"}, {"watcher", "of-watcher"}};
    })};
    client user{proxy.port(), "main", "root", "password=of-root"};
    ASSERT_EQ(user.state("begin"), "");
    ASSERT_EQ(user.state("insert into people values (1, 1)"), "");
    test::temporary_folder folder;
    const auto pools = [&](const std::string& serve, std::vector<std::string> more = {}) {
        std::ofstream{folder.file("ashlar.toml")}
            << "[databases.primary]\nurl = \"sqlite:p.db\"\n[serve]\nlisten_port = " << proxy.port() << "\n"
            << serve;
        test::command asked;
        asked.arguments = {test::binary_path("bin/ashlar"), "pools", "-c", folder.file("ashlar.toml")};
        asked.arguments.insert(asked.arguments.end(), more.begin(), more.end());
        return test::run(asked);
    };
    const std::string users = "users = { root = \"of-root\", watcher = \"of-watcher\", app = \"x\" }\n";
    const auto good = pools(users + "stats_users = [\"watcher\"]\n");
    EXPECT_EQ(good.exit_code, 0) << good.describe();
    EXPECT_THAT(good.out, HasSubstr(" shard_2 "));
    EXPECT_THAT(good.out, HasSubstr("1 of 1000 clients, of whom 0 are idle."));
    const auto json = pools(users + "admin_users = [\"root\"]\n", {"--json"});
    EXPECT_THAT(json.out, HasSubstr("\"pool\": \"shard_1\"")) << json.describe();
    EXPECT_THAT(json.out, HasSubstr("\"lent\": 1"));
    const auto other = pools(users + "admin_users = [\"root\"]\n", {"--user", "app"});
    EXPECT_EQ(other.exit_code, 1);
    EXPECT_THAT(other.err, HasSubstr("password authentication failed"));
    const auto nobody = pools(users);
    EXPECT_EQ(nobody.exit_code, 1);
    EXPECT_THAT(nobody.err, HasSubstr("names no user who may use the proxy's console"));
}

TEST(Console, CountsWhatClientsDo) {
    proxied proxy{files([](config::description& d) {
        d.serve.stats_period = milliseconds{100};
        d.serve.metrics_listen = {"127.0.0.1", 0};
    })};
    client c{proxy.port(), "ashlar"};
    const auto stat = [&](const std::string& name) { return std::stoll(c.rows("show stats").front()[name]); };
    {
        client user{proxy.port(), "main"};
        for (int i = 0; i < 10; ++i) {
            ASSERT_EQ(user.state("insert into people values (" + std::to_string(i) + ", 0)"), "");
        }
        EXPECT_EQ(stat("total_query_count"), 10);
        EXPECT_EQ(stat("total_xact_count"), 10);
        EXPECT_EQ(stat("total_server_assignment_count"), 10);
        EXPECT_EQ(stat("total_client_login_count"), 1);
        for (const char* sql :
             {"begin", "select v from people where id = 3", "select v from people where id = 3", "commit"})
            ASSERT_EQ(user.state(sql), "");
        EXPECT_EQ(stat("total_query_count"), 14);
        EXPECT_EQ(stat("total_xact_count"), 11);
        (void)user.extended("select count(*) from people");
        (void)user.state("select nothing");
        EXPECT_EQ(stat("total_query_count"), 16);
        EXPECT_EQ(stat("total_xact_count"), 13);
        EXPECT_EQ(stat("total_client_parse_count"), 1);
        EXPECT_EQ(stat("total_bind_count"), 1);
        const long long received = stat("total_received");
        EXPECT_GT(received, 500);
        EXPECT_EQ(stat("total_received"), received);  // the console's own bytes are not among them
        EXPECT_GT(stat("avg_xact_count") + stat("total_xact_time"), 0);
    }
    EXPECT_TRUE(becomes([&] { return c.rows("show clients").empty(); }));
    EXPECT_EQ(stat("total_query_count"), 16);  // what has gone still counts
    EXPECT_GT(stat("total_received"), 500);
    const std::string metrics = http_get(proxy.server().metrics_port(), "/metrics");
    EXPECT_THAT(metrics, HasSubstr("\npgbouncer_stats_totals_queries_pooled_total{database=\"main\"} 16\n"));
    EXPECT_THAT(metrics, HasSubstr("\nashlar_transactions_total 13\n"));
    EXPECT_THAT(metrics, HasSubstr("\nashlar_queries_total{route=\"multi\"} "));
    EXPECT_THAT(metrics, HasSubstr("\npgbouncer_config_max_client_connections 1000\n"));
}

TEST(Console, ListsManyClientsAndWhatTheyHold) {
    proxied proxy{files()};
    std::vector<std::unique_ptr<client>> many;
    for (int i = 0; i < 700; ++i) many.push_back(std::make_unique<client>(proxy.port(), "main", "app"));
    ASSERT_EQ(many.front()->state("begin"), "");
    ASSERT_EQ(many.front()->state("insert into people values (1, 1)"), "");
    client c{proxy.port(), "ashlar"};
    const std::vector<row> all = c.rows("show clients");
    ASSERT_EQ(all.size(), 700u);
    std::set<std::string> ids;
    int active = 0;
    for (row each : all) {
        ids.insert(each["id"]);
        EXPECT_EQ(each["application_name"], "test");
        EXPECT_EQ(each["addr"], "127.0.0.1");
        if (each["state"] != "active") continue;
        ++active;
        EXPECT_EQ(each["in_transaction"], "yes");
        EXPECT_THAT(each["servers"], HasSubstr("shard_"));
    }
    EXPECT_EQ(ids.size(), 700u);
    EXPECT_EQ(active, 1);
    EXPECT_EQ(c.one("show pools", "database", "main")["cl_active"], "699");
    EXPECT_EQ(c.one("show lists", "list", "used_clients")["items"], "701");
    ASSERT_EQ(many.front()->state("commit"), "");
    EXPECT_EQ(c.one("show pools", "database", "main")["cl_active"], "700");
}

TEST(Console, ShowsAnyNameInAWayThatCanBeRead) {
    proxied proxy{files([](config::description& d) { d.serve.metrics_listen = {"127.0.0.1", 0}; })};
    client odd{proxy.port(), "main", "od\xff"};
    ASSERT_TRUE(odd.is_in()) << odd.refusal();
    ASSERT_EQ(odd.state("select count(*) from people"), "");
    client c{proxy.port(), "ashlar"};
    EXPECT_EQ(c.rows("show clients").front()["user"], "od?");
    EXPECT_EQ(c.one("show pools", "user", "od?")["cl_active"], "1");
    const std::string metrics = http_get(proxy.server().metrics_port(), "/metrics");
    EXPECT_THAT(metrics, HasSubstr("pgbouncer_pools_client_active_connections{database=\"main\",user=\"od?\"} 1\n"));
    EXPECT_THAT(metrics, Not(HasSubstr("\xff")));
}

// Above all for ThreadSanitizer: everything is looked at while everything moves.
TEST(Console, LooksWhileClientsWorkComeAndGo) {
    proxied proxy{files([](config::description& d) {
        d.serve.stats_period = milliseconds{50};
        d.serve.metrics_listen = {"127.0.0.1", 0};
    })};
    std::atomic<bool> over{false};
    std::atomic<int> failed{0}, done{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < 4; ++t) {
        workers.emplace_back([&, t] {
            while (!over) {
                client user{proxy.port(), "main", "app" + std::to_string(t)};
                for (int i = 0; i < 20 && !over; ++i) {
                    const std::string key = std::to_string(t * 1000 + i);
                    failed += !user.state("insert into people values (" + key + ", 0) on conflict do nothing").empty();
                    failed += !user.state("select count(*) from people").empty();
                    failed += PQresultStatus(user.extended("select v from people where id = " + key).get()) !=
                              PGRES_TUPLES_OK;
                    ++done;
                }
            }
        });
    }
    client c{proxy.port(), "ashlar"};
    for (int round = 0; round < 20; ++round) {
        for (const std::string& each : all_views) EXPECT_EQ(c.state("show " + each), "");
        EXPECT_THAT(http_get(proxy.server().metrics_port(), "/metrics"), HasSubstr("pgbouncer_up 1"));
    }
    EXPECT_TRUE(becomes([&] { return done > 100; }));
    over = true;
    for (std::thread& each : workers) each.join();
    EXPECT_EQ(failed, 0);
}

// --- before PostgreSQL with two replicas ------------------------------------------------------------------------

class ConsoleOfReplicas : public ::testing::Test {
protected:
    ConsoleOfReplicas() {
        postgres_server::options roomy;
        roomy.settings["max_connections"] = "200";
        primary_ = std::make_shared<postgres_server>(roomy);
        for (const char* name : {"main", "shard_1", "shard_2"}) {
            primary_->create_database(name);
            (void)primary_->run_sql("create table people (id int primary key, v int not null)", name);
        }
        postgres_server::options following = roomy;
        following.replica_of = primary_.get();
        first_ = std::make_unique<postgres_server>(following);
        second_ = std::make_unique<postgres_server>(following);
        proxied::options how;
        how.on = primary_;
        how.shards = 2;
        how.tables = {proxied::sharded("people", "id")};
        how.change = [this](config::description& d) {
            for (config::database& each : d.shards_->list) {
                for (const auto* server : {first_.get(), second_.get()}) {
                    config::endpoint there = each.primary;
                    there.port = server->port();
                    each.replicas.push_back(there);
                    each.replica_weights.push_back(1);
                }
            }
            d.replicas.check_interval = milliseconds{100};
            d.replicas.max_lag = milliseconds{200};
            d.replicas.read_write_split = true;
            d.breaker.failures = 1;
            d.serve.admin_users = {"root"};
            d.serve.stats_users = {"watcher"};
        };
        proxy_.emplace(how);
        console_.emplace(proxy_->port(), "ashlar");
        EXPECT_TRUE(becomes([&] { return replica("shard_1/replica_1")["state"] == "fit"; }));
    }
    row replica(const std::string& name) { return console_->one("show replicas", "server", name); }

    std::shared_ptr<postgres_server> primary_;
    std::unique_ptr<postgres_server> first_, second_;
    std::optional<proxied> proxy_;
    std::optional<client> console_;
};

TEST_F(ConsoleOfReplicas, ReplicasTellsWhoIsFitHowFarBehindAndWhyNot) {
    ASSERT_TRUE(becomes([&] { return replica("shard_2/replica_2")["state"] == "fit"; }));
    EXPECT_EQ(replica("shard_1")["state"], "writes");
    EXPECT_EQ(replica("shard_1")["lag_us"], "NULL");
    EXPECT_TRUE(becomes([&] { return replica("shard_1/replica_1")["lag_bytes"] == "0"; }));
    EXPECT_EQ(console_->one("show shards", "shard", "shard_1")["replicas_fit"], "2");
    (void)first_->run_sql("select pg_wal_replay_pause()");
    client user{proxy_->port(), "main"};
    for (int i = 0; i < 20; ++i) ASSERT_EQ(user.state("insert into people values (" + std::to_string(i) + ", 0)"), "");
    ASSERT_TRUE(becomes([&] { return replica("shard_1/replica_1")["state"] == "unfit"; }));
    EXPECT_EQ(replica("shard_1/replica_1")["problem"], "its replay is paused");
    EXPECT_TRUE(becomes([&] { return std::stoll(replica("shard_1/replica_1")["lag_us"]) > 300'000; }));
    EXPECT_GT(std::stoll(replica("shard_1/replica_1")["lag_bytes"]), 0);
    EXPECT_EQ(replica("shard_1/replica_2")["state"], "fit");
    EXPECT_EQ(console_->one("show shards", "shard", "shard_1")["replicas_fit"], "1");
    (void)first_->run_sql("select pg_wal_replay_resume()");
    EXPECT_TRUE(becomes([&] { return replica("shard_1/replica_1")["state"] == "fit"; }));
}

TEST_F(ConsoleOfReplicas, BreakersTellsOfAServerThatIsAway) {
    const auto breaker = [&](const char* of) { return console_->one("show breakers", "server", of)["state"]; };
    EXPECT_EQ(breaker("shard_1/replica_1"), "closed");
    client user{proxy_->port(), "main"};
    ASSERT_TRUE(becomes([&] {
        (void)user.state("select v from people where id = 1");
        (void)user.state("select v from people where id = 2");
        return replica("shard_1/replica_1")["state"] == "fit" &&
               std::stoll(console_->one("show pools", "database", "shard_1/replica_1")["sv_idle"]) +
                       std::stoll(console_->one("show pools", "database", "shard_2/replica_1")["sv_idle"]) >
                   0;
    }));
    first_->kill9();
    ASSERT_TRUE(becomes([&] {
        for (int i = 0; i < 10; ++i) (void)user.state("select count(*) from people");
        return breaker("shard_1/replica_1") == "open" || breaker("shard_2/replica_1") == "open" ||
               replica("shard_1/replica_1")["state"] == "unfit";
    }));
    EXPECT_TRUE(becomes([&] { return replica("shard_1/replica_1")["problem"].starts_with("no answer"); }));
    EXPECT_EQ(breaker("shard_1"), "closed");
    first_->start();
    EXPECT_TRUE(becomes([&] { return replica("shard_1/replica_1")["state"] == "fit"; }));
}

TEST_F(ConsoleOfReplicas, ServersAndPoolsTellWhoHoldsWhat) {
    client user{proxy_->port(), "main", "app"};
    ASSERT_EQ(user.state("begin"), "");
    ASSERT_EQ(user.state("insert into people values (1, 1)"), "");
    const result_ptr asked = user.simple("select pg_backend_pid() from people where id = 1");
    ASSERT_EQ(PQntuples(asked.get()), 1) << PQresultErrorMessage(asked.get());
    const std::string pid = PQgetvalue(asked.get(), 0, 0);
    row server = console_->one("show servers", "remote_pid", pid);
    EXPECT_EQ(server["state"], "active");
    EXPECT_EQ(server["role"], "writing");
    EXPECT_EQ(server["port"], std::to_string(primary_->port()));
    row holder = console_->one("show clients", "user", "app");
    EXPECT_EQ(holder["link"], server["ptr"]);
    EXPECT_EQ(server["link"], holder["ptr"]);
    EXPECT_EQ(holder["servers"], server["database"]);
    row pool;
    EXPECT_TRUE(becomes([&] {  // the catalogue may be read just now
        pool = console_->one("show pools", "database", server["database"]);
        return pool["sv_active"] == "1";
    }));
    EXPECT_EQ(pool["cl_active"], "1");
    EXPECT_EQ(console_->one("show users", "name", "app")["current_connections"], "1");
    ASSERT_EQ(user.state("commit"), "");
    // At once, or after its reset.
    EXPECT_TRUE(becomes([&] { return console_->one("show servers", "remote_pid", pid)["state"] == "idle"; }));
    EXPECT_EQ(console_->one("show clients", "user", "app")["state"], "idle");
}

TEST_F(ConsoleOfReplicas, KillClientEndsItsStatementAndItsTransaction) {
    client idle{proxy_->port(), "main", "idle"}, busy{proxy_->port(), "main", "busy"};
    ASSERT_EQ(busy.state("begin; insert into people values (1, 1)"), "");
    ASSERT_EQ(PQsendQuery(busy.raw(), "select pg_sleep(100) from people where id = 1"), 1);
    ASSERT_TRUE(becomes([&] { return console_->one("show clients", "user", "busy")["state"] == "active"; }));
    row which = console_->one("show clients", "user", "busy");
    const std::string link = which["link"];
    EXPECT_STREQ(PQcmdStatus(console_->simple("KILL_CLIENT " + which["id"]).get()), "KILL_CLIENT");
    std::string said;
    while (PGresult* const got = PQgetResult(busy.raw())) {
        said += PQresultErrorMessage(got);
        PQclear(got);
    }
    EXPECT_EQ(PQstatus(busy.raw()), CONNECTION_BAD);
    EXPECT_THAT(said, HasSubstr("terminating connection due to administrator command"));
    EXPECT_TRUE(becomes([&] { return console_->one("show clients", "user", "busy").empty(); }));
    // Nothing is left of it: its row was never there, and nobody sleeps for it.
    EXPECT_TRUE(becomes([&] {
        return primary_->scalar(
                   "select count(*) from pg_stat_activity where query like '%pg_sleep(100)%' and pid <> "
                   "pg_backend_pid() and state = 'active'") == "0";
    }));
    EXPECT_EQ(idle.state("insert into people values (1, 2)"), "");
    EXPECT_EQ(console_->state("kill_client " + which["id"]), "22023");
    EXPECT_EQ(console_->state("kill_client " + console_->one("show clients", "user", "idle")["id"]), "");
    EXPECT_TRUE(becomes([&] { return console_->rows("show clients").empty(); }));
    client watcher{proxy_->port(), "ashlar", "watcher"};
    EXPECT_EQ(watcher.state("kill_client 1"), "42501");
}

TEST_F(ConsoleOfReplicas, PoolsTellWhoWaits) {
    std::vector<std::unique_ptr<client>> holders;
    for (int i = 0; i < 4; ++i) {
        holders.push_back(std::make_unique<client>(proxy_->port(), "main"));
        ASSERT_EQ(holders.back()->state("begin"), "");
        ASSERT_EQ(holders.back()->state("select pg_backend_pid() from people where id = 1"), "");
    }
    const std::string shard = console_->rows("show clients").front()["servers"];
    client waiter{proxy_->port(), "main", "patient"};
    ASSERT_EQ(PQsendQuery(waiter.raw(), "begin; insert into people values (1, 1); commit"), 1);
    ASSERT_TRUE(becomes([&] { return console_->one("show pools", "database", shard)["cl_waiting"] == "1"; }));
    EXPECT_EQ(console_->one("show pools", "database", shard)["sv_active"], "4");
    row waits = console_->one("show clients", "user", "patient");
    EXPECT_EQ(waits["state"], "waiting");
    EXPECT_TRUE(becomes([&] { return std::stoll(console_->one("show pools", "database", shard)["maxwait_us"]) > 0; }));
    holders.clear();
    ASSERT_TRUE(becomes([&] { return console_->one("show pools", "database", shard)["cl_waiting"] == "0"; }));
    EXPECT_GT(std::stoll(console_->rows("show stats").front()["total_wait_time"]), 0);
    while (PGresult* const got = PQgetResult(waiter.raw())) PQclear(got);
}

// --- beside PgBouncer -------------------------------------------------------------------------------------------

// The version that is installed may be older: what it has, we have, in its order.
TEST(BesidePgBouncer, ItsColumnsAreOursInItsOrder) {
    const std::string program = "/usr/sbin/pgbouncer";
    if (!std::filesystem::exists(program)) GTEST_SKIP() << "pgbouncer is not installed";
    test::temporary_folder folder;
    const std::uint16_t port = test::free_port();
    {
        std::ofstream users{folder.file("users")}, settings{folder.file("pgbouncer.ini")};
        users << "\"root\" \"\"\n";
        settings << "[databases]\nmain = host=127.0.0.1 port=1 dbname=main\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
                 << "listen_port = " << port
                 << "\nauth_type = trust\nunix_socket_dir =\nadmin_users = root\nauth_file = " << folder.file("users")
                 << "\n";
    }
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    test::command start;
    start.arguments = {program, folder.file("pgbouncer.ini")};
    start.user = "postgres";
    test::child theirs{start};
    ASSERT_TRUE(becomes([&] { return client{port, "pgbouncer"}.is_in(); }));
    proxied proxy{files()};
    client them{port, "pgbouncer"}, us{proxy.port(), "pgbouncer"};
    for (const char* view : {"pools", "stats", "stats_totals", "stats_averages", "servers", "clients", "databases",
                             "lists", "users", "config", "totals", "version"}) {
        const std::vector<std::string> have = us.columns(std::string{"show "} + view);
        std::size_t at = 0;
        for (std::string each : them.columns(std::string{"show "} + view)) {
            if (each == "reserve_pool") each = "reserve_pool_size";  // its name since 1.24
            while (at < have.size() && have[at] != each) ++at;
            EXPECT_LT(at, have.size()) << "show " << view << " lacks " << each << " or has it elsewhere";
            ++at;
        }
    }
    for (row each : them.rows("show lists"))
        EXPECT_FALSE(us.one("show lists", "list", each["list"]).empty()) << each["list"];
}

}  // namespace
}  // namespace ashlar
