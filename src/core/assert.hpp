// assert.hpp: promises of our own code, checked in every build. Never for what a peer or a user sent.
#pragma once

namespace ashlar {
// Writes the claim and its place to standard error and aborts: going on would risk a wrong answer.
[[noreturn]] void assertion_failed(const char* claim, const char* file, int line) noexcept;
}  // namespace ashlar

#define ASHLAR_ASSERT(claim) \
    (static_cast<bool>(claim) ? static_cast<void>(0) : ::ashlar::assertion_failed(#claim, __FILE__, __LINE__))
