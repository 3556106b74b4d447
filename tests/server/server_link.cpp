// Our own link against real PostgreSQL servers, and against servers that do not mean well.
#include "driver/pgwire/server_link.hpp"
#include "core/memory_bound.hpp"
#include "driver/pgwire/server_driver.hpp"

#include "pool/pool.hpp"
#include "support/becomes.hpp"
#include "support/certificates.hpp"
#include "support/free_port.hpp"
#include "support/postgres_server.hpp"
#include "support/sanitizer.hpp"
#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/server_messages.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <thread>

using namespace ashlar;
using namespace ashlar::driver::pgwire;
using namespace std::chrono_literals;
using test::postgres_server;
using wire::transaction_state;

namespace {

server_options to(const postgres_server& server) {
    server_options o;
    o.host = server.host();
    o.port = server.port();
    o.user = server.user();
    o.password = server.password();
    o.database = "postgres";
    return o;
}

postgres_server::options with_auth(const std::string& auth) {
    postgres_server::options o;
    o.auth = auth;
    return o;
}

// One server for all tests that do not harm it.
postgres_server& shared_server() {
    static postgres_server server{with_auth("scram-sha-256")};
    return server;
}

// A loop, and calls on links made to wait on it.
class Link : public ::testing::Test {
protected:
    template <class T>
    T get(task<T> what) {
        return loop->run(std::move(what));
    }
    deadline soon() const { return deadline::in(20s); }

    result<std::unique_ptr<server_link>> try_connect(server_options o) {
        return get(server_link::connect(*loop, std::make_shared<server_target>(std::move(o)), soon()));
    }
    std::unique_ptr<server_link> connect(server_options o) { return try_connect(std::move(o)).value(); }
    std::unique_ptr<server_link> connect() { return connect(to(shared_server())); }

    static driver::statement statement(std::string sql, std::vector<std::string> parameters = {}) {
        driver::statement s;
        s.sql = std::move(sql);
        for (std::string& p : parameters) {
            driver::parameter one;
            one.bytes = std::move(p);
            s.parameters.push_back(std::move(one));
        }
        return s;
    }
    using table = std::vector<std::vector<std::optional<std::string>>>;
    // Runs to the end; the rows as text.
    result<table> rows(server_link& link, driver::statement what, deadline until) {
        auto shape = get(link.start(std::move(what), until));
        if (!shape) return std::move(shape).error();
        table all;
        for (;;) {
            row_batch batch;
            auto got = get(link.fetch(batch, until));
            if (!got) return std::move(got).error();
            if (*got == driver::fetched::ended) return all;
            for (std::size_t r = 0; r < batch.rows(); ++r) {
                auto& row = all.emplace_back();
                for (std::size_t c = 0; c < batch.width(); ++c) {
                    const cell one = batch.at(r, c);
                    row.push_back(one ? std::optional<std::string>{*one} : std::nullopt);
                }
            }
        }
    }
    result<table> rows(server_link& link, std::string sql) { return rows(link, statement(std::move(sql)), soon()); }
    std::string scalar(server_link& link, std::string sql) {
        auto all = rows(link, std::move(sql)).value();
        return all.at(0).at(0).value_or("");
    }

    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
};

}  // namespace

// --- logging in ---------------------------------------------------------------------------------------------------

TEST_F(Link, LogsInByScramAndKeepsWhatTheServerGreetedWith) {
    auto link = connect();
    EXPECT_EQ(link->parameter("server_version").substr(0, 2), "15");
    EXPECT_EQ(link->parameter("client_encoding"), "UTF8");
    EXPECT_GE(link->greeting()->size(), 11u);
    EXPECT_EQ(link->transaction(), transaction_state::idle);
    EXPECT_TRUE(link->is_clean());
    EXPECT_TRUE(link->is_reusable());
    EXPECT_EQ(link->describe(), link->target().describe() + " #" + scalar(*link, "select pg_backend_pid()"));
}

TEST_F(Link, LinksOfOneTargetShareTheirGreeting) {
    const auto target = std::make_shared<server_target>(to(shared_server()));
    auto one = get(server_link::connect(*loop, target, soon())).value();
    auto two = get(server_link::connect(*loop, target, soon())).value();
    EXPECT_EQ(one->greeting(), two->greeting());
}

TEST_F(Link, LogsInOverAUnixSocketWhereTheServerTrusts) {
    server_options o = to(shared_server());
    o.host = shared_server().socket_folder();
    o.password = "not asked for";
    auto link = connect(o);
    EXPECT_EQ(scalar(*link, "select 1"), "1");
}

TEST_F(Link, LogsInByMd5AndByPasswordOnALoopbackAddress) {
    for (const char* auth : {"md5", "password", "trust"}) {
        postgres_server::options how = with_auth(auth);
        if (auth != std::string_view{"trust"}) how.settings["password_encryption"] = "md5";
        postgres_server server{how};
        EXPECT_EQ(scalar(*connect(to(server)), "select 1"), "1") << auth;
    }
}

TEST_F(Link, AWrongPasswordIsRefusedAndNeverQuoted) {
    server_options o = to(shared_server());
    o.password = "hunter2-is-wrong";
    const auto refused = try_connect(o);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::login_failed);
    EXPECT_EQ(refused.error().sqlstate(), "28P01");
    EXPECT_EQ(refused.error().to_string().find("hunter2"), std::string::npos);
}

TEST_F(Link, ADatabaseThatDoesNotExistIsNamedByTheServer) {
    server_options o = to(shared_server());
    o.database = "nowhere";
    const auto refused = try_connect(o);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sqlstate(), "3D000");
}

TEST_F(Link, VerifiersGoBothWaysBetweenPostgresqlAndUs) {
    const postgres_server& server = shared_server();
    server.run_sql("drop role if exists theirs; drop role if exists ours");
    server.run_sql("create role theirs login password 'pencil'");
    const auto theirs =
        wire::scram_verifier::parse(server.scalar("select rolpassword from pg_authid where rolname = 'theirs'"))
            .value();
    wire::scram_client client{"nonce"};
    wire::scram_server ours{theirs, true, "more"};
    const auto challenge = client.challenge(ours.first(client.first()).value()).value();
    EXPECT_TRUE(ours.final(client.final(wire::keys_from_password("pencil", challenge.salt, challenge.iterations))));

    const std::string made = wire::scram_verifier::from_password("crayon", wire::random_salt()).to_string();
    server.run_sql("create role ours login password '" + made + "'");
    server_options o = to(server);
    o.user = "ours";
    o.password = "crayon";
    EXPECT_EQ(scalar(*connect(o), "select current_user"), "ours");
}

TEST_F(Link, StartUpParametersHoldAndResetReturnsToThem) {
    server_options o = to(shared_server());
    o.startup = {{"application_name", "mason"}, {"TimeZone", "Asia/Tokyo"}};
    auto link = connect(o);
    EXPECT_EQ(link->parameter("TimeZone"), "Asia/Tokyo");
    ASSERT_TRUE(rows(*link, "set TimeZone = 'UTC'"));
    EXPECT_EQ(link->parameter("TimeZone"), "UTC");
    EXPECT_FALSE(link->is_clean());
    ASSERT_TRUE(get(link->reset(soon())));
    EXPECT_EQ(link->parameter("TimeZone"), "Asia/Tokyo");
    EXPECT_EQ(scalar(*link, "show application_name"), "mason");
    EXPECT_TRUE(link->is_clean());
}

TEST_F(Link, NobodyThereIsConnectFailedAndSilenceEndsAtTheDeadline) {
    server_options o = to(shared_server());
    o.port = test::free_port();
    EXPECT_EQ(try_connect(o).error(), errc::connect_failed);
    o.host = "no-such-host.invalid";
    EXPECT_EQ(try_connect(o).error(), errc::connect_failed);

    postgres_server paused{with_auth("trust")};
    paused.pause();
    const auto target = std::make_shared<server_target>(to(paused));
    EXPECT_EQ(get(server_link::connect(*loop, target, deadline::in(200ms))).error(), errc::connect_failed);
    paused.resume();
}

// --- TLS ----------------------------------------------------------------------------------------------------------

// A server with a certificate for the name localhost that our own authority signed; it takes plain and encrypted sessions.
struct encrypting {
    test::certificates files;
    postgres_server server{[&] {
        postgres_server::options o;
        o.auth = "scram-sha-256";
        o.settings["ssl"] = "on";
        o.settings["ssl_cert_file"] = files.cert("localhost");
        o.settings["ssl_key_file"] = files.key("localhost");
        return o;
    }()};

    server_options how(server_tls::mode mode, std::string host = "127.0.0.1", std::string ca = {}) const {
        server_options o = to(server);
        o.host = std::move(host);
        o.tls.how = mode;
        o.tls.is_given = true;
        o.tls.options.ca_file = std::move(ca);
        return o;
    }
};

class Tls : public Link {
protected:
    static encrypting& house() {
        static encrypting one;
        return one;
    }
    // "TLSv1.3", "no", or the error's code and SQLSTATE.
    std::string version(const server_options& how) {
        auto made = make_server_driver(how);
        if (!made) return std::string{facts_of(made.error().code()).name};
        auto lent = loop->run((*made)->connect(*loop, soon()));
        if (!lent) return std::string{facts_of(lent.error().code()).name} + " " + lent.error().message();
        return scalar(*server_link_of(**lent),
                      "select coalesce((select version from pg_stat_ssl where pid = pg_backend_pid() and ssl), 'no')");
    }
};

TEST_F(Tls, IsSpokenAsSslmodeSays) {
    using enum server_tls::mode;
    encrypting& e = house();
    EXPECT_EQ(version(e.how(disable)), "no");
    EXPECT_EQ(version(e.how(allow)), "no");
    EXPECT_EQ(version(e.how(prefer)), "TLSv1.3");
    EXPECT_EQ(version(e.how(require)), "TLSv1.3");
    server_options unsaid = e.how(prefer);
    unsaid.tls.is_given = false;  // to this machine
    EXPECT_EQ(version(unsaid), "no");
    server_options old = e.how(require);
    old.tls.options.versions = {"TLSv1.2", "TLSv1.2"};
    EXPECT_EQ(version(old), "TLSv1.2");
    // A server without a certificate.
    server_options plain = to(shared_server());
    plain.tls.is_given = true;
    plain.tls.how = prefer;
    EXPECT_EQ(version(plain), "no");
    plain.tls.how = require;
    EXPECT_NE(version(plain).find("the server offers no TLS"), std::string::npos) << version(plain);
}

TEST_F(Tls, BelievesOnlyWhomItsAuthoritySigned) {
    using enum server_tls::mode;
    encrypting& e = house();
    const std::string ca = e.files.authority(), other = e.files.other_authority();
    EXPECT_EQ(version(e.how(verify_ca, "127.0.0.1", ca)), "TLSv1.3");
    EXPECT_EQ(version(e.how(verify_full, "localhost", ca)), "TLSv1.3");
    EXPECT_NE(version(e.how(verify_full, "127.0.0.1", ca)).find("certificate is not accepted"), std::string::npos);
    EXPECT_NE(version(e.how(verify_ca, "localhost", other)).find("certificate is not accepted"), std::string::npos);
    EXPECT_NE(version(e.how(require, "localhost", other)).find("certificate is not accepted"), std::string::npos)
        << "as libpq: a file of authorities makes `require` check";
    EXPECT_EQ(version(e.how(verify_full, "localhost")), "config_invalid");
    EXPECT_EQ(version(e.how(verify_ca, "localhost", "/no/such/file")), "config_invalid");
}

TEST_F(Tls, CarriesRowsCancelsAndFarewells) {
    encrypting& e = house();
    auto made = make_server_driver(e.how(server_tls::mode::require)).value();
    auto opened = loop->run(made->connect(*loop, soon())).value();
    server_link* const lent = server_link_of(*opened);
    EXPECT_EQ(scalar(*lent, "select length(repeat('x', 30000000))"), "30000000");
    EXPECT_EQ(scalar(*lent, "select repeat('x', 3000000)").size(), 3'000'000u);
    driver::statement s = statement("select length($1)", {std::string(5'000'000, 'y')});
    auto shape = get(lent->start(s, soon()));
    ASSERT_TRUE(shape) << shape.error();
    row_batch batch;
    ASSERT_TRUE(get(lent->fetch(batch, soon())));
    EXPECT_EQ(batch.at(0, 0), "5000000");
    while (get(lent->fetch(batch, soon())).value() != driver::fetched::ended) {
    }
    driver::statement slow = statement("select pg_sleep(30)", {});
    auto late = get(lent->start(slow, deadline::in(300ms)));
    EXPECT_FALSE(late);
    EXPECT_TRUE(lent->is_reusable()) << "the cancel went over TLS";
    EXPECT_EQ(scalar(*lent, "select 1"), "1");
    // What TLS itself says on an idle link, such as a session's ticket, is no news; its end is.
    EXPECT_FALSE(lent->has_news());
    EXPECT_EQ(scalar(*lent, "select 1"), "1");
    auto other = loop->run(made->connect(*loop, soon())).value();
    EXPECT_FALSE(server_link_of(*other)->has_news());
    e.server.run_sql("select pg_terminate_backend(" + std::to_string(other->process()) + ")");
    EXPECT_TRUE(test::becomes([&] { return server_link_of(*other)->has_news(); }));
    e.server.pause();
    EXPECT_FALSE(get(lent->start(statement("select 1", {}), deadline::in(200ms))));
    e.server.resume();
}

// --- statements ---------------------------------------------------------------------------------------------------

TEST_F(Link, RunsStatementsWithParametersInBothFormats) {
    auto link = connect();
    driver::statement s = statement("select $1::int8 + 1 as n, $2::text, null::int", {"41", "héllo"});
    const columns shape = get(link->start(s, soon())).value();
    ASSERT_EQ(shape.size(), 3u);
    EXPECT_EQ(shape[0].name, "n");
    EXPECT_EQ(shape[0].type, oid::int8);
    row_batch batch;
    ASSERT_EQ(get(link->fetch(batch, soon())).value(), driver::fetched::rows);
    EXPECT_EQ(batch.at(0, 0), cell{"42"});
    EXPECT_EQ(batch.at(0, 1), cell{"héllo"});
    EXPECT_EQ(batch.at(0, 2), std::nullopt);
    ASSERT_EQ(get(link->fetch(batch, soon())).value(), driver::fetched::ended);
    EXPECT_EQ(link->completed().tag, "SELECT 1");

    s.results = cell_format::binary;
    ASSERT_EQ(get(link->start(s, soon())).value()[0].format, cell_format::binary);
    batch.clear();
    ASSERT_EQ(get(link->fetch(batch, soon())).value(), driver::fetched::rows);
    EXPECT_EQ(batch.at(0, 0), cell(std::string_view{"\0\0\0\0\0\0\0\x2a", 8}));
    ASSERT_EQ(get(link->fetch(batch, soon())).value(), driver::fetched::ended);
}

TEST_F(Link, RowsComeInBatchesThatStayBounded) {
    auto link = connect();
    ASSERT_TRUE(get(link->start(statement("select i, repeat('x', 100) from generate_series(1, 100000) i"), soon())));
    std::size_t total = 0, largest = 0;
    for (;;) {
        row_batch batch;
        if (get(link->fetch(batch, soon())).value() == driver::fetched::ended) break;
        total += batch.rows();
        largest = std::max(largest, batch.byte_size());
    }
    EXPECT_EQ(total, 100'000u);
    EXPECT_LT(largest, 65u * 1024);
    EXPECT_EQ(link->completed().rows_affected, 100'000u);
    EXPECT_TRUE(link->is_reusable());
}

TEST_F(Link, ARowOfManyMegabytesComesWhole) {
    auto link = connect();
    const auto all = rows(*link, "select repeat('0123456789', 2000000), 7").value();
    EXPECT_EQ(all[0][0]->size(), 20'000'000u);
    EXPECT_EQ(all[0][1], "7");
}

TEST_F(Link, WritesReportHowManyRows) {
    auto link = connect();
    ASSERT_TRUE(
        get(link->run_script("create temp table t (id int primary key); insert into t values (1), (2)", soon())));
    EXPECT_FALSE(link->is_clean());
    ASSERT_TRUE(rows(*link, "update t set id = id + 10"));
    EXPECT_EQ(link->completed().tag, "UPDATE 2");
    EXPECT_EQ(link->completed().rows_affected, 2u);
}

TEST_F(Link, AnErrorKeepsTheServersWordsAndTheLinkUsable) {
    auto link = connect();
    const auto syntax = rows(*link, "selec 1");
    EXPECT_EQ(syntax.error(), errc::syntax);
    EXPECT_EQ(syntax.error().server()->position, 1);
    EXPECT_FALSE(syntax.error().server()->raw.empty());
    // The third row fails, after two were sent.
    const auto late = rows(*link, "select 1 / (3 - i) from generate_series(1, 5) i");
    EXPECT_EQ(late.error().sqlstate(), "22012");
    EXPECT_TRUE(link->is_reusable());
    EXPECT_EQ(scalar(*link, "select 1"), "1");
}

TEST_F(Link, NoticesArriveWithTheCompletion) {
    auto link = connect();
    ASSERT_TRUE(get(link->run_script("do $$ begin raise notice 'look here'; end $$", soon())));
    ASSERT_EQ(link->completed().notices.size(), 1u);
    EXPECT_EQ(link->completed().notices[0].message, "look here");
}

TEST_F(Link, CopyIsRefusedAndCopyOutLeavesTheLinkUsable) {
    auto link = connect();
    EXPECT_EQ(rows(*link, "copy (select 1) to stdout").error(), errc::unsupported);
    EXPECT_EQ(scalar(*link, "select 1"), "1");
    ASSERT_TRUE(get(link->run_script("create temp table t (id int)", soon())));
    EXPECT_FALSE(rows(*link, "copy t from stdin"));
    EXPECT_FALSE(link->is_reusable());
}

// --- prepared statements ------------------------------------------------------------------------------------------

TEST_F(Link, AStatementIsPreparedOnceAndForgottenByTheBound) {
    server_options o = to(shared_server());
    o.prepared_statements_max = 3;
    auto link = connect(o);
    const std::string names = "select count(*) from pg_prepared_statements where name like 'ashlar%'";
    for (int i = 0; i < 5; ++i) ASSERT_EQ(rows(*link, statement("select $1::int", {"7"}), soon()).value()[0][0], "7");
    EXPECT_EQ(link->prepared().size(), 1u);
    EXPECT_EQ(scalar(*link, names), "2");
    for (int i = 0; i < 20; ++i) ASSERT_EQ(scalar(*link, "select " + std::to_string(i)), std::to_string(i));
    EXPECT_EQ(link->prepared().size(), 3u);
    EXPECT_EQ(scalar(*link, names), "3");
}

TEST_F(Link, AStatementThatFailedToParseIsNotTakenForPrepared) {
    auto link = connect();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(rows(*link, "select * from not_yet").error(), errc::table_unknown);
    EXPECT_EQ(link->prepared().size(), 0u);
}

TEST_F(Link, AStatementThatSomebodyDeallocatedIsPreparedAgain) {
    auto link = connect();
    EXPECT_EQ(scalar(*link, "select 5"), "5");
    const std::string name{link->prepared().find("sql::select 5")};
    ASSERT_FALSE(name.empty());
    ASSERT_TRUE(rows(*link, "deallocate " + name));
    EXPECT_EQ(scalar(*link, "select 5"), "5");
    ASSERT_TRUE(rows(*link, "deallocate all"));
    EXPECT_EQ(link->prepared().size(), 0u);
    EXPECT_EQ(scalar(*link, "select 5"), "5");
}

TEST_F(Link, AStatementWhoseTableChangedIsPreparedAgain) {
    const postgres_server& server = shared_server();
    server.run_sql("drop table if exists changing; create table changing (a int); insert into changing values (1)");
    auto link = connect();
    EXPECT_EQ(rows(*link, "select * from changing").value()[0].size(), 1u);
    server.run_sql("alter table changing add column b int default 2");
    EXPECT_EQ(rows(*link, "select * from changing").value()[0].size(), 2u);
}

// --- transactions -------------------------------------------------------------------------------------------------

TEST_F(Link, TransactionsAndSavepoints) {
    auto link = connect();
    ASSERT_TRUE(get(link->run_script("create temp table t (id int primary key)", soon())));
    driver::transaction_options how;
    how.level = driver::isolation::serializable;
    ASSERT_TRUE(get(link->begin(how, soon())));
    EXPECT_TRUE(link->in_transaction());
    EXPECT_EQ(scalar(*link, "show transaction_isolation"), "serializable");
    ASSERT_TRUE(rows(*link, "insert into t values (1)"));
    ASSERT_TRUE(get(link->savepoint("before \"two\"", soon())));
    EXPECT_EQ(rows(*link, "insert into t values (1)").error(), errc::constraint_violated);
    EXPECT_EQ(link->transaction(), transaction_state::failed);
    EXPECT_EQ(rows(*link, "select 1").error(), errc::transaction_failed);
    ASSERT_TRUE(get(link->rollback_to("before \"two\"", soon())));
    ASSERT_TRUE(get(link->release("before \"two\"", soon())));
    ASSERT_TRUE(get(link->commit(soon())));
    EXPECT_FALSE(link->in_transaction());
    EXPECT_EQ(scalar(*link, "select count(*) from t"), "1");
}

TEST_F(Link, CommittingWhatHadFailedIsNoSuccess) {
    auto link = connect();
    ASSERT_TRUE(get(link->begin({}, soon())));
    EXPECT_FALSE(rows(*link, "select 1/0"));
    EXPECT_EQ(get(link->commit(soon())).error(), errc::transaction_failed);
    EXPECT_FALSE(link->in_transaction());
}

TEST_F(Link, ACommitThatADeferredConstraintRefusesSaysWhy) {
    auto link = connect();
    ASSERT_TRUE(get(link->run_script("create temp table t (id int unique deferrable initially deferred)", soon())));
    ASSERT_TRUE(get(link->begin({}, soon())));
    ASSERT_TRUE(rows(*link, "insert into t values (1), (1)"));
    EXPECT_EQ(get(link->commit(soon())).error(), errc::constraint_violated);
    EXPECT_TRUE(link->is_reusable());
}

TEST_F(Link, AServerThatDiesDuringCommitLeavesTheOutcomeUnknown) {
    postgres_server server{with_auth("trust")};
    auto link = connect(to(server));
    ASSERT_TRUE(get(link->begin({}, soon())));
    ASSERT_TRUE(rows(*link, "create table t (id int)"));
    server.pause();
    std::thread killer{[&] {
        std::this_thread::sleep_for(100ms);  // COMMIT is on its way by then; either way the outcome is not known
        server.kill9();
    }};
    const auto done = get(link->commit(soon()));
    killer.join();
    EXPECT_EQ(done.error(), errc::commit_unknown);
    EXPECT_EQ(done.error().sqlstate(), "08007");
    EXPECT_EQ(done.error().outcome(), known::no);
    EXPECT_FALSE(link->is_reusable());
}

// --- what goes wrong ----------------------------------------------------------------------------------------------

TEST_F(Link, AServerThatDiesUnderAStatementIsConnectionLost) {
    postgres_server server{with_auth("trust")};
    auto link = connect(to(server));
    ASSERT_TRUE(get(link->start(statement("select generate_series(1, 100000000)"), soon())));
    server.kill9();
    error why{errc::internal};
    for (;;) {
        row_batch batch;
        auto got = get(link->fetch(batch, soon()));
        if (got && *got == driver::fetched::rows) continue;
        ASSERT_FALSE(got);
        why = std::move(got).error();
        break;
    }
    EXPECT_EQ(why, errc::connection_lost);
    EXPECT_FALSE(link->is_reusable());
    EXPECT_FALSE(rows(*link, "select 1"));
}

TEST_F(Link, ABackendThatIsTerminatedSaysSo) {
    auto link = connect();
    EXPECT_FALSE(link->has_news());
    const std::string pid = scalar(*link, "select pg_backend_pid()");
    shared_server().run_sql("select pg_terminate_backend(" + pid + ", 5000)");
    EXPECT_TRUE(link->has_news());
    const auto lost = rows(*link, "select 1");
    EXPECT_EQ(lost.error(), errc::connection_lost);
    EXPECT_FALSE(link->is_reusable());
}

TEST_F(Link, ADeadlineEndsTheStatementAtTheServerAndKeepsTheLink) {
    auto link = connect();
    ASSERT_TRUE(test::becomes([&] {  // the cancel request may be late on a busy machine: then another link
        if (!link->is_reusable()) link = connect();
        EXPECT_EQ(rows(*link, statement("select pg_sleep(30)"), deadline::in(150ms)).error(), errc::deadline_passed);
        return link->is_reusable();
    }));
    EXPECT_EQ(scalar(*link, "select 1"), "1");
    const std::string waiting =
        "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%' and state = 'active' "
        "and pid <> pg_backend_pid()";
    EXPECT_EQ(scalar(*link, waiting), "0");
}

TEST_F(Link, AServerThatAnswersNoCancelIsGivenUp) {
    postgres_server server{with_auth("trust")};
    auto link = connect(to(server));
    server.pause();
    EXPECT_EQ(rows(*link, statement("select 1"), deadline::in(100ms)).error(), errc::deadline_passed);
    EXPECT_FALSE(link->is_reusable());
    server.resume();
}

TEST_F(Link, CancelFromAnotherThreadEndsTheStatement) {
    auto link = connect();
    std::thread other{[&] {
        (void)test::becomes([&] {
            return shared_server().scalar(
                       "select count(*) from pg_stat_activity where state = 'active' and "
                       "query = 'select pg_sleep(30)'") == "1";
        });
        link->cancel();
    }};
    const auto ended = rows(*link, "select pg_sleep(30)");
    other.join();
    EXPECT_EQ(ended.error(), errc::cancelled);
    EXPECT_EQ(ended.error().sqlstate(), "57014");
    EXPECT_TRUE(link->is_reusable());
}

TEST_F(Link, ALateCancelNeverHitsTheNextBorrower) {
    auto link = connect();
    for (int i = 0; i < 30; ++i) {
        link->cancel();
        EXPECT_FALSE(link->is_clean());
        ASSERT_TRUE(get(link->reset(soon())));
        ASSERT_TRUE(link->is_clean());
        ASSERT_EQ(scalar(*link, "select count(*) from generate_series(1, 2000)"), "2000") << i;
    }
}

// --- state --------------------------------------------------------------------------------------------------------

TEST_F(Link, WhatASessionLeavesBehindIsNoticedAndDropped) {
    for (const char* leaves : {"set statement_timeout = 12345", "prepare p as select 1", "listen news",
                               "create temp table left_behind (id int)", "set application_name = 'somebody'"}) {
        auto link = connect();
        ASSERT_TRUE(rows(*link, leaves)) << leaves;
        EXPECT_FALSE(link->is_clean()) << leaves;
        ASSERT_TRUE(get(link->reset(soon())));
        EXPECT_TRUE(link->is_clean()) << leaves;
        EXPECT_EQ(scalar(*link, "show statement_timeout"), "0");
        EXPECT_EQ(scalar(*link, "select count(*) from pg_prepared_statements where name = 'p'"), "0");
        EXPECT_EQ(scalar(*link, "select count(*) from pg_listening_channels()"), "0");
        EXPECT_EQ(scalar(*link, "select count(*) from pg_class where relname = 'left_behind'"), "0");
    }
}

TEST_F(Link, AnOpenTransactionIsRolledBackByReset) {
    auto link = connect();
    ASSERT_TRUE(get(link->begin({}, soon())));
    EXPECT_FALSE(link->is_clean());
    ASSERT_TRUE(get(link->reset(soon())));
    EXPECT_TRUE(link->is_clean());
}

TEST_F(Link, NothingIsKeptPreparedWhileSettingsOfABorrowerHold) {
    auto link = connect();
    ASSERT_TRUE(rows(*link, "set datestyle = 'german'"));
    EXPECT_EQ(scalar(*link, "select '1.2.2026'::date"), "01.02.2026");
    EXPECT_EQ(link->prepared().find("sql::select '1.2.2026'::date"), "");
}

TEST_F(Link, MovesBetweenLoops) {
    auto link = connect();
    const auto other = io::make_epoll_loop();
    link->bind(*other);
    EXPECT_TRUE(other->run(link->ping(soon())));
    link->bind(*loop);
    EXPECT_TRUE(get(link->ping(soon())));
}

TEST_F(Link, IsLentByAPool) {
    pool::pool_options small;
    small.min_connections = 0;
    small.max_connections = 1;
    auto driver = make_server_driver(to(shared_server())).value();
    auto p = pool::pool::make("shard_1", driver, small);
    {
        auto lent = get(p->lend(*loop, soon())).value();
        server_link* link = server_link_of(*lent);
        ASSERT_NE(link, nullptr);
        EXPECT_EQ(scalar(*link, "select 1"), "1");
    }
    p->stop();
}

// --- relaying -----------------------------------------------------------------------------------------------------

TEST_F(Link, AValueOf200MegabytesIsRelayedInBoundedMemory) {
    auto link = connect();
    std::string ask;
    wire::write_query(ask, "select repeat('x', 200 * 1024 * 1024)");
    link->expect_ready();
    ASSERT_TRUE(get([](server_link& l, std::string bytes, deadline until) -> task<result<std::size_t>> {
        auto sent = co_await l.stream().send(bytes, until);
        co_return std::move(sent);
    }(*link, ask, soon())));
    const std::size_t before = resident_bytes();
    std::size_t bytes = 0, most = 0;
    std::string types;
    while (!link->is_quiet()) {
        const std::span<char> room = link->space();
        const std::size_t count =
            get([](server_link& l, std::span<char> into, deadline until) -> task<result<std::size_t>> {
                auto got = co_await l.stream().receive(into, until);
                co_return std::move(got);
            }(*link, room, soon()))
                .value();
        ASSERT_GT(count, 0u);
        bytes += count;
        std::string_view chunk = link->arrived(count);
        while (auto f = link->next_frame(chunk)) types += f->type;
        ASSERT_FALSE(link->is_broken());
        most = std::max(most, resident_bytes());
    }
    EXPECT_GT(bytes, 200u * 1024 * 1024);
    EXPECT_EQ(types, "TCZ");
    if (!test::sanitized) {
        EXPECT_LT(most - before, 4u << 20);
    }
    link->release_memory();
    EXPECT_EQ(scalar(*link, "select 1"), "1");
}

TEST_F(Link, RelayedWorkTellsItsState) {
    auto link = connect();
    auto relay = [&](const std::string& sql) {
        std::string ask;
        wire::write_query(ask, sql);
        link->expect_ready();
        link->stream().send_now(ask);
        while (!link->is_quiet() && !link->is_broken()) {
            (void)loop->run([](server_link& l, deadline until) -> task<status> {
                const std::span<char> into = l.space();
                auto got = co_await l.stream().receive(into, until);
                if (!got) co_return std::move(got).error();
                std::string_view chunk = l.arrived(*got);
                while (l.next_frame(chunk)) {
                }
                co_return status{};
            }(*link, soon()));
        }
        link->release_memory();
    };
    relay("begin");
    EXPECT_EQ(link->transaction(), transaction_state::in_transaction);
    relay("select 1/0");
    EXPECT_EQ(link->transaction(), transaction_state::failed);
    relay("rollback");
    EXPECT_TRUE(link->is_clean());
    relay("set timezone = 'Asia/Tokyo'");
    EXPECT_EQ(link->parameter("TimeZone"), "Asia/Tokyo");
    EXPECT_FALSE(link->is_clean());
    relay("discard all");
    EXPECT_TRUE(link->is_clean());
    EXPECT_EQ(link->parameters(), link->greeting());
}

// --- servers that do not mean well --------------------------------------------------------------------------------

namespace {

// What is said to the start-up packet, and what to the statement after it.
struct script {
    std::string login, answer;
};

// Listens, and for each of `scripts` takes one connection, says each part once something has come, and hangs up.
class scripted_server {
public:
    explicit scripted_server(std::vector<script> scripts) : scripts_(std::move(scripts)), port_(test::free_port()) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int yes = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port_);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(listener_, 64) != 0) {
            throw std::runtime_error("cannot listen");
        }
        thread_ = std::thread{[this] { serve(); }};
    }
    ~scripted_server() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    server_options where() const {
        server_options o;
        o.host = "127.0.0.1";
        o.port = port_;
        o.user = "ann";
        o.password = "pencil-4711";
        return o;
    }

private:
    void serve() {
        for (const script& each : scripts_) {
            const int client = ::accept(listener_, nullptr, nullptr);
            if (client < 0) return;
            char heard[4096];
            for (const std::string* part : {&each.login, &each.answer}) {
                if (::recv(client, heard, sizeof heard, 0) <= 0) break;
                (void)!::send(client, part->data(), part->size(), MSG_NOSIGNAL);
                if (each.answer.empty()) break;
            }
            ::shutdown(client, SHUT_WR);
            while (::recv(client, heard, sizeof heard, 0) > 0) {
            }
            ::close(client);
        }
    }
    std::vector<script> scripts_;
    std::uint16_t port_;
    int listener_ = -1;
    std::thread thread_;
};

// All that a good server says to a login by trust and one statement of two rows.
script good_script() {
    script good;
    std::string& login = good.login;
    std::string& s = good.answer;
    wire::write_authentication_ok(login);
    wire::write_parameter_status(login, "TimeZone", "UTC");
    wire::write_backend_key_data(login, {7, "abcd"});
    wire::write_ready_for_query(login, transaction_state::idle);
    wire::write_parse_complete(s);
    wire::write_bind_complete(s);
    columns shape(2);
    shape[0].name = "a";
    wire::write_row_description(s, shape);
    const std::vector<cell> cells{cell{"some text"}, std::nullopt};
    wire::write_data_row(s, cells);
    wire::write_notice(s, wire::severity::notice, "00000", "psst");
    wire::write_data_row(s, cells);
    wire::write_command_complete(s, "SELECT 2");
    wire::write_ready_for_query(s, transaction_state::idle);
    return good;
}

}  // namespace

TEST_F(Link, EveryTruncationOfAServersAnswerEndsInAnError) {
    const script good = good_script();
    std::vector<script> scripts;
    for (std::size_t size = 1; size < good.login.size(); ++size) scripts.push_back({good.login.substr(0, size), ""});
    for (std::size_t size = 1; size <= good.answer.size(); ++size)
        scripts.push_back({good.login, good.answer.substr(0, size)});
    scripted_server server{scripts};
    std::size_t logins = 0, completed = 0;
    for (std::size_t i = 0; i < scripts.size(); ++i) {
        auto link = try_connect(server.where());
        if (!link) continue;
        ++logins;
        const auto all = rows(**link, "select a, b from t");
        if (!all) continue;
        ++completed;
        EXPECT_EQ(all->size(), 2u);
        EXPECT_EQ(i, scripts.size() - 1);
    }
    EXPECT_EQ(logins, good.answer.size());
    EXPECT_EQ(completed, 1u);
}

TEST_F(Link, AServerGoneMadNeverBreaksUs) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    const script good = good_script();
    auto mutilated = [&](std::string s) {
        const std::string whole = s;
        for (unsigned n = 1 + random() % 4; n > 0; --n) {
            if (s.empty()) s.push_back('Z');
            const std::size_t at = random() % s.size();
            switch (random() % 4) {
                case 0:
                    s[at] = static_cast<char>(random());
                    break;
                case 1:
                    s.erase(at, 1 + random() % 8);
                    break;
                case 2:
                    s.insert(at, whole.substr(random() % whole.size(), random() % 40));
                    break;
                default:
                    s[at] = "RZEDCTSN123GHWv"[random() % 15];
                    break;
            }
        }
        return s;
    };
    std::vector<script> scripts;
    for (int i = 0; i < 4'000; ++i) {
        const bool at_login = i % 4 == 0;  // then it hangs up, where an honest server would wait
        scripts.push_back(at_login ? script{mutilated(good.login), ""} : script{good.login, mutilated(good.answer)});
    }
    scripted_server server{scripts};
    std::size_t failures = 0;
    for (std::size_t i = 0; i < scripts.size(); ++i) {
        auto link = try_connect(server.where());
        if (!link) {
            ++failures;
            EXPECT_EQ(link.error().to_string().find("pencil-4711"), std::string::npos);
            continue;
        }
        const auto all = rows(**link, "select a, b from t");
        if (all) continue;
        ++failures;
        EXPECT_NE(all.error(), errc::deadline_passed);
    }
    EXPECT_GT(failures, scripts.size() / 2);
}

TEST_F(Link, AnErrorWithoutAnyFieldIsStillAnError) {
    script s = good_script();
    s.answer.assign("E\0\0\0\5\0", 6);
    wire::write_ready_for_query(s.answer, transaction_state::idle);
    scripted_server server{{s}};
    auto link = connect(server.where());
    const auto failed = rows(*link, "select 1");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().sqlstate().size(), 5u);
    EXPECT_TRUE(link->is_reusable());
}

TEST_F(Link, AnAnswerBeforeTheQuestionBreaksTheLink) {
    script s = good_script();
    s.login += s.answer;
    s.answer.clear();
    scripted_server server{{s}};
    auto link = connect(server.where());
    EXPECT_FALSE(link->is_reusable());
    EXPECT_EQ(rows(*link, "select a, b from t").error(), errc::protocol_violation);
}

TEST_F(Link, ReportsThatNobodyAskedForAreTakenInStride) {
    script s = good_script();
    wire::write_parameter_status(s.login, "TimeZone", "CET");
    wire::write_notice(s.login, wire::severity::warning, "01000", "low on disk");
    wire::write_notification(s.login, {7, "news", "hello"});
    scripted_server server{{s}};
    auto link = connect(server.where());
    EXPECT_TRUE(link->is_reusable());
    EXPECT_EQ(link->parameter("TimeZone"), "CET");
    EXPECT_EQ(rows(*link, "select a, b from t").value().size(), 2u);
}
