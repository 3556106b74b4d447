#include "cluster/database_check.hpp"

#include "core/ascii.hpp"
#include "route/definition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace ashlar::detail {

namespace {

bool is_word_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || static_cast<signed char>(c) < 0;
}

std::vector<std::string> words_of(std::string_view sql) {
    std::vector<std::string> words;
    std::string word;
    for (char c : sql) {
        if (is_word_char(c)) {
            word += to_lower(c);
        } else if (!word.empty()) {
            words.push_back(std::exchange(word, {}));
        }
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

// The table of Ashlar's own that tells which shard this is.
bool names_a_mark(std::string_view sql) {
    const std::vector<std::string> words = words_of(sql);
    return std::ranges::any_of(words,
                               [](const std::string& w) { return w == "shard_mark" || w == "ashlar_shard_mark"; });
}

// VACUUM and its kin, which the cluster does not run everywhere at once.
bool maintains(std::string_view sql) {
    constexpr std::array commands{"vacuum", "analyze", "reindex", "checkpoint", "cluster"};
    const std::vector<std::string> words = words_of(sql.substr(0, 1'000));
    return !words.empty() && std::ranges::find(commands, words.front()) != commands.end() && !names_a_mark(sql);
}

error belongs_elsewhere(const cluster_inside& inside, keyspace::shard_id here, const route::bound_plan& plan) {
    std::string owners;
    for (const route::step& each : plan.steps) {
        owners += (owners.empty() ? "" : ", ") + inside.world().shard(each.shard).name;
    }
    return error{errc::unsupported,
                 fmt::format("the row belongs to {}, and was given to {}", owners, inside.world().shard(here).name)}
        .hint("Let the cluster route it, or take shard_for() of the row's own key.");
}

}  // namespace

bool plainly_reads(std::string_view sql) {
    const std::vector<std::string> words = words_of(sql);
    if (words.empty()) return false;
    constexpr std::array starts{"select", "values", "table", "with"};
    constexpr std::array writers{"insert", "update", "delete", "merge", "into", "truncate"};
    if (std::ranges::find(starts, words.front()) == starts.end()) return false;
    return std::ranges::none_of(words,
                                [&](const std::string& w) { return std::ranges::find(writers, w) != writers.end(); });
}

result<checked_statement> check_for_shard(cluster_inside& inside, keyspace::shard_id shard, std::string_view sql,
                                          std::span<const route::bound_parameter> parameters) {
    using route::statement_kind;
    auto plan = inside.plan(sql);
    // A table that is not the same on all shards is, here, as this one has it.
    if (!plan && plan.error() == errc::shards_disagree) {
        plan = route::plan_statement(sql, inside.catalogue()->seen_by(shard));
    }
    if (!plan) {
        if (plainly_reads(sql)) {
            checked_statement unknown;
            unknown.proven = false;
            return unknown;
        }
        // What the cluster cannot define everywhere at once, a shard can define for itself: views, functions …
        if (route::is_definition(sql) && !names_a_mark(sql)) {
            checked_statement definition;
            definition.writes = definition.changes_tables = true;
            return definition;
        }
        if (maintains(sql)) {
            checked_statement maintenance;
            maintenance.writes = true;
            return maintenance;
        }
        return std::move(plan).error();
    }
    checked_statement what;
    if ((*plan)->types() != nullptr) what.typed = *plan;
    what.writes = (*plan)->writes();
    what.changes_tables = (*plan)->kind() == statement_kind::ddl;
    if ((*plan)->because() == route::routed_because::reference_write && !what.changes_tables) {
        return error{errc::unsupported, "a reference table cannot be written on one shard alone"}.hint(
            "Write it through the cluster, so that all shards keep the same rows.");
    }
    if ((*plan)->kind() != statement_kind::insert) return what;
    auto bound = (*plan)->bind(parameters);
    if (!bound) return std::move(bound).error();
    const bool here = bound->where != route::target::unsharded &&
                      std::ranges::all_of(bound->steps, [&](const route::step& s) { return s.shard == shard; });
    if (bound->where != route::target::unsharded && !here) return belongs_elsewhere(inside, shard, *bound);
    return what;
}

}  // namespace ashlar::detail
