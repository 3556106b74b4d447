// driver_servers.hpp: drivers to the real servers of the tests, and what their sessions are doing.
#pragma once

#include "driver/drivers.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"

#include <memory>
#include <string>

namespace ashlar::test {

inline driver::mysql_options options_of(const mariadb_server& s) {
    driver::mysql_options o;
    o.host = s.host();
    o.port = s.port();
    o.user = s.user();
    o.password = s.password();
    o.database = "test";
    return o;
}
inline driver::postgres_options options_of(const postgres_server& s) {
    driver::postgres_options o;
    o.host = s.host();
    o.port = s.port();
    o.user = s.user();
    o.password = s.password();
    o.database = "postgres";
    return o;
}

inline std::unique_ptr<driver::driver> make_driver(driver::mysql_options o) {
    return driver::make_mysql_driver(std::move(o));
}
inline std::unique_ptr<driver::driver> make_driver(driver::postgres_options o) {
    return driver::make_postgres_driver(std::move(o));
}

// Return once the server runs this text.
inline void await_running(const mariadb_server& on, const std::string& text) {
    const std::string sql = "select count(*) from information_schema.processlist where info = '" + text + "'";
    while (on.scalar(sql) == "0") {
    }
}
inline void await_running(const postgres_server& on, const std::string& text) {
    const std::string sql = "select count(*) from pg_stat_activity where query = '" + text + "' and state = 'active'";
    while (on.scalar(sql) == "0") {
    }
}

}  // namespace ashlar::test
