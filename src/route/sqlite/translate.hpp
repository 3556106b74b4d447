// translate.hpp: PostgreSQL's statement → the statement that gives the same answer on SQLite, or a refusal by name.
//
// SQLite types each value by itself: it compares an integer with a text by class before value, divides by zero without
// complaint, lets integers overflow to floats, and stores any text in any column. So every expression is typed here as
// PostgreSQL types it (untyped literals and parameters by what they stand beside, columns by their declared types), and
// written anew: literals in the form that the file keeps, arithmetic and casts as the checked functions of SQLite's driver
// (pg_int4_add …), NULLs in PostgreSQL's order, output columns under PostgreSQL's names. The facts are a whitelist, and so
// is this: what is not known here is refused with its clause, and SQLite's parser never sees it.
//
// A statement that says the same in both is left as the client wrote it, byte for byte. Pure.
#pragma once

#include "route/catalogue.hpp"
#include "route/plan.hpp"
#include "sql/facts.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route::sqlite {

using value_type = known_type;
using parameter_use = parameter_kind;

struct translation {
    std::string sql;        // what SQLite gets
    typed_statement types;  // as PostgreSQL infers them
};

// Precondition: `said` is a select, insert, update or delete. `declared`: the types of parameters as the client gave them.
result<translation> translate(std::string_view text, const sql::statement& said, const catalogue& known,
                              std::span<const std::string> search_path, std::span<const std::uint32_t> declared);

}  // namespace ashlar::route::sqlite
