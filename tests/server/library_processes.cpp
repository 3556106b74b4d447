// One user's session in two processes: one writes and tells its causal token, the other reads on replicas, one of which has
// stopped, and must find each write. ASHLAR_PAIRS=100000 asks for more pairs.
#include "support/becomes.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"

#include <ashlar/ashlar.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

using namespace ashlar;
using namespace ashlar::test;
using namespace std::chrono_literals;

namespace {

int pairs() {
    const char* const asked = std::getenv("ASHLAR_PAIRS");
    return asked == nullptr ? 400 : std::atoi(asked);
}

void stop_replay(const postgres_server& replica) {
    replica.run_sql("select pg_wal_replay_pause()");
}
void stop_replay(const mariadb_server& replica) {
    replica.run_sql("stop slave sql_thread");
}

template <class Server>
struct one_stops {
    Server primary, stopped{replica_of(primary)}, going{replica_of(primary)};
    static typename Server::options replica_of(const Server& of) {
        typename Server::options how;
        how.replica_of = &of;
        return how;
    }
    std::string toml(const std::string& database) const {
        return fmt::format(
            "[databases.primary]\nurl = \"{}\"\nreplicas = [\"{}\", \"{}\"]\n"
            "[replicas]\ncheck_interval = \"100ms\"\n[pool]\nmin_connections = 0\n",
            primary.url(database), stopped.url(database), going.url(database));
    }
};

// The other process: for each line of "number token" one letter. r, p: found, on a replica or the primary; s: stale; e: an
// error. Of the first 400 reads every twentieth is repeated until a replica serves it.
int read_by_token(const std::string& toml, int from) {
    std::FILE* const lines = ::fdopen(from, "r+");
    bool on_replica = false;
    cluster_options options;
    options.on_statement = [&](const statement_event& each) { on_replica = each.on_replica; };
    auto shop = cluster::open_text(toml, ".", options);
    int number = 0;
    char token[400];
    for (int i = 1; std::fscanf(lines, "%d %399s", &number, token) == 2; ++i) {
        char said = 'e';
        const auto read = [&] {
            auto mine = shop->session(token);
            if (!mine) return false;
            const auto found = mine->reading().template scalar<int>("select v from t where id = 1");
            said = !found ? 'e' : *found != number ? 's' : on_replica ? 'r' : 'p';
            return said != 'p';
        };
        if (i % 20 == 0 && i <= 400)
            (void)becomes(read);
        else
            (void)read();
        if (::write(from, &said, 1) != 1) return 1;
    }
    return 0;
}

// This program, started again to be the other process.
class reader_instead_of_tests : public ::testing::Environment {
    void SetUp() override {
        const char* const toml = std::getenv("ASHLAR_READ_BY_TOKEN");
        if (toml != nullptr) ::_exit(read_by_token(toml, STDIN_FILENO));
    }
};
[[maybe_unused]] const auto* const registered = ::testing::AddGlobalTestEnvironment(new reader_instead_of_tests);

template <class Server>
void write_here_read_there(const std::string& database) {
    one_stops<Server> servers;
    servers.primary.run_sql("create table t (id integer primary key, v integer)", database);
    servers.primary.run_sql("insert into t values (1, 0)", database);
    const std::string toml = servers.toml(database);
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ASSERT_EQ(::fcntl(ends[0], F_SETFD, FD_CLOEXEC), 0);
    const std::string variable = "ASHLAR_READ_BY_TOKEN=" + toml;
    const pid_t other = ::fork();
    if (other == 0) {
        ::dup2(ends[1], STDIN_FILENO);
        ::close(ends[1]);
        const char* const arguments[] = {"/proc/self/exe", nullptr};
        const char* const environment[] = {variable.c_str(), nullptr};
        ::execve(arguments[0], const_cast<char* const*>(arguments), const_cast<char* const*>(environment));
        ::_exit(127);
    }
    ::close(ends[1]);
    auto shop = cluster::open_text(toml);
    ASSERT_TRUE(shop) << shop.error();
    ASSERT_TRUE(becomes([&] {
        for (const server_health& each : shop->check_all()) {
            if (!each.healthy) return false;
        }
        return true;
    }));
    stop_replay(servers.stopped);
    std::map<char, int> said;
    for (int i = 1; i <= pairs(); ++i) {
        cluster mine = shop->session();
        mine.execute("update t set v = $1 where id = 1", i).value();
        const std::string line = fmt::format("{} {}\n", i, mine.causal_token().value());
        ASSERT_EQ(::write(ends[0], line.data(), line.size()), static_cast<ssize_t>(line.size()));
        char letter = 0;
        ASSERT_EQ(::read(ends[0], &letter, 1), 1);
        ++said[letter];
    }
    ::close(ends[0]);
    int ended = 0;
    ::waitpid(other, &ended, 0);
    EXPECT_EQ(ended, 0);
    EXPECT_EQ(said['s'], 0);
    EXPECT_EQ(said['e'], 0);
    EXPECT_GE(said['r'], std::min(pairs(), 400) / 20);
    std::printf("%d pairs: %d read on a replica, %d on the primary\n", pairs(), said['r'], said['p']);
}

}  // namespace

TEST(Processes, OneFindsWhatAnotherWroteByItsTokenOnPostgres) {
    write_here_read_there<postgres_server>("postgres");
}

TEST(Processes, OneFindsWhatAnotherWroteByItsTokenOnMariaDb) {
    write_here_read_there<mariadb_server>("test");
}
