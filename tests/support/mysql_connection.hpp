// mysql_connection.hpp: one MariaDB for all tests of a program, and a connection of our driver to it for each of them.
#pragma once

#include "driver/mysql/connection.hpp"
#include "support/driver_calls.hpp"
#include "support/driver_servers.hpp"

#include <gtest/gtest.h>

namespace ashlar {

class Mysql : public ::testing::Test {
protected:
    static void SetUpTestSuite() { server = new test::mariadb_server; }
    static void TearDownTestSuite() {
        delete server;
        server = nullptr;
    }
    std::unique_ptr<driver::connection> connect() { return calls.connect(*to_server); }
    test::answered query(std::string sql, std::vector<value> values = {}) { return calls.run(*c, sql, values).value(); }
    error failure(std::string sql, std::vector<value> values = {}) { return calls.run(*c, sql, values).error(); }
    driver::mysql::server_connection& inside() { return dynamic_cast<driver::mysql::server_connection&>(*c); }
    void remake(const std::string& table, const std::string& shape) {
        server->run_sql("set foreign_key_checks = 0; drop table if exists " + table + "; create table " + table + " (" +
                        shape + ")");
    }
    // Ends by a kill alone, and as an error: SLEEP would return 1.
    static constexpr const char* busy = "select count(*) from seq_1_to_1000000 a, seq_1_to_1000000 b";

    static void await_running(const std::string& text) { test::await_running(*server, text); }

    static inline test::mariadb_server* server = nullptr;
    std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    test::driver_calls calls{*loop};
    std::unique_ptr<driver::driver> to_server = test::make_driver(test::options_of(*server));
    std::unique_ptr<driver::connection> c = connect();
};

}  // namespace ashlar
