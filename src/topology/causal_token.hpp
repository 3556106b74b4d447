// causal_token.hpp: how far a session's writes have got, as a text that another process can read: "v1!shard_1!p1-0000000003000148!…".
#pragma once

#include "health/log_position.hpp"
#include "topology/world.hpp"

#include <map>
#include <string>
#include <string_view>

namespace ashlar::topology {

// By member's number. An empty text is a session that has written nothing.
using causal_positions = std::map<std::size_t, health::log_position>;

std::string to_causal_token(const causal_positions& what, const world& of);
// Fails with bad_value, and with database_unknown.
result<causal_positions> read_causal_token(std::string_view token, const world& of);

}  // namespace ashlar::topology
