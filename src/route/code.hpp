// code.hpp: what a text of SQL or PL/pgSQL (a function's body, a view's query, a default …) names and does. It is read token by
// token and takes too much rather than too little: a relation, a function or an operator that the text uses is always among
// what is told here, unless `unknown` says why that cannot be known. Pure.
#pragma once

#include "sql/lexer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route {

enum class code_language { sql, plpgsql, sqlite };

struct code_facts {
    struct mention {
        std::string schema, name;  // schema: whatever stands before the point; "" = nothing
        friend bool operator==(const mention&, const mention&) = default;
    };
    std::vector<mention> relations;  // where a relation may stand
    std::vector<mention> calls;      // before a parenthesis
    std::vector<mention> words;      // all others: columns, types, variables, row.function
    std::vector<std::string> operators;
    std::string unknown;   // "runs SQL that it makes itself (EXECUTE)"
    bool writes = false;   // INSERT, UPDATE, DELETE …, or a definition
    bool session = false;  // SET, LISTEN …
    bool varies = false;   // current_timestamp, current_user …
};

code_facts read_code(std::string_view text, code_language language);

// An identifier as it is stored: folded to lower case, or without its quotes.
std::string identifier_of(std::string_view text, const sql::token& t);

}  // namespace ashlar::route
