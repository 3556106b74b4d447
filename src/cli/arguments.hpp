// arguments.hpp: argv → what is asked for, as plain values. One struct a command; commands know nothing of argv.
//
// The one file of the house that knows CLI11 is arguments.cpp, for its headers are heavy. The texts of --help live there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ashlar::cli {

struct init_options {
    std::string file;
    std::string engine = "sqlite";
    std::uint32_t shards = 4;
};

struct check_options {
    std::string config;
    bool json = false;
    bool deep = false;            // look into the databases too
    std::uint64_t rows = 10'000;  // of each table on each shard; 0: all
};

struct marks_options {
    std::string config;
    bool json = false;
    bool accept = false;
    std::uint64_t rows = 100'000;  // likewise, before a map is accepted
};

struct where_options {
    std::string config;
    std::vector<std::string> keys;
    bool json = false;
};

struct dev_options {
    enum class what { start, stop, status, remove };
    what action = what::start;
    std::string folder;
    std::string engine = "sqlite";
    std::uint32_t shards = 4, replicas = 0;
    std::string function, key_type;  // empty: as the schema's keys ask for
    std::uint16_t port = 6432;       // of `ashlar serve`
    std::string database = "shop", user = "demo";
    std::vector<std::string> tables;      // "orders=user_id"
    std::vector<std::string> references;  // "countries"
    std::string schema;                   // a file of SQL for every shard
    bool json = false;
};

struct serve_options {
    std::string config;
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> workers;
    std::chrono::milliseconds grace{5'000};
};

struct query_options {
    std::string config;
    std::string sql, file;  // one of the two
    std::string database;
    bool each_shard = false, json = false, csv = false;
    std::chrono::milliseconds timeout{30'000};
};

struct shell_options {
    std::string config;
};

struct status_options {
    std::string config;
    bool json = false;
    bool watch = false;
    std::chrono::milliseconds interval{1'000};  // of --watch
};

struct pools_options {
    std::string config;
    std::string user;  // empty: the first of serve.stats_users, else of serve.admin_users
    bool json = false;
    bool watch = false;
    std::chrono::milliseconds interval{1'000};  // of --watch
};

struct load_options {
    std::string config;
    std::string table, file;
    std::string database;        // empty: where the configuration has the table
    std::string format = "csv";  // or "text"
    std::string delimiter;
    std::optional<std::string> null_text;
    std::optional<bool> head;  // nullopt: csv has one, text has none
    std::vector<std::string> columns;
    std::string bad_rows;
    std::uint64_t bad_rows_max = 1000;
    std::string journal;
    std::size_t batch_rows = 20'000;
    bool restart = false, json = false;
};

using command = std::variant<init_options, check_options, where_options, dev_options, serve_options, query_options,
                             shell_options, status_options, pools_options, load_options, marks_options>;

// There is nothing to run: --help, --version or a mistake.
struct said {
    int exit_code = 0;
    std::string text;  // to standard output with exit code 0, else to standard error
};

std::variant<command, said> parse_arguments(int argc, const char* const* argv);

}  // namespace ashlar::cli
