// description.hpp: what ashlar.toml says, checked and with its defaults filled in. Plain values; no file, no
// environment.
#pragma once

#include "core/time.hpp"
#include "keyspace/kinds.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::config {

enum class engine { postgres, mysql, sqlite };
std::string_view name_of(engine which) noexcept;  // "postgres", "mysql", "sqlite"

// A database's URL, taken apart. `password` never prints: display() leaves it out.
struct endpoint {
    config::engine engine = config::engine::sqlite;
    std::string host;  // a path: a Unix socket, or PostgreSQL's folder of one; empty: its default, or SQLite
    std::uint16_t port = 0;
    std::string user, password;
    std::string database;  // SQLite: the file's path; a relative one is resolved against the configuration's folder
    std::map<std::string, std::string> options;  // the URL's query part
    std::string display() const;                 // "postgres://shop@db7b:5432/orders", "sqlite:data/shop_1.db"
    friend bool operator==(const endpoint&, const endpoint&) = default;
};

struct pool_settings {
    std::uint32_t max_connections = 25;
    std::uint32_t max_connections_per_server = 0;  // over all pools of one server; 0: as many as these may have
    std::uint32_t fan_out_connections_max = 0;     // of these for statements over several databases; 0: three quarters
    std::uint32_t min_connections = 5;
    milliseconds checkout_timeout{5'000};
    std::uint32_t waiters_max = 10'000;  // callers who may wait at once
    milliseconds idle_timeout{300'000};
    milliseconds reap_frequency{30'000};
    milliseconds max_lifetime{3'600'000};
    milliseconds check_after_idle{30'000};  // a connection that was idle longer is tried before it is lent
    milliseconds connect_timeout{5'000};
    std::vector<std::string> warm_up;  // run at the start on each of min_connections, one at least
    bool warm_up_required = false;     // a failure of one ends the start
    friend bool operator==(const pool_settings&, const pool_settings&) = default;
};

// [replicas]: how reads are spread over replicas, and which of them are fit.
struct replica_settings {
    enum class spread : std::uint8_t { round_robin, random, least_connections, least_lag };
    enum class without : std::uint8_t { primary, refuse };
    bool read_write_split = false;  // the proxy sends what only reads to replicas by itself
    spread policy = spread::least_connections;
    milliseconds max_lag{5'000};         // one that is further behind is not read from
    milliseconds check_interval{1'000};  // between two looks at all servers
    milliseconds sample_interval{10};    // the same while somebody waits for a replica to show what he wrote
    without no_replica = without::primary;
    std::uint32_t primary_reads_max = 0;  // reads at once on a primary in place of replicas; 0: half of its pool
    friend bool operator==(const replica_settings&, const replica_settings&) = default;
};

// [breaker]
struct breaker_settings {
    std::uint32_t failures = 5;  // 0: never opens
    milliseconds window{60'000};
    milliseconds cool_down{60'000};
    friend bool operator==(const breaker_settings&, const breaker_settings&) = default;
};

// [alerts]
struct alert_settings {
    std::vector<std::string> command;  // a program and its arguments; empty: none
    std::string webhook;               // an http or https URL, a secret; empty: none
    milliseconds after{5'000};         // a state must have lasted so long
    milliseconds timeout{10'000};      // of the command, and of each attempt at the webhook
    friend bool operator==(const alert_settings&, const alert_settings&) = default;
};

struct database {
    std::string name;
    endpoint primary;
    std::vector<endpoint> replicas;
    std::vector<std::uint32_t> replica_weights;  // one for each
    pool_settings pool;
    // For a shard only.
    std::uint32_t weight = 1;                // ring
    std::vector<std::string> values;         // list: the keys it owns, as text
    std::optional<std::string> from, until;  // range: half-open, as text; none = without bound
    bool is_default = false;                 // list: owns the keys that nobody names
};

enum class table_kind { sharded, reference, unsharded };

struct table {
    std::string schema;  // empty: found by search_path
    std::string name;
    table_kind kind = table_kind::unsharded;
    std::string shard_key;  // sharded only: the column's name
    std::string database;   // unsharded only: where it lives; empty = primary
};

struct shards {
    keyspace::function_kind function = keyspace::function_kind::modulo;
    keyspace::key_type key_type = keyspace::key_type::uuid;
    std::vector<database> list;  // in the order of their numbers: list[0] is shard 1
    std::string cluster;         // tells the marks of clusters apart that share databases; empty: there is one
};

// [serve]
struct serve_settings {
    std::string listen_addr = "127.0.0.1";
    std::uint16_t listen_port = 6432;
    std::uint32_t workers = 0;  // 0: one for each processor
    std::uint32_t max_client_conn = 1000;
    std::string auth_type = "scram-sha-256";  // or "trust", which is only taken for loopback addresses
    bool given = false;                       // the file has [serve]
    struct user {
        std::string name, password;  // the password in clear or as PostgreSQL's SCRAM-SHA-256$… verifier
    };
    std::vector<user> users;
    // TLS to clients, by PgBouncer's names and meanings.
    struct client_tls {
        std::string sslmode =
            "disable";  // allow and prefer: for who asks; require; verify-ca and verify-full: with a certificate
        std::string key_file, cert_file, ca_file;
        std::string ciphers, ciphers_13;      // OpenSSL's lists, of TLS 1.2 and 1.3; empty: its own choice
        std::string least = "TLSv1.2", most;  // versions; empty: the newest there is
        bool is_on() const noexcept { return sslmode != "disable"; }
        bool is_demanded() const noexcept { return is_on() && sslmode != "allow" && sslmode != "prefer"; }
        bool wants_certificate() const noexcept { return sslmode == "verify-ca" || sslmode == "verify-full"; }
    };
    client_tls tls;
    std::vector<std::string> admin_users, stats_users;  // who may use the console: for everything, to look
    struct address {
        std::string host;
        std::uint16_t port = 0;  // 0: any that is free
    };
    std::optional<address> metrics_listen;  // /metrics over HTTP; none: not at all
    milliseconds stats_period{60'000};      // over which the console takes averages
    std::string database = "ashlar";        // the name that clients connect to
    // The log: its format (text or json), its lowest level, and how long a statement must take to be logged (0: none).
    std::string log_level = "info", log_format = "text";
    milliseconds log_min_duration{0};
    bool log_connections = true, log_disconnections = true;
    milliseconds query_timeout{0};  // 0: never
    milliseconds query_wait_timeout{120'000};
    milliseconds client_login_timeout{60'000};
    milliseconds client_idle_timeout{0};          // 0: never
    milliseconds idle_transaction_timeout{0};     // 0: never
    std::uint64_t merge_memory_max = 256u << 20;  // bytes of rows held for one merge
    std::uint64_t memory_max = 0;                 // bytes that all clients hold together; 0: a quarter of the machine's
};

struct description {
    std::string file;                           // the path it was read from, for messages
    std::map<std::string, database> databases;  // by name, without the shards
    std::optional<shards> shards_;
    std::vector<table> tables;
    serve_settings serve;
    replica_settings replicas;
    breaker_settings breaker;
    alert_settings alerts;
    // [session_defaults]: PostgreSQL's settings by name, as every server's sessions are to begin; others are the primary's.
    std::map<std::string, std::string> session_defaults;

    const database* primary() const;                       // databases["primary"], or nullptr
    const table* find_table(std::string_view name) const;  // by "name" or "schema.name"; nullptr for none
};

}  // namespace ashlar::config
