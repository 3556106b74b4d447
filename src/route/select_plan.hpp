// select_plan.hpp: a SELECT over several shards: the text that each shard gets and the recipe that makes one answer of
// their rows; or why there is none. Total: what is not proved to come out as one plain database would have it is refused.
// Pure.
#pragma once

#include "route/analysis.hpp"
#include "route/contents.hpp"
#include "route/plan.hpp"
#include "sql/facts.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route {

struct several_plan {
    std::string sql;
    std::vector<std::size_t> parameters;
    bool all_parameters = true;
    std::shared_ptr<const recipe> merge;
    std::shared_ptr<const std::vector<shown_type>> shows;  // SQLite: of the columns that each shard returns
};

struct select_question {
    std::string_view text;
    const sql::query& query;
    const analysis& tables;
    const contents& inside;
    const catalogue& known;
    std::size_t parameter_count = 0;
    const typed_statement* types = nullptr;  // SQLite: of the text
};

result<several_plan> plan_several(const select_question& q);

// Every occurrence of a sharded table is tied to the rows of the outermost FROM by the shard key, and those are disjoint
// over the shards; otherwise why not.
std::optional<error> refuse_spread(const analysis& tables, std::string_view text);

}  // namespace ashlar::route
