// postgres_server.hpp: a real PostgreSQL for a test, in a temporary folder, on a free port of 127.0.0.1.
//
// Life      The constructor returns when the server answers; the destructor stops it (fast shutdown, then SIGKILL) by
//           its own pid and removes its folder. When the test is killed the server gets SIGQUIT from the kernel:
//           nothing stays.
// User      As root the server runs as the user `postgres`; it never touches the machine's own clusters.
// Speed     initdb runs once per version, user and locale into /tmp/ashlar-postgres-template-…; each server starts from
//           a copy of it (hence all have the same system identifier), without fsync: about 0.3 s.
// Delay     With ASHLAR_REPLICA_DELAY=300ms in the environment every replica applies commits that much later: a test
//           that does not wait for what it reads on a replica then always fails.
// Failure   Whatever goes wrong throws std::runtime_error with the end of the server's log, which fails the test.
// Logins    Superuser `postgres`. The Unix socket in socket_folder() always trusts; TCP asks for `password` with the
//           auth method scram-sha-256 or md5.
#pragma once

#include "testkit/process.hpp"
#include "testkit/temporary_folder.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::testkit {

class postgres_server {
public:
    struct options {
        std::map<std::string, std::string> settings;  // postgresql.conf, over ours
        std::string auth = "trust";                   // for TCP: trust, scram-sha-256 or md5
        std::string password = "secret";              // of the user postgres
        std::string locale = "C";                     // "C", "C.UTF-8", "en_US.UTF-8" where the machine has it
        const postgres_server* replica_of = nullptr;  // a streaming replica of that one, by pg_basebackup
        options() = default;
    };
    using table = std::vector<std::vector<std::optional<std::string>>>;  // rows of text cells

    postgres_server() : postgres_server(options{}) {}
    explicit postgres_server(options how);
    ~postgres_server();
    postgres_server(const postgres_server&) = delete;
    postgres_server& operator=(const postgres_server&) = delete;

    std::string host() const { return "127.0.0.1"; }
    std::uint16_t port() const noexcept { return port_; }
    std::string socket_folder() const { return folder_.path(); }
    std::string user() const { return "postgres"; }
    const std::string& password() const noexcept { return how_.password; }
    // "postgres://postgres[:password]@127.0.0.1:25432/db"
    std::string url(std::string_view database = "postgres") const;
    std::string log() const;  // all that the server wrote

    // Runs one or several statements over the Unix socket; the rows of the last. Throws when the server refuses.
    table run_sql(const std::string& sql, const std::string& database = "postgres") const;
    // The one cell of the one row; "" for NULL.
    std::string scalar(const std::string& sql, const std::string& database = "postgres") const;
    // Returns when the replicas that run have it, too.
    void create_database(const std::string& name) const;
    // On a replica: returns once it has replayed what the primary has written by now. Throws after a minute.
    void catch_up() const;

    void stop();   // fast shutdown; the folder stays
    void kill9();  // as a power cut: the postmaster and all its children, at once
    void start();  // after stop() or kill9(), on the same port
    void pause();  // SIGSTOP to all its processes: connections stay open and silent
    void resume();
    void reload();  // SIGHUP
    pid_t pid() const noexcept { return postmaster_.pid(); }
    std::string data_folder() const { return folder_.file("data"); }

    // Where initdb, postgres, pg_basebackup … are.
    static std::string program(const std::string& name);

private:
    void copy_template();
    void copy_primary();
    void write_settings();
    bool try_start();
    [[noreturn]] void fail(const std::string& what) const;

    options how_;
    temporary_folder folder_;
    std::uint16_t port_ = 0;
    child postmaster_;
    bool is_paused_ = false;
    mutable std::vector<const postgres_server*> replicas_;  // that live
};

}  // namespace ashlar::testkit
