// What the drivers of both servers do alike while the server hangs or dies.
#include "support/driver_calls.hpp"
#include "support/driver_servers.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace ashlar {
namespace {

using test::driver_calls;

std::string sleeping(const test::mariadb_server&) {
    return "select sleep(32)";
}
std::string sleeping(const test::postgres_server&) {
    return "select pg_sleep(32)";
}

// Each test has a server of its own.
template <class Server>
class DriverFailures : public ::testing::Test {
protected:
    Server server;
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    driver_calls calls{*loop};
    std::unique_ptr<driver::driver> to_server = test::make_driver(test::options_of(server));
    std::unique_ptr<driver::connection> c = calls.connect(*to_server);
    // Less than a server that hangs needs.
    static deadline hasty() { return deadline::in(milliseconds{200}); }
};
using both = ::testing::Types<test::postgres_server, test::mariadb_server>;
TYPED_TEST_SUITE(DriverFailures, both);

}  // namespace

TYPED_TEST(DriverFailures, ASilentServerIsGivenUpAtTheDeadlineAndAConnectToItToo) {
    ASSERT_TRUE(this->calls.run(*this->c, "select 1"));
    this->server.pause();
    const auto begun = steady_clock::now();
    EXPECT_EQ(this->calls.run(*this->c, "select 1", {}, this->hasty()).error().code(), errc::deadline_passed);
    EXPECT_FALSE(this->c->is_reusable());
    const error e = this->loop->run(this->to_server->connect(*this->loop, this->hasty())).error();
    EXPECT_EQ(e.code(), errc::connect_failed);
    EXPECT_LT(steady_clock::now() - begun, seconds{30});
    this->server.resume();
}

TYPED_TEST(DriverFailures, AWriteThatASilentServerMayHaveDoneIsUnknown) {
    const std::string write = "insert into t values (1)";
    ASSERT_TRUE(this->calls.run(*this->c, "create table t (n int)"));
    this->server.pause();
    // It is the first run: the server is silent while the statement is prepared, which changes nothing.
    const error known_not = this->calls.run(*this->c, write, {}, this->hasty()).error();
    EXPECT_EQ(known_not.code(), errc::deadline_passed);
    this->server.resume();
    this->c = this->calls.connect(*this->to_server);
    ASSERT_TRUE(this->calls.run(*this->c, write));
    this->server.pause();
    const error unknown = this->calls.run(*this->c, write, {}, this->hasty()).error();
    EXPECT_EQ(unknown.code(), errc::commit_unknown);
    EXPECT_EQ(unknown.outcome(), known::no);
    this->server.resume();
}

// Whether PostgreSQL's sleeping SELECT wrote is not known to its driver: a function may.
TYPED_TEST(DriverFailures, AServerThatDiesUnderAStatementLosesTheConnection) {
    const std::string text = sleeping(this->server);
    std::jthread killer{[&] {
        test::await_running(this->server, text);
        this->server.kill9();
    }};
    const error e = this->calls.run(*this->c, text).error();
    killer.join();
    EXPECT_FALSE(this->c->is_reusable());
    EXPECT_TRUE(e == errc::connection_lost || e == errc::commit_unknown) << e;
    EXPECT_EQ(this->calls.run(*this->c, "select 1").error().code(), errc::connection_lost);
    const error refused = this->loop->run(this->to_server->connect(*this->loop, driver_calls::soon())).error();
    EXPECT_EQ(refused.code(), errc::connect_failed);
}

}  // namespace ashlar
