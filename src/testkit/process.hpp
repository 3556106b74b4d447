// process.hpp: other programs, run to their end with their output, or kept running and ended by their own pid.
//
// Every child gets a signal when the thread that started it dies (PR_SET_PDEATHSIG), so that a killed test leaves
// nothing behind. Hence: start long-lived children from a thread that lives as long as they should.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::testkit {

struct command {
    std::vector<std::string> arguments;              // [0] is the program, looked up in PATH
    std::string input;                               // run() only: its standard input
    std::string user;                                // run as this user when we are root; empty: as we are
    std::string folder;                              // its working directory; empty: ours
    std::map<std::string, std::string> environment;  // added to ours; an empty value removes a name
    std::string output_file;                         // child only: where both outputs go (appended); empty: /dev/null
    int signal_when_we_die = SIGKILL;
    std::chrono::milliseconds timeout{60'000};  // run() only: then it is killed and the result says so
};

struct command_result {
    int exit_code = -1;  // 128 + signal when a signal ended it
    bool timed_out = false;
    std::string out, err;
    bool ok() const noexcept { return exit_code == 0; }
    std::string describe() const;  // for failure messages: the code and both outputs
};

// Runs it to its end. Throws std::runtime_error when it cannot even be started.
command_result run(const command& what);

// A program kept running. The destructor kills it (SIGKILL) and waits.
class child {
public:
    child() = default;
    explicit child(const command& what);
    child(child&& other) noexcept : pid_(other.pid_), status_(other.status_) { other.pid_ = 0; }
    child& operator=(child&& other) noexcept;
    ~child();

    pid_t pid() const noexcept { return pid_; }
    bool running();
    void send(int signal) const;
    // Waits for its end; nullopt when it still runs after `patience`. The code is as in command_result.
    std::optional<int> wait(std::chrono::milliseconds patience);
    void kill_and_wait();

private:
    pid_t pid_ = 0;  // 0: none
    std::optional<int> status_;
};

// The direct children of a process, from /proc.
std::vector<pid_t> children_of(pid_t parent);

}  // namespace ashlar::testkit
