// refusal.hpp: how the planner says no: what stood in the way, where in the text, and how to write it instead. Pure.
#pragma once

#include <ashlar/error.hpp>

#include <string>
#include <string_view>

namespace ashlar::route {

// "<what> cannot be answered across shards", 0A000, with the position of a byte offset (-1 = none).
error refusal(std::string_view text, int location, std::string_view what, std::string hint);
error refusal_of(errc code, std::string_view text, int location, std::string message, std::string hint);

struct table_facts;
// The table is not the same on all shards. Precondition: it says so.
error refuse_differing(const table_facts& table);

}  // namespace ashlar::route
