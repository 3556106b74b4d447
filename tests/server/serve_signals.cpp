// What ends a running statement of `ashlar serve`, and what ends the process: clients who leave, and signals, while SQLite
// computes something that has no end.
#include "support/becomes.hpp"
#include "support/free_port.hpp"
#include "support/process.hpp"
#include "support/raw_client.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"
#include "wire/client_messages.hpp"

#include <fmt/format.h>

#include <csignal>

namespace ashlar {
namespace {

using namespace std::chrono_literals;
using test::becomes;
using test::raw_client;

// Holds the file's lock while it computes.
constexpr const char* endless_write =
    "update notes set v = v where id in (with recursive r(i) as (select 1 union all select i + 1 from r"
    " where i < 1000000000000) select i from r where i < 0)";

class Serving : public ::testing::Test {
protected:
    void SetUp() override {
        test::command made;
        made.arguments = {test::binary_path("bin/ashlar"),
                          "dev",
                          "start",
                          path(),
                          "--engine",
                          "sqlite",
                          "--port",
                          std::to_string(port_),
                          "--key-type",
                          "integer",
                          "--table",
                          "accounts=id",
                          "--schema",
                          folder_.write("schema.sql",
                                        "create table accounts (id bigint primary key);"
                                        "create table notes (id bigint primary key, v bigint)")};
        const test::command_result r = test::run(made);
        ASSERT_TRUE(r.ok()) << r.describe();
        test::command serve;
        serve.arguments = {test::binary_path("bin/ashlar"), "serve", "-c", path() + "/ashlar.toml", "--grace", "100ms"};
        serve.output_file = log();
        server_ = test::child{serve};
        ASSERT_TRUE(becomes([this] { return answers(); })) << test::read_file(log());
        ASSERT_EQ(client().query("insert into notes values (1, 1)"), "C(INSERT 0 1) Z(I)");
    }

    raw_client client() const {
        raw_client::options o;
        o.port = port_;
        o.user = "demo";
        o.database = "shop";
        o.patience = 60s;
        return raw_client{o};
    }
    bool answers() const {
        try {
            return client().query("select 1").find("D(1)") != std::string::npos;
        } catch (const std::exception&) {
            return false;
        }
    }
    static void start(raw_client& c, const std::string& sql) {
        std::string out;
        wire::write_query(out, sql);
        c.send(out);
    }
    bool can_write() const { return client().query("update notes set v = 2").starts_with("C(UPDATE 1)"); }
    std::string path() const { return folder_.file("cluster"); }
    std::string log() const { return folder_.file("serve.log"); }

    test::temporary_folder folder_;
    std::uint16_t port_ = test::free_port();
    test::child server_;
};

TEST_F(Serving, AStatementEndsWhenItsClientSaysGoodbyeAndStays) {
    raw_client c = client();
    start(c, endless_write);
    ASSERT_TRUE(becomes([this] { return !can_write(); }));
    std::string out;
    wire::write_terminate(out);
    c.send(out);
    EXPECT_TRUE(becomes([this] { return can_write(); }));
}

TEST_F(Serving, AStatementEndsWhenItsClientHasLeft) {
    {
        raw_client c = client();
        start(c, endless_write);
        ASSERT_TRUE(becomes([this] { return !can_write(); }));
        std::string out;
        wire::write_terminate(out);
        c.send(out);
    }
    EXPECT_TRUE(becomes([this] { return can_write(); }));
    raw_client silent = client();
    start(silent, endless_write);
    ASSERT_TRUE(becomes([this] { return !can_write(); }));
    silent.close();
    EXPECT_TRUE(becomes([this] { return can_write(); }));
}

TEST_F(Serving, OtherSignalsAreLoggedAndEndNothing) {
    raw_client c = client();
    for (const auto& [number, name] : {std::pair{SIGHUP, "SIGHUP"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}}) {
        server_.send(number);
        EXPECT_TRUE(becomes([&] { return test::read_file(log()).find(name) != std::string::npos; })) << name;
    }
    EXPECT_EQ(c.query("update notes set v = 3"), "C(UPDATE 1) Z(I)");
    EXPECT_TRUE(server_.running());
}

TEST_F(Serving, TermEndsTheProcessWhateverSqliteComputes) {
    raw_client c = client();
    start(c, endless_write);
    ASSERT_TRUE(becomes([this] { return !can_write(); }));
    server_.send(SIGTERM);
    EXPECT_EQ(server_.wait(60s), 0) << test::read_file(log());
    EXPECT_NE(test::read_file(log()).find("Stopped."), std::string::npos);  // it was interrupted
}

TEST_F(Serving, TermEndsTheProcessAlsoWithinAStepThatCannotBeInterrupted) {
    raw_client c = client();
    // four million characters, in each place compared with the first two million
    const std::string many(1000, '0');
    start(c, fmt::format("update notes set v = v where length(replace(replace('{0}{0}{0}{0}', '0', '{0}'),"
                         " replace('{0}{0}', '0', '{0}') || '1', '')) < 0",
                         many));
    ASSERT_TRUE(becomes([this] { return !can_write(); }));
    server_.send(SIGTERM);
    EXPECT_TRUE(server_.wait(60s).has_value()) << test::read_file(log());
}

}  // namespace
}  // namespace ashlar
