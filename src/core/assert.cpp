#include "core/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace ashlar {

void assertion_failed(const char* claim, const char* file, int line) noexcept {
    std::fprintf(stderr, "ashlar: a promise was broken: %s at %s:%d\n", claim, file, line);
    std::abort();
}

}  // namespace ashlar
