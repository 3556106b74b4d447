// typed_parameters.hpp: the client's parameters with the types that the plan found for them, for an engine that infers none,
// and after them the names of the session that the statement asks for. Pure.
#pragma once

#include "driver/connection.hpp"
#include "route/plan.hpp"

#include <string>
#include <vector>

namespace ashlar::execute {

// What a session is called, for current_user and current_database() over SQLite.
struct session_names {
    std::string user = "ashlar", database = "ashlar";
    session_names() = default;
};

// `alone`: one server answers, and nothing is merged. Fails with bad_value for a value that is too long or too large for the
// column that it enters.
status type_parameters(const route::typed_statement& types, bool alone, const session_names& names,
                       std::vector<driver::parameter>& parameters);

}  // namespace ashlar::execute
