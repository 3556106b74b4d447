// run.hpp: the whole command line behind one call. main() does nothing else.
//
// Returns   0 done, 1 it failed, 2 the command line makes no sense. Nothing is thrown.
#pragma once

namespace ashlar::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

int run(int argc, char** argv);

}  // namespace ashlar::cli
