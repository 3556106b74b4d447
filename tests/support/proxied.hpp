// proxied.hpp: a proxy inside the test, before databases of real servers: one PostgreSQL server with a database for each
// shard and one for unsharded tables, or SQLite files.
#pragma once

#include "config/description.hpp"
#include "proxy/server.hpp"
#include "support/postgres_server.hpp"
#include "support/raw_client.hpp"
#include "support/temporary_folder.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ashlar::test {

class proxied {
public:
    struct options {
        std::size_t shards = 4;
        std::vector<std::string> schema;    // statements run on every shard and on the primary before the proxy starts
        std::vector<config::table> tables;  // those not named are unsharded
        keyspace::function_kind function = keyspace::function_kind::hash;
        keyspace::key_type key_type = keyspace::key_type::integer;
        std::uint32_t pool = 4;  // connections to each database
        bool sqlite = false;
        // The PostgreSQL server to use, with all databases as an earlier one left them; none: one of its own.
        std::shared_ptr<postgres_server> on;
        std::function<void(config::description&)> change;  // the last word
        options() = default;
    };
    explicit proxied(options how);
    ~proxied();

    std::uint16_t port() const noexcept { return server_->port(); }
    proxy::server& server() noexcept { return *server_; }
    postgres_server& databases() noexcept { return *postgres_; }
    const std::shared_ptr<postgres_server>& shared_databases() const noexcept { return postgres_; }
    raw_client::options login() const;                                       // to the proxy
    raw_client::options direct(const std::string& database = "main") const;  // to the database behind it

    static config::table sharded(std::string name, std::string key);
    static config::table reference(std::string name);

private:
    temporary_folder folder_;
    std::shared_ptr<postgres_server> postgres_;
    std::shared_ptr<topology::world> world_;
    std::unique_ptr<proxy::server> server_;
};

}  // namespace ashlar::test
