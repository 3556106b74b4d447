#include "testkit/postgres_server.hpp"

#include "core/quoting.hpp"
#include "testkit/free_port.hpp"
#include "testkit/programs.hpp"
#include "testkit/server_template.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <thread>

namespace ashlar::testkit {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

// PostgreSQL refuses to run as root.
const std::string& postgres_user() {
    static const std::string user = user_for_servers({"postgres", "nobody"});
    return user;
}

command for_postgres(std::vector<std::string> arguments) {
    return as_server_user(postgres_user(), std::move(arguments),
                          {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGOPTIONS", "PGSERVICE", "PGDATA",
                           "LC_ALL", "LANGUAGE"});
}

// A data folder fresh from initdb, made on first use.
std::string template_folder(const std::string& locale) {
    std::string version = run({.arguments = {postgres_server::program("postgres"), "--version"}}).out;
    std::string name = "postgres-template-";
    for (char c : version.substr(version.rfind(')') + 1) + "-" + locale) {
        if (std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_') name += c;
    }
    return server_template(name, postgres_user(), [&](const std::string& folder) {
        must(for_postgres({postgres_server::program("initdb"), "-D", folder, "-U", "postgres", "--auth=trust", "-E",
                           "UTF8", "--locale=" + locale, "--no-sync", "--wal-segsize=1"}));
    });
}

struct pq_closer {
    void operator()(PGconn* c) const { PQfinish(c); }
    void operator()(PGresult* r) const { PQclear(r); }
};
using pq_connection = std::unique_ptr<PGconn, pq_closer>;
using pq_result = std::unique_ptr<PGresult, pq_closer>;

pq_connection connect(const std::string& folder, std::uint16_t port, const std::string& database) {
    std::string port_text = std::to_string(port);
    const char* names[] = {"host", "port", "user", "dbname", "connect_timeout", "options", nullptr};
    const char* values[] = {
        folder.c_str(), port_text.c_str(), "postgres", database.c_str(), "10", "-c client_min_messages=warning",
        nullptr};
    return pq_connection{PQconnectdbParams(names, values, 0)};
}

}  // namespace

std::string postgres_server::program(const std::string& name) {
    return postgres_program(name);
}

postgres_server::postgres_server(options how) : how_(std::move(how)) {
    hand_over(folder_.path(), postgres_user());
    if (how_.replica_of) {
        copy_primary();
    } else {
        copy_template();
    }
    for (int attempt = 0; attempt < 10; ++attempt) {  // another process may take the port first
        port_ = free_port();
        write_settings();
        if (try_start()) {
            if (how_.replica_of) how_.replica_of->replicas_.push_back(this);
            if (!how_.replica_of) run_sql("alter user postgres password '" + how_.password + "'");
            return;
        }
        if (log().find("could not bind") == std::string::npos) break;
        fs::remove(folder_.file("log"));
    }
    fail("PostgreSQL did not start");
}

postgres_server::~postgres_server() {
    if (how_.replica_of) std::erase(how_.replica_of->replicas_, this);
    try {
        resume();
        stop();
    } catch (const std::exception&) {
        kill9();
    }
}

void postgres_server::copy_template() {
    must(for_postgres({"cp", "-a", template_folder(how_.locale), data_folder()}));
}

void postgres_server::copy_primary() {
    const postgres_server& primary = *how_.replica_of;
    must(for_postgres({program("pg_basebackup"), "-h", primary.socket_folder(), "-p", std::to_string(primary.port()),
                       "-U", "postgres", "-D", data_folder(), "-R", "-X", "stream", "-c", "fast", "--no-sync"}));
}

void postgres_server::write_settings() {
    std::map<std::string, std::string> settings{
        {"listen_addresses", "127.0.0.1"},
        {"port", std::to_string(port_)},
        {"unix_socket_directories", folder_.path()},
        {"fsync", "off"},
        {"full_page_writes", "off"},
        {"max_connections", "200"},
        {"max_prepared_transactions", "100"},
        {"shared_buffers", "32MB"},
        {"min_wal_size", "4MB"},
        {"max_wal_size", "256MB"},
        {"wal_level", "logical"},
        {"log_min_messages", "warning"},
        {"dynamic_shared_memory_type", "posix"},
        {"timezone", "UTC"},
        {"log_timezone", "UTC"},
    };
    if (how_.replica_of) {
        if (const char* delay = std::getenv("ASHLAR_REPLICA_DELAY")) settings["recovery_min_apply_delay"] = delay;
    }
    for (const auto& [name, value] : how_.settings) settings[name] = value;
    std::ofstream conf{folder_.file("data/ashlar_test.conf")};
    for (const auto& [name, value] : settings) {
        conf << name << " = " << quoted_text(value) << "\n";
    }
    std::string main_file = folder_.file("data/postgresql.conf");
    if (read_file(main_file).find("ashlar_test.conf") == std::string::npos) {
        std::ofstream{main_file, std::ios::app} << "\ninclude 'ashlar_test.conf'\n";
    }
    std::ofstream{folder_.file("data/pg_hba.conf")} << "local all all trust\n"
                                                    << "local replication all trust\n"
                                                    << "host all all 127.0.0.1/32 " << how_.auth << "\n"
                                                    << "host replication all 127.0.0.1/32 " << how_.auth << "\n";
}

bool postgres_server::try_start() {
    command what = for_postgres({program("postgres"), "-D", data_folder()});
    what.output_file = folder_.file("log");
    what.signal_when_we_die = SIGQUIT;  // immediate shutdown, children included
    postmaster_ = child{what};
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < until) {
        if (!postmaster_.running()) return false;
        if (fs::exists(folder_.file(".s.PGSQL." + std::to_string(port_)))) {
            if (PQstatus(connect(folder_.path(), port_, "postgres").get()) == CONNECTION_OK) return true;
        }
        std::this_thread::sleep_for(5ms);
    }
    return false;
}

void postgres_server::start() {
    if (postmaster_.running()) return;
    if (!try_start()) fail("PostgreSQL did not start again");
}

void postgres_server::stop() {
    if (!postmaster_.running()) return;
    postmaster_.send(SIGINT);
    if (!postmaster_.wait(20s)) kill9();
}

void postgres_server::kill9() {
    if (!postmaster_.running()) return;
    pause();  // so that no child is born while we look for them
    std::vector<pid_t> children = children_of(postmaster_.pid());
    for (pid_t each : children) ::kill(each, SIGKILL);
    postmaster_.kill_and_wait();
    // Until they are gone they hold the shared memory that a new start looks for.
    for (pid_t each : children) {
        while (::kill(each, 0) == 0 &&
               read_file("/proc/" + std::to_string(each) + "/stat").find(") Z") == std::string::npos) {
            std::this_thread::sleep_for(1ms);
        }
    }
}

void postgres_server::pause() {
    if (!postmaster_.running()) return;
    is_paused_ = true;
    postmaster_.send(SIGSTOP);
    for (pid_t each : children_of(postmaster_.pid())) ::kill(each, SIGSTOP);
}

void postgres_server::resume() {
    if (!postmaster_.running()) return;
    for (pid_t each : children_of(postmaster_.pid())) ::kill(each, SIGCONT);
    postmaster_.send(SIGCONT);
    is_paused_ = false;
}

void postgres_server::reload() {
    postmaster_.send(SIGHUP);
}

std::string postgres_server::url(std::string_view database) const {
    std::string login = "postgres";
    if (how_.auth != "trust") login += ":" + how_.password;
    return "postgres://" + login + "@127.0.0.1:" + std::to_string(port_) + "/" + std::string{database};
}

std::string postgres_server::log() const {
    return read_file(folder_.file("log"));
}

postgres_server::table postgres_server::run_sql(const std::string& sql, const std::string& database) const {
    pq_connection link = connect(folder_.path(), port_, database);
    if (PQstatus(link.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(link.get()));
    pq_result answer{PQexec(link.get(), sql.c_str())};
    ExecStatusType status = PQresultStatus(answer.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
        throw std::runtime_error(std::string{PQerrorMessage(link.get())} + "in: " + sql.substr(0, 500));
    }
    table rows(static_cast<std::size_t>(PQntuples(answer.get())));
    for (int r = 0; r < PQntuples(answer.get()); ++r) {
        for (int c = 0; c < PQnfields(answer.get()); ++c) {
            std::optional<std::string> cell;
            if (!PQgetisnull(answer.get(), r, c)) {
                cell.emplace(PQgetvalue(answer.get(), r, c), static_cast<std::size_t>(PQgetlength(answer.get(), r, c)));
            }
            rows[static_cast<std::size_t>(r)].push_back(std::move(cell));
        }
    }
    return rows;
}

std::string postgres_server::scalar(const std::string& sql, const std::string& database) const {
    table rows = run_sql(sql, database);
    if (rows.size() != 1 || rows[0].size() != 1) throw std::runtime_error("not one cell: " + sql);
    return rows[0][0].value_or("");
}

void postgres_server::create_database(const std::string& name) const {
    run_sql("create database " + quoted_name(name));
    for (const postgres_server* each : replicas_) {
        if (each->is_paused_ || !fs::exists(each->folder_.file("data/standby.signal"))) continue;
        if (::kill(each->pid(), 0) == 0) each->catch_up();
    }
}

void postgres_server::catch_up() const {
    const std::string reached = how_.replica_of->scalar("select pg_current_wal_insert_lsn()");
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (scalar("select not pg_is_in_recovery() or pg_last_wal_replay_lsn() >= '" + reached + "'") != "t") {
        if (std::chrono::steady_clock::now() > until) fail("the replica does not catch up");
        std::this_thread::sleep_for(5ms);
    }
}

void postgres_server::fail(const std::string& what) const {
    std::string written = log();
    if (written.size() > 4000) written.erase(0, written.size() - 4000);
    throw std::runtime_error(what + " (port " + std::to_string(port_) + "); its log ends:\n" + written);
}

}  // namespace ashlar::testkit
