#include "cli/arguments.hpp"

#include "cli/completion.hpp"
#include "cli/run.hpp"

#include "config/quantities.hpp"
#include "config/spelling.hpp"
#include "core/version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>

namespace ashlar::cli {

namespace {

constexpr std::string_view about =
    R"(Ashlar lays many PostgreSQL or SQLite databases as one: pools, shards, and SQL across all of them.)";

constexpr std::string_view footer = R"(First steps:
  ashlar init                     write a commented ashlar.toml
  ashlar check                    tell everything that is wrong with it
  ashlar dev start shop           or make a whole cluster of SQLite files to try things on
  ashlar where 42                 tell which shard owns a key, and why
  ashlar query "select 1"         run SQL over all shards
  ashlar load orders orders.csv   load a file, each row to its shard
  ashlar serve                    serve them as one database to psql and every other PostgreSQL client

Each command tells more: ashlar help COMMAND
Exit codes: 0 done, 1 it failed, 2 the command line makes no sense.)";

// The options of all commands, and the one that was asked for.
struct everything {
    CLI::App app{std::string{about}, "ashlar"};
    init_options init;
    check_options check;
    where_options where;
    dev_options dev;
    serve_options serve;
    query_options query;
    shell_options shell;
    status_options status;
    pools_options pools;
    load_options load;
    marks_options marks;
    std::string completion_shell;  // empty: another command
    std::vector<std::pair<CLI::App*, std::function<command()>>> commands;

    template <class Options>
    CLI::App* add(const std::string& name, const std::string& summary, Options& options, const std::string& examples) {
        CLI::App* sub = app.add_subcommand(name, summary);
        sub->footer(examples);
        commands.emplace_back(sub, [&options] { return command{options}; });
        return sub;
    }
    CLI::Option* add_config(CLI::App* to, std::string& into) {
        into = "ashlar.toml";
        return to->add_option("-c,--config", into, "The configuration file")
            ->envname("ASHLAR_CONFIG")
            ->capture_default_str()
            ->type_name("FILE");
    }
    // For commands with no other argument: the file may stand alone.
    void add_config_or_file(CLI::App* to, std::string& into) {
        CLI::Option* named = add_config(to, into);
        to->add_option("FILE", into, "The same")->excludes(named);
    }

    everything() {
        app.footer(std::string{footer});
        app.set_version_flag("--version", version_text(), "Print the version and the commit it was built from");
        app.set_help_flag("-h,--help", "Print this help");
        app.require_subcommand(1);
        app.get_formatter()->column_width(34);
        add_init();
        add_check();
        add_where();
        add_dev();
        add_serve();
        add_query();
        add_shell();
        add_status();
        add_pools();
        add_load();
        add_marks();
        add_completion();
    }

    void add_init() {
        CLI::App* sub = add("init", "Write a commented ashlar.toml to start from", init, R"(Examples:
  ashlar init
  ashlar init shop.toml --engine postgres --shards 8

A file that exists is never overwritten.)");
        init.file = "ashlar.toml";
        sub->add_option("FILE", init.file, "Where to write it")->capture_default_str();
        sub->add_option("--engine", init.engine, "What the shards run on")
            ->check(CLI::IsMember({"sqlite", "postgres"}))
            ->capture_default_str();
        sub->add_option("--shards", init.shards, "How many shards")->check(CLI::Range(1, 4096))->capture_default_str();
    }

    void add_check() {
        CLI::App* sub = add("check", "Tell everything that is wrong with the configuration", check, R"(Examples:
  ashlar check
  ashlar check shop.toml --json
  ashlar check --deep

All mistakes are told at once, each with its line and what was expected; without any, a summary. No database is
connected to, and no password is printed. With --deep the shards are asked as well: does the map fit their marks, are
their tables alike, and do rows lie on the shards of their keys? The exit code is 1 when something is wrong.)");
        add_config_or_file(sub, check.config);
        CLI::Option* deep =
            sub->add_flag("--deep", check.deep, "Ask the databases too: do their marks, tables and rows fit?");
        sub->add_flag("--json", check.json, "Print an object for programs: file, good, mistakes, advice …");
        sub->add_option("--rows", check.rows, "Look at so many rows of each table on each shard; 0: all")
            ->needs(deep)
            ->capture_default_str();
    }

    void add_marks() {
        CLI::App* sub =
            add("marks", "Show which map the shards' rows were spread by, or accept another", marks, R"(Examples:
  ashlar marks
  ashlar marks --json
  ashlar marks --accept

Every shard keeps a mark: which shard of which map it is. It is written when the shard is first used, and a start with
another map is refused. --accept stores the configured map in its place; it looks at rows of every sharded table first,
and changes nothing when one lies on a shard that would not own it. Stop what serves the shards before. The exit code
is 1 when a mark and the configuration do not agree.)");
        add_config_or_file(sub, marks.config);
        CLI::Option* accept = sub->add_flag("--accept", marks.accept, "Store the configured map as the shards' marks");
        sub->add_option("--rows", marks.rows, "Look at so many rows of each table on each shard first; 0: all")
            ->needs(accept)
            ->capture_default_str();
        sub->add_flag("--json", marks.json, "Print an object for programs")->excludes(accept);
    }

    void add_where() {
        CLI::App* sub = add("where", "Tell which shard owns a key, and why", where, R"(Examples:
  ashlar where 230d30d2-296d-4d60-8064-91204aa3fe1c
  ashlar where 1 2 3 --json
  ashlar where -- -7

A key is read as SQL reads it: '7', ' 7' and '+7' are one integer. No database is connected to.)");
        add_config(sub, where.config);
        sub->add_option("KEY", where.keys, "One or more shard keys")->required();
        sub->add_flag("--json", where.json, "Print an array for programs: key, shard, position, url");
    }

    // "5s", as in ashlar.toml.
    static CLI::Option* add_duration(CLI::App* to, const std::string& name, std::chrono::milliseconds& into,
                                     const std::string& summary) {
        const auto read = [&into](const std::string& text) {
            auto parsed = config::parse_duration(text);
            if (!parsed) throw CLI::ValidationError("\"" + text + "\": expected " + parsed.error().message());
            into = *parsed;
        };
        return to->add_option_function<std::string>(name, read, summary + " (" + config::duration_text(into) + ")")
            ->type_name("DURATION");
    }

    void add_serve() {
        CLI::App* sub = add("serve", "Serve all databases as one, to any PostgreSQL client", serve, R"(Examples:
  ashlar serve
  ashlar serve shop.toml --port 7432
  psql postgres://demo@127.0.0.1:6432/shop

[serve] of the configuration says where to listen and who may log in. SIGINT (Ctrl-C) or SIGTERM stops it: clients may
finish their transactions for --grace; a second signal ends it at once. SIGHUP has the certificates of TLS read again; the rest of the configuration
is read at the start. SIGUSR1 and SIGUSR2 are logged and change nothing.)");
        add_config_or_file(sub, serve.config);
        sub->add_option("--port", serve.port, "Listen here instead of [serve] listen_port")
            ->check(CLI::Range(1, 65535));
        sub->add_option("--workers", serve.workers, "Threads, instead of [serve] workers")->check(CLI::Range(1, 1024));
        add_duration(sub, "--grace", serve.grace, "How long transactions may go on after a signal");
    }

    void add_query() {
        CLI::App* sub = add("query", "Run SQL over all shards, as on one database", query, R"--(Examples:
  ashlar query "select status, count(*) from orders group by status order by 2 desc"
  ashlar query "explain (ashlar) select * from orders where user_id = 7"
  ashlar query --csv "select * from countries" > countries.csv
  ashlar query --each-shard "select count(*) from orders"
  ashlar query --each-shard "create index on orders (created_at)"
  ashlar query -f changes.sql

Several statements are separated by semicolons and run one after the other; the first failure ends the run. With
--each-shard the text goes to every shard by itself, one after the other: not a transaction. When it fails on one, the
error says which shards have it already.)--");
        add_config(sub, query.config);
        CLI::Option* sql = sub->add_option("SQL", query.sql, "The statements; - reads them from standard input");
        CLI::Option* file =
            sub->add_option("-f,--file", query.file, "Read the statements from a file")->type_name("FILE");
        file->excludes(sql);
        CLI::Option* database =
            sub->add_option("-d,--database", query.database, "Send them to this database or shard only")
                ->type_name("NAME");
        sub->add_flag("--each-shard", query.each_shard, "Run them on every shard by itself; first column: shard")
            ->excludes(database);
        CLI::Option* json = sub->add_flag("--json", query.json, "Print objects for programs: columns, rows, tag");
        sub->add_flag("--csv", query.csv, "Print CSV with a head")->excludes(json);
        add_duration(sub, "--timeout", query.timeout, "How long a statement may take");
        sub->callback([this] {
            if (query.sql.empty() && query.file.empty()) throw CLI::RequiredError("SQL");
        });
    }

    void add_shell() {
        CLI::App* sub = add("shell", "A prompt for SQL over all shards", shell, R"(Examples:
  ashlar shell
  ashlar shell < script.sql

In it: \d the tables, \shards the shards, \timing, \q. On a terminal, lines are edited and kept in ~/.ashlar_history.)");
        add_config_or_file(sub, shell.config);
    }

    void add_status() {
        CLI::App* sub = add("status", "Tell of every server: up, role, latency, lag, connections", status, R"(Examples:
  ashlar status
  ashlar status --json
  ashlar status --watch

`connections` is the server's own count for this database, of all it allows; `pool` is what one Ashlar process may open.
The exit code is 1 when a server is down or in the wrong role, a shard's mark is not as the configuration says, or its
tables are not as on the other shards.)");
        add_config_or_file(sub, status.config);
        sub->add_flag("--json", status.json, "Print an array for programs");
        sub->add_flag("--watch", status.watch, "Ask again every second, until Ctrl-C");
    }

    void add_pools() {
        CLI::App* sub = add("pools", "Show every pool of a running proxy: connections in use, clients that wait", pools,
                            R"(Examples:
  ashlar pools
  ashlar pools --watch
  ashlar pools --user ops --json

It asks the console of the `ashlar serve` that runs with this file, as the first of serve.stats_users or serve.admin_users.
Where [serve.users] holds a SCRAM verifier, the password is taken from PGPASSWORD or ~/.pgpass.)");
        add_config_or_file(sub, pools.config);
        sub->add_option("--user", pools.user, "Log in as this user")->type_name("NAME");
        sub->add_flag("--json", pools.json, "Print an array for programs");
        sub->add_flag("--watch", pools.watch, "Ask again every second, until Ctrl-C");
    }

    void add_load() {
        CLI::App* sub = add("load", "Load a file into a table, each row to the shard of its key", load, R"--(Examples:
  ashlar load orders orders.csv
  ashlar load users users.tsv --delimiter tab --no-header --columns id,name,email
  ashlar load orders dump.copy --format text
  ashlar load orders orders.csv --bad-rows orders.bad.csv

Rows are split by key and go to all shards at once; a reference table's go to every shard. A load that ended early, by a
bad row, a lost server or kill -9, goes on with the same command: each database keeps how far it has got, in the same
transactions as the rows, and FILE.ashlar-load-TABLE says which load it was. No row is lost or doubled. A bad row (told
with its line) ends the load; with --bad-rows it is set aside, into a file of the same form.)--");
        add_config(sub, load.config);
        sub->add_option("TABLE", load.table, "The table: name or schema.name")->required();
        sub->add_option("FILE", load.file, "The file: CSV, or what COPY … TO writes")->required();
        sub->add_option("-d,--database", load.database, "The table is in this named database")->type_name("NAME");
        sub->add_option("--format", load.format, "csv, or text for COPY's own format")
            ->check(CLI::IsMember({"csv", "text"}))
            ->capture_default_str();
        sub->add_option("--delimiter", load.delimiter, "Between fields: , (csv) or tab (text)")->type_name("CHAR");
        sub->add_option("--null", load.null_text, "What stands for NULL: nothing, unquoted (csv), or \\N (text)");
        CLI::Option* head = sub->add_flag_callback(
            "--header", [this] { load.head = true; }, "The first line names the columns (csv: the default)");
        sub->add_flag_callback(
               "--no-header", [this] { load.head = false; }, "The first line is a row (text: the default)")
            ->excludes(head);
        sub->add_option("--columns", load.columns, "The columns of the file, in order (the table's)")
            ->delimiter(',')
            ->type_name("NAME,…");
        sub->add_option("--bad-rows", load.bad_rows, "Set bad rows aside into this file")->type_name("FILE");
        sub->add_option("--bad-rows-max", load.bad_rows_max, "End the load at more bad rows")->capture_default_str();
        sub->add_flag("--restart", load.restart, "Forget an earlier load of this file; its rows stay");
        sub->add_option("--journal", load.journal, "Where to keep the journal (FILE.ashlar-load-TABLE)")
            ->type_name("FILE");
        sub->add_option("--batch-rows", load.batch_rows, "Rows of one transaction, at most")
            ->check(CLI::Range(1, 1'000'000))
            ->capture_default_str();
        sub->add_flag("--json", load.json, "Print an object for programs: rows, bad_rows, seconds, databases");
    }

    void add_completion() {
        CLI::App* sub = app.add_subcommand("completion", "Print a completion script for a shell");
        sub->footer(R"(Examples:
  ashlar completion bash > /etc/bash_completion.d/ashlar
  ashlar completion fish > ~/.config/fish/completions/ashlar.fish

The Debian package installs all three.)");
        sub->add_option("SHELL", completion_shell, "bash, zsh or fish")
            ->required()
            ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    }

    void add_dev() {
        CLI::App* sub =
            add("dev", "Start, stop or remove a whole cluster in a folder, to try things on", dev, R"(Examples:
  ashlar dev start shop --table users=id --table orders=user_id --reference countries --schema shop.sql
  ashlar dev start pg --engine postgres --shards 4 --replicas 1 --table users=id
  ashlar dev status pg
  ashlar dev stop pg
  ashlar dev remove pg

`start` writes FOLDER/ashlar.toml; in a folder that has a cluster already it starts that one again. PostgreSQL servers
listen on 127.0.0.1 only and ask for the password in that file; as root they run as the user postgres. Only processes
and files that `start` made are ever ended or removed.)");
        sub->require_subcommand(1);
        const auto action = [&](const std::string& name, const std::string& summary, dev_options::what which) {
            CLI::App* each = sub->add_subcommand(name, summary);
            each->add_option("FOLDER", dev.folder, "The cluster's folder")->required();
            each->callback([this, which] { dev.action = which; });
            return each;
        };
        CLI::App* start = action("start", "Make a cluster and start it, or start it again", dev_options::what::start);
        action("stop", "Stop its servers; the data stay", dev_options::what::stop);
        CLI::App* shown = action("status", "Tell which of its servers are up", dev_options::what::status);
        shown->add_flag("--json", dev.json, "Print an array for programs: name, replica_of, port, up, pid");
        action("remove", "Stop its servers and delete what `start` made", dev_options::what::remove);
        start->add_option("--engine", dev.engine, "sqlite (files) or postgres (real servers)")
            ->check(CLI::IsMember({"sqlite", "postgres"}))
            ->capture_default_str();
        start->add_option("--shards", dev.shards, "How many shards")->check(CLI::Range(1, 256))->capture_default_str();
        start->add_option("--replicas", dev.replicas, "Streaming replicas of each shard (postgres)")
            ->check(CLI::Range(0, 8))
            ->capture_default_str();
        start->add_option("--function", dev.function, "How keys are spread (modulo; hash if keys are text or times)")
            ->check(CLI::IsMember({"modulo", "hash", "ring"}));
        start
            ->add_option("--key-type", dev.key_type,
                         "The type of the shard keys (as the schema has it; uuid without a schema)")
            ->check(CLI::IsMember({"integer", "uuid", "text", "timestamp", "date"}));
        start->add_option("--port", dev.port, "Where `ashlar serve` will listen")->capture_default_str();
        start->add_option("--database", dev.database, "The name that clients connect to")->capture_default_str();
        start->add_option("--user", dev.user, "The role that owns the databases (postgres)")->capture_default_str();
        start->add_option("--table", dev.tables, "A sharded table and its shard key; may be repeated")
            ->type_name("NAME=KEY")
            ->take_all();
        start->add_option("--reference", dev.references, "A reference table; may be repeated")
            ->type_name("NAME")
            ->take_all();
        start->add_option("--schema", dev.schema, "SQL to run on every shard")->type_name("FILE");
        start->footer(
            "Example:\n  ashlar dev start pg --engine postgres --shards 2 --table users=id --schema shop.sql");
    }
};

option_description describe(const CLI::Option& option) {
    option_description out;
    for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
    out.summary = option.get_description();
    out.takes_value = option.get_items_expected_max() > 0;
    const std::string& kind = option.get_type_name();  // "TEXT:{a,b}" where only some values are taken
    if (const auto open = kind.find('{'); open != std::string::npos) {
        std::istringstream list{kind.substr(open + 1, kind.find('}') - open - 1)};
        for (std::string each; std::getline(list, each, ',');) out.choices.push_back(each);
    }
    const std::string name = out.names.empty() ? option.get_name(true) : "";
    out.is_file = out.takes_value && (kind.starts_with("FILE") || name == "FILE" || name == "FOLDER");
    return out;
}

command_description describe(const CLI::App& app) {
    command_description out;
    out.name = app.get_name();
    out.summary = app.get_description();
    for (const CLI::Option* each : app.get_options({})) out.options.push_back(describe(*each));
    for (const CLI::App* each : app.get_subcommands({})) out.commands.push_back(describe(*each));
    return out;
}

bool is_command(const CLI::App& app, std::string_view word) {
    for (const CLI::App* each : app.get_subcommands({})) {
        if (each->get_name() == word) return true;
    }
    return false;
}

said no_command(const CLI::App& app, const std::string& word) {
    std::vector<std::string> names;
    for (const CLI::App* each : app.get_subcommands({})) names.push_back(each->get_name());
    const std::string meant = config::did_you_mean(word, config::views_of(names));
    return said{exit_usage, "ERROR:  There is no command `" + word + "`.\nHINT:   " +
                                (meant.empty() ? "`ashlar help` lists the commands.\n" : meant + "\n")};
}

// What people also write: `help COMMAND` for `COMMAND --help`, and -c before the command.
std::vector<std::string> in_order(const CLI::App& app, int argc, const char* const* argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    std::vector<std::string> before;
    std::size_t at = 0;
    for (; at < words.size(); ++at) {
        const std::string& word = words[at];
        if ((word == "-c" || word == "--config") && at + 1 < words.size()) {
            before.push_back(word);
            before.push_back(words[++at]);
        } else if (word.starts_with("--config=") || (word.starts_with("-c") && word.size() > 2)) {
            before.push_back(word);
        } else {
            break;
        }
    }
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at));
    if (!words.empty() && words.front() == "help") {
        words.erase(words.begin());
        words.push_back("--help");
    }
    const bool has_command = !words.empty() && is_command(app, words.front());
    words.insert(words.begin() + (has_command ? 1 : 0), before.begin(), before.end());
    return words;
}

}  // namespace

std::variant<command, said> parse_arguments(int argc, const char* const* argv) {
    everything all;
    std::vector<std::string> words = in_order(all.app, argc, argv);
    if (!words.empty() && !words.front().starts_with('-') && !is_command(all.app, words.front())) {
        return no_command(all.app, words.front());
    }
    try {
        std::reverse(words.begin(), words.end());  // as CLI11 takes them
        all.app.parse(words);
    } catch (const CLI::ParseError& stopped) {
        std::ostringstream out, err;
        const int code = all.app.exit(stopped, out, err);
        if (code == 0) return said{exit_ok, out.str()};
        if (argc < 2) return said{exit_usage, all.app.help()};
        const auto chosen = all.app.get_subcommands();
        const std::string which = chosen.empty() ? "" : chosen.front()->get_name() + " ";
        return said{exit_usage,
                    "ERROR:  " + std::string{stopped.what()} + "\nHINT:   See: ashlar " + which + "--help\n"};
    }
    for (const auto& [sub, made] : all.commands) {
        if (sub->parsed()) return made();
    }
    if (!all.completion_shell.empty()) {
        return said{exit_ok, completion_script(describe(all.app), all.completion_shell)};
    }
    return said{exit_usage, all.app.help()};
}

}  // namespace ashlar::cli
