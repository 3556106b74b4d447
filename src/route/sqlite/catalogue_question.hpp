// catalogue_question.hpp: is a SELECT about PostgreSQL's system catalogue, which SQLite files lack? Pure.
#pragma once

#include "route/catalogue.hpp"
#include "sql/facts.hpp"

namespace ashlar::route::sqlite {

// True when every table that it names is one of pg_catalog or information_schema; or when it names none, and calls a
// function that tells of the catalogue or the session.
bool asks_for_catalogue(const sql::statement& said, const catalogue& known);

}  // namespace ashlar::route::sqlite
