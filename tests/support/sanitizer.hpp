// sanitizer.hpp: does a sanitizer run this? Its shadow and its quarantine make the memory of the process say nothing.
#pragma once

namespace ashlar::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace ashlar::test
