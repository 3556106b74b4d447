#include "cli/dev/postgres.hpp"

#include "core/quoting.hpp"
#include "testkit/programs.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace ashlar::cli::dev {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto start_patience = 60s;
constexpr std::uint16_t first_port = 25'432, last_port = 32'000;

std::string program(const std::string& name) {
    const auto folder = programs_folder();
    return folder ? *folder + "/" + name : name;
}

std::string log_of(const server& s) {
    return s.folder + "/log";
}
std::string data_of(const server& s) {
    return s.folder + "/data";
}

status make_folder(const server& s, const std::string& user) {
    std::error_code failed;
    fs::create_directories(s.folder, failed);
    if (failed) return error{errc::io_failure, s.folder + " cannot be made: " + failed.message()};
    ::chmod(s.folder.c_str(), 0700);
    return give_to(s.folder, user);
}

// Statements go through psql's standard way in, one -c each, as the superuser over the socket.
status run_sql(const server& s, const std::string& user, const std::vector<std::string>& statements) {
    std::vector<std::string> words{
        program("psql"),        "-X", "-q",       "-v", "ON_ERROR_STOP=1", "-h", s.folder, "-p",
        std::to_string(s.port), "-U", "postgres", "-d", "postgres"};
    for (const std::string& each : statements) {
        words.emplace_back("-c");
        words.push_back(each);
    }
    return run_program(words, user, log_of(s));
}

// What every server of ours is started with; the rest is PostgreSQL's default.
std::vector<std::string> start_words(const server& s) {
    std::vector<std::string> words{program("postgres"), "-D", data_of(s)};
    const std::vector<std::string> settings{"listen_addresses=127.0.0.1",
                                            fmt::format("port={}", s.port),
                                            "unix_socket_directories=" + s.folder,
                                            "max_connections=200",
                                            "max_prepared_transactions=200",
                                            "wal_level=logical",
                                            "shared_buffers=64MB",
                                            "hot_standby=on",
                                            "password_encryption=scram-sha-256",
                                            "max_wal_senders=10"};
    for (const std::string& each : settings) {
        words.emplace_back("-c");
        words.push_back(each);
    }
    return words;
}

status wait_until_it_answers(const server& s, const std::string& user) {
    const auto until = std::chrono::steady_clock::now() + start_patience;
    const std::vector<std::string> ask{program("pg_isready"), "-q", "-h", s.folder, "-p", std::to_string(s.port)};
    while (std::chrono::steady_clock::now() < until) {
        if (succeeds(ask, user)) return {};
        if (!is_running(s.process)) {
            return error{errc::connect_failed, s.name + " ended while it was starting"}.detail(tail_of(log_of(s)));
        }
        std::this_thread::sleep_for(50ms);
    }
    return error{errc::connect_failed, s.name + " does not answer"}.detail(tail_of(log_of(s)));
}

// The first from `from` on that nobody listens on, and that is none of `taken`.
result<std::uint16_t> free_port(const std::vector<server>& taken, std::uint16_t from) {
    for (std::uint16_t port = from; port < last_port; ++port) {
        if (std::any_of(taken.begin(), taken.end(), [&](const server& s) { return s.port == port; })) continue;
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) break;
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 && ::listen(fd, 1) == 0;
        ::close(fd);
        if (free) return port;
    }
    return error{errc::io_failure, "no port between 25432 and 32000 of 127.0.0.1 is free"};
}

// Another program may take the port between the look and the bind: then the next one is tried.
status start_on_free_port(server& what, const std::vector<server>& others) {
    std::uint16_t from = first_port;
    for (int attempt = 0;; ++attempt) {
        auto port = free_port(others, from);
        if (!port) return std::move(port).error();
        what.port = *port;
        from = static_cast<std::uint16_t>(*port + 1);
        status started = start(what);
        const bool taken = !started && started.error().detail().find("Address already in use") != std::string::npos;
        if (!taken || attempt == 20) return started;
    }
}

}  // namespace

result<std::string> programs_folder() {
    std::string folder = testkit::postgres_programs_folder();
    if (!folder.empty()) return folder;
    return error{errc::io_failure, "there is no PostgreSQL server on this machine"}.hint(
        "Install the package postgresql-15, or use --engine sqlite.");
}

status start(server& what) {
    if (is_running(what.process)) return {};
    const auto user = server_user();
    if (!user) return user.error();
    std::error_code none;
    fs::remove(data_of(what) + "/postmaster.pid", none);  // of a server that was killed: it is not running
    auto started = start_program(start_words(what), *user, log_of(what));
    if (!started) return std::move(started).error();
    what.process = *started;
    return wait_until_it_answers(what, *user);
}

status make_primary(server& what, const std::vector<server>& others, const login& who,
                    const std::vector<std::string>& databases) {
    const auto user = server_user();
    if (!user) return user.error();
    if (status s = make_folder(what, *user); !s) return s;
    const std::vector<std::string> initdb{
        program("initdb"),           "-D", data_of(what), "-U",         "postgres",         "--auth-local=trust",
        "--auth-host=scram-sha-256", "-E", "UTF8",        "--locale=C", "--no-instructions"};
    if (status s = run_program(initdb, *user, log_of(what)); !s) return s;
    if (status s = start_on_free_port(what, others); !s) return s;
    std::vector<std::string> statements{
        fmt::format("create role {} login password {}", quoted_name(who.user), quoted_text(who.password))};
    for (const std::string& each : databases) {
        statements.push_back(fmt::format("create database {} owner {}", quoted_name(each), quoted_name(who.user)));
    }
    return run_sql(what, *user, statements);
}

status make_replica(server& what, const std::vector<server>& others, const server& primary) {
    const auto user = server_user();
    if (!user) return user.error();
    if (status s = make_folder(what, *user); !s) return s;
    const std::vector<std::string> copy{program("pg_basebackup"),
                                        "-h",
                                        primary.folder,
                                        "-p",
                                        std::to_string(primary.port),
                                        "-U",
                                        "postgres",
                                        "-D",
                                        data_of(what),
                                        "-R",
                                        "-X",
                                        "stream",
                                        "-c",
                                        "fast"};
    if (status s = run_program(copy, *user, log_of(what)); !s) return s;
    return start_on_free_port(what, others);
}

status stop(server& what) {
    // SIGINT is PostgreSQL's fast shutdown: transactions are rolled back, and a checkpoint is written.
    if (!end_program(what.process, SIGINT, 60s)) {
        return error{errc::io_failure, fmt::format("{} (process {}) cannot be ended", what.name, what.process.pid)};
    }
    what.process = {};
    return {};
}

}  // namespace ashlar::cli::dev
