// drivers.hpp: a driver for each engine. SQLite runs on worker threads (in place on a loop whose caller blocks anyway);
// PostgreSQL is libpq and MySQL libmariadb, both asynchronous.
#pragma once

#include "driver/connection.hpp"

#include <map>

namespace ashlar::driver {

struct sqlite_options {
    std::string file;
    milliseconds busy_timeout{5'000};
    bool create = true;  // make the file when it does not exist
    bool read_only = false;
    // TRUNCATE, not WAL: only rollback-journal modes keep a commit over several attached files whole (SPIKES 8).
    std::string journal_mode = "truncate";
};
std::unique_ptr<driver> make_sqlite_driver(sqlite_options options);

struct postgres_options {
    std::string host;
    std::uint16_t port = 5432;
    std::string user, password, database;
    std::map<std::string, std::string> extra;  // libpq's keywords: sslmode, application_name …
    std::size_t prepared_statements_max = 200;
};
std::unique_ptr<driver> make_postgres_driver(postgres_options options);

// MariaDB and MySQL.
struct mysql_options {
    std::string host;
    std::uint16_t port = 3306;
    std::string socket;  // a Unix socket's path, instead of host and port
    std::string user, password, database;
    // ssl_mode (disabled, preferred, required, verify_identity; preferred when not given, by a socket disabled), ssl_ca,
    // ssl_capath, ssl_cert, ssl_key, ssl_cipher, ssl_crl, tls_version. What is not known fails each connect.
    std::map<std::string, std::string> extra;
    std::size_t prepared_statements_max = 200;
};
std::unique_ptr<driver> make_mysql_driver(mysql_options options);

}  // namespace ashlar::driver
