// scram_keys.hpp: the arithmetic that both sides of SCRAM share. For this room only.
#pragma once

#include "wire/scram.hpp"

#include <string_view>

namespace ashlar::wire {

scram_key hmac(const scram_key& key, std::string_view message);
scram_key sha256(std::string_view bytes);
scram_key operator^(const scram_key& a, const scram_key& b) noexcept;
bool same_secret(const scram_key& a, const scram_key& b) noexcept;  // constant time
std::string_view view_of(const scram_key& key) noexcept;
// The 32 bytes that a base64 text holds; false when it holds anything else.
bool key_from_base64(std::string_view text, scram_key& into);
void wipe(scram_key& key) noexcept;

// Cuts one attribute "x=value" off the front of a SCRAM message, with the comma behind it. False when the next attribute is
// another one, or none.
bool take_attribute(std::string_view& message, char name, std::string_view& value);

// A positive number of at most nine digits and nothing else; 0 for anything else.
std::uint32_t iterations_in(std::string_view text) noexcept;

}  // namespace ashlar::wire
