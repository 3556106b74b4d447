#include "testkit/process.hpp"

#include "testkit/programs.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace ashlar::testkit {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// All that the child needs between fork and exec, worked out before, since only system calls are safe there.
struct launch {
    std::vector<std::string> environment_texts;
    std::vector<char*> arguments, environment;
    bool change_user = false;
    uid_t uid = 0;
    gid_t gid = 0;

    explicit launch(const command& what) {
        for (const std::string& a : what.arguments) arguments.push_back(const_cast<char*>(a.c_str()));
        arguments.push_back(nullptr);
        for (char** e = environ; *e; ++e) {
            std::string text = *e;
            if (!what.environment.contains(text.substr(0, text.find('=')))) environment_texts.push_back(text);
        }
        for (const auto& [name, value] : what.environment) {
            if (!value.empty()) environment_texts.emplace_back(name).append("=").append(value);
        }
        for (std::string& e : environment_texts) environment.push_back(e.data());
        environment.push_back(nullptr);
        if (!what.user.empty() && ::geteuid() == 0) {
            const std::optional<user_ids> who = ids_of(what.user);
            if (!who) throw std::runtime_error("no user " + what.user + " on this machine");
            change_user = true;
            uid = who->user;
            gid = who->group;
        }
    }
};

[[noreturn]] void become(const command& what, launch& how, int in, int out, int err, pid_t parent) {
    ::setpgid(0, 0);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    if (how.change_user &&
        (::setgroups(0, nullptr) || ::setresgid(how.gid, how.gid, how.gid) || ::setresuid(how.uid, how.uid, how.uid))) {
        ::_exit(126);
    }
    // After the change of user, which clears it.
    ::prctl(PR_SET_PDEATHSIG, what.signal_when_we_die);
    if (::getppid() != parent) ::_exit(126);
    if (!what.folder.empty() && ::chdir(what.folder.c_str())) ::_exit(126);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::execvpe(how.arguments[0], how.arguments.data(), how.environment.data());
    ::_exit(127);
}

pid_t start(const command& what, int in, int out, int err) {
    launch how{what};
    pid_t parent = ::getpid();
    pid_t pid = ::fork();
    if (pid < 0) throw std::runtime_error("fork failed");
    if (pid == 0) become(what, how, in, out, err, parent);
    ::setpgid(pid, pid);
    return pid;
}

int code_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

struct pipe_ends {
    int read = -1, write = -1;
    pipe_ends() {
        std::array<int, 2> fds{};
        if (::pipe2(fds.data(), O_CLOEXEC)) throw std::runtime_error("pipe failed");
        read = fds[0];
        write = fds[1];
    }
    ~pipe_ends() {
        close_read();
        close_write();
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;
    void close_read() {
        if (read >= 0) ::close(read);
        read = -1;
    }
    void close_write() {
        if (write >= 0) ::close(write);
        write = -1;
    }
};

// Reads once; closes the pipe at its end.
void take(pipe_ends& from, std::string& into) {
    std::array<char, 65536> buffer;
    ssize_t n = ::read(from.read, buffer.data(), buffer.size());
    if (n > 0) into.append(buffer.data(), static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) from.close_read();
}

void feed(pipe_ends& to, const std::string& input, std::size_t& fed) {
    ssize_t n = ::write(to.write, input.data() + fed, input.size() - fed);
    if (n > 0) fed += static_cast<std::size_t>(n);
    if (fed == input.size() || (n < 0 && errno != EINTR && errno != EAGAIN)) to.close_write();
}

}  // namespace

std::string command_result::describe() const {
    return "exit code " + std::to_string(exit_code) + (timed_out ? " (timed out)" : "") + "\n--- output\n" + out +
           "\n--- errors\n" + err;
}

command_result run(const command& what) {
    pipe_ends in, out, err;
    pid_t pid = start(what, in.read, out.write, err.write);
    in.close_read();
    out.close_write();
    err.close_write();
    ::fcntl(in.write, F_SETFL, O_NONBLOCK);
    auto* old_handler = ::signal(SIGPIPE, SIG_IGN);

    command_result result;
    std::size_t fed = 0;
    if (what.input.empty()) in.close_write();
    const auto until = clock::now() + what.timeout;
    while (out.read >= 0 || err.read >= 0) {
        std::array<pollfd, 3> wanted{pollfd{out.read, POLLIN, 0}, pollfd{err.read, POLLIN, 0},
                                     pollfd{in.write, POLLOUT, 0}};
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now()).count();
        if (left <= 0) {
            result.timed_out = true;
            ::kill(-pid, SIGKILL);
            break;
        }
        if (::poll(wanted.data(), wanted.size(), static_cast<int>(left)) <= 0) continue;
        if (wanted[0].revents) take(out, result.out);
        if (wanted[1].revents) take(err, result.err);
        if (wanted[2].revents) feed(in, what.input, fed);
    }
    int wait_status = 0;
    while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    ::signal(SIGPIPE, old_handler);
    result.exit_code = code_of(wait_status);
    return result;
}

child::child(const command& what) {
    int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    int output = nothing;
    if (!what.output_file.empty()) {
        output = ::open(what.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (output < 0) throw std::runtime_error("cannot open " + what.output_file);
    }
    pid_ = start(what, nothing, output, output);
    if (output != nothing) ::close(output);
    ::close(nothing);
}

child& child::operator=(child&& other) noexcept {
    if (this != &other) {
        kill_and_wait();
        pid_ = other.pid_;
        status_ = other.status_;
        other.pid_ = 0;
    }
    return *this;
}

child::~child() {
    kill_and_wait();
}

bool child::running() {
    if (pid_ == 0 || status_) return false;
    int wait_status = 0;
    if (::waitpid(pid_, &wait_status, WNOHANG) == pid_) status_ = code_of(wait_status);
    return !status_;
}

void child::send(int signal) const {
    if (pid_ > 0 && !status_) ::kill(pid_, signal);
}

std::optional<int> child::wait(std::chrono::milliseconds patience) {
    const auto until = clock::now() + patience;
    while (running()) {
        if (clock::now() >= until) return std::nullopt;
        std::this_thread::sleep_for(2ms);
    }
    return status_;
}

void child::kill_and_wait() {
    if (!running()) return;
    send(SIGKILL);
    int wait_status = 0;
    while (::waitpid(pid_, &wait_status, 0) < 0 && errno == EINTR) {
    }
    status_ = code_of(wait_status);
}

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc", ignored}) {
        char* end = nullptr;
        std::string name = entry.path().filename();
        long pid = std::strtol(name.c_str(), &end, 10);
        if (pid <= 0 || *end) continue;
        std::ifstream in{"/proc/" + name + "/stat"};
        std::string line;
        std::getline(in, line);
        auto close = line.rfind(')');  // the program's name may hold blanks and parentheses
        if (close == std::string::npos || close + 4 > line.size()) continue;
        long of = std::strtol(line.c_str() + close + 4, nullptr, 10);
        if (of == parent) found.push_back(static_cast<pid_t>(pid));
    }
    return found;
}

}  // namespace ashlar::testkit
