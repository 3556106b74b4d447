// answer_text.hpp: the rows of an answer as a table, as CSV or as JSON. Pure.
#pragma once

#include "cli/table_text.hpp"

#include <ashlar/row.hpp>

#include <string>
#include <vector>

namespace ashlar::cli {

enum class answer_format { table, csv, json };

// An answer, or several of one shape: with `labelled`, each row begins with its part's label under `label_name`.
struct answer_part {
    std::string label;
    rows what;
};

struct answer_shape {
    answer_format format = answer_format::table;
    std::string label_name;  // empty: one part, without a label
};

// table: as psql shows it; a statement without columns gives its tag ("UPDATE 3").
// csv:   a head and the rows; nothing for a statement without columns.
// json:  {"columns": [{"name", "type"}], "rows": [[…]], "tag": …}; numbers and booleans as such, NULL as null.
std::string answer_text(const std::vector<answer_part>& parts, const answer_shape& how);

}  // namespace ashlar::cli
