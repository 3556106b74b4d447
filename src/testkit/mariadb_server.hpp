// mariadb_server.hpp: a real MariaDB for a test, in a temporary folder, on a free port of 127.0.0.1.
//
// Life      The constructor returns when the server answers; the destructor stops it (SIGTERM, then SIGKILL) by its own
//           pid and removes its folder. When the test is killed the kernel kills the server: nothing stays.
// User      As root the server runs as the user `nobody`; it never touches the machine's own databases.
// Speed     mariadb-install-db runs once per version and user into /tmp/ashlar-mariadb-template-…; each server starts
//           from a copy of it, and syncs nothing: about half a second.
// Failure   Whatever goes wrong throws std::runtime_error with the end of the server's log, which fails the test.
// Logins    `ashlar` with `password`, who may do everything, from everywhere; `root` without one by the Unix socket.
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

class mariadb_server {
public:
    struct options {
        std::map<std::string, std::string> settings;  // of mariadbd, over ours: {"wait_timeout", "3"}
        std::string password = "secret";              // of the user ashlar
        const mariadb_server* replica_of = nullptr;   // follows that one by GTID, from its first transaction on
        options() = default;
    };
    using table = std::vector<std::vector<std::optional<std::string>>>;  // rows of text cells

    mariadb_server() : mariadb_server(options{}) {}
    explicit mariadb_server(options how);
    ~mariadb_server();
    mariadb_server(const mariadb_server&) = delete;
    mariadb_server& operator=(const mariadb_server&) = delete;

    std::string host() const { return "127.0.0.1"; }
    std::uint16_t port() const noexcept { return port_; }
    std::string socket() const { return folder_.file("socket"); }
    std::string user() const { return "ashlar"; }
    const std::string& password() const noexcept { return how_.password; }
    // "mysql://ashlar:secret@127.0.0.1:23306/db"
    std::string url(std::string_view database = "test") const;
    std::string log() const;  // all that the server wrote

    // Runs one or several statements as root over the Unix socket; the rows of the last. Throws when the server refuses.
    table run_sql(const std::string& sql, const std::string& database = "test") const;
    // The one cell of the one row; "" for NULL.
    std::string scalar(const std::string& sql, const std::string& database = "test") const;
    // Returns when the replicas that run have it, too.
    void create_database(const std::string& name) const;
    // On a replica: returns once it has applied what the primary has committed by now. Throws after half a minute.
    void catch_up() const;

    void stop();   // an orderly shutdown; the folder stays
    void kill9();  // as a power cut
    void start();  // after stop() or kill9(), on the same port
    void pause();  // SIGSTOP: connections stay open and silent
    void resume();
    pid_t pid() const noexcept { return server_.pid(); }
    std::string folder() const { return folder_.path(); }

private:
    void copy_template();
    void write_settings();
    bool try_start();
    void make_accounts();
    void follow_primary();
    [[noreturn]] void fail(const std::string& what) const;

    options how_;
    temporary_folder folder_;
    std::uint16_t port_ = 0;
    child server_;
    bool is_paused_ = false;
    mutable std::vector<const mariadb_server*> replicas_;  // that live
};

}  // namespace ashlar::testkit
