// scratch.hpp: a database in memory that lives for one question: PostgreSQL's system catalogue for clients of SQLite files,
// filled with what is known of their tables. It blocks for some milliseconds at most, and is bounded in steps and rows.
#pragma once

#include "core/rows.hpp"
#include "driver/connection.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::driver::sqlite {

struct scratch_catalogue {
    std::string script;  // makes and fills the tables
    // By object id.
    std::map<std::int64_t, std::string> relations, types, schemas, definitions;
    std::map<std::int64_t, std::vector<std::string>> index_columns;  // as they are written in SQL
    std::string user, database, version;
    std::map<std::string, std::string, std::less<>> settings;
    std::int64_t process = 0;
};

struct scratch_answer {
    columns shape;
    row_batch rows;
};

// Fails with unsupported, in our words, for whatever SQLite does not take.
result<scratch_answer> ask_scratch(const scratch_catalogue& of, const std::string& sql,
                                   const std::vector<parameter>& parameters);

}  // namespace ashlar::driver::sqlite
