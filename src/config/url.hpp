// url.hpp: a database's URL → an endpoint. Pure.
//
//     postgres://user:password@host:5432/database?sslmode=require     (also postgresql://)
//     postgres:///database?host=/var/run/postgresql                   a Unix socket's folder; also %2Fvar%2Frun in the host
//     mysql://user@[::1]:3306/database?ssl_mode=required              (also mariadb://)
//     mysql://user@/database?socket=/run/mysqld/mysqld.sock           a Unix socket, which then stands as the host
//     sqlite:data/shop.db   sqlite:/srv/shop.db   sqlite:///srv/shop.db
//
// Every part may be percent-encoded. host, port, user, password and dbname may stand among the options, as in libpq.
//
// Secrets   No text of a fault quotes anything of the URL but its scheme and the names of its options.
#pragma once

#include "config/description.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace ashlar::config {

struct url_fault {
    std::string found, expected, hint;
};

std::variant<endpoint, url_fault> parse_url(std::string_view text);

}  // namespace ashlar::config
