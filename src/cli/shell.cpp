// `ashlar shell`: a prompt over the library. For completion of names and paging: `ashlar serve`, and psql.

#include "cli/answer_text.hpp"
#include "cli/commands.hpp"
#include "cli/line_input.hpp"
#include "cli/run.hpp"
#include "cli/sql_session.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"

#include <ashlar/cluster.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <chrono>
#include <optional>

namespace ashlar::cli {

namespace {

constexpr std::string_view help = R"(  \d           the tables of the configuration and where their rows live
  \shards      the shards
  \timing      tell how long statements take, or no longer
  \q           leave (or Ctrl-D)
Statements end with a semicolon. explain (ashlar) … tells where a statement goes, and why.
)";

class session {
public:
    session(cluster shop, config::description described)
        : described_(std::move(described)),
          dialect_(dialect_of(described_, "")),
          script_(dialect_),
          session_(std::move(shop), "", dialect_) {}

    // Reads to the end of the input. The exit code: 1 when a statement of a script (no terminal) failed.
    int run() {
        std::string pending;
        const bool person = is_terminal(stream::out) && ::isatty(0) == 1;
        line_input lines{person, default_history_file()};
        if (person) print("Type \\? for help.\n");
        while (!left_) {
            const std::optional<std::string> read = lines.next(prompt(pending));
            if (!read) break;
            const std::string& line = *read;
            if (pending.empty() && line.starts_with('\\')) {
                command(line);
                continue;
            }
            pending += line + "\n";
            run_statements(pending, false);
            if (failed_ && !person) return exit_failed;
        }
        if (person && !left_) print("\n");
        if (!person) run_statements(pending, true);
        if (const status closed = session_.close(); !closed && !person) {
            finish_output();
            print_error(closed.error());
            return exit_failed;
        }
        return failed_ && !person ? exit_failed : exit_ok;
    }

private:
    static bool blank(const std::string& text) { return text.find_first_not_of(" \t\r\n;") == std::string::npos; }

    std::string prompt(const std::string& pending) const {
        return described_.serve.database + (pending.empty() ? "=" : "-") + (session_.in_transaction() ? "*> " : "> ");
    }

    // Runs what is whole, and keeps the rest.
    void run_statements(std::string& pending, bool is_all) {
        const script::cut found = script_.take(pending, is_all);
        for (const std::string_view each : found.statements) {
            run_statement(std::string{each});
            if (failed_ && ::isatty(0) != 1) break;
        }
        pending.erase(0, found.rest);
        if (blank(pending)) pending.clear();
    }

    void run_statement(const std::string& text) {
        const auto started = std::chrono::steady_clock::now();
        const status done = dispatch(text);
        failed_ = !done;
        if (!done) {
            finish_output();
            print_error(done.error());
        }
        if (!timing_) return;
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - started;
        print(fmt::format("Time: {:.3f} ms\n", took.count()));
    }

    status dispatch(const std::string& text) {
        auto answer = session_.run(text);
        if (!answer) return std::move(answer).error();
        if (!answer->found) {
            print(answer->tag + "\n");
            return {};
        }
        const std::vector<answer_part> parts{{"", std::move(*answer->found)}};
        const answer_shape how;
        print(answer_text(parts, how));
        return {};
    }

    void command(const std::string& line) {
        const std::string name = line.substr(0, line.find_first_of(" \t"));
        if (name == "\\q") {
            left_ = true;
        } else if (name == "\\timing") {
            timing_ = !timing_;
            print(timing_ ? "Timing is on.\n" : "Timing is off.\n");
        } else if (name == "\\d" || name == "\\dt") {
            show_tables();
        } else if (name == "\\shards") {
            show_shards();
        } else {
            if (name != "\\?") print("There is no command " + printable(name) + ".\n");
            print(help);
        }
    }

    void show_tables() const {
        constexpr std::string_view kinds[] = {"sharded", "reference", "unsharded"};
        std::vector<text_row> lines;
        for (const config::table& t : described_.tables) {
            std::optional<std::string> key;
            if (t.kind == config::table_kind::sharded) key = t.shard_key;
            lines.push_back({t.schema.empty() ? t.name : t.schema + "." + t.name,
                             std::string{kinds[static_cast<std::size_t>(t.kind)]}, key});
        }
        print(aligned({{"table"}, {"kind"}, {"shard key"}}, lines));
    }

    void show_shards() const {
        std::vector<text_row> lines;
        if (described_.shards_) {
            for (const config::database& d : described_.shards_->list) lines.push_back({d.name, d.primary.display()});
        }
        print(aligned({{"shard"}, {"url"}}, lines));
    }

    const config::description described_;
    const driver::dialect dialect_;
    script script_;
    sql_session session_;
    bool timing_ = false, left_ = false, failed_ = false;
};

}  // namespace

int run_shell(const shell_options& asked) {
    auto described = config::load(asked.config, config::process_environment());
    if (!described) return print_error(described.error()), exit_failed;
    auto shop = cluster::open(asked.config);
    if (!shop) return print_error(shop.error()), exit_failed;
    return session{std::move(*shop), std::move(*described)}.run();
}

}  // namespace ashlar::cli
