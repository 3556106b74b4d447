// `ashlar query`: SQL through the library, answered as one database would answer it; or on each shard by itself.

#include "cli/answer_text.hpp"
#include "cli/commands.hpp"
#include "cli/run.hpp"
#include "cli/sql_session.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"
#include "core/errno_text.hpp"

#include <ashlar/cluster.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

namespace ashlar::cli {

namespace {

answer_format format_of(const query_options& asked) {
    if (asked.json) return answer_format::json;
    return asked.csv ? answer_format::csv : answer_format::table;
}

result<std::string> text_of(const query_options& asked) {
    if (asked.file.empty() && asked.sql != "-") return asked.sql;
    std::ostringstream all;
    if (asked.file.empty() || asked.file == "-") {
        all << std::cin.rdbuf();
        return all.str();
    }
    std::ifstream in{asked.file, std::ios::binary};
    if (!in) return error{errc::io_failure, asked.file + " cannot be read: " + errno_text(errno)};
    all << in.rdbuf();
    return all.str();
}

status run_planned(sql_session& session, const query_options& asked, std::string_view statement) {
    auto answer = session.run(statement);
    if (!answer) return std::move(answer).error();
    if (!answer->found) {
        if (format_of(asked) == answer_format::table) print(answer->tag + "\n");
        return {};
    }
    const std::vector<answer_part> parts{{"", std::move(*answer->found)}};
    const answer_shape how{format_of(asked), ""};
    print(answer_text(parts, how));
    return {};
}

// One after the other, so that it is clear which shards have it when one fails.
status run_on_each_shard(const cluster& shop, const query_options& asked, std::string_view statement) {
    const all_shards shards = shop.all_shards();
    std::vector<answer_part> parts;
    std::string done;
    for (std::size_t i = 0; i < shards.size(); ++i) {
        const scope shard = shards[i];
        auto answer = shard.query(statement);
        if (!answer) {
            error why = std::move(answer).error();
            if (why.where().empty()) why.on(shard.name());
            if (!done.empty()) why.hint("These shards have run it already: " + done + ". " + why.hint());
            return why;
        }
        done += (done.empty() ? "" : ", ") + shard.name();
        parts.push_back({shard.name(), std::move(*answer)});
    }
    const answer_shape how{format_of(asked), "shard"};
    print(answer_text(parts, how));
    return {};
}

}  // namespace

int run_query(const query_options& asked) {
    const auto text = text_of(asked);
    if (!text) return print_error(text.error()), exit_failed;
    const auto described = config::load(asked.config, config::process_environment());
    if (!described) return print_error(described.error()), exit_failed;
    cluster_options options;
    options.timeout = asked.timeout;
    const auto shop = cluster::open(asked.config, options);
    if (!shop) return print_error(shop.error()), exit_failed;
    const driver::dialect how = dialect_of(*described, asked.database);
    sql_session session{*shop, asked.database, how};
    for (const std::string_view statement : script{how}.take(*text, true).statements) {
        const status done =
            asked.each_shard ? run_on_each_shard(*shop, asked, statement) : run_planned(session, asked, statement);
        if (!done) return finish_output(), print_error(done.error()), exit_failed;
    }
    if (const status closed = session.close(); !closed) {
        return finish_output(), print_error(closed.error()), exit_failed;
    }
    return exit_ok;
}

}  // namespace ashlar::cli
