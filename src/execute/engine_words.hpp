// engine_words.hpp: what an engine says of a statement that the planner has read, in words that help its sender. Pure.
#pragma once

#include "driver/connection.hpp"

#include <ashlar/error.hpp>

namespace ashlar::execute {

// SQLite refuses syntax of PostgreSQL's by the token at which it stops (near "("): such a statement is right, and not
// available there. Other errors stay as they are.
error in_our_words(error why, const driver::connection& on);

}  // namespace ashlar::execute
