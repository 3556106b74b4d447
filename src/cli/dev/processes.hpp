// processes.hpp: the programs that `ashlar dev` runs: to their end, or kept running after the command itself has ended.
//
// Root      PostgreSQL refuses to run as root. As root everything here runs as the user `postgres`, or else `nobody`.
// Identity  A kept process is known by its pid and its start time together, so that a pid that the system gave to somebody
//           else meanwhile is never signalled.
#pragma once

#include <ashlar/result.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace ashlar::cli::dev {

struct process_id {
    pid_t pid = 0;
    std::uint64_t started = 0;  // field 22 of /proc/PID/stat
};

// The user that servers run as; empty when that is the caller. Fails as root on a machine without a user for it.
result<std::string> server_user();

// Runs a program to its end; a non-zero exit is an error with the end of its output.
status run_program(const std::vector<std::string>& words, const std::string& user, const std::string& log);
// Does it end with 0? For questions, such as `test -x`.
bool succeeds(const std::vector<std::string>& words, const std::string& user);
// Starts a program in a session of its own, its output appended to `log`.
result<process_id> start_program(const std::vector<std::string>& words, const std::string& user,
                                 const std::string& log);

bool is_running(process_id which);
// Sends `signal` and waits for the end; SIGKILL once `patience` is over. True when it has ended.
bool end_program(process_id which, int signal, std::chrono::milliseconds patience);

// Gives a folder and what is in it to the user; nothing for an empty one.
status give_to(const std::string& folder, const std::string& user);

// The last lines of a file, for messages.
std::string tail_of(const std::string& file, std::size_t bytes = 2000);

}  // namespace ashlar::cli::dev
