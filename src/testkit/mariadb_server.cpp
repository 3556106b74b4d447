#include "testkit/mariadb_server.hpp"

#include "core/quoting.hpp"
#include "testkit/free_port.hpp"
#include "testkit/programs.hpp"
#include "testkit/server_template.hpp"

#include <mysql.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace ashlar::testkit {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

// Not `mysql`: where the package made that user, its folders are the machine's own server's.
constexpr const char* mariadb_user = "nobody";

command for_mariadb(std::vector<std::string> arguments) {
    return as_server_user(mariadb_user, std::move(arguments),
                          {"MYSQL_HOME", "MYSQL_PWD", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT", "TMPDIR"});
}

// A data folder fresh from mariadb-install-db, made on first use.
std::string template_folder() {
    std::string version = run({.arguments = {mariadb_program(), "--no-defaults", "--version"}}).out;
    std::string name = "mariadb-template-";
    for (char c : version.substr(version.find("Ver ") + 4, 40)) {
        if (c == ' ') break;
        if (std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-') name += c;
    }
    return server_template(name, mariadb_user, [](const std::string& folder) {
        must(for_mariadb({"mariadb-install-db", "--no-defaults", "--datadir=" + folder + "/data",
                          "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
                          "--innodb-log-file-size=4M", "--innodb-flush-method=nosync", "--innodb-doublewrite=0"}));
    });
}

struct closer {
    void operator()(MYSQL* m) const { mysql_close(m); }
    void operator()(MYSQL_RES* r) const { mysql_free_result(r); }
};
using session = std::unique_ptr<MYSQL, closer>;
using rows_of = std::unique_ptr<MYSQL_RES, closer>;

session connect(const std::string& socket, const char* database) {
    static std::once_flag begun;
    std::call_once(begun, [] { mysql_library_init(0, nullptr, nullptr); });
    session s{mysql_init(nullptr)};
    unsigned patience = 10;
    mysql_options(s.get(), MYSQL_OPT_CONNECT_TIMEOUT, &patience);
    mysql_options(s.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(s.get(), "localhost", "root", "", database, 0, socket.c_str(), CLIENT_MULTI_STATEMENTS)) {
        throw std::runtime_error(std::string{"cannot connect to "} + socket + ": " + mysql_error(s.get()));
    }
    return s;
}

}  // namespace

mariadb_server::mariadb_server(options how) : how_(std::move(how)) {
    hand_over(folder_.path(), mariadb_user);
    copy_template();
    for (int attempt = 0; attempt < 10; ++attempt) {  // another process may take the port first
        port_ = free_port();
        write_settings();
        if (try_start()) {
            make_accounts();
            if (how_.replica_of) {
                follow_primary();
                how_.replica_of->replicas_.push_back(this);
            }
            return;
        }
        if (log().find("Address already in use") == std::string::npos) break;
        fs::remove(folder_.file("log.err"));
    }
    fail("MariaDB did not start");
}

mariadb_server::~mariadb_server() {
    if (how_.replica_of) std::erase(how_.replica_of->replicas_, this);
    try {
        resume();
        stop();
    } catch (const std::exception&) {
        kill9();
    }
}

void mariadb_server::copy_template() {
    must(for_mariadb({"cp", "-a", template_folder() + "/data", folder_.file("data")}));
}

void mariadb_server::write_settings() {
    std::map<std::string, std::string> settings{
        {"datadir", folder_.file("data")},
        {"socket", socket()},
        {"pid_file", folder_.file("pid")},
        {"log_error", folder_.file("log.err")},
        {"port", std::to_string(port_)},
        {"bind_address", "127.0.0.1"},
        {"skip_name_resolve", "1"},
        {"max_connections", "200"},
        {"server_id", std::to_string(port_)},  // replication wants different ones
        {"log_bin", "bin"},
        {"binlog_format", "ROW"},
        {"gtid_strict_mode", "1"},
        {"default_time_zone", "+03:00"},  // not UTC, so that a driver that relies on it is found out
        {"character_set_server", "utf8mb4"},
        {"performance_schema", "0"},
        // a killed server must keep what it acknowledged, a killed machine need not
        {"innodb_flush_log_at_trx_commit", "2"},
        {"innodb_flush_method", "nosync"},
        {"innodb_doublewrite", "0"},
        {"innodb_log_file_size", "4M"},
        {"innodb_buffer_pool_size", "32M"},
        {"innodb_lock_wait_timeout", "20"},
    };
    for (const auto& [name, value] : how_.settings) settings[name] = value;
    std::ofstream file{folder_.file("settings.cnf")};
    file << "[mariadbd]\n";
    for (const auto& [name, value] : settings) file << name << "=" << value << "\n";
}

bool mariadb_server::try_start() {
    command what = for_mariadb({mariadb_program(), "--defaults-file=" + folder_.file("settings.cnf")});
    fs::remove(socket());
    server_ = child{what};
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < until) {
        if (!server_.running()) return false;
        if (fs::exists(socket())) {
            try {
                (void)connect(socket(), nullptr);
                return true;
            } catch (const std::runtime_error&) {  // not yet
            }
        }
        std::this_thread::sleep_for(5ms);
    }
    return false;
}

void mariadb_server::make_accounts() {
    std::string quoted;
    for (char c : how_.password) quoted += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    // Apart from the binary log: each server makes its own.
    const session root = connect(socket(), nullptr);
    for (const std::string& sql :
         {std::string{"set sql_log_bin = 0"}, "create user ashlar@'%' identified by '" + quoted + "'",
          std::string{"grant all on *.* to ashlar@'%' with grant option"}, std::string{"create database test"}}) {
        if (mysql_query(root.get(), sql.c_str())) fail(mysql_error(root.get()));
    }
}

void mariadb_server::follow_primary() {
    const mariadb_server& primary = *how_.replica_of;
    run_sql("change master to master_host = '127.0.0.1', master_port = " + std::to_string(primary.port()) +
            ", master_user = 'ashlar', master_password = '" + primary.password() +
            "', master_use_gtid = slave_pos, master_connect_retry = 1; start slave; set global read_only = 1");
    catch_up();
}

void mariadb_server::catch_up() const {
    const std::string reached = how_.replica_of->scalar("select @@gtid_binlog_pos");
    if (scalar("select master_gtid_wait('" + reached + "', 30)") != "0") fail("the replica does not catch up");
}

void mariadb_server::start() {
    if (server_.running()) return;
    if (!try_start()) fail("MariaDB did not start again");
}

void mariadb_server::stop() {
    if (!server_.running()) return;
    server_.send(SIGTERM);
    if (!server_.wait(20s)) kill9();
}

void mariadb_server::kill9() {
    if (server_.running()) server_.kill_and_wait();
}

void mariadb_server::pause() {
    if (!server_.running()) return;
    is_paused_ = true;
    server_.send(SIGSTOP);
    // Its threads stop one after the other.
    const auto is_stopped = [](const fs::directory_entry& thread) {
        const std::string stat = read_file(thread.path() / "stat");
        return stat.empty() || stat.find(") T ") != std::string::npos;
    };
    const fs::directory_iterator none;
    for (bool all = false; !all; std::this_thread::yield()) {
        const fs::directory_iterator threads{"/proc/" + std::to_string(pid()) + "/task"};
        all = std::all_of(threads, none, is_stopped);
    }
}

void mariadb_server::resume() {
    if (server_.running()) server_.send(SIGCONT);
    is_paused_ = false;
}

std::string mariadb_server::url(std::string_view database) const {
    return "mysql://ashlar:" + how_.password + "@127.0.0.1:" + std::to_string(port_) + "/" + std::string{database};
}

std::string mariadb_server::log() const {
    return read_file(folder_.file("log.err"));
}

mariadb_server::table mariadb_server::run_sql(const std::string& sql, const std::string& database) const {
    const session root = connect(socket(), database.empty() ? nullptr : database.c_str());
    const auto refused = [&] {
        throw std::runtime_error(std::string{mysql_error(root.get())} + " in: " + sql.substr(0, 500));
    };
    if (mysql_real_query(root.get(), sql.data(), sql.size())) refused();
    table rows;
    for (int more = 0; more == 0; more = mysql_next_result(root.get())) {
        rows.clear();
        const rows_of answer{mysql_store_result(root.get())};
        if (!answer) {
            if (mysql_errno(root.get())) refused();
            continue;
        }
        while (MYSQL_ROW row = mysql_fetch_row(answer.get())) {
            const unsigned long* lengths = mysql_fetch_lengths(answer.get());
            auto& cells = rows.emplace_back();
            for (unsigned i = 0; i < mysql_num_fields(answer.get()); ++i) {
                cells.push_back(row[i] ? std::optional<std::string>{std::string{row[i], lengths[i]}} : std::nullopt);
            }
        }
    }
    if (mysql_errno(root.get())) refused();
    return rows;
}

std::string mariadb_server::scalar(const std::string& sql, const std::string& database) const {
    table rows = run_sql(sql, database);
    if (rows.size() != 1 || rows[0].size() != 1) throw std::runtime_error("not one cell: " + sql);
    return rows[0][0].value_or("");
}

void mariadb_server::create_database(const std::string& name) const {
    run_sql("create database " + backquoted_name(name));
    for (const mariadb_server* each : replicas_) {
        if (!each->is_paused_ && ::kill(each->pid(), 0) == 0) each->catch_up();
    }
}

void mariadb_server::fail(const std::string& what) const {
    std::string written = log();
    if (written.size() > 4000) written.erase(0, written.size() - 4000);
    throw std::runtime_error(what + " (port " + std::to_string(port_) + "); its log ends:\n" + written);
}

}  // namespace ashlar::testkit
