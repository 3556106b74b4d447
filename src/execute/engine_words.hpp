// engine_words.hpp: what an engine says of a statement that the planner has read, in words that help its sender. Pure.
#pragma once

#include "driver/connection.hpp"

#include <ashlar/error.hpp>

#include <optional>
#include <string_view>

namespace ashlar::execute {

// SQLite refuses syntax of PostgreSQL's by the token at which it stops (near "("): such a statement is right, and not
// available there. `sql` is what it was sent; a command that it lacks is named. Other errors stay as they are.
error in_our_words(error why, const driver::connection& on, std::string_view sql);

// Before a statement is sent: SQLite would take it, and do something else.
std::optional<error> misread_by(const driver::connection& on, std::string_view sql);

}  // namespace ashlar::execute
