// session_bound.hpp: statements whose effect only one server session could keep: temporary tables, session advisory locks,
// LISTEN, cursors WITH HOLD, the last value of a sequence. Here a server serves another client after each transaction, so
// they are refused before they have any effect (TRAPS 11). Pure.
#pragma once

#include <ashlar/error.hpp>

#include <optional>
#include <string_view>

namespace ashlar::proxy {

// Why the statement cannot be kept for its session; nothing when it leaves no such thing. Looks at words outside literals
// and comments, so that it may refuse too much (a column called lastval), never too little of what is written out. What a
// function does inside is seen by its leftovers, when it has run.
std::optional<error> bound_to_a_session(std::string_view sql, bool standard_conforming_strings = true,
                                        bool over_sqlite = false);

}  // namespace ashlar::proxy
