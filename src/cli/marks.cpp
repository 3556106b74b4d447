// `ashlar marks`: what each shard remembers of the map that its rows were spread by; and, with --accept, the configured map in its
// place, once the rows have been looked at.

#include "cli/commands.hpp"
#include "cli/direct.hpp"
#include "cli/run.hpp"
#include "cli/shard_findings.hpp"
#include "cli/table_text.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::cli {

namespace {

using namespace std::chrono_literals;
using topology::shard_mark;
using topology::shard_survey;
using topology::survey;

constexpr auto patience_with_one = 60s;

survey look_at(const config::description& what, std::optional<std::uint64_t> rows) {
    const auto loop = io::make_poll_loop();
    return loop->run(topology::survey_shards(*loop, what, rows, rows ? deadline::never() : deadline::in(30s)));
}

std::string table_of(const survey& found) {
    std::vector<text_row> lines;
    for (std::size_t i = 0; i < found.shards.size(); ++i) {
        const shard_survey& shard = found.shards[i];
        std::string problem = found.wrong_mark(i);
        if (shard.failed) problem = shard.failed->message();
        if (!shard.mark.unreadable.empty()) problem = shard.mark.unreadable;
        if (!shard.mark.mark) {
            lines.push_back({shard.shard, "", "", "", "", "", "", problem.empty() ? "no mark yet" : problem});
            continue;
        }
        const shard_mark& m = *shard.mark.mark;
        lines.push_back({shard.shard, fmt::format("{}, {} of {}", m.shard, m.number, m.map.shards.size()),
                         std::string{keyspace::name_of(m.map.function)}, std::string{keyspace::name_of(m.map.key_type)},
                         std::to_string(m.epoch), m.state, m.cluster, problem});
    }
    return aligned(
        {{"shard"}, {"marked as"}, {"function"}, {"key type"}, {"epoch", true}, {"state"}, {"cluster"}, {"problem"}},
        lines, false);
}

bool is_well(const survey& found) {
    const auto answered = [](const shard_survey& each) { return !each.failed; };
    return found.marks.is_good() && std::ranges::all_of(found.shards, answered);
}

// Every shard must have been asked, and no row may lie where the configured map does not look for it.
status may_accept(const survey& found) {
    for (const shard_survey& each : found.shards) {
        if (each.failed) return error{*each.failed}.on(each.shard);
        if (const std::string misfit = topology::misfit_of(each.samples); !misfit.empty()) {
            return error{
                errc::config_invalid,
                fmt::format("the rows on {} are not spread as the shards are configured: {}", each.shard, misfit)}
                .hint("Nothing was changed. Move the rows first, or correct the configuration.");
        }
        for (const topology::table_sample& sample : each.samples) {
            if (sample.problem.empty()) continue;
            return error{errc::config_invalid,
                         fmt::format("{} on {} could not be read: {}", sample.table, each.shard, sample.problem)}
                .hint("Nothing was changed. Its rows have to be looked at before a map is accepted for them.");
        }
    }
    return {};
}

task<status> replace(driver::connection& on, std::string name, shard_mark mark, deadline until) {
    return topology::replace_mark(on, std::move(name), std::move(mark), until);
}

// One after the other. Who is interrupted accepts again: the marks of before and after do not agree, and no start takes them.
status store_all(const config::description& what, const survey& found) {
    shard_mark mark;
    mark.cluster = found.marks.cluster.empty() ? uuid::random().to_string() : found.marks.cluster;
    mark.map = topology::map_description_of(*what.shards_);
    mark.state = shard_mark::serving;
    mark.complete = true;
    mark.epoch = 1;
    bool is_another = false;
    for (const shard_survey& each : found.shards) {
        if (!each.mark.mark) continue;
        mark.epoch = std::max(mark.epoch, each.mark.mark->epoch);
        is_another = is_another || each.mark.mark->unknown_form ||
                     !topology::map_differences(each.mark.mark->map, mark.map).empty();
    }
    if (is_another) ++mark.epoch;
    for (std::size_t i = 0; i < found.shards.size(); ++i) {
        const config::database& where = what.shards_->list[i];
        mark.shard = where.name;
        mark.number = static_cast<std::uint32_t>(i + 1);
        const auto loop = io::make_poll_loop();
        auto opened = connect_to(*loop, where);
        if (!opened) return std::move(opened).error().on(where.name);
        std::string name = topology::mark_name_of(*what.shards_, where);
        status done = loop->run(replace(**opened, std::move(name), mark, deadline::in(patience_with_one)));
        if (!done) return std::move(done).error().on(where.name);
    }
    return {};
}

int accept(const config::description& what, std::uint64_t rows) {
    const survey found = look_at(what, rows);
    if (status may = may_accept(found); !may) return print_error(may.error()), exit_failed;
    if (status done = store_all(what, found); !done) return print_error(done.error()), exit_failed;
    std::uint64_t looked_at = 0;
    for (const shard_survey& each : found.shards) {
        for (const topology::table_sample& sample : each.samples) looked_at += sample.rows;
    }
    const survey now = look_at(what, std::nullopt);
    print(table_of(now));
    print(fmt::format("{} rows were looked at, and all are where {} has them.\n", looked_at, what.file));
    return is_well(now) ? exit_ok : exit_failed;
}

}  // namespace

int run_marks(const marks_options& asked) {
    const auto what = config::load(asked.config, config::process_environment());
    if (!what) return print_error(what.error()), exit_failed;
    if (!what->shards_) {
        print(asked.config + " has no shards: nothing is marked.\n");
        return exit_ok;
    }
    if (asked.accept) return accept(*what, asked.rows);
    const survey found = look_at(*what, std::nullopt);
    print(asked.json ? describe(found).json + "\n" : table_of(found));
    return is_well(found) ? exit_ok : exit_failed;
}

}  // namespace ashlar::cli
