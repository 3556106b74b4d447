#include "driver/drivers.hpp"
#include "topology/world.hpp"

namespace ashlar::topology {

result<std::shared_ptr<driver::driver>> default_driver(const config::endpoint& where, const config::pool_settings&) {
    switch (where.engine) {
        case config::engine::sqlite: {
            driver::sqlite_options o;
            o.file = where.database;
            return std::shared_ptr<driver::driver>{driver::make_sqlite_driver(std::move(o))};
        }
        case config::engine::postgres: {
            driver::postgres_options o;
            o.host = where.host;
            o.port = where.port == 0 ? std::uint16_t{5432} : where.port;
            o.user = where.user;
            o.password = where.password;
            o.database = where.database;
            o.extra = where.options;
            return std::shared_ptr<driver::driver>{driver::make_postgres_driver(std::move(o))};
        }
        case config::engine::mysql: {
            driver::mysql_options o;
            (where.host.starts_with('/') ? o.socket : o.host) = where.host;
            o.port = where.port == 0 ? std::uint16_t{3306} : where.port;
            o.user = where.user;
            o.password = where.password;
            o.database = where.database;
            o.extra = where.options;
            return std::shared_ptr<driver::driver>{driver::make_mysql_driver(std::move(o))};
        }
    }
    return error{errc::internal, "an engine without a driver"};
}

}  // namespace ashlar::topology
