// `ashlar init`: a commented ashlar.toml to start from. It never overwrites a file.

#include "cli/commands.hpp"
#include "cli/run.hpp"
#include "cli/terminal.hpp"
#include "core/errno_text.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ashlar::cli {

namespace {

constexpr std::string_view head = R"(# ashlar.toml: which databases there are, and which tables are spread over them.
#
# `ashlar check` tells everything that is wrong with this file. Text may name variables of the environment: ${NAME}, or
# ${NAME:-default}; keep passwords there. Relative SQLite paths start from this file's folder.

)";

constexpr std::string_view sqlite_places =
    R"(# Unsharded tables live on the database called primary. Others may have any name.
[databases.primary]
url = "sqlite:data/primary.db"

# The sharded and reference tables. The function decides which shard owns a key:
#   modulo   key mod the number of shards           integer, uuid
#   hash     as PostgreSQL's PARTITION BY HASH      every type
#   ring     consistent hashing, with weights       every type
#   range, list   [shards.NAME] one by one, with from and until, or values
# Function, key_type and the order of shards cannot be changed later without moving rows.
[shards]
function = "modulo"
key_type = "uuid"                         # integer, uuid, text, timestamp, date
count    = {shards}
url      = "sqlite:data/shop_{{shard}}.db"    # {{shard}} stands for 1, 2, 3 …
)";

constexpr std::string_view postgres_places =
    R"(# Unsharded tables live on the database called primary. Others may have any name.
[databases.primary]
url      = "postgres://shop:${{SHOP_PASSWORD:-}}@127.0.0.1:5432/shop"
# replicas = ["postgres://shop:${{SHOP_PASSWORD:-}}@127.0.0.1:5433/shop"]

# The sharded and reference tables. The function decides which shard owns a key:
#   modulo   key mod the number of shards           integer, uuid
#   hash     as PostgreSQL's PARTITION BY HASH      every type
#   ring     consistent hashing, with weights       every type
#   range, list   [shards.NAME] one by one, with from and until, or values
# Function, key_type and the order of shards cannot be changed later without moving rows.
[shards]
function = "modulo"
key_type = "uuid"                         # integer, uuid, text, timestamp, date
count    = {shards}
url      = "postgres://shop:${{SHOP_PASSWORD:-}}@127.0.0.1:5432/shop_{{shard}}"    # {{shard}} stands for 1, 2, 3 …
)";

constexpr std::string_view rest = R"(
# sharded: rows spread by a key; reference: the same rows on every shard; everything else is unsharded, on primary.
[tables]
users     = { shard_key = "id" }
orders    = { shard_key = "user_id" }     # lives with its user
countries = { kind = "reference" }

# Connections to each database. Any database may override: [databases.primary.pool], [shards.pool].
[pool]
max_connections  = 25
min_connections  = 5
# max_connections_per_server = 100        # over all databases of one server; none by default
checkout_timeout = "5s"                   # how long a caller waits for a free connection
idle_timeout     = "300s"
reap_frequency   = "30s"
max_lifetime     = "1h"

# Any database or shard may have replicas = ["postgres://…"]; what provably only reads then goes to one that is fit.
# [replicas]
# read_write_split = true                 # by the proxy, by itself; a program says reading()
# max_lag          = "5s"

# `ashlar serve`: any PostgreSQL client sees one database here.
[serve]
listen_addr = "127.0.0.1"
listen_port = 6432
database    = "shop"
auth_type   = "trust"                     # loopback only; elsewhere "scram-sha-256" with [serve.users] name = "password"
# admin_users    = ["ops"]                # may use the console, the database pgbouncer: SHOW POOLS …; `ashlar pools` asks it
# metrics_listen = "127.0.0.1:9127"       # /metrics for Prometheus; no login
)";

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace

int run_init(const init_options& asked) {
    const int fd = ::open(asked.file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        const int why = errno;
        error e{errc::io_failure, asked.file + " cannot be made: " + errno_text(why)};
        if (why == EEXIST) e.hint("Nothing was changed. Give another name: ashlar init FILE");
        print_error(e);
        return exit_failed;
    }
    std::string text{head};
    const std::string_view places = asked.engine == "postgres" ? postgres_places : sqlite_places;
    text += fmt::format(fmt::runtime(places), fmt::arg("shards", asked.shards));
    text += rest;
    const bool written = write_all(fd, text);
    if (::close(fd) != 0 || !written) {
        print_error(error{errc::io_failure, asked.file + " could not be written: " + errno_text(errno)});
        return exit_failed;
    }
    print(fmt::format("Wrote {}. Change it to your needs, then: ashlar check -c {}\n", asked.file, asked.file));
    return exit_ok;
}

}  // namespace ashlar::cli
