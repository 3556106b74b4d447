#include "topology/alert_desk.hpp"

#include "core/errno_text.hpp"

#include <fmt/chrono.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

extern char** environ;

namespace ashlar::topology {

namespace {

std::string_view state_of(const health_change& what) {
    return what.healthy ? "healthy" : "unhealthy";
}

std::string text_of_instant(std::chrono::system_clock::time_point when) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(when);
    const auto rest = std::chrono::duration_cast<milliseconds>(when - whole);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                       rest.count());
}

}  // namespace

std::string to_json(const health_change& what) {
    std::string text = fmt::format("{} is {}", what.server, state_of(what));
    if (!what.problem.empty()) text += ": " + what.problem;
    const nlohmann::ordered_json out{{"database", what.database},
                                     {"server", what.server},
                                     {"state", state_of(what)},
                                     {"problem", what.problem},
                                     {"since", text_of_instant(what.since)},
                                     {"text", text}};
    // What a server said may be no UTF-8.
    return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void alert_desk::push(health_change what) {
    {
        const std::lock_guard hold{guard_};
        waiting_.push_back(std::move(what));
        if (waiting_.size() > changes_max) {
            waiting_.pop_front();
            ++dropped_;
        }
    }
    wake_.set();
}

void alert_desk::stop() {
    {
        const std::lock_guard hold{guard_};
        stopped_ = true;
    }
    if (hook_ != nullptr) hook_->interrupt();
    wake_.set();
}

task<status> alert_desk::run(io::loop& on) {
    for (;;) {
        if (wake_.is_set()) wake_.reset();
        std::optional<health_change> next;
        {
            const std::lock_guard hold{guard_};
            if (stopped_) co_return status{};
            if (dropped_ > 0) spdlog::warn("{} changes of health were not reported: too many at once", dropped_);
            dropped_ = 0;
            if (!waiting_.empty()) {
                next = std::move(waiting_.front());
                waiting_.pop_front();
            }
        }
        if (!next) {
            (void)co_await on.wait_for(wake_);
            continue;
        }
        const std::function<void()> work = [this, &next] { deliver(*next); };
        co_await on.run_blocking(work);
    }
}

void alert_desk::deliver(const health_change& what) const {
    if (also_ != nullptr) also_(what);
    if (!how_.command.empty()) run_command(what);
    if (hook_ == nullptr) return;
    if (status told = hook_->post(to_json(what)); !told) {
        spdlog::warn("the report that {} is {} failed: {}", what.server, state_of(what), told.error().message());
    }
}

void alert_desk::run_command(const health_change& what) const {
    std::vector<std::string> said{"ASHLAR_DATABASE=" + what.database, "ASHLAR_SERVER=" + what.server,
                                  "ASHLAR_STATE=" + std::string{state_of(what)}, "ASHLAR_PROBLEM=" + what.problem,
                                  "ASHLAR_SINCE=" + text_of_instant(what.since)};
    std::vector<char*> variables, arguments;
    for (char** each = environ; *each != nullptr; ++each) {
        if (!std::string_view{*each}.starts_with("ASHLAR_")) variables.push_back(*each);
    }
    for (std::string& each : said) variables.push_back(each.data());
    variables.push_back(nullptr);
    std::vector<std::string> words = how_.command;
    for (std::string& each : words) arguments.push_back(each.data());
    arguments.push_back(nullptr);

    posix_spawnattr_t how;
    ::posix_spawnattr_init(&how);
    sigset_t none;  // our threads hold signals back; the command should not
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&how, &none);
    sigset_t ignored;  // by the proxy, and ignoring is inherited
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&how, &ignored);
    ::posix_spawnattr_setpgroup(&how, 0);  // of its own, to be killed with all that it starts
    ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, arguments.front(), nullptr, &how, arguments.data(), variables.data());
    ::posix_spawnattr_destroy(&how);
    if (failed != 0) {
        spdlog::warn("alerts.command {} cannot be run: {}", words.front(), errno_text(failed));
        return;
    }
    const instant give_up = steady_clock::now() + how_.timeout;
    int ended = 0;
    while (::waitpid(child, &ended, WNOHANG) == 0) {
        if (steady_clock::now() >= give_up) {
            ::kill(-child, SIGKILL);
            (void)::waitpid(child, &ended, 0);
            spdlog::warn("alerts.command {} was killed after {} ms", words.front(), how_.timeout.count());
            return;
        }
        std::this_thread::sleep_for(milliseconds{10});
    }
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
        spdlog::warn("alerts.command {} failed for {}: {}", words.front(), what.server,
                     WIFEXITED(ended) ? "exit code " + std::to_string(WEXITSTATUS(ended))
                                      : "signal " + std::to_string(WTERMSIG(ended)));
    }
}

}  // namespace ashlar::topology
