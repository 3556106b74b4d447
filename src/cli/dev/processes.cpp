#include "cli/dev/processes.hpp"
#include "core/errno_text.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace ashlar::cli::dev {

namespace {

using namespace std::chrono_literals;

struct identity {
    bool change = false;
    uid_t user = 0;
    gid_t group = 0;
    std::string name;
};

identity identity_of(const std::string& user) {
    if (user.empty()) return {};
    const passwd* entry = ::getpwnam(user.c_str());  // NOLINT(concurrency-mt-unsafe): no other thread yet
    if (entry == nullptr) return {};
    return {true, entry->pw_uid, entry->pw_gid, user};
}

// In the child, between fork and exec: system calls only. Ends the process when something fails.
void become(const identity& who, int log, bool own_session) {
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    if (own_session) ::setsid();
    ::closefrom(3);
    if (who.change && (::setgroups(1, &who.group) != 0 || ::setgid(who.group) != 0 || ::setuid(who.user) != 0))
        ::_exit(126);
    if (who.change && ::chdir("/") != 0) ::_exit(126);
}

pid_t spawn(const std::vector<std::string>& words, const std::string& user, const std::string& log, bool own_session) {
    const identity who = identity_of(user);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0) return -1;
    const pid_t child = ::fork();
    if (child == 0) {
        become(who, out, own_session);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    ::close(out);
    return child;
}

std::uint64_t start_time(pid_t pid) {
    std::ifstream in{fmt::format("/proc/{}/stat", pid)};
    std::string text;
    std::getline(in, text);
    const auto after_name = text.rfind(')');
    if (after_name == std::string::npos) return 0;
    std::istringstream fields{text.substr(after_name + 2)};
    std::string field;
    fields >> field;
    if (field == "Z") return 0;  // it has ended, and waits for its parent
    for (int i = 4; i <= 22; ++i) fields >> field;
    return std::strtoull(field.c_str(), nullptr, 10);
}

int wait_for(pid_t child) {
    int state = 0;
    while (::waitpid(child, &state, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

}  // namespace

result<std::string> server_user() {
    if (::geteuid() != 0) return std::string{};
    for (const char* name : {"postgres", "nobody"}) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet
        if (::getpwnam(name) != nullptr) return std::string{name};
    }
    return error{errc::io_failure, "PostgreSQL does not run as root, and there is no user postgres or nobody"}.hint(
        "Run this as an ordinary user, or install the package postgresql-15.");
}

status run_program(const std::vector<std::string>& words, const std::string& user, const std::string& log) {
    const pid_t child = spawn(words, user, log, false);
    if (child < 0) return error{errc::io_failure, words[0] + " cannot be started: " + errno_text(errno)};
    const int code = wait_for(child);
    if (code == 0) return {};
    return error{errc::io_failure, fmt::format("{} ended with exit code {}", words[0], code)}.detail(tail_of(log));
}

bool succeeds(const std::vector<std::string>& words, const std::string& user) {
    const pid_t child = spawn(words, user, "/dev/null", false);
    return child > 0 && wait_for(child) == 0;
}

result<process_id> start_program(const std::vector<std::string>& words, const std::string& user,
                                 const std::string& log) {
    const pid_t child = spawn(words, user, log, true);
    if (child < 0) return error{errc::io_failure, words[0] + " cannot be started: " + errno_text(errno)};
    return process_id{child, start_time(child)};
}

bool is_running(process_id which) {
    if (which.pid <= 1) return false;
    ::waitpid(which.pid, nullptr, WNOHANG);  // if it is a child of ours that has ended
    return which.started != 0 && start_time(which.pid) == which.started;
}

bool end_program(process_id which, int signal, std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    if (is_running(which)) ::kill(which.pid, signal);
    while (is_running(which) && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(20ms);
    if (is_running(which)) ::kill(which.pid, SIGKILL);
    for (int i = 0; i < 250 && is_running(which); ++i) std::this_thread::sleep_for(20ms);
    return !is_running(which);
}

status give_to(const std::string& folder, const std::string& user) {
    const identity who = identity_of(user);
    if (!who.change) return {};
    if (::lchown(folder.c_str(), who.user, who.group) != 0) {
        return error{errc::io_failure, folder + " cannot be given to " + user + ": " + errno_text(errno)};
    }
    return {};
}

std::string tail_of(const std::string& file, std::size_t bytes) {
    std::ifstream in{file, std::ios::binary | std::ios::ate};
    if (!in) return {};
    const auto size = static_cast<std::size_t>(in.tellg());
    in.seekg(static_cast<std::streamoff>(size > bytes ? size - bytes : 0));
    std::ostringstream all;
    all << in.rdbuf();
    std::string text = all.str();
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

}  // namespace ashlar::cli::dev
