#include "cli/shard_findings.hpp"

#include "cli/json_text.hpp"
#include "cli/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace ashlar::cli {

namespace {

using topology::shard_mark;
using topology::shard_survey;
using topology::survey;
using topology::table_sample;

std::string mark_text(const survey& found, std::size_t i) {
    const shard_survey& shard = found.shards[i];
    if (shard.failed) return "not asked: " + shard.failed->message();
    if (!found.wrong_mark(i).empty()) return found.wrong_mark(i);
    if (!shard.mark.unreadable.empty()) return "not known: " + shard.mark.unreadable;
    if (!shard.mark.mark) return "none yet; it is written when the shard is first used";
    const shard_mark& mark = *shard.mark.mark;
    return fmt::format("number {} of {}, epoch {}, cluster {}", mark.number, mark.map.shards.size(), mark.epoch,
                       mark.cluster);
}

struct table_totals {
    std::uint64_t rows = 0, elsewhere = 0, unreadable = 0;
};

// Over all shards, by table.
std::map<std::string, table_totals> totals_of(const survey& found) {
    std::map<std::string, table_totals> out;
    for (const shard_survey& shard : found.shards) {
        for (const table_sample& each : shard.samples) {
            table_totals& here = out[each.table];
            here.rows += each.rows;
            here.elsewhere += each.elsewhere;
            here.unreadable += each.unreadable;
        }
    }
    return out;
}

std::string rows_text(const table_totals& of) {
    std::string text = fmt::format("{} row{} looked at, ", of.rows, of.rows == 1 ? "" : "s");
    text +=
        of.elsewhere == 0 ? "all where they belong" : fmt::format("{} on a shard that does not own them", of.elsewhere);
    if (of.unreadable > 0) text += fmt::format("; {} with a key that cannot be read as one", of.unreadable);
    return text;
}

constexpr const char* map_hint =
    "Put the configuration back as it was, or the right database into the shard's place; `ashlar marks --accept` takes "
    "the "
    "configured map for rows that lie as it says.";
constexpr const char* schema_hint = "Statements about the table are refused until it is the same on all shards.";
constexpr const char* rows_hint =
    "Such rows are not found by their key, and one with the same key can be stored again: put the configuration back "
    "as it "
    "was, or move the rows.";

void add_of_samples(const shard_survey& shard, std::vector<finding>& to) {
    for (const table_sample& each : shard.samples) {
        if (!each.problem.empty()) {
            to.push_back({fmt::format("{} on {} could not be read: {}", each.table, shard.shard, each.problem),
                          "Its rows have not been looked at."});
        }
        if (each.elsewhere == 0) continue;
        to.push_back({fmt::format("{} of {} rows of {} on {} belong elsewhere: {}", each.elsewhere, each.rows,
                                  each.table, shard.shard, each.example),
                      rows_hint});
    }
}

std::vector<finding> findings_of(const survey& found) {
    std::vector<finding> all;
    for (std::size_t i = 0; i < found.shards.size(); ++i) {
        const shard_survey& shard = found.shards[i];
        if (shard.failed)
            all.push_back({shard.shard + " could not be asked: " + shard.failed->message(), shard.failed->hint()});
        if (!found.wrong_mark(i).empty())
            all.push_back({"the mark of " + shard.shard + " does not fit: " + found.wrong_mark(i), map_hint});
    }
    for (const auto& each : found.differences) {
        all.push_back({fmt::format("{} is not the same on all shards: on {} {}", each.table, each.shard, each.what),
                       schema_hint});
    }
    for (const shard_survey& shard : found.shards) add_of_samples(shard, all);
    return all;
}

std::string json_of(const survey& found) {
    json_array marks, differences, rows;
    for (std::size_t i = 0; i < found.shards.size(); ++i) {
        const shard_survey& shard = found.shards[i];
        json_object each;
        each.add("shard", shard.shard).add("marked", shard.mark.mark.has_value()).add("problem", problem_of(found, i));
        if (const auto& mark = shard.mark.mark) {
            each.add("cluster", mark->cluster).add("number", mark->number).add("epoch", mark->epoch);
            each.add("shards", mark->map.shards.size()).add("state", mark->state);
        }
        marks.add(each);
        for (const table_sample& sample : shard.samples) {
            json_object one;
            one.add("table", sample.table).add("shard", shard.shard).add("rows", sample.rows);
            one.add("elsewhere", sample.elsewhere).add("unreadable", sample.unreadable).add("example", sample.example);
            rows.add(one.add("problem", sample.problem));
        }
    }
    for (const auto& each : found.differences) {
        differences.add(json_object{}.add("table", each.table).add("shard", each.shard).add("difference", each.what));
    }
    json_object out;
    out.add_raw("marks", marks.text()).add_raw("differences", differences.text()).add_raw("rows", rows.text());
    return out.text();
}

}  // namespace

std::string problem_of(const survey& found, std::size_t shard) {
    std::string out = found.wrong_mark(shard);
    for (const auto& each : found.differences) {
        if (each.shard == found.shards[shard].shard) out += (out.empty() ? "" : "; ") + each.table + ": " + each.what;
    }
    return out;
}

deep_findings describe(const survey& found) {
    deep_findings out;
    out.wrong = findings_of(found);
    std::size_t width = 0;
    for (const shard_survey& each : found.shards) width = std::max(width, each.shard.size());
    out.text = "\n" + styled("Marks", style::bold) + "\n";
    for (std::size_t i = 0; i < found.shards.size(); ++i) {
        out.text += fmt::format("  {:<{}}  {}\n", found.shards[i].shard, width, mark_text(found, i));
    }
    const auto totals = totals_of(found);
    if (!totals.empty()) out.text += "\n" + styled("Rows", style::bold) + "\n";
    for (const auto& [table, of] : totals) out.text += fmt::format("  {}  {}\n", table, rows_text(of));
    out.json = json_of(found);
    return out;
}

}  // namespace ashlar::cli
