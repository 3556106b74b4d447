// `ashlar dev`: a whole cluster in a folder, to try things on: files of SQLite, or real PostgreSQL servers with replicas.

#include "cli/commands.hpp"
#include "cli/dev/key_type.hpp"
#include "cli/dev/postgres.hpp"
#include "cli/dev/state.hpp"
#include "cli/direct.hpp"
#include "cli/json_text.hpp"
#include "cli/run.hpp"
#include "cli/table_text.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"
#include "core/errno_text.hpp"
#include "topology/world.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ashlar::cli {

namespace {

namespace fs = std::filesystem;
using dev::server;
using dev::state;

constexpr std::chrono::seconds marks_patience{60};
constexpr std::size_t socket_path_max = 90;  // sun_path has 108 bytes, and the socket's own name takes some

error failed_to(const std::string& what, int why) {
    return error{errc::io_failure, what + ": " + errno_text(why)};
}

std::string toml_string(const std::string& text) {
    return json_string(text);
}  // TOML's basic strings are JSON's

// --- the configuration file -------------------------------------------------------------------------------------------

std::string url_of(const server& s, const dev::login& who, const std::string& database) {
    return fmt::format("postgres://{}:{}@127.0.0.1:{}/{}", who.user, who.password, s.port, database);
}

std::string replicas_of(const state& made, const server& primary, const dev::login& who, const std::string& database) {
    std::string list;
    for (const server& s : made.servers) {
        if (s.replica_of != primary.name) continue;
        list += (list.empty() ? "" : ", ") + toml_string(url_of(s, who, database));
    }
    return list.empty() ? "" : "replicas = [" + list + "]\n";
}

std::string shards_text(const dev_options& asked, const state& made, const dev::login& who) {
    const std::string type = asked.key_type.empty() ? "uuid" : asked.key_type;
    const bool is_number = type == "integer" || type == "uuid";
    const std::string function = asked.function.empty() ? (is_number ? "modulo" : "hash") : asked.function;
    std::string text = "[shards]\nfunction = " + toml_string(function) + "\nkey_type = " + toml_string(type) + "\n";
    if (asked.engine == "sqlite") {
        return text + fmt::format("count    = {}\nurl      = \"sqlite:data/shard_{{shard}}.db\"\n", asked.shards);
    }
    for (const server& s : made.servers) {
        if (!s.replica_of.empty()) continue;
        text += "\n[shards." + s.name + "]\nurl = " + toml_string(url_of(s, who, who.database)) + "\n";
        text += replicas_of(made, s, who, who.database);
    }
    return text;
}

std::string primary_text(const state& made, const dev::login& who) {
    std::string text = "[databases.primary]\n";
    if (made.servers.empty()) return text + "url = \"sqlite:data/primary.db\"\n\n";
    const std::string database = who.database + "_primary";
    text += "url = " + toml_string(url_of(made.servers[0], who, database)) + "\n";
    return text + replicas_of(made, made.servers[0], who, database) + "\n";
}

result<std::string> tables_text(const dev_options& asked) {
    std::string text = "\n[tables]\n";
    for (const std::string& each : asked.tables) {
        const auto equals = each.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == each.size()) {
            return error{errc::invalid_argument, "--table " + each + " names no shard key"}.hint(
                "--table orders=user_id");
        }
        text += fmt::format("{} = {{ shard_key = {} }}\n", toml_string(each.substr(0, equals)),
                            toml_string(each.substr(equals + 1)));
    }
    for (const std::string& each : asked.references) text += toml_string(each) + " = { kind = \"reference\" }\n";
    return text;
}

std::string serve_text(const dev_options& asked) {
    return fmt::format(
        "\n[serve]\nlisten_addr = \"127.0.0.1\"\nlisten_port = {}\ndatabase    = {}\nauth_type   = \"trust\"\n",
        asked.port, toml_string(asked.database));
}

// Only for us: it may hold a password.
status write_private(const std::string& file, const std::string& text) {
    const mode_t before = ::umask(0077);
    std::ofstream out{file, std::ios::binary | std::ios::trunc};
    out << text;
    out.close();
    ::umask(before);
    if (!out) return failed_to(file + " cannot be written", errno);
    return {};
}

status write_configuration(const dev_options& asked, const state& made, const dev::login& who) {
    const auto tables = tables_text(asked);
    if (!tables) return tables.error();
    std::string text = "# Written by `ashlar dev`: " + std::to_string(asked.shards) + " shards to try things on.\n\n";
    text += primary_text(made, who) + shards_text(asked, made, who) + *tables;
    text += "\n[pool]\nmax_connections = 20\nmin_connections = 0\n" + serve_text(asked);
    return write_private(asked.folder + "/ashlar.toml", text);
}

// --- start ------------------------------------------------------------------------------------------------------------

// Where the servers' folders go: into DIR, unless the server's user cannot get there or the sockets' paths would be too
// long; then into a folder of its own under /var/tmp.
result<std::string> servers_folder(const std::string& folder) {
    const auto user = dev::server_user();
    if (!user) return user.error();
    const std::string inside = folder + "/servers";
    const bool reachable = user->empty() || dev::succeeds({"test", "-x", folder}, *user);
    if (reachable && inside.size() + 24 <= socket_path_max) return inside;
    std::string made = "/var/tmp/ashlar-dev-XXXXXX";
    if (::mkdtemp(made.data()) == nullptr) return failed_to("a folder in /var/tmp cannot be made", errno);
    ::chmod(made.c_str(), 0711);
    print(fmt::format("The servers' files go to {}, since {}.\n", made,
                      reachable ? "the path would be too long for their sockets" : *user + " cannot enter " + folder));
    return made;
}

status make_servers(const dev_options& asked, state& made, const dev::login& who) {
    auto root = servers_folder(asked.folder);
    if (!root) return std::move(root).error();
    made.servers_folder = *root;
    std::error_code none;
    fs::create_directories(*root, none);
    // What has been made is written down before the next begins, so that `dev remove` finds it after a failure.
    const auto make = [&](std::string name, std::string replica_of, const server* primary) -> status {
        server s;
        s.name = std::move(name);
        s.replica_of = std::move(replica_of);
        s.folder = *root + "/" + s.name;
        std::vector<std::string> databases{who.database};
        if (made.servers.empty()) databases.push_back(who.database + "_primary");
        status done = primary == nullptr ? dev::make_primary(s, made.servers, who, databases)
                                         : dev::make_replica(s, made.servers, *primary);
        print(fmt::format("  {:<22} 127.0.0.1:{}{}\n", s.name, s.port, done ? "" : "  failed"));
        made.servers.push_back(std::move(s));
        if (status w = dev::write_state(asked.folder, made); !w) return w;
        return done;
    };
    for (std::uint32_t i = 1; i <= asked.shards; ++i) {
        if (status s = make(fmt::format("shard_{}", i), "", nullptr); !s) return s;
        const server primary = made.servers.back();
        for (std::uint32_t r = 1; r <= asked.replicas; ++r) {
            if (status s = make(fmt::format("shard_{}_replica_{}", i, r), primary.name, &primary); !s) return s;
        }
    }
    return {};
}

status apply_schema(const dev_options& asked) {
    if (asked.schema.empty()) return {};
    std::ifstream in{asked.schema, std::ios::binary};
    if (!in) return failed_to(asked.schema + " cannot be read", errno);
    std::ostringstream text;
    text << in.rdbuf();
    const auto what = config::load(asked.folder + "/ashlar.toml", config::process_environment());
    if (!what) return what.error();
    for (const config::database& shard : what->shards_->list) {
        if (status s = run_script_on(shard, text.str()); !s) return std::move(s.error().on(shard.name));
    }
    // There live the tables that are not sharded; with the others, empty, its catalogue tells of all.
    for (const auto& [name, each] : what->databases) {
        if (status s = run_script_on(each, text.str()); !s) return std::move(s.error().on(name));
    }
    return {};
}

// Without --key-type, the configuration gets the key type of the tables in the schema. Precondition: the shards have no marks yet.
status find_key_type(const dev_options& asked, const state& made, const dev::login& who) {
    if (!asked.key_type.empty() || asked.schema.empty()) return {};
    const auto what = config::load(asked.folder + "/ashlar.toml", config::process_environment());
    if (!what) return what.error();
    const auto found = dev::key_type_of(asked, what->shards_->list.front());
    if (!found) return found.error();
    if (!*found) return {};
    dev_options with = asked;
    with.key_type = (*found)->type;
    print(fmt::format("The shard keys are of type {}, as {} is.\n", with.key_type, (*found)->column));
    return write_configuration(with, made, who);
}

// The first use of the shards: from now on they know which of them they are.
status mark_shards(const dev_options& asked) {
    auto what = config::load(asked.folder + "/ashlar.toml", config::process_environment());
    if (!what) return std::move(what).error();
    auto world = topology::world::open(std::move(*what));
    if (!world) return std::move(world).error();
    (*world)->start();
    const auto loop = io::make_poll_loop();
    return loop->run((*world)->read_catalogue(*loop, deadline::in(marks_patience)));
}

status make_new(const dev_options& asked) {
    // What would fail at the end fails now, before there is anything to remove.
    if (const auto tables = tables_text(asked); !tables) return tables.error();
    if (!asked.schema.empty() && ::access(asked.schema.c_str(), R_OK) != 0) {
        return failed_to(asked.schema + " cannot be read", errno);
    }
    state made;
    made.engine = asked.engine;
    made.shards = asked.shards;
    made.replicas = asked.replicas;
    const dev::login who{asked.user, uuid::random().to_string(), asked.database};
    if (status s = dev::write_state(asked.folder, made); !s) return s;
    if (asked.engine == "sqlite") {
        std::error_code failed;
        fs::create_directories(asked.folder + "/data", failed);
        if (failed) return error{errc::io_failure, asked.folder + "/data cannot be made: " + failed.message()};
    } else if (status s = make_servers(asked, made, who); !s) {
        return s;
    }
    if (status s = write_configuration(asked, made, who); !s) return s;
    if (status s = apply_schema(asked); !s) return s;
    if (status s = find_key_type(asked, made, who); !s) return s;
    return mark_shards(asked);
}

status start_again(const std::string& folder) {
    auto made = dev::read_state(folder);
    if (!made) return std::move(made).error();
    status done;
    for (server& s : made->servers) {  // primaries come before their replicas
        done = dev::start(s);
        if (!done) break;
    }
    if (status written = dev::write_state(folder, *made); !written) return written;
    return done;
}

int start(const dev_options& asked) {
    std::error_code failed;
    fs::create_directories(asked.folder, failed);
    const bool exists = dev::has_state(asked.folder);
    if (!exists && fs::exists(asked.folder + "/ashlar.toml", failed)) {
        print_error(
            error{errc::invalid_argument, asked.folder + " has an ashlar.toml that `ashlar dev` did not write"}.hint(
                "Nothing was changed. Give another folder."));
        return exit_failed;
    }
    if (asked.engine == "sqlite" && asked.replicas > 0 && !exists) {
        print_error(error{errc::invalid_argument, "SQLite has no replicas"}.hint("--engine postgres has them."));
        return exit_usage;
    }
    status done = exists ? start_again(asked.folder) : make_new(asked);
    if (!done) {
        print_error(done.error());
        print_to_stderr("What was made so far: ashlar dev remove " + asked.folder + "\n");
        return exit_failed;
    }
    print(fmt::format("{} {}/ashlar.toml. Next:\n  ashlar serve -c {}/ashlar.toml\n",
                      exists ? "Started what is in" : "Wrote", asked.folder, asked.folder));
    return exit_ok;
}

// --- stop, status, remove ---------------------------------------------------------------------------------------------

status stop_all(const std::string& folder, state& made) {
    status done;
    for (auto s = made.servers.rbegin(); s != made.servers.rend(); ++s) {  // replicas before their primaries
        if (status one = dev::stop(*s); !one) done = std::move(one);
    }
    if (status written = dev::write_state(folder, made); !written) return written;
    return done;
}

int stop(const dev_options& asked) {
    auto made = dev::read_state(asked.folder);
    if (!made) return print_error(made.error()), exit_failed;
    if (status s = stop_all(asked.folder, *made); !s) return print_error(s.error()), exit_failed;
    print(made->servers.empty() ? "SQLite has no servers to stop.\n"
                                : fmt::format("{} servers stopped.\n", made->servers.size()));
    return exit_ok;
}

int show_status(const dev_options& asked) {
    const auto made = dev::read_state(asked.folder);
    if (!made) return print_error(made.error()), exit_failed;
    json_array all;
    std::vector<text_row> rows;
    bool all_up = true;
    for (const server& s : made->servers) {
        const bool up = dev::is_running(s.process);
        all_up = all_up && up;
        rows.push_back({s.name, s.replica_of.empty() ? "primary" : "replica of " + s.replica_of, std::to_string(s.port),
                        up ? "up" : "down", up ? std::optional{std::to_string(s.process.pid)} : std::nullopt});
        json_object each;
        each.add("name", s.name).add("replica_of", s.replica_of).add("port", s.port).add("up", up);
        all.add(each.add("pid", up ? s.process.pid : 0));
    }
    if (asked.json) {
        print(all.text() + "\n");
    } else if (made->servers.empty()) {
        print(fmt::format("{} SQLite files in {}/data; there is no server.\n", made->shards + 1, asked.folder));
    } else {
        print(aligned({{"name"}, {"role"}, {"port", true}, {"state"}, {"pid", true}}, rows, false));
    }
    return all_up ? exit_ok : exit_failed;
}

// Only what was made here goes: what else lies in the folder stays, and then so does the folder.
int remove(const dev_options& asked) {
    auto made = dev::read_state(asked.folder);
    if (!made) return print_error(made.error()), exit_failed;
    if (status s = stop_all(asked.folder, *made); !s) return print_error(s.error()), exit_failed;
    std::error_code failed;
    for (const server& s : made->servers) fs::remove_all(s.folder, failed);
    if (!made->servers_folder.empty()) fs::remove(made->servers_folder, failed);
    for (std::uint32_t i = 1; made->engine == "sqlite" && i <= made->shards; ++i) {
        fs::remove(fmt::format("{}/data/shard_{}.db", asked.folder, i), failed);
        fs::remove(fmt::format("{}/data/shard_{}.db-journal", asked.folder, i), failed);
    }
    for (const char* name : {"data/primary.db", "data/primary.db-journal", "data", "ashlar.toml", "dev.json"}) {
        fs::remove(asked.folder + "/" + name, failed);
    }
    const bool gone = fs::remove(asked.folder, failed) && !failed;
    print(gone ? "Removed " + asked.folder + ".\n"
               : "Removed what was made in " + asked.folder + "; other files stay.\n");
    return exit_ok;
}

}  // namespace

int run_dev(const dev_options& given) {
    dev_options asked = given;
    std::error_code failed;
    asked.folder = fs::absolute(asked.folder, failed).lexically_normal().string();
    while (asked.folder.size() > 1 && asked.folder.ends_with('/')) asked.folder.pop_back();
    switch (asked.action) {
        case dev_options::what::start:
            return start(asked);
        case dev_options::what::stop:
            return stop(asked);
        case dev_options::what::status:
            return show_status(asked);
        case dev_options::what::remove:
            return remove(asked);
    }
    return exit_usage;
}

}  // namespace ashlar::cli
