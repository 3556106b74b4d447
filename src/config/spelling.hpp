// spelling.hpp: what somebody probably meant to write. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::config {

// The least number of characters to insert, delete, replace, or swap with a neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The choice nearest to `written`, if it is near enough to be what was meant: a third of its length at most. Else the
// one that has it as a whole word (port → listen_port).
std::optional<std::string_view> nearest(std::string_view written, std::span<const std::string_view> choices);

// "did you mean `max_connections`?", or nothing.
std::string did_you_mean(std::string_view written, std::span<const std::string_view> choices);

// "a, b or c"
std::string listed(std::span<const std::string_view> choices, std::string_view last_word = "or");

std::vector<std::string_view> views_of(const std::vector<std::string>& owned);

}  // namespace ashlar::config
