// trigger_body.hpp: may a BEFORE ROW trigger store another value in a column than the statement gave? A function in PL/pgSQL is
// read token by token; every use of NEW that is not understood counts as a change. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::route {

bool may_change_column(std::string_view plpgsql, std::string_view column);

// The same of any trigger's function: may the column of NEW or OLD have another value somewhere in the body?
bool may_assign_column(std::string_view plpgsql, std::string_view column);

}  // namespace ashlar::route
